//! One planted violation of every rule, each caught by its own name; and the real workspace, which has none.

use super::tables::{BAN_LIST, BANNED, FLOORS, TESTKIT, UNSAFE_CRATE, UNSAFE_DOOR, UNSAFE_FILE, is_pure};
use super::{Crate, Dep, DepKind, Rule, SourceFile, Workspace, check};

/// A small workspace that breaks no rule: every crate of the rank table with a one-line library.
fn clean() -> Workspace {
    let mut workspace = Workspace::default();
    put(&mut workspace, "Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
    for floor in FLOORS {
        let dir = dir(floor.name);
        workspace.crates.push(Crate { name: floor.name.into(), dir: dir.clone(), deps: vec![] });
        let lints = if floor.name == UNSAFE_CRATE { REPEATED } else { "[lints]\nworkspace = true\n" };
        let manifest = format!("[package]\n\n[dependencies]\nserde.workspace = true\n\n{lints}");
        put(&mut workspace, &format!("{dir}/Cargo.toml"), &manifest);
        put(&mut workspace, &format!("{dir}/src/lib.rs"), "//! A crate.\n");
        if is_pure(floor.name) {
            put(&mut workspace, &format!("{dir}/clippy.toml"), &bans());
        }
    }
    workspace
}

/// The lints of the one crate with unsafe code.
const REPEATED: &str = "[lints.rust]\nunsafe_code = \"deny\"\n";

fn bans() -> String {
    BANNED.iter().map(|path| format!("\"{path}\"\n")).collect()
}

fn dir(name: &str) -> String {
    match name {
        "xtask" => name.into(),
        "mcpstore-tests" => "tests".into(),
        _ => format!("crates/{name}"),
    }
}

/// Writes a file of the model, over an old one at the same place.
fn put(workspace: &mut Workspace, path: &str, text: &str) {
    workspace.files.retain(|file| file.path != path);
    workspace.files.push(SourceFile { path: path.into(), text: text.into() });
}

fn depend(workspace: &mut Workspace, from: &str, on: &str, kind: DepKind) {
    let member = workspace.crates.iter_mut().find(|member| member.name == from).unwrap();
    member.deps.push(Dep { name: on.into(), kind });
}

/// Plants one thing and asserts that exactly this rule is reported, once.
#[track_caller]
fn caught(rule: Rule, plant: impl FnOnce(&mut Workspace)) {
    let mut workspace = clean();
    plant(&mut workspace);
    let found = check(&workspace);
    assert_eq!(found.iter().map(|violation| violation.rule.id()).collect::<Vec<_>>(), [rule.id()], "{found:#?}");
}

#[track_caller]
fn allowed(plant: impl FnOnce(&mut Workspace)) {
    let mut workspace = clean();
    plant(&mut workspace);
    assert_eq!(check(&workspace), []);
}

/// Plants one line of code in a file.
fn code(path: &'static str, line: &'static str) -> impl Fn(&mut Workspace) {
    move |workspace| put(workspace, path, &format!("//! A file.\n{line}\n"))
}

fn lines(count: usize) -> String {
    format!("//! A file.\n{}", "fn x() {}\n".repeat(count - 1))
}

#[test]
fn the_real_workspace_keeps_every_rule() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let workspace = super::load::load(root).unwrap();
    assert!(workspace.crates.len() >= 12, "the members were not read: {:?}", workspace.crates);
    let found: Vec<String> = check(&workspace).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_clean_model_is_clean() {
    assert_eq!(check(&clean()), []);
}

#[test]
fn a_crate_without_a_floor() {
    caught(Rule::Unranked, |workspace| {
        workspace.crates.push(Crate { name: "mcpstore-new".into(), dir: "crates/mcpstore-new".into(), deps: vec![] });
        put(workspace, "crates/mcpstore-new/Cargo.toml", "[lints]\nworkspace = true\n");
    });
}

#[test]
fn an_upward_edge() {
    caught(Rule::UpwardEdge, |w| depend(w, "mcpstore-core", "mcpstore-runtime", DepKind::Normal));
    caught(Rule::UpwardEdge, |w| depend(w, "mcpstore-types", "mcpstore-graph", DepKind::Dev));
    caught(Rule::UpwardEdge, |w| depend(w, TESTKIT, "mcpstore-gateway", DepKind::Normal));
    caught(Rule::UpwardEdge, |w| depend(w, "mcpstore-cli", "xtask", DepKind::Normal));
    allowed(|w| depend(w, "mcpstore-runtime", "mcpstore-core", DepKind::Normal));
    allowed(|w| depend(w, TESTKIT, "mcpstore-transport", DepKind::Normal));
}

#[test]
fn a_same_floor_edge() {
    caught(Rule::SameFloor, |w| depend(w, "mcpstore-core", "mcpstore-transport", DepKind::Normal));
    caught(Rule::SameFloor, |w| depend(w, "mcpstore-config", "mcpstore-graph", DepKind::Dev));
    caught(Rule::SameFloor, |w| depend(w, "mcpstore-gateway", "mcpstore-console", DepKind::Normal));
    caught(Rule::SameFloor, |w| depend(w, TESTKIT, "mcpstore-runtime", DepKind::Normal));
    caught(Rule::SameFloor, |w| depend(w, "xtask", "mcpstore-tests", DepKind::Normal));
}

#[test]
fn the_testkit_in_what_ships() {
    caught(Rule::TestkitShipped, |w| depend(w, "mcpstore-runtime", TESTKIT, DepKind::Normal));
    allowed(|w| depend(w, "mcpstore-runtime", TESTKIT, DepKind::Dev));
    allowed(|w| depend(w, "mcpstore-tests", TESTKIT, DepKind::Normal));
}

#[test]
fn an_external_crate_away_from_its_owner() {
    caught(Rule::ForeignOwner, |w| depend(w, "mcpstore-core", "petgraph", DepKind::Normal));
    caught(Rule::ForeignOwner, |w| depend(w, "mcpstore-tests", "petgraph", DepKind::Dev));
    // The benchmarks hold our graph against petgraph's own order.
    allowed(|w| depend(w, "xtask", "petgraph", DepKind::Normal));
    caught(Rule::ForeignOwner, |w| depend(w, "mcpstore-runtime", "rmcp", DepKind::Normal));
    caught(Rule::ForeignOwner, |w| depend(w, "mcpstore", "anyhow", DepKind::Normal));
    caught(Rule::ForeignOwner, |w| depend(w, "mcpstore-config", "clap", DepKind::Normal));
    allowed(|w| depend(w, "mcpstore-graph", "petgraph", DepKind::Normal));
    allowed(|w| depend(w, "mcpstore-transport", "rmcp", DepKind::Normal));
}

#[test]
fn tokio_in_the_core() {
    for pure in FLOORS.iter().filter(|floor| floor.pure) {
        caught(Rule::PureIo, |w| depend(w, pure.name, "tokio", DepKind::Normal));
        caught(Rule::PureIo, |w| depend(w, pure.name, "tokio", DepKind::Dev));
    }
    caught(Rule::PureIo, |w| depend(w, "mcpstore-core", "rand", DepKind::Normal));
    allowed(|w| depend(w, "mcpstore-runtime", "tokio", DepKind::Normal));
}

#[test]
fn a_manifest_without_the_workspace_lints() {
    caught(Rule::LintsTable, |w| put(w, "crates/mcpstore-core/Cargo.toml", "[package]\n"));
    caught(Rule::LintsTable, |w| put(w, "xtask/Cargo.toml", "[lints.rust]\nunsafe_code = \"allow\"\n"));
    allowed(|w| put(w, "xtask/Cargo.toml", "lints.workspace = true\n"));
}

#[test]
fn the_crate_with_unsafe_code_with_lints_of_its_own() {
    let manifest = format!("{}/Cargo.toml", dir(UNSAFE_CRATE));
    caught(Rule::LintsTable, |w| put(w, &manifest, "[lints.clippy]\n[lints.rust]\n"));
    caught(Rule::LintsTable, |w| put(w, &manifest, &format!("{REPEATED}[lints.clippy]\ntodo = \"allow\"\n")));
}

#[test]
fn unsafe_code_in_another_place() {
    for line in ["fn f() { unsafe { g() } }", "unsafe impl Send for S {}", "#![allow(unsafe_code)]\nfn f() {}"] {
        caught(Rule::UnsafePlace, code("crates/mcpstore-warden/src/a.rs", line));
        caught(Rule::UnsafePlace, code("crates/mcpstore-core/tests/a.rs", line));
        allowed(code(UNSAFE_FILE, line));
    }
    let door = "#![deny(unsafe_code)]\n#[allow(unsafe_code, reason = \"x\")]\nmod sys;\n";
    allowed(|w| put(w, UNSAFE_DOOR, &format!("//! A crate.\n{door}")));
    caught(Rule::UnsafePlace, |w| put(w, UNSAFE_DOOR, &format!("//! A crate.\n{door}#[allow(unsafe_code)] mod b;\n")));
    caught(Rule::UnsafePlace, |w| put(w, UNSAFE_FILE, &lines(201)));
    allowed(|w| put(w, UNSAFE_FILE, &lines(200)));
    allowed(code("crates/mcpstore-core/src/a.rs", "/// No unsafe code.\nfn f() { g(\"unsafe\") }"));
}

#[test]
fn unsafe_code_no_longer_forbidden() {
    for (lints, tool) in [
        ("unsafe_code = \"warn\"\n", "rust"),
        ("# unsafe_code = \"forbid\"\n", "rust"),
        ("unsafe_code = \"deny\"\n", "clippy"),
    ] {
        caught(Rule::UnsafeForbid, |w| {
            put(w, "Cargo.toml", &format!("[workspace.lints.{tool}]\n{lints}"));
            // What repeats them changes along.
            put(w, &format!("{}/Cargo.toml", dir(UNSAFE_CRATE)), &format!("[lints.{tool}]\n{lints}"));
        });
    }
}

#[test]
fn a_pure_crate_without_the_ban_list() {
    caught(Rule::BanList, |w| w.files.retain(|file| file.path != "crates/mcpstore-core/clippy.toml"));
    caught(Rule::BanList, |w| put(w, "crates/mcpstore-graph/clippy.toml", "allow-unwrap-in-tests = true\n"));
    let short = bans().replace("\"std::time::Instant\"\n", "");
    caught(Rule::BanList, |w| {
        for pure in FLOORS.iter().filter(|floor| floor.pure) {
            put(w, &format!("{}/clippy.toml", dir(pure.name)), &short);
        }
    });
    assert_eq!(BAN_LIST, format!("{}/clippy.toml", dir("mcpstore-types")));
}

#[test]
fn a_version_in_a_member() {
    for line in ["serde = \"1\"", "serde = { version = \"1\", features = [\"derive\"] }"] {
        caught(Rule::VersionInMember, |w| {
            put(w, "xtask/Cargo.toml", &format!("[dev-dependencies]\n{line}\n[lints]\nworkspace = true\n"));
        });
    }
    caught(Rule::VersionInMember, |w| {
        put(w, "xtask/Cargo.toml", "[dependencies.serde]\nversion = \"1\"\n[lints]\nworkspace = true\n")
    });
}

#[test]
fn a_file_that_does_not_say_what_it_is() {
    caught(Rule::HeadLine, |w| put(w, "crates/mcpstore/src/a.rs", "fn x() {}\n"));
    caught(Rule::HeadLine, |w| put(w, "tests/suite/a.rs", "// no doc\n//! late\n"));
    caught(Rule::HeadLine, |w| put(w, "xtask/src/a.rs", "//!\n"));
    caught(Rule::HeadLine, |w| put(w, "xtask/src/a.rs", ""));
}

#[test]
fn a_file_over_the_cap() {
    // Enough short files that one long file is not yet too many.
    caught(Rule::FileCap, |w| put(w, "crates/mcpstore/src/a.rs", &lines(701)));
    allowed(|w| put(w, "crates/mcpstore/src/a.rs", &lines(700)));
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(900).replace("//! A file.\n", ""));
    allowed(|w| put(w, "crates/mcpstore/src/a.rs", &(lines(600) + &tests)));
    caught(Rule::FileCap, |w| {
        put(w, "crates/mcpstore/src/a.rs", &(lines(600) + &tests + &lines(150).replace("//! A file.\n", "")))
    });
}

