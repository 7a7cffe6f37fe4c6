//! The pinned tools of one service, and what a new list of tools is measured by.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use crate::Fingerprint;

/// Tools of one service that are pinned. What comes on top is held back.
pub const MAX_PINNED_TOOLS: usize = 10_000;

/// The longest name of a tool that is pinned, in bytes. One with a longer name is held back.
pub const MAX_TOOL_NAME_BYTES: usize = 256;

/// Texts of definitions that are kept of one service, in bytes; beyond it fingerprints alone are kept.
pub(super) const MAX_TEXTS_BYTES: usize = 16 * 1024 * 1024;

/// What becomes of a tool that a known service did not have before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewTools {
    /// It is pinned and passes. The default.
    #[default]
    Allow,
    /// It is held back until it is approved.
    Quarantine,
}

/// What was found about a list of tools. All names are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Seen for the first time, and pinned.
    pub fresh: Vec<String>,
    /// As they are pinned.
    pub same: Vec<String>,
    /// Held back: another definition than the pinned one, or a new tool that must be approved first.
    pub changed: Vec<Change>,
    /// Held back: beyond [`MAX_PINNED_TOOLS`] or [`MAX_TOOL_NAME_BYTES`], and so never pinned.
    pub beyond: Vec<String>,
    /// Nothing was known of the service before.
    pub first_sight: bool,
}

impl Verdict {
    /// True when clients may see and call this tool.
    #[must_use]
    pub fn allows(&self, tool: &str) -> bool {
        self.changed.binary_search_by(|change| change.tool.as_str().cmp(tool)).is_err()
            && self.beyond.binary_search_by(|name| name.as_str().cmp(tool)).is_err()
    }
}

/// A definition that waits for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The tool, as its server calls it.
    pub tool: String,
    /// What is pinned; `None`: a new tool.
    pub before: Option<Definition>,
    /// What the server says now.
    pub after: Definition,
}

/// What came of an approval. All names are as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Pinned anew.
    pub approved: Vec<String>,
    /// Nothing waits for approval under this name, or something else than what was shown.
    pub refused: Vec<String>,
}

/// The pinned tools of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePins {
    pub(super) tools: BTreeMap<String, Pin>,
    /// A list of the service was seen before.
    pub(super) known: bool,
}

/// One tool. At least one of the two is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) approved: Option<Definition>,
    /// What the server says instead, and waits for approval.
    pub(super) pending: Option<Definition>,
}

impl ServicePins {
    /// Measures a list of tools, by name and definition, and takes over what it says. True: the record is another one now.
    ///
    /// A tool that is not in the list stays pinned. One that goes back to its pinned definition waits for nothing any more.
    /// A name that is there twice is as pinned when all its entries are.
    pub fn judge(&mut self, tools: &[(&str, Definition)], new_tools: NewTools) -> (Verdict, bool) {
        let first_sight = !self.known;
        let mut dirty = !std::mem::replace(&mut self.known, true);
        let mut room = MAX_TEXTS_BYTES.saturating_sub(self.text_bytes());
        let (mut fresh, mut same) = (BTreeSet::new(), BTreeSet::new());
        let (mut changed, mut beyond) = (BTreeSet::new(), BTreeSet::new());
        for (name, definition) in tools {
            let name = *name;
            let full = self.tools.len() >= MAX_PINNED_TOOLS && !self.tools.contains_key(name);
            if full || name.len() > MAX_TOOL_NAME_BYTES {
                beyond.insert(name);
                continue;
            }
            let Some(pin) = self.tools.get_mut(name) else {
                let kept = Some(fitted(definition, &mut room));
                let passes = first_sight || new_tools == NewTools::Allow;
                let pin =
                    if passes { Pin { approved: kept, pending: None } } else { Pin { approved: None, pending: kept } };
                if passes {
                    fresh.insert(name)
                } else {
                    changed.insert(name)
                };
                self.tools.insert(name.to_owned(), pin);
                dirty = true;
                continue;
            };
            if is(pin.approved.as_ref(), definition) {
                if !fresh.contains(name) {
                    same.insert(name);
                }
            } else if changed.insert(name) && !is(pin.pending.as_ref(), definition) {
                room = room.saturating_add(pin.pending.as_ref().map_or(0, Definition::text_bytes));
                pin.pending = Some(fitted(definition, &mut room));
                dirty = true;
            }
        }
        for name in same.difference(&changed) {
            dirty |= self.tools.get_mut(*name).is_some_and(|pin| pin.pending.take().is_some());
        }
        let owned = |names: &BTreeSet<&str>| names.difference(&changed).map(|&name| name.to_owned()).collect();
        let verdict = Verdict {
            fresh: owned(&fresh),
            same: owned(&same),
            changed: changed.iter().filter_map(|name| self.change(name)).collect(),
            beyond: beyond.iter().map(|&name| name.to_owned()).collect(),
            first_sight,
        };
        (verdict, dirty)
    }

