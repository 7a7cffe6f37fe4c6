//! Which part of which file is what: stripped code, test modules, files that are tests as a whole.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Workspace;
use super::source::{is_word, strip};

/// A Rust file, read.
pub(crate) struct Code<'w> {
    /// Its place relative to the root.
    pub(crate) path: &'w str,
    /// Its text as it stands.
    pub(crate) raw: &'w str,
    /// Its text without comments and literals; same lines.
    pub(crate) all: String,
    /// As `all`, and without its inline test modules; blank when the file is a test module as a whole.
    pub(crate) live: String,
    /// Lines outside inline test modules.
    pub(crate) own_lines: usize,
}

/// Reads every `.rs` file under `crates/`, `xtask/` and `tests/`.
pub(crate) fn read_code(workspace: &Workspace) -> Vec<Code<'_>> {
    let ours = |path: &str| ["crates/", "xtask/", "tests/"].iter().any(|top| path.starts_with(top));
    let mut code: Vec<Code<'_>> = workspace
        .files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && ours(&file.path))
        .map(|file| read(&file.path, &file.text))
        .collect();
    let tests: BTreeSet<String> = code.iter().flat_map(|code| test_files(code.path, &code.all)).collect();
    for file in &mut code {
        let in_test_folder =
            tests.iter().any(|test| file.path.strip_prefix(test.as_str()).is_some_and(|rest| rest.starts_with('/')));
        if in_test_folder || tests.contains(file.path) {
            blank(&mut file.live, 0..usize::MAX);
        }
    }
    code
}

fn read<'w>(path: &'w str, raw: &'w str) -> Code<'w> {
    let all = strip(raw);
    let mut live = all.clone();
    let mut own_lines = raw.lines().count();
    for range in test_modules(&all) {
        // The line of the attribute up to the line of the closing brace.
        own_lines -= raw[range.clone()].lines().count();
        blank(&mut live, range);
    }
    Code { path, raw, all, live, own_lines }
}

fn blank(text: &mut String, range: Range<usize>) {
    let end = range.end.min(text.len());
    let hole: String = text[range.start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range.start..end, &hole);
}

/// The line of a byte offset, counted from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The offsets at which `needle` stands in `text` with no identifier running into its first or last character.
pub(crate) fn words<'t>(text: &'t str, needle: &'t str) -> impl Iterator<Item = usize> + 't {
    let bytes = text.as_bytes();
    let bound = |edge: Option<&u8>, side: u8| !is_word(side) || !edge.is_some_and(|byte| is_word(*byte));
    text.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).and_then(|i| bytes.get(i));
        let after = bytes.get(at + needle.len());
        let ends = needle.as_bytes();
        bound(before, ends[0]) && bound(after, ends[ends.len() - 1])
    })
}

/// A `#[cfg(test)]` and the module it is on.
struct TestMod<'t> {
    start: usize,
    name: &'t str,
    /// What follows the name: `{` or `;`.
    opens: usize,
}

/// Every module under a `#[cfg(test)]`. Other items under that attribute do not hide what comes after them.
fn test_mods(code: &str) -> Vec<TestMod<'_>> {
    const MARK: &str = "#[cfg(test)]";
    code.match_indices(MARK)
        .filter_map(|(start, _)| {
            let mut rest = code[start + MARK.len()..].trim_start();
            while rest.starts_with("#[") {
                rest = rest[rest.find(']')? + 1..].trim_start();
            }
            if let Some(after) = rest.strip_prefix("pub") {
                rest = after.trim_start();
                if rest.starts_with('(') {
                    rest = rest[rest.find(')')? + 1..].trim_start();
                }
            }
            let rest = rest.strip_prefix("mod")?.trim_start();
            let len = rest.bytes().take_while(|byte| is_word(*byte)).count();
            let (name, rest) = rest.split_at(len);
            let opens = code.len() - rest.trim_start().len();
            Some(TestMod { start, name, opens })
        })
        .collect()
}

/// The byte ranges of inline test modules: from the attribute to the closing brace.
fn test_modules(code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for module in test_mods(code) {
        let nested = ranges.last().is_some_and(|outer| outer.contains(&module.start));
        if code[module.opens..].starts_with('{') && !nested {
            ranges.push(module.start..closing(code, module.opens));
        }
    }
    ranges
}

/// The offset after the brace that closes the one at `opens`.
fn closing(code: &str, opens: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(opens) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The files and folders that `#[cfg(test)] mod name;` in the file at `path` stands for.
fn test_files(path: &str, code: &str) -> Vec<String> {
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let home = if ["lib", "main", "mod"].contains(&stem) { dir.to_owned() } else { format!("{dir}/{stem}") };
    test_mods(code)
        .into_iter()
        .filter(|module| code[module.opens..].starts_with(';'))
        .flat_map(|module| [format!("{home}/{}.rs", module.name), format!("{home}/{}", module.name)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::SourceFile;

    #[test]
    fn an_inline_test_module_is_not_counted_and_what_follows_it_is() {
        let text = "//! x\nfn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { let _ = \"}\"; }\n}\nfn c() {}\n";
        let code = read("crates/x/src/a.rs", text);
        assert_eq!(code.own_lines, 3);
        assert!(code.live.contains("fn a") && code.live.contains("fn c") && !code.live.contains("fn b"));
        assert!(code.all.contains("fn b"));
    }

    #[test]
    fn a_test_only_import_hides_nothing() {
        let code = read("crates/x/src/a.rs", "//! x\n#[cfg(test)]\nuse a::b;\nfn c() {}\n");
        assert!(code.live.contains("fn c"));
        assert_eq!(code.own_lines, 4);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_known() {
        let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
        let workspace = Workspace {
            crates: vec![],
            files: vec![
                file("crates/x/src/lib.rs", "#[cfg(test)]\n#[allow(dead_code)]\npub(crate) mod tests;\nmod unit;"),
                file("crates/x/src/tests.rs", "fn a() {}"),
                file("crates/x/src/tests/more.rs", "fn b() {}"),
                file("crates/x/src/unit.rs", "#[cfg(test)] mod tests;\nfn c() {}"),
                file("crates/x/src/unit/tests.rs", "fn d() {}"),
                file("crates/x/src/unit/other.rs", "fn e() {}"),
            ],
        };
        let live: Vec<bool> = read_code(&workspace).iter().map(|code| !code.live.trim().is_empty()).collect();
        assert_eq!(live, [true, false, false, true, false, true]);
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("println!() print!()", "print!").collect::<Vec<_>>(), [11]);
        assert_eq!(words("a::spawn(x) respawn(", "spawn(").collect::<Vec<_>>(), [3]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
