//! `start`, `stop`, `restart`, `reset`, `remove`, `wait`.

use std::time::Duration;

use super::Session;
use crate::args::{Format, ResetArgs, VerbArgs, WaitArgs};
use crate::control::Progress;
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::output::{self, Schema, VerbDoc, brief, short_duration, talk};
use crate::quote::quoted;
use crate::select::Select;

/// `start`, `stop` and `restart`.
pub(super) async fn run(session: &Session<'_>, op: Op, args: &VerbArgs) -> anyhow::Result<Exit> {
    let mut request = Request::about(op, args.select.select());
    (request.force, request.wait, request.timeout_ms) = (args.force, args.wait, millis(args.timeout));
    carry_out(session, &request).await
}

/// `reset`.
pub(super) async fn reset(session: &Session<'_>, args: &ResetArgs) -> anyhow::Result<Exit> {
    carry_out(session, &Request::about(Op::Reset, args.select.select())).await
}

/// Removes services from a manager that has them from no file; waits until what was stopped for it is gone.
pub(super) async fn remove(session: &Session<'_>, select: &Select, force: bool) -> anyhow::Result<Exit> {
    let mut request = Request::about(Op::Remove, select.clone());
    (request.force, request.wait) = (force, true);
    carry_out(session, &request).await
}

/// `wait`.
pub(super) async fn wait(session: &Session<'_>, args: &WaitArgs) -> anyhow::Result<Exit> {
    let mut request = Request::about(Op::Wait, args.select.select());
    (request.goal, request.timeout_ms) = (Some(args.goal.clone()), millis(args.timeout));
    carry_out(session, &request).await
}

/// Waits until these run.
pub(super) async fn wait_running(
    session: &Session<'_>,
    names: Vec<String>,
    timeout: Option<Duration>,
) -> anyhow::Result<Exit> {
    let mut request = Request::about(Op::Wait, Select { all: false, patterns: names });
    (request.goal, request.timeout_ms) = (Some("running".to_owned()), millis(timeout));
    // Its document was printed already.
    let global = crate::args::Global { output: Format::Auto, ..session.global.clone() };
    let quiet = Session { client: session.client.clone(), global: &global, term: session.term };
    carry_out(&quiet, &request).await
}

async fn carry_out(session: &Session<'_>, request: &Request) -> anyhow::Result<Exit> {
    let told = std::cell::Cell::new(false);
    let done: VerbDoc = session
        .client
        .stream(request, |progress: Progress| {
            // A removal is told when it is done; only with --force something is stopped before, which takes its time.
            let silent = request.op == Op::Remove && !matches!(progress, Progress::Failed(_)) && !request.force;
            if !silent {
                told.set(told.get() || matches!(progress, Progress::Accepted(_)));
                tell(&progress);
            }
            Ok(())
        })
        .await?;
    if !told.get() && request.op != Op::Wait {
        tell_what_happens(&done, true);
    }
    if let Some(next) = next_command(&done) {
        talk(&format!("try: {}", session.global.in_command(&next)));
    }
    match session.global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.command/1", &done))?,
        Format::Name => {
            for name in &done.affected {
                output::print(&format!("{name}\n"))?;
            }
        }
        Format::Auto | Format::Table | Format::Wide => {}
    }
    Ok(done.exit())
}

/// What to try when not everything went well.
fn next_command(done: &VerbDoc) -> Option<String> {
    let look = |name: &str| format!("mcpstore why {}", quoted(name));
    let failed = done.failed.first().map(|failure| look(&failure.name));
    let refused = done.refused.first().map(|refusal| refusal.next.clone());
    failed.or(refused)
}

fn tell(progress: &Progress) {
    match progress {
        Progress::Accepted(done) => tell_what_happens(done, false),
        Progress::Reached { name, state, after_ms } => {
            let time = short_duration(Duration::from_millis(*after_ms));
            match state {
                Some(state) => talk(&format!("  {name} {}  {time}", output::state_cell(state))),
                None => talk(&format!("  {name} removed  {time}")),
            }
        }
        Progress::Failed(failure) => talk(&format!("  {} ✗ {}", failure.name, brief(&failure.message))),
    }
}

/// Says what a command sets in motion (or, at its `end`, has done), what it need not, and what it may not.
fn tell_what_happens(done: &VerbDoc, end: bool) {
    for line in sentences(done, end) {
        talk(&line);
    }
}

fn sentences(done: &VerbDoc, end: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let doing = match done.verb.as_str() {
        "stop" => "stopping",
        "restart" => "restarting",
        "reset" => "reset",
        "remove" if end => "removed",
        "remove" => "removing",
        _ => "starting",
    };
    let already = match done.verb.as_str() {
        "stop" => "already stopped",
        "reset" => "nothing to reset",
        _ => "already running",
    };
    let failed = |name: &&String| end && done.failed.iter().any(|failure| failure.name == **name);
    let affected: Vec<&str> = done.affected.iter().filter(|name| !failed(name)).map(String::as_str).collect();
    if !affected.is_empty() {
        lines.push(format!("{doing} {}: {}", services(affected.len()), affected.join(", ")));
    }
    if !done.already.is_empty() {
        lines.push(format!("{already}: {}", done.already.join(", ")));
    }
    for refusal in &done.refused {
        lines.push(format!("{} refused: {}", refusal.name, refusal.why));
    }
    if lines.is_empty() && done.failed.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    lines
}

/// "1 service", "3 services".
pub(super) fn services(count: usize) -> String {
    if count == 1 { "1 service".to_owned() } else { format!("{count} services") }
}

fn millis(time: Option<Duration>) -> Option<u64> {
    time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Refusal, WaitFailure};

    #[test]
    fn a_verb_says_what_it_does() {
        let names = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
        let mut doc = VerbDoc { verb: "stop".into(), affected: names("web api db"), ..VerbDoc::default() };
        assert_eq!(sentences(&doc, false), ["stopping 3 services: web, api, db"]);
        doc = VerbDoc { verb: "start".into(), already: names("api"), ..VerbDoc::default() };
        assert_eq!(sentences(&doc, false), ["already running: api"]);
        assert_eq!(doc.exit(), Exit::Done);
        doc.refused.push(Refusal { name: "x".into(), why: "it is active".into(), next: "mcpstore status x".into() });
        assert_eq!(sentences(&doc, false)[1], "x refused: it is active");
        assert_eq!(doc.exit(), Exit::Refused);
        let failed = |exit: Exit| WaitFailure { name: "y".into(), message: "no".into(), exit: exit.code() };
        assert_eq!(next_command(&doc).as_deref(), Some("mcpstore status x"));
        doc.failed = vec![failed(Exit::Failed), failed(Exit::TimedOut)];
        assert_eq!(doc.exit(), Exit::TimedOut, "a time-out tells more than a failure");
        let done = |verb: &str, affected: &str, already: &str| VerbDoc {
            verb: verb.into(),
            affected: names(affected),
            already: names(already),
            ..VerbDoc::default()
        };
        assert_eq!(sentences(&done("reset", "x", "y"), true), ["reset 1 service: x", "nothing to reset: y"]);
        assert_eq!(sentences(&done("remove", "x dep", ""), true), ["removed 2 services: x, dep"]);
        assert_eq!(sentences(&done("remove", "x dep", ""), false), ["removing 2 services: x, dep"]);
        assert_eq!(sentences(&VerbDoc::default(), false), ["nothing to do"]);
    }
}
