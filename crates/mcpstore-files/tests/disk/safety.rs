//! Which files are refused, and that the command which is shown mends them. And pipes.

use std::fs::Permissions;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpstore_config::{Code, Severity};
use mcpstore_files::{Fault, ReadError, Unsafe, read_source};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder, and a file in it that is safe.
fn a_file() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    // Without links, as a refusal names it.
    let path = home.path().canonicalize().unwrap().join("mcp.json");
    std::fs::write(&path, "{}").unwrap();
    set_mode(&path, 0o644);
    (home, path)
}

/// Why this file is refused.
fn refused(path: &Path) -> Unsafe {
    match read_source(path) {
        Err(ReadError::Unsafe(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// The command that is shown makes the file safe.
fn mends(why: &Unsafe, path: &Path) {
    let diagnostic = why.diagnostic();
    assert_eq!((diagnostic.code, diagnostic.severity), (Code::UnsafeFile, Severity::Error));
    let help = diagnostic.help.unwrap();
    let command = help.strip_prefix("run: ").unwrap();
    assert!(Command::new("sh").arg("-c").arg(command).status().unwrap().success(), "{command}");
    assert_eq!(read_source(path).unwrap().text, "{}", "after {command}");
}

/// True for root, who alone can give files away; says so else.
fn is_root(home: &Path) -> bool {
    let given = chown(home, Some(0), None).is_ok();
    if !given {
        println!("not root: what belongs to others is not tried");
    }
    given
}

#[test]
fn a_file_that_everyone_may_write_to_is_refused() {
    for mode in [0o666, 0o622, 0o602, 0o777] {
        let (_home, path) = a_file();
        set_mode(&path, mode);
        let why = refused(&path);
        assert_eq!((&why.path, why.fault), (&path, Fault::WorldWritable), "{mode:o}");
        mends(&why, &path);
    }
}

#[test]
fn the_file_at_the_end_of_a_link_is_judged() {
    let (home, path) = a_file();
    let link = home.path().join("a link's name");
    symlink("mcp.json", &link).unwrap();
    assert_eq!(read_source(&link).unwrap().name, link.display().to_string());
    set_mode(&path, 0o666);
    let why = refused(&link);
    assert_eq!(why.path, path);
    mends(&why, &link);
}

#[test]
fn a_file_of_another_user_or_group_is_refused() {
    let (home, path) = a_file();
    if !is_root(home.path()) {
        return;
    }
    chown(&path, Some(12_345), None).unwrap();
    let why = refused(&path);
    assert_eq!(why.fault, Fault::ForeignOwner(12_345));
    mends(&why, &path);
    chown(&path, None, Some(12_345)).unwrap();
    set_mode(&path, 0o664);
    let why = refused(&path);
    assert_eq!(why.fault, Fault::GroupWritable(12_345));
    mends(&why, &path);
}

/// Our own group may write (that is for root to say), and so may a user whom an access list names.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_an_access_list_opens_is_refused() {
    let (home, path) = a_file();
    if !is_root(home.path()) {
        return;
    }
    set_mode(&path, 0o660);
    // Version 2, then (tag, permissions, id) of owner, user 12345, group, mask and others.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 12_345), (4, 6, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes().iter().chain(&permissions.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    let flags = rustix::fs::XattrFlags::empty();
    if let Err(error) = rustix::fs::setxattr(&path, "system.posix_acl_access", &list, flags) {
        println!("no access lists here ({error}): not tried");
        return;
    }
    let why = refused(&path);
    assert_eq!(why.fault, Fault::GroupWritable(0));
    mends(&why, &path);
}

#[test]
fn a_folder_where_everyone_can_replace_files_is_refused_also_on_the_way() {
    let (home, path) = a_file();
    let at = path.parent().unwrap();
    let deep = at.join("open/inner");
    std::fs::create_dir_all(&deep).unwrap();
    symlink("../../mcp.json", deep.join("link")).unwrap();
    std::fs::write(deep.join("mcp.json"), "{}").unwrap();
    set_mode(&deep.join("mcp.json"), 0o600);
    for name in ["link", "mcp.json"] {
        set_mode(&at.join("open"), 0o777);
        let why = refused(&deep.join(name));
        assert_eq!((&why.path, why.fault), (&at.join("open"), Fault::OpenFolder));
        mends(&why, &deep.join(name));
    }
    // There, everyone can write and nobody can replace what is not theirs.
    set_mode(&at.join("open"), 0o1777);
    assert_eq!(read_source(&deep.join("mcp.json")).unwrap().text, "{}");
    drop(home);
}

#[test]
fn a_pipe_is_read_to_its_end_however_slowly_it_is_written() {
    let (read, mut write) = std::io::pipe().unwrap();
    let writer = std::thread::spawn(move || {
        for piece in ["{ \"mcpServers\"", ": ", "{} }"] {
            std::thread::sleep(std::time::Duration::from_millis(20));
            write.write_all(piece.as_bytes()).unwrap();
        }
        // More than a pipe holds.
        write.write_all(&vec![b' '; 300_000]).unwrap();
    });
    let path = format!("/dev/fd/{}", read.as_raw_fd());
    let source = read_source(Path::new(&path)).unwrap();
    writer.join().unwrap();
    assert_eq!((source.name, source.text.trim_end(), source.text.len()), (path, "{ \"mcpServers\": {} }", 300_020));
}

#[test]
fn a_file_that_is_open_already_is_judged_too() {
    let (_home, path) = a_file();
    let file = std::fs::File::open(&path).unwrap();
    let name = format!("/dev/fd/{}", file.as_raw_fd());
    assert_eq!(read_source(Path::new(&name)).unwrap().text, "{}");
    set_mode(&path, 0o666);
    refused(Path::new(&name));
}

#[test]
fn a_named_pipe_without_a_writer_does_not_hang() {
    let (home, _) = a_file();
    let path = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg("-m").arg("600").arg(&path).status().unwrap().success());
    assert_eq!(read_source(&path).unwrap().text, "");
    set_mode(&path, 0o666);
    assert_eq!(refused(&path).fault, Fault::WorldWritable);
}
