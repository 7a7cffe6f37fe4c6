//! The corpus of the fuzz target, once more: what was ever found stays mended.
#![allow(clippy::disallowed_methods)] // the cases are files; the crate itself reads none

mod fuzzed;

use std::path::Path;

#[test]
fn the_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        fuzzed::check(&std::fs::read(&path).expect("a file"));
        count += 1;
    }
    assert!((50..=300).contains(&count), "{count} files");
}

#[test]
fn the_first_byte_says_the_formats() {
    let names = |data: &[u8]| fuzzed::sources(data).into_iter().map(|source| source.name).collect::<Vec<_>>();
    assert_eq!(names(&[0b00_10_01_00, b'{', 1, b'a', 1, b'b', 1, b'c']), ["a.json", "b.toml", "c.yaml"]);
    assert_eq!(names(b""), [""; 0]);
}