#[test]
fn too_many_long_files() {
    caught(Rule::FileMost, |w| {
        put(w, "crates/mcpstore/src/a.rs", &lines(401));
        put(w, "crates/mcpstore/src/b.rs", &lines(401));
        put(w, "crates/mcpstore/src/c.rs", &lines(401));
    });
    allowed(|w| put(w, "crates/mcpstore/src/a.rs", &lines(401)));
}

#[test]
fn a_spawn_in_the_facade() {
    for line in [
        "fn f() { tokio::spawn(g()); }",
        "fn f() { handle.spawn(g()); }",
        "fn f() { tokio::select! {} }",
        "fn f() { tokio::task::spawn_blocking(g); }",
    ] {
        caught(Rule::FacadeSpawn, code("crates/mcpstore/src/a.rs", line));
    }
    allowed(code("crates/mcpstore-runtime/src/a.rs", "fn f() { tokio::spawn(g()); }"));
    allowed(code("crates/mcpstore/tests/a.rs", "fn f() { tokio::spawn(g()); }"));
    allowed(code(
        "crates/mcpstore/src/a.rs",
        "/// Never calls `tokio::spawn(x)`.\nfn f() -> &str { \"select! spawn(\" }",
    ));
}

#[test]
fn printing_outside_the_cli() {
    for line in ["fn f() { println!(); }", "fn f() { eprint!(\"x\"); }", "fn f() { std::dbg!(1); }"] {
        caught(Rule::Printing, code("crates/mcpstore-core/src/a.rs", line));
        caught(Rule::Printing, code("crates/mcpstore-testkit/src/a.rs", line));
        for path in [
            "crates/mcpstore-cli/src/a.rs",
            "crates/mcpstore-testkit/src/bin/a.rs",
            "crates/mcpstore/examples/a.rs",
            "crates/mcpstore-core/benches/a.rs",
            "crates/mcpstore-core/tests/a.rs",
            "tests/suite/a.rs",
            "xtask/src/a.rs",
        ] {
            allowed(code(path, line));
        }
    }
    allowed(code("crates/mcpstore-core/src/a.rs", "#[cfg(test)]\nmod tests { fn f() { println!(); } }"));
    allowed(code(
        "crates/mcpstore-core/src/a.rs",
        "/// ```\n/// println!();\n/// ```\nfn f() { writeln!(out, \"println!()\"); }",
    ));
}

