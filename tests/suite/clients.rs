//! Other clients' files: imported, written, and brought back.

use std::path::Path;
use std::process::{Output, Stdio};

use mcpstore_testkit::fixture_path;

use crate::manager::mcpstore;

/// A home with the files of every client, each with one server of its own; what they say, by path.
fn home(dir: &Path) -> Vec<(&'static str, std::path::PathBuf, String)> {
    let fixture = fixture_path().display().to_string();
    let server = |name: &str| format!("\"{name}\": {{ \"command\": \"{fixture}\" }}");
    let mut out = Vec::new();
    for (client, path, text) in [
        (
            "claude-desktop",
            ".config/Claude/claude_desktop_config.json",
            format!("{{\"mcpServers\": {{{}}}, \"globalShortcut\": \"\"}}", server("desktop")),
        ),
        (
            "claude-code",
            ".claude.json",
            format!("{{\n \"numStartups\": 3,\n \"mcpServers\": {{\n  {}\n }}\n}}", server("code")),
        ),
        (
            "cursor",
            ".cursor/mcp.json",
            format!("{{\n\t// mine\n\t\"mcpServers\": {{\n\t\t{},\n\t}},\n}}\n", server("cursor")),
        ),
        (
            "windsurf",
            ".codeium/windsurf/mcp_config.json",
            "{\"mcpServers\": {\"wind\": {\"serverUrl\": \"http://127.0.0.1:1/mcp\"}}}\n".to_owned(),
        ),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            format!("{{\r\n  \"servers\": {{\r\n    {}\r\n  }}\r\n}}\r\n", server("vs")),
        ),
        (
            "codex",
            ".codex/config.toml",
            format!("model = \"x\" # keep\n\n[mcp_servers.codex]\ncommand = \"{fixture}\"\n"),
        ),
        (
            "zed",
            ".config/zed/settings.json",
            format!("// Zed\n{{\n  \"theme\": \"One\",\n  \"context_servers\": {{ {} }}\n}}\n", server("zed")),
        ),
        (
            "cline",
            ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            format!("{{\"mcpServers\":{{{}}}}}", server("cline")),
        ),
        (
            "gemini",
            ".gemini/settings.json",
            format!("{{ \"theme\": \"x\", \"mcpServers\": {{ {} }} }}", server("gemini")),
        ),
    ] {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        out.push((client, path, text));
    }
    out
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = mcpstore(dir);
    command.args(args).env("HOME", dir).env_remove("XDG_CONFIG_HOME").env_remove("CODEX_HOME");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    output
}

#[test]
fn every_clients_servers_are_imported_and_its_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let files = home(dir);
    let listed = String::from_utf8(run(dir, &["import"]).stdout).unwrap();
    for (client, path, _) in &files {
        assert!(
            listed.lines().any(|line| line.starts_with(client)
                && line.contains("1 server")
                && line.ends_with(&path.display().to_string())),
            "{client} in\n{listed}"
        );
        run(dir, &["import", client, "--dry-run"]);
        run(dir, &["import", client]);
    }
    for (client, path, text) in &files {
        assert_eq!(std::fs::read_to_string(path).unwrap(), *text, "{client}");
        let again = String::from_utf8(run(dir, &["import", client]).stdout).unwrap();
        assert!(again.contains("same, left alone"), "{again}");
    }
    let names = String::from_utf8(run(dir, &["config", "show", "-o", "name"]).stdout).unwrap();
    assert_eq!(names.lines().count(), files.len(), "{names}");
    let check = run(dir, &["config", "check"]);
    assert!(String::from_utf8_lossy(&check.stdout).contains("9 services can run"), "{check:?}");
}

