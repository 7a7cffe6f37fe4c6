//! Properties of edits: what a change is not about stays, in value and in comments; adding and taking out again restores the
//! text; nothing makes the editor panic. `PROPTEST_CASES` sets how many cases are tried (256 by default).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "prop_edit/dice.rs"]
mod dice;
#[path = "prop_edit/document.rs"]
mod document;
#[path = "prop_edit/json.rs"]
mod json;
#[path = "prop_edit/level.rs"]
mod level;
#[path = "prop_edit/toml.rs"]
mod toml;
#[path = "prop_edit/yaml.rs"]
mod yaml;

use mcpstore_config::{Change, EditError, Format, Plain, edit, read_plain};
use proptest::prelude::*;

use dice::{Comment, Dice};
use document::{Document, Owned, changes, document};

fn render(document: &Document, dice: Dice) -> (String, Vec<Comment>, Dice) {
    match document.format {
        Format::Json => json::render(document, dice),
        Format::Toml => toml::render(document, dice),
        Format::Yaml => yaml::render(document, dice),
    }
}

/// The value, as far as the order of it is to be compared.
fn compared(format: Format, value: Plain) -> Plain {
    if format == Format::Toml { value.sorted() } else { value }
}

/// A document, the text of it, the comments in that, and changes.
type Case = (Document, String, Vec<Comment>, Vec<Owned>);

fn case(format: Format) -> impl Strategy<Value = Case> {
    (document(format), prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(mut document, bytes)| {
            if document.format == Format::Toml && !document.container.is_empty() {
                // What cannot follow a section is not in the text.
                document.others.1.retain(|(_, value)| matches!(value, Plain::Object(_)));
            }
            let (text, comments, _) = render(&document, Dice::new(bytes));
            (document, text, comments)
        })
        .prop_flat_map(|(document, text, comments)| {
            let changes = changes(&document);
            (Just(document), Just(text), Just(comments), changes)
        })
}

fn what_is_not_changed_stays((mut document, text, comments, changes): Case) -> Result<(), TestCaseError> {
    let format = document.format;
    let read = |text: &str| read_plain(text, format).map(|value| compared(format, value));
    prop_assert_eq!(
        read(&text),
        Ok(compared(format, document.whole())),
        "the text is not what it should be:\n{}",
        text
    );
    let mut edited = text;
    let mut touched: Vec<Vec<String>> = Vec::new();
    for owned in &changes {
        // In a list the name is the key.
        if document.list && (owned.path[0] == "name" || owned.key == "name") {
            continue;
        }
        let result = owned.with(|change| {
            let mut after = document.clone();
            let allowed = after.change(change);
            let result = edit(&edited, format, document.container, &[*change]);
            (allowed.then_some(after), result)
        });
        match result {
            (Some(after), Ok(new)) => {
                prop_assert_eq!(
                    read(&new),
                    Ok(compared(format, after.whole())),
                    "{:?} of\n{}\ngave\n{}",
                    owned,
                    edited,
                    new
                );
                document = after;
                touched.push(owned.touched());
                for comment in &comments {
                    let may_go = touched.iter().any(|touched| comment.owner.starts_with(touched));
                    let count = new.matches(&comment.mark).count();
                    prop_assert!(
                        count == 1 || (may_go && count == 0),
                        "{count} times {comment:?} after {owned:?} of\n{edited}\ngave\n{new}"
                    );
                }
                edited = new;
            }
            (None, Err(error)) => prop_assert!(
                matches!(
                    error,
                    EditError::KeyExists { .. }
                        | EditError::NoSuchKey { .. }
                        | EditError::NotAnObject { .. }
                        | EditError::Value { .. }
                ),
                "{error} for {owned:?} of\n{edited}"
            ),
            (Some(_), Err(EditError::Value { .. })) if format == Format::Toml => {}
            (Some(_), Err(EditError::Unsupported { .. })) if format == Format::Yaml => {}
            (expected, result) => prop_assert!(false, "{expected:?} but {result:?} for {owned:?} of\n{edited}"),
        }
    }
    Ok(())
}

