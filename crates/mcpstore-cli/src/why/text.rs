//! An explanation as people read it.

use super::explain::{Explanation, explain};
use super::model::WhyModel;
use crate::output::{Term, brief, clean_line};

/// How many of the last events are shown.
const EVENTS: usize = 5;

/// The answer, the chain below it, how the service is launched, what happened last, and what to do. `in_command` makes a
/// command of ours what must be typed to reach the same manager.
pub(crate) fn why_text(model: &WhyModel, term: &Term, in_command: &dyn Fn(&str) -> String) -> String {
    let Explanation { answer, chain, fix, .. } = explain(model);
    let mut out = format!("{}\n", clean_line(&answer));
    for because in chain {
        let indent = "  ".repeat(because.depth + 1);
        out.push_str(&format!("{indent}{}\n", clean_line(&because.text)));
    }
    if let Some(launch) = launch(model) {
        out.push_str(&format!("{}\n  {launch}\n", term.paint(1, "launch:")));
    }
    if !model.events.is_empty() {
        out.push_str(&format!("{}\n", term.paint(1, "events:")));
        for event in &model.events[model.events.len().saturating_sub(EVENTS)..] {
            let (from, to) = (event.from.as_deref().unwrap_or("(new)"), event.to.as_deref().unwrap_or("(removed)"));
            let step = if from == to { to.to_owned() } else { format!("{from} → {to}") };
            let detail = event.detail.as_deref().map_or_else(String::new, |text| format!(": {}", brief(text)));
            let words = format!("{} {step} {} {}{detail}", event.time, event.phase, event.reason);
            out.push_str(&format!("  {}\n", clean_line(&words)));
        }
    }
    for one in fix {
        out.push_str(&format!("{} {}\n", term.paint(32, "fix:"), clean_line(&one.say)));
        if let Some(command) = one.run {
            out.push_str(&format!("  {}\n", clean_line(&in_command(&command))));
        }
    }
    out
}

/// How it is started or reached; what may be secret was masked before.
fn launch(model: &WhyModel) -> Option<String> {
    let facts = &model.launch;
    let words: Vec<&str> = facts.command.iter().chain(&facts.args).chain(&facts.url).map(String::as_str).collect();
    (!words.is_empty()).then(|| clean_line(&words.join(" ")))
}
