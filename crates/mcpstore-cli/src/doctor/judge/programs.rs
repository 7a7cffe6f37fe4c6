//! Checks of programs and of what they run on.

use super::{Check, names};
use crate::doctor::facts::{Facts, Found, ProgramFacts};
use crate::quote::quoted;

/// The oldest versions with which most servers run: the MCP SDKs ask for these (TypeScript SDK, `engines`; Python SDK,
/// `requires-python`).
const OLDEST: [(&str, u32, u32, &str); 3] =
    [("node", 18, 0, "Node.js 18"), ("python3", 3, 10, "Python 3.10"), ("python", 3, 10, "Python 3.10")];

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    facts.programs.iter().chain(&facts.runtimes).map(check).collect()
}

fn check(program: &ProgramFacts) -> Check {
    let command = &program.command;
    let by = names(&program.needed_by);
    match &program.found {
        Found::Missing => {
            let found = format!("`{command}` is not there (needed by {by})");
            Check::fail(found, how_to_install(command)).run(format!("command -v {}", quoted(command)))
        }
        Found::NotExecutable(path) => {
            let path = path.display().to_string();
            let run = format!("chmod +x {}", quoted(&path));
            Check::fail(format!("`{command}` is {path}, which may not be run (needed by {by})"), "make it executable")
                .run(run)
        }
        Found::At(path) => {
            let version = match &program.version {
                None => String::new(),
                Some(Ok(version)) => format!("version {}, ", from_digit(version)),
                Some(Err(why)) => {
                    let found = format!("`{command}` is {}, but {why} (needed by {by})", path.display());
                    let run = format!("{} --version", quoted(&path.to_string_lossy()));
                    return Check::warn(found, "see what it says").run(run);
                }
            };
            let found = format!("`{command}` is {} ({version}needed by {by})", path.display());
            if let Some(Found::Missing) = program.by_manager {
                let fix = "the running manager has another PATH, and does not find it; start it from this shell, or write the \
                           whole path as `command`";
                return Check::fail(found, fix).run("mcpstore down");
            }
            if let Some(Found::At(other)) = program.by_manager.as_ref().filter(|other| **other != program.found) {
                let fix =
                    format!("the running manager takes another one, {}, for it has another PATH", other.display());
                return Check::warn(found, fix);
            }
            match too_old(command, program.version.as_ref()) {
                Some(oldest) => Check::warn(found, format!("most servers need {oldest} or newer")),
                None => Check::ok(found),
            }
        }
    }
}

fn too_old(command: &str, version: Option<&Result<String, String>>) -> Option<&'static str> {
    let (_, major, minor, words) = OLDEST.into_iter().find(|(name, ..)| *name == command)?;
    let text = version?.as_ref().ok()?;
    let mut parts = from_digit(text).split(['.', ' ', '-', '+']).map(|part| part.parse::<u32>().ok());
    let found = (parts.next()??, parts.next().flatten().unwrap_or(0));
    (found < (major, minor)).then_some(words)
}

/// A version without the words before it: `v22.1.0`, `Python 3.13.1` and `uv 0.5.1` all begin with the number then.
fn from_digit(text: &str) -> &str {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    if digits.is_empty() { text } else { digits }
}

fn how_to_install(command: &str) -> &'static str {
    match command {
        "npx" | "npm" | "node" => "install Node.js, which has it",
        "uvx" | "uv" => "install uv, which has it",
        "python" | "python3" | "pip" | "pip3" => "install Python 3",
        "docker" => "install Docker",
        "podman" => "install Podman",
        "bun" | "bunx" => "install Bun, which has it",
        "deno" => "install Deno",
        _ => "install it, add its folder to PATH, or write its whole path as `command`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared() {
        let old = |command, text: &str| too_old(command, Some(&Ok(text.to_owned()))).is_some();
        assert!(old("node", "v16.20.2") && !old("node", "v18.0.0") && !old("node", "v22.1.0"));
        assert!(
            old("python3", "Python 3.9.2") && !old("python3", "Python 3.10.0") && !old("python3", "Python 3.13.1+")
        );
        assert!(!old("npx", "1.0.0") && !old("node", "what?"));
        assert_eq!(too_old("node", Some(&Err("no".to_owned()))), None);
    }
}
