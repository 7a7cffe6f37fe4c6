//! What is scaffolded compiles, passes its suite and the fences; what exists is left alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::arch;

const LIB: &str = "pub mod x;\nmod adapter;\nmod wire;\n\npub use adapter::Adapter;\npub use wire::{\n    A,\n};\n";
const REGISTRY: &str = "fn builtin() {\n    all()\n        .with(Arc::new(InProcess::new()))\n}\n";

fn planted(lib: &str, registry: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("crates/mcpstore-transport/src");
    std::fs::create_dir_all(&src).unwrap();
    std::fs::write(src.join("lib.rs"), lib).unwrap();
    std::fs::write(src.join("registry.rs"), registry).unwrap();
    folder
}

fn text(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn a_transport_is_four_files_and_the_lines_that_name_it() {
    let folder = planted(LIB, REGISTRY);
    let (written, by_hand) = transport(folder.path(), "tcp_lines").unwrap();
    assert_eq!((written.len(), by_hand), (4, vec![]));
    for path in &written {
        let text = text(folder.path(), path);
        assert!(text.len() > 100 && !text.contains("@name@") && !text.contains("@Type@"), "{path}: {text}");
    }
    let lib = text(folder.path(), "crates/mcpstore-transport/src/lib.rs");
    assert!(lib.contains("mod adapter;\nmod tcp_lines;\nmod wire;\n"), "{lib}");
    assert!(lib.contains("pub use adapter::Adapter;\npub use tcp_lines::TcpLines;\npub use wire::{\n"), "{lib}");
    let registry = text(folder.path(), "crates/mcpstore-transport/src/registry.rs");
    assert!(
        registry.contains(".with(Arc::new(crate::TcpLines::new()))\n.with(Arc::new(InProcess::new()))"),
        "{registry}"
    );
}

#[test]
fn what_exists_is_never_overwritten_and_then_nothing_is_written() {
    let page = "docs/transports/tcp_lines.md";
    let folder = planted(LIB, REGISTRY);
    let root = folder.path();
    std::fs::create_dir_all(root.join("docs/transports")).unwrap();
    std::fs::write(root.join(page), "mine").unwrap();
    let error = transport(root, "tcp_lines").unwrap_err().to_string();
    assert!(error.starts_with("docs/transports/tcp_lines.md exists already"), "{error}");
    assert!(error.ends_with("(nothing was written)"), "{error}");
    assert_eq!(text(root, page), "mine");
    assert!(!root.join("crates/mcpstore-transport/src/tcp_lines.rs").exists());
    assert_eq!(text(root, "crates/mcpstore-transport/src/lib.rs"), LIB);
    // A module that stands in a folder of its own counts too.
    let error = transport(planted("mod tcp;\n", REGISTRY).path(), "tcp").unwrap_err().to_string();
    assert!(error.contains("has a module `tcp` already"), "{error}");
}

#[test]
fn a_line_without_a_sure_place_is_left_to_people() {
    let folder = planted(LIB, "fn builtin() {}\n");
    let (_, by_hand) = transport(folder.path(), "tcp").unwrap();
    assert_eq!(by_hand.len(), 1);
    assert!(by_hand[0].contains("`.with(Arc::new(crate::Tcp::new()))` to `AdapterSet::builtin()`"), "{by_hand:?}");
    assert_eq!(text(folder.path(), "crates/mcpstore-transport/src/registry.rs"), "fn builtin() {}\n");
}

/// The whole way, in a copy of this checkout: scaffold, build, run the suite, hold the fences.
///
/// The copy stands in the target folder and shares it, so that only what depends on the scaffolded crate is built.
#[test]
fn what_is_scaffolded_compiles_and_passes_the_suite_and_the_fences() {
    if std::env::var_os("MCPSTORE_FAST").is_some() {
        return;
    }
    let root = cmd::root().unwrap();
    let target = target();
    let copy = target.join("scaffolded");
    mirror(&root, &copy);
    run(&copy, &Scaffold::Transport { name: "scaffolded".to_owned() }).unwrap();
    let found = arch::check(&arch::load::load(&copy).unwrap());
    assert!(found.is_empty(), "{}", found.iter().map(|v| format!("{v}\n")).collect::<String>());
    cmd::run(&mut cmd::cargo(&copy, &["fmt", "--package", "mcpstore-transport", "--", "--check"])).unwrap();
    // With the features of the whole workspace, so that what this very run was built with is used again.
    let args = ["test", "--workspace", "--offline", "--features", "xtask/bench", "--test", "scaffolded"];
    let mut test = cmd::cargo(&copy, &args);
    test.arg("--target-dir").arg(&target);
    let output = test.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("it_passes_the_suite ... ok") && said.contains("2 passed"), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

/// The target folder of this very test: TARGET/PROFILE/deps/test.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_path_buf()
}

/// Makes `to` the same as the checkout: what is the same already is not touched, so that cargo need not look again.
fn mirror(from: &Path, to: &Path) {
    let wanted = arch::load::load(from).unwrap().files;
    let paths: BTreeSet<&str> = wanted.iter().map(|file| file.path.as_str()).collect();
    if to.exists() {
        for stale in arch::load::load(to).unwrap().files {
            if !paths.contains(stale.path.as_str()) {
                std::fs::remove_file(to.join(stale.path)).unwrap();
            }
        }
    }
    let _ = std::fs::remove_dir(to.join("crates/mcpstore-transport/src/scaffolded"));
    for file in &wanted {
        let place = to.join(&file.path);
        if std::fs::read_to_string(&place).is_ok_and(|found| found == file.text) {
            continue;
        }
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, &file.text).unwrap();
    }
}
