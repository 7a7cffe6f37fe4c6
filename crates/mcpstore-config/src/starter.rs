//! The config that somebody begins with, made from what is found on the machine.

use crate::diagnostic::push_visible;

/// Something on the machine that matters to who begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// `npx`, which runs servers of npm.
    Npx,
    /// `uvx`, which runs servers of Python.
    Uvx,
    /// `docker`, which runs servers in containers.
    Docker,
    /// The config of another client.
    Client {
        /// What the client is called, for people.
        name: String,
        /// Where the config is.
        path: String,
        /// How many servers it has.
        servers: usize,
    },
}

impl Found {
    /// An example of a server that it runs: its name, what it does, and its fields.
    const fn example(&self) -> Option<[&str; 3]> {
        match self {
            Self::Npx => Some([
                "files",
                "Reads and writes files in the folder of this config.",
                r#""command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "${workspaceFolder}"]"#,
            ]),
            Self::Uvx => {
                Some(["time", "Knows what time it is, anywhere.", r#""command": "uvx", "args": ["mcp-server-time"]"#])
            }
            Self::Docker => Some([
                "fetch",
                "Fetches web pages, in a container.",
                r#""command": "docker", "args": ["run", "-i", "--rm", "mcp/fetch"]"#,
            ]),
            Self::Client { .. } => None,
        }
    }
}

/// A commented config (JSON with comments) with one example for each launcher that was found, and a word about the configs of
/// other clients. It is read without a diagnostic, whatever was found.
#[must_use]
pub fn starter(found: &[Found]) -> String {
    let mut out = String::from(
        "// The config of mcpstore: JSON, and comments and trailing commas are fine.\n\
         // Check it with `mcpstore config check`, run it with `mcpstore up`.\n",
    );
    let mut clients = found.iter().filter_map(|found| match found {
        Found::Client { name, path, servers } => Some((name, path, servers)),
        Found::Npx | Found::Uvx | Found::Docker => None,
    });
    if let Some(first) = clients.next() {
        out.push_str("//\n// Other clients on this machine have servers; `mcpstore import FILE` takes them over:\n");
        for (name, path, servers) in std::iter::once(first).chain(clients) {
            let count = if *servers == 1 { "1 server".to_owned() } else { format!("{servers} servers") };
            out.push_str(&format!("//   {} ({count}): {}\n", line(name), line(path)));
        }
    }
    out.push_str("{\n  // Editors complete and check with it: mcpstore config schema > mcpstore.schema.json\n");
    out.push_str("  // \"$schema\": \"./mcpstore.schema.json\",\n\n");
    out.push_str("  \"mcpServers\": {\n");
    let mut first = None;
    for launcher in [Found::Npx, Found::Uvx, Found::Docker].iter().filter(|launcher| found.contains(launcher)) {
        let Some([name, purpose, fields]) = launcher.example() else { continue };
        first = first.or(Some(name));
        out.push_str(&format!("    // {purpose}\n    \"{name}\": {{ {fields} }},\n\n"));
    }
    if first.is_none() {
        out.push_str("    // No npx, uvx or docker was found in PATH. A server is any program that speaks MCP:\n");
        out.push_str("    // \"mine\": { \"command\": \"/opt/mine/server\", \"args\": [\"--stdio\"] },\n\n");
    }
    out.push_str(
        "    // A server in the network. Secrets stay in variables (`${NAME}`) or files (`${file:path}`).\n    \
         // \"search\": {\n    \
         //   \"url\": \"https://mcp.example.com/mcp\",\n    \
         //   \"headers\": { \"Authorization\": \"Bearer ${SEARCH_TOKEN}\" },\n",
    );
    if let Some(first) = first {
        out.push_str(&format!("    //   \"dependsOn\": [\"{first}\"], // starts after it, and not without it\n"));
    }
    out.push_str("    //   \"restart\": { \"maxAttempts\": 10 }, // 5 when nothing is said\n");
    out.push_str(REST);
    out
}

/// A text as a part of one line, whatever is in it.
fn line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        push_visible(&mut out, c);
        out
    })
}

