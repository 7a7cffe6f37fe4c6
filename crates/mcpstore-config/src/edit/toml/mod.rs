//! TOML: a list of lines that name what they set. An object may be a section, dotted keys, or between brackets.

mod plan;
mod read;
mod scan;
mod write;

pub(super) use read::read;

use super::error::EditError;
use super::op::{Action, Op, Step, Todo};
use super::splice::Splices;
use crate::Plain;

/// Does what is to be done, and gives the new text.
pub(super) fn apply(text: &str, ops: Vec<Op>) -> Result<String, EditError> {
    let mut gone: Vec<Op> = ops.iter().filter(|op| matches!(op.action, Action::Remove)).cloned().collect();
    let (mut edited, later) = pass(text, ops)?;
    gone.extend(later.iter().cloned());
    if !gone.is_empty() {
        // An object that only its members named is not there any more without them.
        let empty = vanished(&read(&edited).map_err(|_| EditError::Unsafe)?, &gone);
        if !empty.is_empty() {
            edited = pass(&edited, empty)?.0;
        }
    }
    if later.is_empty() { Ok(edited) } else { Ok(pass(&edited, later)?.0) }
}

fn pass(text: &str, ops: Vec<Op>) -> Result<(String, Vec<Op>), EditError> {
    let mut out = Splices::default();
    let later = plan::plan(text, &Todo::new(ops), &mut out)?;
    Ok((out.apply(text).ok_or(EditError::Unsafe)?, later))
}

/// What must be written for the objects and lists that the last member was taken out of, and that are gone with it.
fn vanished(root: &Plain, gone: &[Op]) -> Vec<Op> {
    let mut empty: Vec<Op> = Vec::new();
    let mut looked_at: Option<&[Step]> = None;
    for op in gone {
        // Most of them are about one container.
        if looked_at == Some(&op.at) {
            continue;
        }
        looked_at = Some(&op.at);
        let mut at = root;
        let there = op.at.iter().take_while(|step| match inner(at, step) {
            Some(value) => {
                at = value;
                true
            }
            None => false,
        });
        let there = there.count();
        let Some(step) = op.at.get(there) else { continue };
        let last = match op.step {
            Step::Key(_) => Plain::Object(Vec::new()),
            Step::Index(_) => Plain::List(Vec::new()),
        };
        let value = op.at[there + 1..].iter().rev().fold(last, |value, step| match step {
            Step::Key(key) => Plain::Object(vec![(key.clone(), value)]),
            Step::Index(_) => Plain::List(vec![value]),
        });
        let again = |other: &Op| other.at == op.at[..there] && other.step == *step;
        if !empty.iter().any(again) {
            let at = op.at[..there].to_vec();
            empty.push(Op { at, step: step.clone(), action: Action::Insert(value), section: op.section });
        }
    }
    empty
}

fn inner<'p>(value: &'p Plain, step: &Step) -> Option<&'p Plain> {
    match (value, step) {
        (Plain::Object(_), Step::Key(key)) => value.get(key),
        (Plain::List(list), Step::Index(at)) => list.get(*at),
        _ => None,
    }
}