    /// Everything that waits for approval, sorted by tool.
    #[must_use]
    pub fn pending(&self) -> Vec<Change> {
        self.tools.keys().filter_map(|name| self.change(name)).collect()
    }

    /// Pins what waits for approval under these names, if it is what was shown: the fingerprint says which that was.
    pub fn approve(&mut self, shown: &[(String, Fingerprint)]) -> Approved {
        let mut outcome = Approved::default();
        for (name, fingerprint) in shown {
            let pin = self.tools.get_mut(name);
            let pending = pin.and_then(|pin| {
                let stands = pin.pending.as_ref().is_some_and(|pending| pending.fingerprint() == *fingerprint);
                let pending = if stands { pin.pending.take() } else { None };
                pending.map(|pending| pin.approved = Some(pending))
            });
            if pending.is_some() { &mut outcome.approved } else { &mut outcome.refused }.push(name.clone());
        }
        outcome
    }

    /// The pinned definition of a tool; `None`: it has none, or none that was approved.
    #[must_use]
    pub fn pinned(&self, tool: &str) -> Option<&Definition> {
        self.tools.get(tool)?.approved.as_ref()
    }

    /// How many tools are pinned, or wait to be.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// True when nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    fn change(&self, tool: &str) -> Option<Change> {
        let pin = self.tools.get(tool)?;
        let after = pin.pending.clone()?;
        Some(Change { tool: tool.to_owned(), before: pin.approved.clone(), after })
    }

    fn text_bytes(&self) -> usize {
        let definitions = self.tools.values().flat_map(|pin| [&pin.approved, &pin.pending]).flatten();
        definitions.map(Definition::text_bytes).sum()
    }
}

fn is(pinned: Option<&Definition>, definition: &Definition) -> bool {
    pinned.is_some_and(|pinned| pinned.fingerprint() == definition.fingerprint())
}

