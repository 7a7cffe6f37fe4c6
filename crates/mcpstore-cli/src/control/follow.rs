//! Logs and events: what there is, and what comes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mcpstore::observe::Record;
use mcpstore::transport::LogRing;
use mcpstore::types::Timestamp;
use mcpstore::{ServiceName, Supervisor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connection::{Items, raw};
use super::protocol::Request;
use super::server::Context;
use crate::exit::{Exit, Failure};
use crate::output::{EventDoc, LogDoc, event_doc, log_doc, past_event_doc, rfc3339};

/// Lines that wait for a slow client; behind them the servers' own rings fill and count.
const QUEUE: usize = 256;

/// One thing in a stream.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Streamed {
    Log(LogDoc),
    Event(EventDoc),
    /// So many were overwritten before this reader came to them.
    Missed(u64),
    /// A manager with this process began here; the numbers of its events begin anew.
    Manager {
        pid: u32,
        time: String,
        killed: bool,
    },
}

/// Sends the last lines of the services selected, in the order of time, and then those to come.
pub(super) async fn logs(request: &Request, context: &Context, items: &mut Items) -> Result<Box<RawValue>, Failure> {
    let supervisor = context.store.supervisor();
    let infos = request.target.infos(&supervisor.snapshot())?;
    let keep = request.lines.unwrap_or(usize::MAX);
    let mut seen = Vec::new();
    let mut lines = Vec::new();
    for info in &infos {
        let mut tail = info.logs.tail(keep);
        // Lines that are not shown because fewer were asked for are seen all the same.
        let last = tail.last().map(|line| line.seq).or(info.logs.tail(1).last().map(|line| line.seq));
        let last = last.unwrap_or(0);
        // Why a service died stands at the end of the life before this one; who follows wants what comes.
        if let Some(before) = info.previous_logs.as_ref().filter(|_| !request.follow) {
            let mut both = before.tail(keep.saturating_sub(tail.len()));
            both.append(&mut tail);
            tail = both;
        }
        seen.push((info.name().clone(), last));
        lines.extend(tail.into_iter().map(|line| (line, info.name().clone())));
    }
    lines.sort_by_key(|(line, _)| line.at);
    for (line, name) in &lines {
        items.send(&Streamed::Log(log_doc(name, line))).await?;
    }
    if request.follow {
        let (send, mut receive) = mpsc::channel(QUEUE);
        let mut followers = JoinSet::new();
        for (name, last) in seen {
            followers.spawn(follow(context.clone(), name, last, send.clone()));
        }
        drop(send);
        while let Some(streamed) = receive.recv().await {
            items.send(&streamed).await?;
        }
    }
    raw(&serde_json::json!({}))
}

/// Follows one service over all its lives, until it is removed or the manager ends.
async fn follow(context: Context, name: ServiceName, mut seen: u64, send: mpsc::Sender<Streamed>) {
    let supervisor = context.store.supervisor();
    let mut versions = supervisor.versions();
    let Some(mut ring) = ring_of(supervisor, &name) else { return };
    loop {
        versions.mark_unchanged();
        let newest = ring_of(supervisor, &name);
        // The old life's last lines come before the new one's first.
        if drain(&ring, &name, &mut seen, &send).await.is_none() {
            return;
        }
        match newest {
            None => return,
            Some(newest) if !Arc::ptr_eq(&newest, &ring) => {
                ring = newest;
                continue;
            }
            Some(_) => {}
        }
        tokio::select! {
            () = ring.changed(seen) => {}
            changed = versions.changed() => if changed.is_err() { return },
            () = context.closed() => {
                drain(&ring, &name, &mut seen, &send).await;
                return;
            }
        }
    }
}

/// Sends what is new; `None` when nobody listens.
async fn drain(ring: &LogRing, name: &ServiceName, seen: &mut u64, send: &mpsc::Sender<Streamed>) -> Option<()> {
    for line in ring.since(*seen) {
        if *seen > 0 && line.seq > *seen + 1 {
            send.send(Streamed::Missed(line.seq - *seen - 1)).await.ok()?;
        }
        *seen = line.seq;
        send.send(Streamed::Log(log_doc(name, &line))).await.ok()?;
    }
    Some(())
}

