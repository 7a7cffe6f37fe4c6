//! Every way a file changes, seen by events alone and by looking alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tokio::time::timeout;

use super::*;

/// Far more than a change needs to be told.
const LONG: Duration = Duration::from_secs(20);

/// Long enough that a change which is told at all is told.
const SHORT: Duration = QUIET.saturating_mul(3);

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Replaces a file the way editors do it.
fn save(path: &Path, text: &str) {
    let new = path.with_extension("new");
    write(&new, text);
    fs::rename(new, path).unwrap();
}

/// Moves a link the way it is done in one step.
fn point(link: &Path, to: &str) {
    let new = link.with_file_name("link.new");
    symlink(to, &new).unwrap();
    fs::rename(new, link).unwrap();
}

async fn each_is_told(what: &str, watch: &mut Watch, home: &Path, steps: &[fn(&Path)]) {
    for (nth, step) in steps.iter().enumerate() {
        step(home);
        let told = timeout(LONG, watch.changed()).await;
        assert!(matches!(told, Ok(Ok(()))), "{what}: step {nth} was not told ({:?})", watch.trouble());
        // What is told of the same step once more must not pass for the next one.
        while timeout(SHORT, watch.changed()).await.is_ok() {}
    }
}

/// Prepares a folder, watches `mcp.json` in it, and expects a word after each step: by the events of the system alone, and by
/// looking alone.
fn told(what: &str, prepare: fn(&Path), steps: &[fn(&Path)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for events in [true, false] {
        let home = tempfile::tempdir().unwrap();
        prepare(home.path());
        let paths = [home.path().join("mcp.json")];
        let watch = if events {
            Watch::with(paths, Arms::new, Duration::from_secs(3600))
        } else {
            Watch::with(paths, Arms::without_events, Duration::from_millis(20))
        };
        let what = format!("{what}, events: {events}");
        runtime.block_on(each_is_told(&what, &mut watch.unwrap(), home.path(), steps));
    }
}

fn a_file(home: &Path) {
    write(&home.join("mcp.json"), "one");
}

#[test]
fn a_file_that_is_written_in_place_is_told() {
    use std::io::Write;
    told(
        "append",
        a_file,
        &[|home| {
            let mut file = fs::OpenOptions::new().append(true).open(home.join("mcp.json")).unwrap();
            file.write_all(b"more").unwrap();
        }],
    );
    told("truncate and write", a_file, &[|home| write(&home.join("mcp.json"), "two")]);
    told("empty", a_file, &[|home| write(&home.join("mcp.json"), ""), |home| write(&home.join("mcp.json"), "x")]);
}

#[test]
fn a_file_that_is_replaced_is_told_each_time() {
    let steps: [fn(&Path); 3] = [
        |home| save(&home.join("mcp.json"), "two"),
        |home| save(&home.join("mcp.json"), "six"),
        |home| write(&home.join("mcp.json"), "in place"),
    ];
    told("save", a_file, &steps);
}

#[test]
fn a_mode_that_changes_is_told() {
    told(
        "chmod",
        a_file,
        &[|home| {
            fs::set_permissions(home.join("mcp.json"), fs::Permissions::from_mode(0o640)).unwrap();
        }],
    );
}

#[test]
fn a_link_that_is_moved_is_told_and_so_is_its_new_end() {
    let prepare = |home: &Path| {
        for name in ["a", "b"] {
            fs::create_dir(home.join(name)).unwrap();
            write(&home.join(name).join("x.json"), name);
        }
        symlink("a/x.json", home.join("mcp.json")).unwrap();
    };
    let steps: [fn(&Path); 4] = [
        |home| write(&home.join("a/x.json"), "changed"),
        |home| point(&home.join("mcp.json"), "b/x.json"),
        |home| save(&home.join("b/x.json"), "changed"),
        |home| write(&home.join("b/x.json"), "again"),
    ];
    told("link", prepare, &steps);
}

#[test]
fn a_folder_of_kubernetes_that_is_swapped_is_told_each_time() {
    fn version(home: &Path, name: &str) {
        fs::create_dir(home.join(name)).unwrap();
        write(&home.join(name).join("mcp.json"), name);
    }
    let prepare = |home: &Path| {
        version(home, "..2026_1");
        symlink("..2026_1", home.join("..data")).unwrap();
        symlink("..data/mcp.json", home.join("mcp.json")).unwrap();
    };
    let steps: [fn(&Path); 3] = [
        |home| {
            version(home, "..2026_2");
            point(&home.join("..data"), "..2026_2");
        },
        |home| {
            version(home, "..2026_3");
            point(&home.join("..data"), "..2026_3");
            fs::remove_dir_all(home.join("..2026_1")).unwrap();
            fs::remove_dir_all(home.join("..2026_2")).unwrap();
        },
        |home| write(&home.join("..2026_3/mcp.json"), "in place"),
    ];
    told("swap", prepare, &steps);
}

#[test]
fn what_is_removed_and_made_anew_is_told() {
    let steps: [fn(&Path); 4] = [
        |home| fs::remove_file(home.join("mcp.json")).unwrap(),
        |home| write(&home.join("mcp.json"), "new"),
        |home| {
            fs::remove_file(home.join("mcp.json")).unwrap();
            write(&home.join("mcp.json"), "new");
        },
        |home| write(&home.join("mcp.json"), "in place"),
    ];
    told("remove", a_file, &steps);
}

#[test]
fn a_folder_in_the_place_of_the_file_is_told_and_so_is_its_end() {
    let steps: [fn(&Path); 3] = [
        |home| {
            fs::remove_file(home.join("mcp.json")).unwrap();
            fs::create_dir(home.join("mcp.json")).unwrap();
        },
        |home| {
            fs::remove_dir(home.join("mcp.json")).unwrap();
            write(&home.join("mcp.json"), "back");
        },
        |home| write(&home.join("mcp.json"), "in place"),
    ];
    told("folder", a_file, &steps);
}

#[test]
fn folders_on_the_way_come_and_go() {
    let prepare = |home: &Path| symlink("deep/er/x.json", home.join("mcp.json")).unwrap();
    let steps: [fn(&Path); 5] = [
        |home| {
            fs::create_dir_all(home.join("deep/er")).unwrap();
            write(&home.join("deep/er/x.json"), "1");
        },
        |home| write(&home.join("deep/er/x.json"), "2"),
        // The folder that is watched goes away, and another one has its name.
        |home| {
            fs::rename(home.join("deep/er"), home.join("deep/old")).unwrap();
            fs::create_dir(home.join("deep/er")).unwrap();
            write(&home.join("deep/er/x.json"), "3 of another folder");
        },
        |home| write(&home.join("deep/er/x.json"), "4"),
        |home| {
            fs::remove_dir_all(home.join("deep/er")).unwrap();
            fs::create_dir(home.join("deep/er")).unwrap();
            write(&home.join("deep/er/x.json"), "5");
        },
    ];
    told("folders", prepare, &steps);
}

#[test]
fn a_folder_that_went_away_and_came_back_is_watched_on() {
    let prepare = |home: &Path| {
        fs::create_dir(home.join("deep")).unwrap();
        write(&home.join("deep/x.json"), "1");
        symlink("deep/x.json", home.join("mcp.json")).unwrap();
    };
    let steps: [fn(&Path); 2] = [
        |home| {
            fs::rename(home.join("deep"), home.join("away")).unwrap();
            fs::rename(home.join("away"), home.join("deep")).unwrap();
            // What is told, by way of the link's folder: the folder itself may not be watched at this moment.
            write(&home.join("deep/x.json"), "back");
            point(&home.join("mcp.json"), "./deep/x.json");
        },
        |home| write(&home.join("deep/x.json"), "2"),
    ];
    told("away and back", prepare, &steps);
}

#[tokio::test]
async fn other_files_and_reading_are_not_told() {
    let home = tempfile::tempdir().unwrap();
    a_file(home.path());
    let mut watch = Watch::with([home.path().join("mcp.json")], Arms::new, Duration::from_millis(20)).unwrap();
    for nth in 0..50 {
        write(&home.path().join(format!("other-{nth}")), "x");
        save(&home.path().join("other.json"), "x");
        fs::read(home.path().join("mcp.json")).unwrap();
    }
    assert!(timeout(SHORT, watch.changed()).await.is_err());
    write(&home.path().join("mcp.json"), "two");
    timeout(LONG, watch.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_change_that_nobody_waited_for_is_told_to_the_next_who_does() {
    let home = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| home.path().join(name));
    let mut watch = Watch::new(paths.clone()).unwrap();
    for path in &paths {
        write(path, "x");
        // Given up before it can be told.
        assert!(timeout(Duration::ZERO, watch.changed()).await.is_err());
    }
    timeout(LONG, watch.changed()).await.unwrap().unwrap();
    assert_eq!(watch.trouble(), None);
}

#[tokio::test]
async fn the_thread_ends_with_its_watch() {
    let home = tempfile::tempdir().unwrap();
    let watch = Watch::with([home.path().join("x")], Arms::new, Duration::from_secs(3600)).unwrap();
    let mut changes = watch.changes.clone();
    drop(watch);
    assert!(timeout(LONG, changes.changed()).await.unwrap().is_err());
}

#[test]
fn too_many_files_are_refused() {
    let error = Watch::new((0..=MAX_WATCHED).map(|n| format!("/none/{n}"))).unwrap_err();
    assert_eq!(error.to_string(), "1001 files are more than can be watched (1000)");
}
