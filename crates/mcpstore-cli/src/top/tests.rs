//! The pictures of the live view, and what the keys do. `UPDATE_EXPECT=1` writes the pictures anew.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use expect_test::expect_file;
use mcpstore::ServiceName;
use ratatui::Terminal;
use ratatui::backend::{Backend, TestBackend};
use ratatui::style::{Color, Modifier};

use super::app::{App, Reaction};
use super::fixture::{few, many, name};
use super::model::TopModel;
use super::once;
use super::order::Sort;
use crate::views_doc::View;

/// What stands on the screen, without the spaces at the end of its lines.
pub(super) fn screen_text(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character has an empty cell behind it.
            x += u16::try_from(ratatui::text::Span::raw(symbol).width().max(1)).unwrap();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn app(model: TopModel) -> App {
    let mut app = App::new(Sort::Order, false, false);
    app.set_model(model);
    app
}

fn drawn(app: &mut App, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| app.draw(frame)).unwrap();
    terminal
}

pub(super) fn picture(app: &mut App, width: u16, height: u16) -> String {
    screen_text(&drawn(app, width, height))
}

fn press(app: &mut App, keys: &str) -> Reaction {
    keys.chars().fold(Reaction::Draw, |_, c| {
        let code = match c {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⌫' => KeyCode::Backspace,
            '↓' => KeyCode::Down,
            '↑' => KeyCode::Up,
            '→' => KeyCode::Right,
            '←' => KeyCode::Left,
            '⇟' => KeyCode::PageDown,
            '⇞' => KeyCode::PageUp,
            '⇤' => KeyCode::Home,
            '⇥' => KeyCode::End,
            c => KeyCode::Char(c),
        };
        app.on_key(KeyEvent::new(code, KeyModifiers::NONE))
    })
}

fn selected(app: &App) -> &str {
    app.selected.as_ref().map_or("", ServiceName::as_str)
}

/// What the docs show.
pub(crate) fn views() -> Vec<View> {
    let mut few = few();
    // The words of a better server than that of the other tests.
    few.facts[2].why = "exited: exit code 3: no licence".to_owned();
    let shown = |name, model: TopModel, keys: &str| {
        let mut app = app(model);
        press(&mut app, keys);
        // The screen without its empty lines: what they keep apart says the page.
        let text: String =
            picture(&mut app, 80, 24).lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
        View::console(name, "mcpstore top", &text)
    };
    vec![
        shown("top", few.clone(), ""),
        shown("top-details", few.clone(), "⇥⏎"),
        shown("top-graph", few.clone(), "g"),
        shown("top-help", few.clone(), "?"),
        shown("top-300", many(300), "sss⇟"),
        View::console("top-once", "mcpstore top --once", &once::table(&few, Sort::Order, false)),
    ]
}

#[test]
fn three_services() {
    expect_file!["snapshots/3-80x24.txt"].assert_eq(&picture(&mut app(few()), 80, 24));
    expect_file!["snapshots/3-200x50.txt"].assert_eq(&picture(&mut app(few()), 200, 50));
}

#[test]
fn three_hundred_services() {
    let mut app = app(many(300));
    press(&mut app, "⇟⇟↓");
    expect_file!["snapshots/300-80x24.txt"].assert_eq(&picture(&mut app, 80, 24));
    expect_file!["snapshots/300-200x50.txt"].assert_eq(&picture(&mut app, 200, 50));
}

#[test]
fn details_of_what_is_broken() {
    let mut app = app(few());
    press(&mut app, "⇥⏎");
    let text = picture(&mut app, 80, 24);
    expect_file!["snapshots/details-80x24.txt"].assert_eq(&text);
    expect_file!["snapshots/details-200x50.txt"].assert_eq(&picture(&mut app, 200, 50));
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\u{7}']), "{text:?}");
    let mut many = super::tests::app(many(300));
    press(&mut many, "⏎");
    expect_file!["snapshots/details-300-80x24.txt"].assert_eq(&picture(&mut many, 80, 24));
}

#[test]
fn the_graph() {
    let mut app = app(few());
    press(&mut app, "g");
    expect_file!["snapshots/graph-3-80x24.txt"].assert_eq(&picture(&mut app, 80, 24));
    let mut app = super::tests::app(many(300));
    press(&mut app, "g↓↓↓");
    expect_file!["snapshots/graph-300-80x24.txt"].assert_eq(&picture(&mut app, 80, 24));
    expect_file!["snapshots/graph-300-200x50.txt"].assert_eq(&picture(&mut app, 200, 50));
    press(&mut app, "⇥");
    assert!(picture(&mut app, 80, 24).contains(">✓ service-299"), "scrolled to the selected one");
}

