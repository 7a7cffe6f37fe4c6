//! `docs/views.md` shows what is really drawn: between its marks stands what the views give. `UPDATE_EXPECT=1` writes it anew.

use std::path::PathBuf;

use crate::{critical, doctor, metrics_view, top, why};

/// A block that the page has between `<!-- view: NAME -->` and `<!-- end -->`.
pub(crate) struct View {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

impl View {
    /// A view in a fence, with the command that shows it.
    pub(crate) fn console(name: &'static str, command: &str, text: &str) -> Self {
        Self { name, text: format!("```console\n$ {command}\n{}\n```\n", text.trim_end()) }
    }

    /// A part of the page itself.
    pub(crate) fn markdown(name: &'static str, text: String) -> Self {
        Self { name, text }
    }
}

/// The page with every view in its place.
fn filled(page: &str, views: &[View]) -> Result<String, String> {
    let mut out = page.to_owned();
    for view in views {
        let mark = format!("<!-- view: {} -->\n", view.name);
        let Some(from) = out.find(&mark).map(|at| at + mark.len()) else {
            return Err(format!("the page has no mark for `{}`", view.name));
        };
        let Some(length) = out[from..].find("<!-- end -->") else {
            return Err(format!("the view `{}` has no end", view.name));
        };
        out.replace_range(from..from + length, &format!("\n{}\n", view.text));
    }
    match page.matches("<!-- view: ").count() {
        count if count == views.len() => Ok(out),
        count => Err(format!("the page has {count} marks for {} views", views.len())),
    }
}

#[test]
fn the_page_shows_what_is_drawn() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/views.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let views: Vec<View> = [
        top::tests::views(),
        why::tests::views(),
        metrics_view::tests::views(),
        critical::tests::views(),
        doctor::tests::views(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let expected = filled(&page, &views).unwrap();
    if page != expected && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    assert!(page == expected, "docs/views.md shows something else: run this test with UPDATE_EXPECT=1");
}

#[test]
fn a_page_without_its_marks_is_noticed() {
    let view = || View::console("a", "ls", "x\n\n");
    let page = "# P\n<!-- view: a -->\nold\n<!-- end -->\nrest\n";
    let good = filled(page, &[view()]).unwrap();
    assert_eq!(good, "# P\n<!-- view: a -->\n\n```console\n$ ls\nx\n```\n\n<!-- end -->\nrest\n");
    assert_eq!(filled(&good, &[view()]).unwrap(), good);
    assert!(filled("# P\n", &[view()]).is_err() && filled(page, &[]).is_err());
    assert!(filled("<!-- view: a -->\n", &[view()]).is_err());
}