/// Not so where the container was empty or missing: it stays, in another form perhaps.
fn what_was_added_is_taken_out_again((document, text, _, _): Case, value: &Plain) -> Result<(), TestCaseError> {
    let (format, container) = (document.format, document.container);
    if document.entries.is_empty() || document.entries.iter().any(|(key, _)| key == "new one") {
        return Ok(());
    }
    let value = Plain::Object(vec![("command".to_owned(), Plain::text("x")), ("more".to_owned(), value.clone())]);
    let added = match edit(&text, format, container, &[Change::Insert { key: "new one", value: &value }]) {
        Ok(added) => added,
        Err(EditError::Value { .. }) => return Ok(()),
        Err(error) => return Err(TestCaseError::fail(format!("{error} for\n{text}"))),
    };
    let back = edit(&added, format, container, &[Change::Remove { key: "new one" }]);
    prop_assert_eq!(back.as_deref(), Ok(text.as_str()), "by way of\n{}", added);
    Ok(())
}

/// Bytes of a text are exchanged, and the rest of it is thrown away, somewhere.
fn damaged(text: &str, damage: &[(usize, char)], cut: usize) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, c) in damage {
        let place = at % (chars.len() + 1);
        if at % 3 == 0 {
            chars.insert(place, *c)
        } else if let Some(old) = chars.get_mut(place) {
            *old = *c
        }
    }
    chars.truncate(chars.len().saturating_sub(cut));
    chars.into_iter().collect()
}

fn nothing_panics(format: Format, container: &[&str], text: &str, changes: &[Owned]) {
    let _ = read_plain(text, format);
    for owned in changes {
        owned.with(|change| {
            let _ = edit(text, format, container, &[*change]);
        });
    }
}

fn damage() -> impl Strategy<Value = (Vec<(usize, char)>, usize)> {
    let signs: Vec<char> = "{}[],:\"'#/*-=.\\\n\r\t &!|>?~\u{feff}é0".chars().collect();
    (prop::collection::vec((any::<usize>(), prop::sample::select(signs)), 0..3), prop_oneof![Just(0), 0..4_usize])
}

proptest! {
    #[test]
    fn json_keeps_what_is_not_changed(case in case(Format::Json)) {
        what_is_not_changed_stays(case)?;
    }

    #[test]
    fn toml_keeps_what_is_not_changed(case in case(Format::Toml)) {
        what_is_not_changed_stays(case)?;
    }

    #[test]
    fn yaml_keeps_what_is_not_changed(case in case(Format::Yaml)) {
        what_is_not_changed_stays(case)?;
    }

    #[test]
    fn json_comes_back(case in case(Format::Json)) {
        let value = case.3[0].value.clone();
        what_was_added_is_taken_out_again(case, &value)?;
    }

    #[test]
    fn toml_comes_back(case in case(Format::Toml)) {
        let value = case.3[0].value.clone();
        what_was_added_is_taken_out_again(case, &value)?;
    }

    #[test]
    fn yaml_comes_back(case in case(Format::Yaml)) {
        let value = case.3[0].value.clone();
        what_was_added_is_taken_out_again(case, &value)?;
    }

    #[test]
    fn damaged_texts_make_nothing_panic(
        case in prop_oneof![case(Format::Json), case(Format::Toml), case(Format::Yaml)],
        (damage, cut) in damage(),
    ) {
        let (document, text, _, changes) = case;
        nothing_panics(document.format, document.container, &damaged(&text, &damage, cut), &changes);
    }

    #[test]
    fn any_text_makes_nothing_panic(text in "\\PC{0,40}|[-{}\\[\\]:,#'\"a =.\n\r\t|>&*!?]{0,40}", list in any::<bool>()) {
        let value = if list { Plain::texts(["x"]) } else { Plain::text("x") };
        let changes: Vec<Owned> = (0..5)
            .map(|kind| Owned { kind, key: "a".to_owned(), path: vec!["a".to_owned()], value: value.clone() })
            .collect();
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            nothing_panics(format, &[], &text, &changes);
            nothing_panics(format, &["a"], &text, &changes);
        }
    }
}
