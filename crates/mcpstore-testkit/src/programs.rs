//! Where the programs are that tests run: the hostile server, and the command itself.

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
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    PATH.get_or_init(|| find_or_build("mcpstore-testkit", "mcpstore-fixture", &source)).clone()
}

/// The program of the command line, `mcpstore`. Found and built as [`fixture_path`] is, by the sources of all crates.
///
/// # Panics
/// As [`fixture_path`].
#[must_use]
pub fn mcpstore_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    PATH.get_or_init(|| find_or_build("mcpstore-cli", "mcpstore", &crates)).clone()
}

/// The helper program `mcpstore-warden`. Found and built as [`fixture_path`] is, by its own sources.
///
/// # Panics
/// As [`fixture_path`].
#[must_use]
pub fn warden_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpstore-warden/src");
    PATH.get_or_init(|| find_or_build("mcpstore-warden", "mcpstore-warden", &source)).clone()
}

fn find_or_build(package: &str, name: &str, source: &Path) -> PathBuf {
    let Ok(this) = std::env::current_exe() else { panic!("the running test does not know its own path") };
    // TARGET/PROFILE/deps/test, or TARGET/PROFILE/examples/example, or TARGET/PROFILE/binary.
    let Some(folder) = this.ancestors().skip(1).find(|folder| {
        let name = folder.file_name().unwrap_or_default();
        name != "deps" && name != "examples"
    }) else {
        panic!("the running test `{}` is in no target folder", this.display())
    };
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if is_fresh(&program, source) {
        return program;
    }
    build(package, name, folder);
    assert!(program.is_file(), "`{name}` was built, but is not at `{}`", program.display());
    program
}

/// True when the program exists and no source is newer.
fn is_fresh(program: &Path, source: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(built) = modified(program) else { return false };
    newest(source).is_none_or(|source| source <= built)
}

/// When the newest file of a source tree was written; tests and examples are no part of a program.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    let times = entries.flatten().filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        let name = entry.file_name();
        if meta.is_dir() {
            if name == "tests" || name == "examples" { None } else { newest(&entry.path()) }
        } else {
            meta.modified().ok()
        }
    });
    times.max()
}

fn build(package: &str, name: &str, folder: &Path) {
    let target = folder.parent().unwrap_or(folder);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "-p", package, "--bin", name])
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
        Ok(output) => panic!("`{name}` cannot be built:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("`{name}` cannot be built: {error}"),
    }
}