#[test]
fn help_and_filter() {
    let mut app = app(few());
    press(&mut app, "?");
    expect_file!["snapshots/help-80x24.txt"].assert_eq(&picture(&mut app, 80, 24));
    press(&mut app, "?/err");
    expect_file!["snapshots/filter-80x24.txt"].assert_eq(&picture(&mut app, 80, 24));
    assert_eq!(selected(&app), "browser");
    press(&mut app, "⌫⌫⌫xyz⏎");
    let text = picture(&mut app, 80, 24);
    assert!(text.contains("no service is let through") && text.contains("filter `xyz`: 0 of 3"), "{text}");
    press(&mut app, "⎋");
    assert_eq!((app.filter.as_str(), selected(&app)), ("", "filesystem"));
}

#[test]
fn at_the_smallest_size_all_can_be_read() {
    let mut app = app(few());
    for (open, key, end) in [("?", "↓", "alert"), ("⇥⏎", "d", "probe_passed")] {
        press(&mut app, open);
        let first = picture(&mut app, 40, 10);
        assert!(first.contains('▼') && first.contains(" more: "), "{first}");
        let mut seen = first.clone();
        for _ in 0..60 {
            press(&mut app, key);
            let next = picture(&mut app, 40, 10);
            if seen.ends_with(&next) {
                break;
            }
            seen.push_str(&next);
        }
        assert!(seen.contains(end) && seen.contains("above: "), "{seen}");
        // Back to the top, and closed.
        press(&mut app, if key == "↓" { "⇤" } else { "uuuuuuuuuuuuuuuuuuuu" });
        assert_eq!(picture(&mut app, 40, 10), first);
        press(&mut app, "⎋");
    }
}

#[test]
fn a_table_says_that_it_goes_on() {
    let mut app = app(many(20));
    let first = picture(&mut app, 80, 24);
    assert!(first.contains("service-016") && first.contains("   ▼ 3 more\n"), "{first}");
    press(&mut app, "⇥");
    let last = picture(&mut app, 80, 24);
    assert!(last.contains("service-019") && !last.contains('▼'), "{last}");
    let mut fits = super::tests::app(many(18));
    assert!(!picture(&mut fits, 80, 24).contains('▼'));
}

#[test]
fn without_room_there_are_words() {
    expect_file!["snapshots/tiny-30x8.txt"].assert_eq(&picture(&mut app(few()), 30, 8));
    let text = picture(&mut app(many(300)), 40, 10);
    assert!(text.contains("SERVICE") && text.contains("service-000"), "{text}");
    for (width, height) in [(1, 1), (0, 0), (39, 50), (200, 9), (12, 3)] {
        let mut app = app(many(300));
        press(&mut app, "g");
        drawn(&mut app, width, height);
    }
}

#[test]
fn no_keys_and_no_size_break_it() {
    const KEYS: [char; 26] = [
        'd', 'u', 'j', 'k', '⇟', '⇞', '⇤', '⇥', '→', '←', '⏎', 'g', '?', 's', 'r', 'p', '/', '0', '⌫', '⎋', 'x', 'é',
        '日', 'e', 'S', '-',
    ];
    for model in [TopModel::default(), few(), many(40)] {
        let mut app = app(model.clone());
        // A fixed sequence that looks like none: the constants are those of a common generator (MINSTD).
        let mut state: u32 = 1;
        for step in 0..2_000_u32 {
            state = u32::try_from(u64::from(state) * 48_271 % 0x7fff_ffff).unwrap();
            press(&mut app, &KEYS[state as usize % KEYS.len()].to_string());
            if step % 7 == 0 {
                drawn(&mut app, u16::try_from(state % 130).unwrap(), u16::try_from(state / 130 % 40).unwrap());
            }
            if step % 50 == 0 {
                let mut fewer = model.clone();
                fewer.report.services.truncate(state as usize % 41);
                app.set_model(fewer);
            }
            let rows = app.rows();
            let shown = app
                .selected
                .as_ref()
                .is_none_or(|name| rows.iter().any(|at| app.model.report.services[*at].service == *name));
            assert!(shown && app.selected.is_none() == rows.is_empty(), "step {step}: {:?}", app.selected);
        }
    }
}

#[test]
fn before_the_first_answer_and_without_services() {
    let mut empty = App::new(Sort::Order, false, false);
    assert!(picture(&mut empty, 80, 24).contains("asking the manager …"));
    press(&mut empty, "↓⏎g?⇟⇞/x⏎");
    drawn(&mut empty, 80, 24);
    let mut none = app(TopModel::default());
    assert!(picture(&mut none, 80, 24).contains("no services"));
    none.set_trouble("no mcpstore is running on /s");
    assert!(picture(&mut none, 80, 24).contains("✗ not refreshed: no mcpstore is running on /s"));
}