#[test]
fn a_catch_all_arm_in_the_core() {
    for line in [
        "fn f() { match x { A => 1, _ => 2 } }",
        "fn f() { match x { _ if g() => 2, A => 1 } }",
        "fn f() { match x { (_, _) => 2 } }",
    ] {
        caught(Rule::WildArm, code("crates/mcpstore-core/src/unit/a.rs", line));
        allowed(code("crates/mcpstore-runtime/src/a.rs", line));
        allowed(code("crates/mcpstore-core/tests/a.rs", line));
    }
    allowed(code("crates/mcpstore-core/src/a.rs", "// `_ => x`\nfn f() { match x { A => \"_ => y\", B(_) => '_' } }"));
    allowed(code("crates/mcpstore-core/src/a.rs", "#[cfg(test)]\nmod tests { fn f() { match x { _ => 2 } } }"));
}

#[test]
fn a_foreign_type_in_a_signature() {
    for line in [
        "pub fn f(g: &petgraph::Graph<u8, u8>) {}",
        "pub struct S(rmcp::model::Tool);",
        "pub use petgraph as graph;",
        "pub fn f(\n  t: rmcp::model::Tool,\n) {}",
    ] {
        caught(Rule::ForeignSignature, code("crates/mcpstore-runtime/src/a.rs", line));
    }
    caught(Rule::ForeignSignature, code("crates/mcpstore-transport/src/a.rs", "pub use rmcp::model::Tool;"));
    allowed(code(
        "crates/mcpstore-transport/src/a.rs",
        "pub(crate) fn f(t: rmcp::model::Tool) {}\nfn g() { rmcp::x(); }",
    ));
}

