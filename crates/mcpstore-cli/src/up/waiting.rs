//! Tools that are not what they were, as the manager tells of them.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore::ServiceName;
use mcpstore::types::visible_text;
use tokio::sync::{mpsc, watch};

use crate::args::Global;
use crate::quote::quoted;

/// Tools that are named in one line.
const NAMED: usize = 5;

/// Tells of each tool that begins to wait for approval, until either side is gone.
pub(super) async fn tell(
    mut waiting: watch::Receiver<BTreeMap<ServiceName, BTreeSet<String>>>,
    told: mpsc::Sender<Vec<String>>,
    global: Global,
) {
    let mut before = BTreeMap::new();
    loop {
        let now = waiting.borrow_and_update().clone();
        let lines = lines(&before, &now, &global);
        if !lines.is_empty() && told.send(lines).await.is_err() {
            return;
        }
        before = now;
        if waiting.changed().await.is_err() {
            return;
        }
    }
}

fn lines(
    before: &BTreeMap<ServiceName, BTreeSet<String>>,
    now: &BTreeMap<ServiceName, BTreeSet<String>>,
    global: &Global,
) -> Vec<String> {
    let mut out = Vec::new();
    for (service, tools) in now {
        let known = before.get(service);
        let fresh: Vec<&String> =
            tools.iter().filter(|tool| known.is_none_or(|known| !known.contains(*tool))).collect();
        if fresh.is_empty() {
            continue;
        }
        let mut named: Vec<String> = fresh.iter().take(NAMED).map(|tool| format!("`{}`", visible_text(tool))).collect();
        if fresh.len() > NAMED {
            named.push(format!("{} more", fresh.len() - NAMED));
        }
        let (of, are) = if fresh.len() == 1 { ("the tool", "is") } else { ("the tools", "are") };
        let next = global.in_command(&format!("mcpstore approve {}", quoted(service.as_str())));
        out.push(format!(
            "{of} {} of `{service}` {are} not as approved; to see what changed: {next}",
            named.join(", ")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(tools: &[&str]) -> BTreeMap<ServiceName, BTreeSet<String>> {
        [(ServiceName::new("api").unwrap(), tools.iter().map(ToString::to_string).collect())].into()
    }

    #[test]
    fn each_is_told_once_and_cannot_write_on_the_screen() {
        let global = Global::default();
        let first = lines(&BTreeMap::new(), &waiting(&["a"]), &global);
        assert_eq!(first, ["the tool `a` of `api` is not as approved; to see what changed: mcpstore approve api"]);
        assert!(lines(&waiting(&["a"]), &waiting(&["a"]), &global).is_empty());
        assert!(lines(&waiting(&["a"]), &BTreeMap::new(), &global).is_empty());
        let more = lines(&waiting(&["a"]), &waiting(&["a", "b\u{1b}[2J", "c", "d", "e", "f", "g", "h"]), &global);
        assert!(more[0].starts_with("the tools `b\\u{1b}[2J`, `c`, `d`, `e`, `f`, 2 more of `api` are"), "{more:?}");
    }
}
