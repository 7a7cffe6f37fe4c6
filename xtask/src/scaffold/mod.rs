//! Begins new parts of the workspace: the files that such a part has, and the lines that name them.
//!
//! What is written works as it stands and passes its tests; its author goes on from there. Nothing that exists is
//! overwritten, and nothing is written at all when something is in the way.

mod name;
mod register;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::cmd;
use name::Name;

/// What can be begun.
#[derive(Subcommand)]
pub(crate) enum Scaffold {
    /// A transport of this repository: an adapter, its settings, its test, its page
    ///
    /// Writes four files and adds three lines that name them:
    ///
    ///   crates/mcpstore-transport/src/NAME.rs            the adapter; put your way to the server into `connect`
    ///   crates/mcpstore-transport/src/NAME/settings.rs   what a config may say of such a server
    ///   crates/mcpstore-transport/tests/NAME.rs          it passes the adapter suite of the testkit
    ///   docs/transports/NAME.md                          its page for users
    ///
    ///   `mod` and `pub use` in src/lib.rs, and the adapter in `AdapterSet::builtin()` (src/registry.rs)
    ///
    /// What is written is a working adapter over a unix socket. Try it:
    ///
    ///   cargo test -p mcpstore-transport --test NAME
    ///
    /// A config reaches it with "type": "NAME" and "settings": {…}. An adapter in a crate of its own needs no change
    /// here at all: tests/out-of-tree is one. docs/transports.md says more of both.
    #[command(verbatim_doc_comment)]
    Transport {
        /// Its kind: lower-case letters, digits and `_`, beginning with a letter, 2 to 32 characters (example: `tcp_lines`)
        name: String,
    },
}

/// A file to write: its place, with `@name@` in it, and its text.
type Template = (&'static str, &'static str);

const TRANSPORT: [Template; 4] = [
    ("crates/mcpstore-transport/src/@name@.rs", include_str!("templates/adapter.txt")),
    ("crates/mcpstore-transport/src/@name@/settings.rs", include_str!("templates/settings.txt")),
    ("crates/mcpstore-transport/tests/@name@.rs", include_str!("templates/test.txt")),
    ("docs/transports/@name@.md", include_str!("templates/page.txt")),
];

/// Begins it, and says what was written and what to do next.
///
/// # Errors
/// When the name is no good or taken, when a file cannot be written, or when the result cannot be formatted.
pub(crate) fn run(root: &Path, what: &Scaffold) -> Result<()> {
    let Scaffold::Transport { name } = what;
    let (written, by_hand) = transport(root, name)?;
    for path in &written {
        println!("wrote {path}");
    }
    for line in &by_hand {
        println!("add by hand: {line}");
    }
    // Where a name stands among others depends on its letters, and so do the breaks of lines.
    cmd::run(&mut cmd::cargo(root, &["fmt", "--package", "mcpstore-transport"]))?;
    println!("try it: cargo test -p mcpstore-transport --test {name}");
    println!("then:   put your way to the server into `connect` in {}", written[0]);
    Ok(())
}

/// Writes the files of a transport, and the lines that name it. Returns the files, and the lines that found no place.
fn transport(root: &Path, name: &str) -> Result<(Vec<String>, Vec<String>)> {
    let name = Name::new(name)?;
    let files = TRANSPORT.map(|(path, text)| (name.fill(path), name.fill(text)));
    // All or nothing: look first.
    let folder = format!("crates/mcpstore-transport/src/{}", name.snake());
    for path in files.iter().map(|(path, _)| path).chain([&folder]) {
        if root.join(path).symlink_metadata().is_ok() {
            bail!("{path} exists already: choose another name, or remove it first (nothing was written)");
        }
    }
    let changes = register::plan(root, &name)?;
    for (path, text) in &files {
        let place = root.join(path);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        }
        let mut file = std::fs::File::create_new(&place).with_context(|| format!("failed to create {path}"))?;
        std::io::Write::write_all(&mut file, text.as_bytes()).with_context(|| format!("failed to write {path}"))?;
    }
    let by_hand = changes.apply(root)?;
    Ok((files.map(|(path, _)| path).into(), by_hand))
}

#[cfg(test)]
mod tests;
