//! The chain as people read it.

use super::chain::{Branch, CriticalChain, Link};
use crate::output::{Term, finish, new_table};

/// The tree with `@when +how long`, and what each of the chain spent its time with.
pub(crate) fn chain_text(found: &CriticalChain, term: &Term) -> String {
    let mut out = String::from(
        "@ when it was ready, from the start of the manager; + how long it took itself; * the slowest chain\n\n",
    );
    for (at, branch) in found.tree.iter().enumerate() {
        out.push_str(&line(branch, &found.tree[at + 1..], term));
    }
    let names: Vec<&str> = found.chain.iter().map(|link| link.service.as_str()).collect();
    out.push_str(&format!("\nchain {}\n", names.join(" → ")));
    let mut table = new_table(&["SERVICE", "READY", "TOOK", "SLOT", "LAUNCH", "HANDSHAKE", "CHECK"], term);
    for Link { service, ready_at, took, steps } in &found.chain {
        let mut row = vec![service.clone(), when(*ready_at)];
        row.extend([*took, steps.slot, steps.launch, steps.handshake, steps.check].map(length));
        table.add_row(row);
    }
    out.push_str(&finish(&mut table));
    out.push_str("SLOT is the wait for a start slot and for what is outside of mcpstore.\n");
    out
}

fn line(branch: &Branch, rest: &[Branch], term: &Term) -> String {
    // A line goes on down where a sister follows before anything that stands higher.
    let last = |depth: usize| !rest.iter().take_while(|next| next.depth >= depth).any(|next| next.depth == depth);
    let mut lead = String::new();
    for depth in 1..=branch.depth {
        lead.push_str(match (depth == branch.depth, last(depth)) {
            (true, true) => "└─",
            (true, false) => "├─",
            (false, true) => "  ",
            (false, false) => "│ ",
        });
    }
    let link = &branch.link;
    let text = match (link.ready_at, branch.again) {
        (Some(_), true) => format!("{} @{} (above)", link.service, when(link.ready_at)),
        (Some(_), false) => format!("{} @{} +{}", link.service, when(link.ready_at), length(link.took)),
        (None, _) => format!("{} is not ready", link.service),
    };
    let mark = if branch.critical && !branch.again { " *" } else { "" };
    let text = if branch.critical { term.paint(33, &text) } else { text };
    format!("{lead}{text}{mark}\n")
}

fn when(at: Option<f64>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("{:.3}s", at.max(0.0)))
}

fn length(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < 1.0 => format!("{:.0}ms", time.max(0.0) * 1_000.0),
        Some(time) => format!("{time:.3}s"),
    }
}