fn ring_of(supervisor: &Supervisor, name: &ServiceName) -> Option<Arc<LogRing>> {
    supervisor.info(name.as_str()).map(|info| Arc::clone(&info.logs))
}

/// Most events of history that are sent.
const PAST: usize = 100_000;

/// Sends what history has from a moment on, of earlier managers too; returns the number of this manager's last notice among
/// them. Where no history is kept, the kept notices are all there is.
async fn past_events(since_ms: u64, context: &Context, items: &mut Items) -> Result<u64, Failure> {
    let supervisor = context.store.supervisor();
    let own_from = unix_ms(supervisor.wall_time(Timestamp::ZERO));
    if context.observer.history_folder().is_none() {
        return Ok(newest_before(supervisor, since_ms));
    }
    let wanted = is_told;
    let found = context.observer.history(since_ms, PAST, wanted).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("history cannot be read: {error}")).next("mcpstore doctor")
    })?;
    // Whatever is in the log of this manager from here on was not read from history.
    let mut last = if since_ms > own_from { newest_before(supervisor, since_ms) } else { 0 };
    let mut running = false;
    for (at_ms, record) in found {
        if let Record::Notice(notice) = &record
            && at_ms >= own_from
        {
            last = last.max(notice.seq);
        }
        if let Some(streamed) = past(at_ms, record, &mut running) {
            items.send(&streamed).await?;
        }
    }
    Ok(last)
}

/// What of history is told as an event.
pub(crate) const fn is_told(record: &Record) -> bool {
    matches!(record, Record::Notice(_) | Record::Gap(_) | Record::Start(_) | Record::Stop(_))
}

/// A line of history in the words of the stream. `running`: the manager before it wrote no last word yet.
pub(crate) fn past(at_ms: u64, record: Record, running: &mut bool) -> Option<Streamed> {
    match record {
        Record::Notice(notice) => {
            *running = true;
            Some(Streamed::Event(past_event_doc(notice, at_ms)))
        }
        Record::Gap(gap) => Some(Streamed::Missed(gap.lost)),
        Record::Start(start) => {
            let time = rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms));
            let killed = std::mem::replace(running, true);
            Some(Streamed::Manager { pid: start.manager_pid, time, killed })
        }
        Record::Stop(_) => {
            *running = false;
            None
        }
        _ => None,
    }
}

/// The number of the last notice before a moment.
fn newest_before(supervisor: &Supervisor, since_ms: u64) -> u64 {
    let kept = supervisor.events().since(0);
    let before = kept.iter().take_while(|notice| unix_ms(supervisor.notice_time(notice)) < since_ms).last();
    before.map_or(0, |notice| notice.seq)
}

fn unix_ms(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Sends the kept notices above `since`, and then those to come.
pub(super) async fn events(request: &Request, context: &Context, items: &mut Items) -> Result<Box<RawValue>, Failure> {
    let supervisor = context.store.supervisor();
    let since = match request.since_ms {
        Some(since_ms) => past_events(since_ms, context, items).await?,
        None => request.since.unwrap_or(0),
    };
    if !request.follow {
        for notice in supervisor.events().since(since) {
            items.send(&Streamed::Event(event_doc(&notice, supervisor.notice_time(&notice)))).await?;
        }
        return raw(&serde_json::json!({}));
    }
    let mut stream = supervisor.events().stream(since);
    let (mut missed, mut last) = (0, since);
    loop {
        let (notices, ends) = tokio::select! {
            notices = stream.next() => (notices.unwrap_or_default(), false),
            // The last ones are there: a manager ends when everything is down.
            () = context.closed() => (supervisor.events().since(last), true),
        };
        if stream.missed() > missed {
            items.send(&Streamed::Missed(stream.missed() - missed)).await?;
            missed = stream.missed();
        }
        let over = ends || notices.is_empty();
        for notice in notices {
            last = notice.seq;
            items.send(&Streamed::Event(event_doc(&notice, supervisor.notice_time(&notice)))).await?;
        }
        if over {
            return raw(&serde_json::json!({}));
        }
    }
}
