//! Import from other clients' files, and entries written in their words.

use std::fmt::Write as _;

use expect_test::expect;
use mcpstore_config::{Client, Plain, Source, export, export_url, import, stated};

fn source(name: &str, text: &str) -> Vec<mcpstore_config::Stated> {
    stated(&[Source::new(name, text)])
}

#[test]
fn an_import_tells_new_from_same_from_different() {
    let ours = source(
        "mcp.json",
        r#"{ "mcpServers": {
            "files": { "command": "npx", "args": ["-y", "files"], "enabled": true },
            "time": { "command": "uvx", "args": ["mcp-server-time"] } } }"#,
    );
    let theirs = source(
        "cursor.json",
        r#"{ "mcpServers": {
            "files": { "args": ["-y", "files"], "type": "stdio", "command": "npx", "env": {}, "autoApprove": [] },
            "time": { "command": "uvx", "args": ["mcp-server-time", "--local"], "disabled": true },
            "git-hub": { "command": "gh-mcp", "env": { "GITHUB_TOKEN": "ghp_0123456789abcdef0123", "GIT_HUB_API_KEY": "0123456789abcdef", "LOG": "info" } },
            "web": { "serverUrl": "https://w.example/mcp", "headers": { "Authorization": "Bearer abcdef0123456789", "X": "${X}" } },
            "arg": { "command": "x", "args": ["--api-key", "abcdef0123456789", "--token=hunter2hunter2"] } } }"#,
    );
    let refer = |key: &str, _: &str| (key.to_owned(), format!("${{{key}}}"));
    let mut out = String::new();
    for one in import(&ours, &theirs, Some(&refer)) {
        let secrets: Vec<String> =
            one.secrets.iter().map(|s| format!("{} -> {} ({})", s.field, s.key, s.value.expose())).collect();
        let _ = writeln!(
            out,
            "{} {:?} left out {:?}, moved {secrets:?}\n  {}",
            one.name, one.outcome, one.left_out, one.entry
        );
    }
    expect![[r#"
        files Same left out ["autoApprove"], moved []
          { "args": ["-y", "files"], "type": "stdio", "command": "npx", "env": {} }
        time Conflict(["args", "enabled"]) left out [], moved []
          { "command": "uvx", "args": ["mcp-server-time", "--local"], "enabled": false }
        git-hub New left out [], moved ["env.GITHUB_TOKEN -> GIT_HUB_GITHUB_TOKEN (ghp_0123456789abcdef0123)", "env.GIT_HUB_API_KEY -> GIT_HUB_API_KEY (0123456789abcdef)"]
          { "command": "gh-mcp", "env": { "GITHUB_TOKEN": "${GIT_HUB_GITHUB_TOKEN}", "GIT_HUB_API_KEY": "${GIT_HUB_API_KEY}", "LOG": "info" } }
        web New left out [], moved ["headers.Authorization -> WEB_AUTHORIZATION (abcdef0123456789)"]
          { "url": "https://w.example/mcp", "headers": { "Authorization": "Bearer ${WEB_AUTHORIZATION}", "X": "${X}" } }
        arg New left out [], moved ["args.1 -> ARG_1 (abcdef0123456789)", "args.2 -> ARG_2 (hunter2hunter2)"]
          { "command": "x", "args": ["--api-key", "${ARG_1}", "--token=${ARG_2}"] }
    "#]]
    .assert_eq(&out);
    let kept = import(&ours, &theirs, None);
    assert!(kept.iter().all(|one| one.secrets.is_empty()));
    let shown = format!("{:?}", import(&[], &theirs, Some(&refer))[2].secrets);
    assert!(!shown.contains("ghp_"), "{shown}");
}

#[test]
fn entries_are_written_in_the_words_of_each_client() {
    let entries = source(
        "mcp.json",
        r#"{ "mcpServers": {
            "a": { "command": "a", "args": ["${HOME}/x", "$${Y}"], "env": { "T": "${T}", "U": "u${env:V}" }, "restart": { "policy": "never" }, "enabled": false },
            "b": { "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${env:X}", "Y": "y" }, "tags": ["t"] },
            "c": { "url": "https://c.example/sse", "type": "sse" } } }"#,
    );
    let mut out = String::new();
    for client in Client::ALL {
        let _ = writeln!(out, "{}", client.word());
        for stated in &entries {
            let exported = export(&stated.entry, client);
            let unfilled = if exported.unfilled.is_empty() {
                String::new()
            } else {
                format!("  unfilled {:?}", exported.unfilled)
            };
            let _ = writeln!(out, "  {} {}{unfilled}", stated.name, exported.entry);
        }
        let _ = writeln!(out, "  url {}", export_url("http://127.0.0.1:1/mcp", client));
    }
    expect![[r#"
        claude-desktop
          a { "command": "a", "args": ["${HOME}/x", "${Y}"], "env": { "T": "${T}", "U": "u${env:V}" }, "disabled": true }  unfilled ["args", "env"]
          b { "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${env:X}", "Y": "y" } }  unfilled ["headers"]
          c { "url": "https://c.example/sse" }
          url { "url": "http://127.0.0.1:1/mcp" }
        claude-code
          a { "type": "stdio", "command": "a", "args": ["${HOME}/x", "$${Y}"], "env": { "T": "${T}", "U": "u${V}" }, "disabled": true }
          b { "type": "http", "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${X}", "Y": "y" } }
          c { "type": "sse", "url": "https://c.example/sse" }
          url { "type": "http", "url": "http://127.0.0.1:1/mcp" }
        cursor
          a { "command": "a", "args": ["${env:HOME}/x", "$${Y}"], "env": { "T": "${env:T}", "U": "u${env:V}" }, "disabled": true }
          b { "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${env:B}", "X": "${env:X}", "Y": "y" } }
          c { "url": "https://c.example/sse" }
          url { "url": "http://127.0.0.1:1/mcp" }
        windsurf
          a { "command": "a", "args": ["${env:HOME}/x", "$${Y}"], "env": { "T": "${env:T}", "U": "u${env:V}" }, "disabled": true }
          b { "serverUrl": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${env:B}", "X": "${env:X}", "Y": "y" } }
          c { "serverUrl": "https://c.example/sse" }
          url { "serverUrl": "http://127.0.0.1:1/mcp" }
        vscode
          a { "type": "stdio", "command": "a", "args": ["${env:HOME}/x", "$${Y}"], "env": { "T": "${env:T}", "U": "u${env:V}" }, "disabled": true }
          b { "type": "http", "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${env:B}", "X": "${env:X}", "Y": "y" } }
          c { "type": "sse", "url": "https://c.example/sse" }
          url { "type": "http", "url": "http://127.0.0.1:1/mcp" }
        codex
          a { "command": "a", "args": ["${HOME}/x", "${Y}"], "env": { "U": "u${env:V}" }, "enabled": false, "env_vars": ["T"] }  unfilled ["args", "env"]
          b { "url": "https://b.example/mcp", "http_headers": { "Y": "y" }, "env_http_headers": { "X": "X" }, "bearer_token_env_var": "B" }
          c { "url": "https://c.example/sse" }
          url { "url": "http://127.0.0.1:1/mcp" }
        zed
          a { "command": "a", "args": ["${HOME}/x", "${Y}"], "env": { "T": "${T}", "U": "u${env:V}" }, "disabled": true }  unfilled ["args", "env"]
          b { "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${env:X}", "Y": "y" } }  unfilled ["headers"]
          c { "url": "https://c.example/sse" }
          url { "url": "http://127.0.0.1:1/mcp" }
        cline
          a { "command": "a", "args": ["${HOME}/x", "${Y}"], "env": { "T": "${T}", "U": "u${env:V}" }, "disabled": true }  unfilled ["args", "env"]
          b { "type": "streamableHttp", "url": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${env:X}", "Y": "y" } }  unfilled ["headers"]
          c { "type": "sse", "url": "https://c.example/sse" }
          url { "type": "streamableHttp", "url": "http://127.0.0.1:1/mcp" }
        gemini
          a { "command": "a", "args": ["${HOME}/x", "$${Y}"], "env": { "T": "${T}", "U": "u${V}" }, "disabled": true }
          b { "httpUrl": "https://b.example/mcp", "headers": { "Authorization": "Bearer ${B}", "X": "${X}", "Y": "y" } }
          c { "url": "https://c.example/sse" }
          url { "httpUrl": "http://127.0.0.1:1/mcp" }
    "#]].assert_eq(&out);
    assert_eq!(export(&entries[0].entry, Client::Cursor).left_out, ["restart"]);
    assert_eq!(export(&Plain::Null, Client::Cursor).entry, Plain::Null);
}