#[test]
fn the_selection_stays_with_its_service() {
    let mut app = app(many(300));
    press(&mut app, "↓↓↓");
    assert_eq!(selected(&app), "service-003");
    let mut reordered = many(300);
    reordered.report.services.reverse();
    app.set_model(reordered.clone());
    assert_eq!(selected(&app), "service-003");
    assert!(picture(&mut app, 80, 24).contains(">  service-003"), "it is scrolled into view");
    press(&mut app, "s");
    assert_eq!((app.sort, selected(&app)), (Sort::Service, "service-003"));
    reordered.report.services.retain(|service| service.service != name("service-003"));
    app.set_model(reordered);
    assert_eq!(selected(&app), "service-004", "what took its place");
    press(&mut app, "⇤");
    assert_eq!(selected(&app), "service-000");
    press(&mut app, "↑⇞⇥⇟j");
    assert_eq!(selected(&app), "service-299", "it stops at both ends");
    drawn(&mut app, 80, 24);
    press(&mut app, "⇞k");
    assert_eq!(selected(&app), "service-281", "a page is what is shown beside the count: 17, and one by `k`");
}

#[test]
fn names_and_states_are_never_cut_short_for_good() {
    let mut model = few();
    let long = format!("a{}z", "-".repeat(62));
    model.report.services[0].service = name(&long);
    let mut app = app(model);
    let text = picture(&mut app, 120, 24);
    assert!(text.contains(&long) && text.contains("✓ running"), "{text}");
    let text = picture(&mut app, 60, 24);
    assert!(text.contains("›  ✓ running") && text.contains(">  a---"), "{text}");
    press(&mut app, "→→→→→→→→→→");
    let text = picture(&mut app, 60, 24);
    assert!(text.contains("z  ✓ running") && text.contains('‹'), "{text}");
    assert!(text.contains(" ! browser "), "short ones stay: {text}");
    press(&mut app, "←←←←←←←←←←");
    assert!(picture(&mut app, 60, 24).contains(">  a---"));
}

#[test]
fn escape_closes_one_thing_after_the_other() {
    let mut app = app(few());
    press(&mut app, "/e⏎⏎g");
    assert_eq!(press(&mut app, "⎋⎋⎋"), Reaction::Draw);
    assert_eq!(press(&mut app, "⎋"), Reaction::Quit);
    assert_eq!(press(&mut app, "q"), Reaction::Quit);
    press(&mut app, "/");
    assert_eq!(press(&mut app, "q"), Reaction::Draw, "a letter of the filter");
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.on_key(interrupt), Reaction::Quit, "from everywhere");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let colours = |color: bool| -> usize {
        let mut app = App::new(Sort::Order, false, color);
        app.set_model(few());
        press(&mut app, "⏎");
        let terminal = drawn(&mut app, 120, 30);
        let cells = &terminal.backend().buffer().content;
        assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)), "the selected row");
        cells.iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(colours(true) > 0);
    assert_eq!(colours(false), 0);
    let mut plain = App::new(Sort::Order, false, false);
    plain.set_model(few());
    let mut bright = App::new(Sort::Order, false, true);
    bright.set_model(few());
    assert_eq!(picture(&mut plain, 80, 24), picture(&mut bright, 80, 24));
}

#[test]
fn printed_once() {
    expect_file!["snapshots/once.txt"].assert_eq(&once::table(&few(), Sort::Order, false));
    assert_eq!(once::names(&few(), Sort::State, true), "search\nfilesystem\nbrowser\n");
    assert_eq!(once::table(&many(300), Sort::Cpu, false).lines().count(), 301);
}

#[test]
fn the_model_travels() {
    for model in [few(), many(300), TopModel::default()] {
        let json = serde_json::to_string(&model).unwrap();
        let read: TopModel = serde_json::from_str(&json).unwrap();
        // Numbers may differ in their last bit.
        assert_eq!((&read.facts, &read.alerts), (&model.facts, &model.alerts));
        let shown = |model: TopModel| picture(&mut app(model), 200, 50);
        assert_eq!(shown(read), shown(model));
    }
}

#[test]
fn a_picture_of_many_is_made_fast() {
    let mut app = app(many(300));
    let began = std::time::Instant::now();
    for _ in 0..10 {
        press(&mut app, "↓");
        drawn(&mut app, 200, 50);
    }
    // Usually a few milliseconds each, unoptimised.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    let size = drawn(&mut app, 200, 50).backend().size().unwrap();
    assert_eq!((size.width, size.height), (200, 50));
}