/// The definition with its text, where there is room for that.
fn fitted(definition: &Definition, room: &mut usize) -> Definition {
    let bytes = definition.text_bytes();
    if bytes > *room {
        return definition.without_text();
    }
    *room -= bytes;
    definition.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &'static str, description: &str) -> (&'static str, Definition) {
        (name, Definition::of(&format!(r#"{{"name":"{name}","description":"{description}"}}"#)))
    }

    /// `fresh|same|changed|beyond`, each by name.
    fn shown(verdict: &Verdict) -> String {
        let changed: Vec<_> = verdict.changed.iter().map(|change| change.tool.clone()).collect();
        [&verdict.fresh, &verdict.same, &changed, &verdict.beyond].map(|names| names.join(",")).join("|")
    }

    #[test]
    fn the_first_sight_pins_and_a_change_is_held_until_it_is_approved() {
        let mut pins = ServicePins::default();
        let (verdict, dirty) = pins.judge(&[tool("b", "1"), tool("a", "1")], NewTools::Quarantine);
        assert_eq!((shown(&verdict).as_str(), verdict.first_sight, dirty), ("a,b|||", true, true));
        let (verdict, dirty) = pins.judge(&[tool("a", "1"), tool("b", "1")], NewTools::Quarantine);
        assert_eq!((shown(&verdict).as_str(), verdict.first_sight, dirty), ("|a,b||", false, false));

        let (verdict, dirty) = pins.judge(&[tool("a", "1"), tool("b", "2")], NewTools::Allow);
        assert_eq!((shown(&verdict).as_str(), dirty), ("|a|b|", true));
        assert!(verdict.allows("a") && !verdict.allows("b"));
        let change = &verdict.changed[0];
        assert_eq!(change.before.as_ref(), Some(&tool("b", "1").1));
        assert_eq!(change.after, tool("b", "2").1);
        assert_eq!(pins.pending(), verdict.changed);
        assert!(!pins.judge(&[tool("b", "2")], NewTools::Allow).1, "known already");

        // What was shown is approved, and nothing else.
        let wrong =
            pins.approve(&[("b".into(), tool("b", "3").1.fingerprint()), ("a".into(), tool("a", "1").1.fingerprint())]);
        assert_eq!(wrong, Approved { approved: vec![], refused: vec!["b".into(), "a".into()] });
        let right = pins.approve(&[("b".into(), change.after.fingerprint())]);
        assert_eq!(right, Approved { approved: vec!["b".into()], refused: vec![] });
        assert_eq!(shown(&pins.judge(&[tool("b", "2")], NewTools::Allow).0), "|b||");
        assert_eq!(shown(&pins.judge(&[tool("b", "1")], NewTools::Allow).0), "||b|", "the old one is a change now");
    }

    #[test]
    fn one_that_goes_back_is_itself_and_one_that_is_gone_stays_pinned() {
        let mut pins = ServicePins::default();
        pins.judge(&[tool("a", "1"), tool("b", "1")], NewTools::Allow);
        pins.judge(&[tool("a", "2")], NewTools::Allow);
        let (verdict, dirty) = pins.judge(&[tool("a", "1")], NewTools::Allow);
        assert_eq!((shown(&verdict).as_str(), dirty, pins.pending().len()), ("|a||", true, 0));
        pins.judge(&[], NewTools::Allow);
        assert_eq!(shown(&pins.judge(&[tool("b", "2")], NewTools::Allow).0), "||b|");
    }

    #[test]
    fn new_tools_of_a_known_service_are_as_the_policy_says() {
        let mut pins = ServicePins::default();
        pins.judge(&[], NewTools::Quarantine);
        let (verdict, _) = pins.judge(&[tool("a", "1")], NewTools::Allow);
        assert_eq!((shown(&verdict).as_str(), verdict.first_sight), ("a|||", false));
        let (verdict, _) = pins.judge(&[tool("a", "1"), tool("b", "1")], NewTools::Quarantine);
        assert_eq!((shown(&verdict).as_str(), verdict.changed[0].before.is_none()), ("|a|b|", true));
        assert_eq!(pins.pinned("b"), None);
        pins.approve(&[("b".into(), tool("b", "1").1.fingerprint())]);
        assert_eq!(shown(&pins.judge(&[tool("b", "1")], NewTools::Quarantine).0), "|b||");
    }

    #[test]
    fn a_name_that_is_there_twice_must_be_itself_twice() {
        let mut pins = ServicePins::default();
        let twice = [tool("a", "1"), tool("a", "2"), tool("a", "3")];
        assert_eq!(shown(&pins.judge(&twice, NewTools::Allow).0), "||a|");
        assert_eq!(pins.judge(&twice, NewTools::Allow), (pins.judge(&twice, NewTools::Allow).0, false));
        assert_eq!(shown(&pins.judge(&[tool("a", "1"), tool("a", "1")], NewTools::Allow).0), "|a||");
    }

    #[test]
    fn names_tools_and_texts_have_bounds() {
        let mut pins = ServicePins::default();
        let names: Vec<String> = (0..=MAX_PINNED_TOOLS).map(|n| format!("t{n:05}")).collect();
        let small = Definition::of("{}");
        let long = "x".repeat(MAX_TOOL_NAME_BYTES + 1);
        let mut tools: Vec<(&str, Definition)> = names.iter().map(|name| (name.as_str(), small.clone())).collect();
        tools.insert(0, (&long, small));
        let (verdict, _) = pins.judge(&tools, NewTools::Allow);
        assert_eq!(
            (verdict.fresh.len(), verdict.beyond),
            (MAX_PINNED_TOOLS, vec![names[MAX_PINNED_TOOLS].clone(), long.clone()])
        );
        assert!(!pins.judge(&tools, NewTools::Allow).0.allows(&long));

        let mut pins = ServicePins::default();
        let texts: Vec<Definition> =
            (0..100).map(|n| Definition::of(&format!(r#"{{"description":"{n}{}"}}"#, "x".repeat(200_000)))).collect();
        let tools: Vec<(&str, Definition)> = names.iter().map(String::as_str).zip(texts).collect();
        assert_eq!(pins.judge(&tools, NewTools::Allow).0.fresh.len(), 100);
        assert!(pins.text_bytes() <= MAX_TEXTS_BYTES && pins.text_bytes() > MAX_TEXTS_BYTES - 210_000);
        assert_eq!(pins.judge(&tools, NewTools::Allow).0.same.len(), 100, "known by their fingerprints");
    }
}