/// How it ends.
const REST: &str = r#"    // },
  },

  // What holds for every service that does not say otherwise.
  "defaults": {
    // "sandbox": "restricted", // what a server is kept from; "basic" when nothing is said
    // "timeouts": { "call": "2m" }, // a call without a sign of life; 1 minute when nothing is said
  },

  // Named choices of services.
  "profiles": {
    // "work": { "services": ["search"] },
  },
}
"#;

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::{Options, Outside, Source, parse, render_short};

    /// A folder with a config in it.
    struct Folder;

    impl Outside for Folder {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "SEARCH_TOKEN").then(|| "x".to_owned())
        }

        fn workspace(&self, _: &str) -> Option<String> {
            Some("/srv/project".to_owned())
        }
    }

    /// The names of the services; every text is read without a word, strictly.
    fn services(found: &[Found]) -> Vec<String> {
        let sources = [Source::new("mcp.json", starter(found))];
        let parsed = parse(&sources, &Folder, &Options { strict: true });
        assert_eq!(render_short(&parsed.diagnostics, &sources), "", "{}", sources[0].text);
        parsed.config.services.iter().map(|spec| spec.name.to_string()).collect()
    }

    fn client(name: &str, path: &str, servers: usize) -> Found {
        Found::Client { name: name.to_owned(), path: path.to_owned(), servers }
    }

    #[test]
    fn whatever_is_found_it_is_a_good_config() {
        let launchers = [Found::Npx, Found::Uvx, Found::Docker];
        let names = ["files", "time", "fetch"];
        for bits in 0..8_usize {
            let chosen = |at: &usize| bits & (1 << at) != 0;
            let found: Vec<Found> = (0..3).filter(chosen).map(|at| launchers[at].clone()).collect();
            let wanted: Vec<&str> = (0..3).filter(chosen).map(|at| names[at]).collect();
            assert_eq!(services(&found), wanted);
        }
        // In another order, twice, and with names that would end a comment.
        let odd = client("a\nb\r\u{2028}\u{2029}\u{85}*/", "x\n}\u{0}\"${Y", 2);
        assert_eq!(services(&[Found::Docker, odd.clone(), Found::Npx, Found::Npx, odd]), ["files", "fetch"]);
    }

    #[test]
    fn what_is_commented_out_is_good_too() {
        for found in [&[][..], &[Found::Npx], &[Found::Docker, Found::Uvx]] {
            uncommented(&starter(found), found.len().max(1) + 1);
        }
    }

    /// Takes the comment signs from everything that is no prose: so many services are there then.
    fn uncommented(text: &str, count: usize) {
        // A line of prose has no `"` after its slashes; a line of config has.
        let uncommented: String = text
            .lines()
            .map(|line| match line.trim_start().strip_prefix("// ") {
                Some(rest) if rest.trim_start().starts_with(['"', '}']) => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let sources = [Source::new("mcp.json", uncommented)];
        let parsed = parse(&sources, &Folder, &Options { strict: true });
        assert_eq!(render_short(&parsed.diagnostics, &sources), "", "{}", sources[0].text);
        assert_eq!(parsed.config.services.len(), count);
        assert_eq!(parsed.config.profiles["work"].services.len(), 1);
    }

    #[test]
    fn a_machine_with_everything() {
        let found = [
            Found::Npx,
            Found::Uvx,
            Found::Docker,
            client("Cursor", "~/.cursor/mcp.json", 4),
            client("Codex", "~/.codex/config.toml", 1),
        ];
        expect![[r#"
            // The config of mcpstore: JSON, and comments and trailing commas are fine.
            // Check it with `mcpstore config check`, run it with `mcpstore up`.
            //
            // Other clients on this machine have servers; `mcpstore import FILE` takes them over:
            //   Cursor (4 servers): ~/.cursor/mcp.json
            //   Codex (1 server): ~/.codex/config.toml
            {
              // Editors complete and check with it: mcpstore config schema > mcpstore.schema.json
              // "$schema": "./mcpstore.schema.json",

              "mcpServers": {
                // Reads and writes files in the folder of this config.
                "files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "${workspaceFolder}"] },

                // Knows what time it is, anywhere.
                "time": { "command": "uvx", "args": ["mcp-server-time"] },

                // Fetches web pages, in a container.
                "fetch": { "command": "docker", "args": ["run", "-i", "--rm", "mcp/fetch"] },

                // A server in the network. Secrets stay in variables (`${NAME}`) or files (`${file:path}`).
                // "search": {
                //   "url": "https://mcp.example.com/mcp",
                //   "headers": { "Authorization": "Bearer ${SEARCH_TOKEN}" },
                //   "dependsOn": ["files"], // starts after it, and not without it
                //   "restart": { "maxAttempts": 10 }, // 5 when nothing is said
                // },
              },

              // What holds for every service that does not say otherwise.
              "defaults": {
                // "sandbox": "restricted", // what a server is kept from; "basic" when nothing is said
                // "timeouts": { "call": "2m" }, // a call without a sign of life; 1 minute when nothing is said
              },

              // Named choices of services.
              "profiles": {
                // "work": { "services": ["search"] },
              },
            }
        "#]]
        .assert_eq(&starter(&found));
    }

    #[test]
    fn a_machine_with_nothing() {
        expect![[r#"
            // The config of mcpstore: JSON, and comments and trailing commas are fine.
            // Check it with `mcpstore config check`, run it with `mcpstore up`.
            {
              // Editors complete and check with it: mcpstore config schema > mcpstore.schema.json
              // "$schema": "./mcpstore.schema.json",

              "mcpServers": {
                // No npx, uvx or docker was found in PATH. A server is any program that speaks MCP:
                // "mine": { "command": "/opt/mine/server", "args": ["--stdio"] },

                // A server in the network. Secrets stay in variables (`${NAME}`) or files (`${file:path}`).
                // "search": {
                //   "url": "https://mcp.example.com/mcp",
                //   "headers": { "Authorization": "Bearer ${SEARCH_TOKEN}" },
                //   "restart": { "maxAttempts": 10 }, // 5 when nothing is said
                // },
              },

              // What holds for every service that does not say otherwise.
              "defaults": {
                // "sandbox": "restricted", // what a server is kept from; "basic" when nothing is said
                // "timeouts": { "call": "2m" }, // a call without a sign of life; 1 minute when nothing is said
              },

              // Named choices of services.
              "profiles": {
                // "work": { "services": ["search"] },
              },
            }
        "#]]
        .assert_eq(&starter(&[]));
    }
}