#[test]
fn unfinished_work() {
    for line in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "#[ignore]\n#[test]\nfn f() {}",
        "#[ignore = \"slow\"]\nfn f() {}",
        "#[should_panic]\nfn f() {}",
        "/// ```ignore\n/// x\n/// ```\nfn f() {}",
        "//! ```rust,should_panic\n//! x\n//! ```",
    ] {
        caught(Rule::Unfinished, code("crates/mcpstore-core/tests/a.rs", line));
        caught(Rule::Unfinished, code("xtask/src/a.rs", line));
    }
    allowed(code(
        "crates/mcpstore/src/a.rs",
        "/// ```no_run\n/// x\n/// ```\nfn f() { g(\"todo!()\") } // todo!() is banned",
    ));
}

#[test]
fn a_property_test_with_a_number_of_its_own() {
    for line in [
        "proptest! { #![proptest_config(ProptestConfig::with_cases(64))] }",
        "proptest! { #![proptest_config(ProptestConfig { cases: 64, ..x() })] }",
    ] {
        caught(Rule::FixedCases, code("crates/mcpstore-core/tests/prop_a.rs", line));
    }
    allowed(code(
        "crates/mcpstore-core/tests/prop_a.rs",
        "proptest! { #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))] }",
    ));
    allowed(code("crates/mcpstore-core/tests/a.rs", "fn f() { S { cases: 4 } }"));
}

#[test]
fn a_registry_in_a_file() {
    for host in [
        concat!("https://index.crates", ".io/"),
        concat!("//registry.", "npmjs.org"),
        concat!("https://files.python", "hosted.org"),
    ] {
        caught(Rule::RegistryHost, |w| put(w, "docs/a.md", host));
        allowed(|w| put(w, "Cargo.lock", host));
    }
}

#[test]
fn a_path_of_one_machine() {
    for path in [concat!("/ho", "me/me/x"), concat!("cd /wo", "rk/main"), concat!("\"/ro", "ot/.npm\"")] {
        caught(Rule::MachinePath, |w| put(w, "docs/a.md", path));
    }
    allowed(|w| put(w, "docs/a.md", "docs/work/x and target/root/y"));
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_demand() {
    let ids: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| rule.demand().ends_with('.')));
}
