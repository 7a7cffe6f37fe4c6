//! Where the hostile server's program is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The program of the hostile server, `mcpstore-fixture`.
///
/// Looked up beside the running test; built there once when it is missing or older than its source.
///
/// # Panics
/// When it is missing and cannot be built: no test could say anything then.
#[must_use]
pub fn fixture_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(find_or_build).clone()
}

fn find_or_build() -> PathBuf {
    let Ok(this) = std::env::current_exe() else { panic!("the running test does not know its own path") };
    // TARGET/PROFILE/deps/test, or TARGET/PROFILE/examples/example, or TARGET/PROFILE/binary.
    let Some(folder) = this.ancestors().skip(1).find(|folder| {
        let name = folder.file_name().unwrap_or_default();
        name != "deps" && name != "examples"
    }) else {
        panic!("the running test `{}` is in no target folder", this.display())
    };
    let program = folder.join(format!("mcpstore-fixture{}", std::env::consts::EXE_SUFFIX));
    if is_fresh(&program) {
        return program;
    }
    build(folder);
    assert!(program.is_file(), "the fixture was built, but is not at `{}`", program.display());
    program
}

/// True when the program exists and no source of this crate is newer.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(built) = modified(program) else { return false };
    newest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).is_none_or(|source| source <= built)
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    let times = entries.flatten().filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        if meta.is_dir() { newest(&entry.path()) } else { meta.modified().ok() }
    });
    times.max()
}

fn build(folder: &Path) {
    let target = folder.parent().unwrap_or(folder);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "-p", "mcpstore-testkit", "--bin", "mcpstore-fixture"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("the fixture cannot be built:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("the fixture cannot be built: {error}"),
    }
}
