//! What servers and package managers say when they cannot start: the words that tell a cause.

use super::cause::Cause;

/// What the words of a server told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) cause: Cause,
    /// Which module, package, port, path, variable or address, when the words name it.
    pub(super) object: Option<String>,
    /// The line that told it.
    pub(super) line: String,
}

/// One way to recognise a cause: every word stands in the line, in any case.
struct Pattern {
    cause: Cause,
    words: &'static [&'static str],
    object: Object,
}

/// Where the object stands in the line.
#[derive(Clone, Copy)]
enum Object {
    None,
    /// The first part in quotes of any kind behind these words.
    Quoted(&'static str),
    /// The word behind these.
    Behind(&'static str),
    /// The last number behind a colon, or behind `port`.
    Port,
    /// The first word in capitals with `_` or that ends in `KEY` or `TOKEN`.
    Variable,
}

const fn pattern(cause: Cause, words: &'static [&'static str], object: Object) -> Pattern {
    Pattern { cause, words, object }
}

/// The first one that fits the last line that any fits wins; within a line the earlier one.
const PATTERNS: [Pattern; 33] = [
    // npm and npx, uv and uvx, pip.
    pattern(Cause::PackageMissing, &["npm", "404", "not found"], Object::Quoted("404")),
    pattern(Cause::PackageMissing, &["npm", "e404"], Object::None),
    pattern(Cause::PackageMissing, &["npm", "etarget"], Object::None),
    pattern(Cause::PackageMissing, &["no matching distribution found for"], Object::Behind("found for")),
    pattern(Cause::PackageMissing, &["was not found in the package registry"], Object::Behind("because")),
    pattern(Cause::PackageMissing, &["no solution found"], Object::None),
    pattern(Cause::PackageMissing, &["could not determine executable to run"], Object::None),
    // Node.js and Python.
    pattern(Cause::ModuleMissing, &["cannot find module"], Object::Quoted("module")),
    pattern(Cause::ModuleMissing, &["cannot find package"], Object::Quoted("package")),
    pattern(Cause::ModuleMissing, &["err_module_not_found"], Object::None),
    pattern(Cause::ModuleMissing, &["no module named"], Object::Quoted("named")),
    pattern(Cause::ModuleMissing, &["modulenotfounderror"], Object::None),
    pattern(Cause::ModuleMissing, &["importerror"], Object::Quoted("name")),
    pattern(Cause::ModuleMissing, &["error while loading shared libraries"], Object::Behind("libraries:")),
    // The system.
    pattern(Cause::AddressInUse, &["eaddrinuse"], Object::Port),
    pattern(Cause::AddressInUse, &["address already in use"], Object::Port),
    pattern(Cause::AddressInUse, &["port", "already in use"], Object::Port),
    pattern(Cause::OutOfMemory, &["heap out of memory"], Object::None),
    pattern(Cause::OutOfMemory, &["memoryerror"], Object::None),
    pattern(Cause::OutOfMemory, &["cannot allocate memory"], Object::None),
    pattern(Cause::PermissionDenied, &["eacces"], Object::Quoted("")),
    pattern(Cause::PermissionDenied, &["eperm"], Object::Quoted("")),
    pattern(Cause::PermissionDenied, &["permission denied"], Object::Quoted("")),
    pattern(Cause::PermissionDenied, &["permissionerror"], Object::Quoted("")),
    pattern(Cause::PermissionDenied, &["operation not permitted"], Object::Quoted("")),
    pattern(Cause::ProgramMissing, &["command not found"], Object::None),
    pattern(Cause::Unreachable, &["econnrefused"], Object::Behind("econnrefused")),
    pattern(Cause::Unreachable, &["connection refused"], Object::None),
    pattern(Cause::Unreachable, &["enotfound"], Object::Behind("enotfound")),
    pattern(Cause::Unreachable, &["eai_again"], Object::Behind("eai_again")),
    pattern(Cause::Unreachable, &["name or service not known"], Object::None),
    pattern(Cause::Unreachable, &["etimedout"], Object::Behind("etimedout")),
    pattern(Cause::VariableMissing, &["keyerror"], Object::Variable),
];

/// What a line must hold so that it is about a setting that is missing: one of each row.
const MISSING: [&[&str]; 2] = [
    &["environment variable", "env var", "api key", "api_key", "apikey", "access token", "api token", "_token", "_key"],
    &[
        "missing",
        "required",
        "not set",
        "is not defined",
        "must be set",
        "must set",
        "not provided",
        "no api",
        "please set",
        "set the",
    ],
];

/// What the last of these lines that tells something told; of lines that tell the same, the last that names what it is
/// about. Lines are as the server wrote them, cleaned.
pub(super) fn told(lines: &[String]) -> Option<Told> {
    let tells = |line: &&String| !is_property(line);
    let mut all = lines.iter().rev().filter(tells).filter_map(|line| in_line(line));
    let Some(last) = all.next() else { return lines.iter().rev().find_map(|line| in_line(line)) };
    if last.object.is_some() {
        return Some(last);
    }
    let named = all.find(|other| other.cause == last.cause && other.object.is_some());
    Some(named.unwrap_or(last))
}

/// A property of an error as Node.js prints it below the stack: it says less than the headline above.
fn is_property(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("stderr | ").unwrap_or(line).trim_start();
    ["code: '", "syscall: '", "errno: "].iter().any(|key| line.starts_with(key))
}

fn in_line(line: &str) -> Option<Told> {
    let lower = line.to_ascii_lowercase();
    let found = PATTERNS.iter().find(|pattern| pattern.words.iter().all(|word| lower.contains(word)));
    let (cause, object) = match found {
        // A key that Python did not find is about the environment only when it looks like a variable.
        Some(Pattern { cause: Cause::VariableMissing, .. }) => (Cause::VariableMissing, Some(variable(line)?)),
        Some(pattern) => (pattern.cause, object(pattern.object, line, &lower)),
        None if MISSING.iter().all(|row| row.iter().any(|word| lower.contains(word))) => {
            (Cause::VariableMissing, variable(line))
        }
        None => return None,
    };
    Some(Told { cause, object, line: line.to_owned() })
}

fn object(kind: Object, line: &str, lower: &str) -> Option<String> {
    // Lower-casing ASCII keeps every place where it is.
    let behind = |words: &str| lower.find(words).map(|at| &line[at + words.len()..]);
    match kind {
        Object::None => None,
        Object::Quoted(words) => {
            let rest = behind(words)?;
            let open = rest.find(['\'', '"', '`'])?;
            let quote = rest[open..].chars().next()?;
            let inner = &rest[open + 1..];
            let text = &inner[..inner.find(quote)?];
            // npm names a version behind the package.
            let text = text.trim_end_matches('.');
            (!text.is_empty() && text.len() <= 256).then(|| text.to_owned())
        }
        Object::Behind(words) => {
            let word = behind(words)?.split_whitespace().next()?.trim_matches([':', ',', '(', ')', '\'', '"']);
            (!word.is_empty() && word.len() <= 256).then(|| word.to_owned())
        }
        Object::Port => port(lower),
        Object::Variable => variable(line),
    }
}

/// The number right behind the last colon that has one, else the one behind the word `port`.
fn port(line: &str) -> Option<String> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok().map(|port| port.to_string())
    };
    let behind_colon = line.rmatch_indices(':').find_map(|(at, _)| number(&line[at + 1..]));
    behind_colon.or_else(|| number(line[line.find("port")? + "port".len()..].trim_start_matches([' ', '=', '#'])))
}

