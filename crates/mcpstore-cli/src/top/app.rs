//! The state of the live view, and what each key does to it. Pure: it reads no terminal and no clock.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use mcpstore::ServiceName;
use mcpstore::monitor::ServiceReport;

use super::model::TopModel;
use super::order::{Sort, rows};

/// By how many characters `←` and `→` move names that have no room.
const PAN_STEP: usize = 8;
/// The longest filter that can be typed: that of a name.
const MAX_FILTER: usize = ServiceName::MAX_LEN;

/// What lies over the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Overlay {
    #[default]
    None,
    Help,
    Graph,
}

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Draw again.
    Draw,
    /// End.
    Quit,
}

/// The live view.
#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    pub(super) model: TopModel,
    /// False before the first model.
    pub(super) loaded: bool,
    /// Why the last refresh failed, until one succeeds.
    pub(super) trouble: Option<String>,
    /// Colours may be used.
    pub(super) color: bool,
    pub(super) sort: Sort,
    pub(super) reverse: bool,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) typing: bool,
    pub(super) overlay: Overlay,
    pub(super) details: bool,
    pub(super) paused: bool,
    /// How many characters of long names are passed over.
    pub(super) pan: usize,
    /// The selected service; kept by its name, wherever it moves to.
    pub(super) selected: Option<ServiceName>,
    /// Where it stood last: what is there is selected when it is gone.
    place: usize,
    /// The first row shown.
    pub(super) offset: usize,
    /// How many rows were shown last.
    pub(super) page: usize,
    /// The first line shown of help or details.
    pub(super) scroll: usize,
    /// How many lines of those were shown last.
    pub(super) pane: usize,
}

impl App {
    /// An empty view.
    pub(crate) fn new(sort: Sort, reverse: bool, color: bool) -> Self {
        Self { sort, reverse, color, ..Self::default() }
    }

    /// Shows this from now on. The selection stays with its service.
    pub(crate) fn set_model(&mut self, model: TopModel) {
        self.model = model;
        self.loaded = true;
        self.trouble = None;
        self.settle();
    }

    /// Tells that a refresh failed; what was known stays.
    pub(crate) fn set_trouble(&mut self, why: &str) {
        self.trouble = Some(crate::output::clean_line(why));
    }

    /// True while nothing is to be refreshed.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Takes a key.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> Reaction {
        if key.kind == KeyEventKind::Release {
            return Reaction::Draw;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Reaction::Quit,
                _ => Reaction::Draw,
            };
        }
        if self.typing {
            self.type_filter(key.code);
            return Reaction::Draw;
        }
        if self.overlay == Overlay::Help && self.scroll_help(key.code) {
            return Reaction::Draw;
        }
        match key.code {
            KeyCode::Char('q') => return Reaction::Quit,
            KeyCode::Esc if !self.close_one() => return Reaction::Quit,
            KeyCode::Esc => {}
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-self.page_step()),
            KeyCode::PageDown => self.step(self.page_step()),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.step(isize::MAX),
            KeyCode::Left => self.pan = self.pan.saturating_sub(PAN_STEP),
            KeyCode::Right => self.pan = (self.pan + PAN_STEP).min(ServiceName::MAX_LEN),
            KeyCode::Enter => (self.details, self.scroll) = (!self.details, 0),
            KeyCode::Char('d') => self.scroll = self.scroll.saturating_add(self.pane.max(1)),
            KeyCode::Char('u') => self.scroll = self.scroll.saturating_sub(self.pane.max(1)),
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.reverse = !self.reverse,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('g') => self.toggle(Overlay::Graph),
            KeyCode::Char('?' | 'h') => self.toggle(Overlay::Help),
            _ => {}
        }
        self.settle();
        Reaction::Draw
    }

    /// The services shown, in order: places in the report.
    pub(super) fn rows(&self) -> Vec<usize> {
        rows(&self.model.report.services, &self.filter, self.sort, self.reverse)
    }

    /// The selected service.
    pub(super) fn selected(&self) -> Option<&ServiceReport> {
        self.model.report_of(self.selected.as_ref()?)
    }

    /// Brings the selected row into view, of which `page` fit.
    pub(super) fn scroll_to(&mut self, rows: &[usize], page: usize) {
        self.page = page;
        let last = rows.len().saturating_sub(page);
        self.offset = self.offset.min(last).max((self.place + 1).saturating_sub(page)).min(self.place);
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Esc => {
                self.filter.clear();
                self.typing = false;
            }
            KeyCode::Enter => self.typing = false,
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.chars().count() < MAX_FILTER && !c.is_control() => self.filter.push(c),
            _ => {}
        }
        self.settle();
    }

    /// In the help there is nothing to select: what selects scrolls. `false`: it is another key.
    fn scroll_help(&mut self, code: KeyCode) -> bool {
        let page = self.pane.max(1);
        self.scroll = match code {
            KeyCode::Up | KeyCode::Char('k') => self.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll.saturating_add(1),
            KeyCode::PageUp => self.scroll.saturating_sub(page),
            KeyCode::PageDown => self.scroll.saturating_add(page),
            KeyCode::Home => 0,
            KeyCode::End => usize::MAX,
            _ => return false,
        };
        true
    }

    fn toggle(&mut self, overlay: Overlay) {
        self.scroll = 0;
        self.overlay = if self.overlay == overlay { Overlay::None } else { overlay };
    }

    /// Closes what lies on top; `false` when there is nothing to close.
    fn close_one(&mut self) -> bool {
        if self.overlay != Overlay::None {
            (self.overlay, self.scroll) = (Overlay::None, 0);
        } else if self.details {
            self.details = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
        } else {
            return false;
        }
        true
    }

    fn page_step(&self) -> isize {
        isize::try_from(self.page.max(1)).unwrap_or(1)
    }

    fn step(&mut self, by: isize) {
        self.scroll = 0;
        let rows = self.rows();
        let place = self.place.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        self.select(&rows, place);
    }

    /// Finds the selected service again where it is now; when it is gone, or filtered out, what stands in its place.
    fn settle(&mut self) {
        let rows = self.rows();
        let services = &self.model.report.services;
        let found = self.selected.as_ref().and_then(|name| rows.iter().position(|at| services[*at].service == *name));
        self.select(&rows, found.unwrap_or(self.place.min(rows.len().saturating_sub(1))));
    }

    fn select(&mut self, rows: &[usize], place: usize) {
        self.place = place;
        self.selected = rows.get(place).map(|at| self.model.report.services[*at].service.clone());
    }
}