#[test]
fn what_was_connected_or_exported_comes_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let files = home(dir);
    std::fs::create_dir_all(dir.join(".config/mcpstore")).unwrap();
    let own = "{ \"mcpServers\": { \"ours\": { \"command\": \"true\", \"restart\": { \"policy\": \"never\" } } } }";
    std::fs::write(dir.join(".config/mcpstore/mcp.json"), own).unwrap();
    for (client, path, text) in &files {
        for (there, back) in [
            (vec!["connect", client, "--url", "http://127.0.0.1:8420/mcp"], vec!["connect", client, "--undo"]),
            (vec!["export", "--to", client], vec!["export", "--to", client, "--undo"]),
        ] {
            run(dir, &there);
            assert_ne!(std::fs::read_to_string(path).unwrap(), *text, "{client}");
            run(dir, &back);
            assert_eq!(std::fs::read_to_string(path).unwrap(), *text, "{client}");
        }
    }
    // A file that was not there is not there again.
    std::fs::remove_file(&files[2].1).unwrap();
    run(dir, &["connect", "cursor", "--url", "http://127.0.0.1:8420/mcp"]);
    assert!(files[2].1.is_file());
    run(dir, &["connect", "cursor", "--undo"]);
    assert!(!files[2].1.exists());
}

#[test]
fn no_two_secrets_share_a_place_and_a_second_import_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir_all(dir.join(".cursor")).unwrap();
    let server = |key: &str| {
        format!(
            r#"{{"command": "true", "args": ["--api-key", "arg-{key}-0123456789"], "env": {{"API_KEY": "key-{key}-0123456789"}}}}"#
        )
    };
    let text = format!(
        r#"{{"mcpServers": {{"a-b": {}, "a_b": {}, "A.B": {}, "needs": {{"command": "true", "env": {{"X": "${{MCPSTORE_TEST_UNSET}}"}}}}}}}}"#,
        server("one"),
        server("two"),
        server("three")
    );
    std::fs::write(dir.join(".cursor/mcp.json"), text).unwrap();
    run(dir, &["import", "cursor"]);
    let secrets: std::collections::BTreeSet<String> = std::fs::read_dir(dir.join(".config/mcpstore/secrets"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(secrets.len(), 6, "{secrets:?}");
    let config = std::fs::read_to_string(dir.join(".config/mcpstore/mcp.json")).unwrap();
    assert!(!config.contains("0123456789") && config.contains("${MCPSTORE_TEST_UNSET}"), "{config}");
    let again = String::from_utf8(run(dir, &["import", "cursor"]).stdout).unwrap();
    assert_eq!(again.matches("same, left alone").count(), 4, "{again}");
    // Another config's secret of the same name is not overwritten.
    let other = r#"{"mcpServers": {"a-b": {"command": "true", "env": {"API_KEY": "key-four-0123456789"}}}}"#;
    std::fs::write(dir.join("other.json"), other).unwrap();
    run(dir, &["import", "./other.json", "--config", "project.json"]);
    let after: Vec<String> = std::fs::read_dir(dir.join(".config/mcpstore/secrets"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(after.len(), 7, "{after:?}");
    assert!(secrets.iter().all(|secret| after.contains(secret)), "{after:?}");
}

#[test]
fn secrets_move_out_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir_all(dir.join(".cursor")).unwrap();
    let text = r#"{"mcpServers": {"gh": {"command": "true", "env": {"GITHUB_TOKEN": "ghp_0123456789abcdefghij"}}}}"#;
    std::fs::write(dir.join(".cursor/mcp.json"), text).unwrap();
    let output = run(dir, &["import", "cursor"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("ghp_") && said.contains("env.GITHUB_TOKEN becomes ${file:"), "{said}");
    let config = std::fs::read_to_string(dir.join(".config/mcpstore/mcp.json")).unwrap();
    assert!(!config.contains("ghp_"), "{config}");
    let secret = dir.join(".config/mcpstore/secrets/GH_GITHUB_TOKEN");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "ghp_0123456789abcdefghij");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let check = run(dir, &["config", "check"]);
    assert!(String::from_utf8_lossy(&check.stdout).contains("no errors"), "{check:?}");
}