fn variable(line: &str) -> Option<String> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let looks_like_one = |word: &&str| {
        let capitals = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        capitals && word.len() >= 3 && (word.contains('_') || word.ends_with("KEY") || word.ends_with("TOKEN"))
    };
    words.filter(looks_like_one).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<(Cause, Option<String>)> {
        told(&[line.to_owned()]).map(|told| (told.cause, told.object))
    }

    fn named(cause: Cause, object: &str) -> Option<(Cause, Option<String>)> {
        Some((cause, Some(object.to_owned())))
    }

    #[test]
    fn package_managers_are_understood() {
        let line = "npm error 404  '@acme/no-such@*' is not in this registry. Not Found";
        assert_eq!(of(line), named(Cause::PackageMissing, "@acme/no-such@*"));
        assert_eq!(of("npm error code E404"), Some((Cause::PackageMissing, None)));
        let line = "ERROR: No matching distribution found for acme-mcp==9";
        assert_eq!(of(line), named(Cause::PackageMissing, "acme-mcp==9"));
        let line = "  Because acme-mcp was not found in the package registry and you require acme-mcp, we conclude";
        assert_eq!(of(line), named(Cause::PackageMissing, "acme-mcp"));
    }

    #[test]
    fn runtimes_are_understood() {
        assert_eq!(of("Error: Cannot find module 'pg'"), named(Cause::ModuleMissing, "pg"));
        assert_eq!(of("ModuleNotFoundError: No module named 'requests'"), named(Cause::ModuleMissing, "requests"));
        let line = "Error: listen EADDRINUSE: address already in use 127.0.0.1:3000";
        assert_eq!(of(line), named(Cause::AddressInUse, "3000"));
        assert_eq!(of("OSError: [Errno 98] Address already in use"), Some((Cause::AddressInUse, None)));
        assert_eq!(of("Port 8080 is already in use"), named(Cause::AddressInUse, "8080"));
        let line = "Error: EACCES: permission denied, open '/var/db/x'";
        assert_eq!(of(line), named(Cause::PermissionDenied, "/var/db/x"));
        assert_eq!(of("KeyError: 'GITHUB_TOKEN'"), named(Cause::VariableMissing, "GITHUB_TOKEN"));
        assert_eq!(of("KeyError: 'name'"), None);
        assert_eq!(of("Error: connect ECONNREFUSED 127.0.0.1:5432"), named(Cause::Unreachable, "127.0.0.1:5432"));
    }

    #[test]
    fn a_missing_key_is_understood() {
        let line = "Error: BRAVE_API_KEY environment variable is required";
        assert_eq!(of(line), named(Cause::VariableMissing, "BRAVE_API_KEY"));
        assert_eq!(of("Please set the API key"), Some((Cause::VariableMissing, None)));
        assert_eq!(of("the key to success is not required"), None);
    }

    #[test]
    fn the_last_line_that_tells_something_counts() {
        let lines = ["npm error code E404", "Error: Cannot find module 'a'", "    at node:internal"].map(str::to_owned);
        assert_eq!(told(&lines).unwrap().line, lines[1]);
        assert_eq!(told(&[]), None);
        assert_eq!(of("Cannot find module ü'ß"), Some((Cause::ModuleMissing, None)), "an open quote");
    }
}
