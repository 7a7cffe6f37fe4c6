//! `vscode-json-languageservice`, which VS Code and others check JSON with, over many texts at once.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What an editor says about a text.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Red and not yellow.
    pub(crate) is_error: bool,
    pub(crate) message: String,
    /// The text that is underlined.
    pub(crate) at: String,
}

/// Where `cargo xtask test` put the packages; nothing when it was told to be fast.
fn installed() -> Option<PathBuf> {
    match (std::env::var_os("MCPSTORE_REAL_SERVERS"), std::env::var_os("MCPSTORE_FAST")) {
        (Some(dir), None) => Some(dir.into()),
        (_, Some(_)) => None,
        (None, None) => {
            panic!("MCPSTORE_REAL_SERVERS is not set: run `cargo xtask test`, or `cargo xtask servers` first")
        }
    }
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The problems of each text; nothing when the validator is left out.
pub(crate) fn validate(texts: &[&str]) -> Option<Vec<Vec<Problem>>> {
    let installed = installed()?;
    let mut child = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/editor/validate.mjs"))
        .arg(&installed)
        .arg(root().join("docs/schema/mcpstore.schema.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(texts).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the validator failed: {}", output.status);
    let said: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap();
    let problem = |value: &Value| Problem {
        is_error: value["error"].as_bool().unwrap(),
        message: value["message"].as_str().unwrap().to_owned(),
        at: value["at"].as_str().unwrap().to_owned(),
    };
    assert_eq!(said.len(), texts.len());
    Some(said.iter().map(|problems| problems.iter().map(problem).collect()).collect())
}
