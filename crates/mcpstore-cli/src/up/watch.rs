//! The loop of `up`: what happens is shown, what is asked is done, until everything is down.

use std::time::Duration;

use mcpstore::runtime::Reply;
use mcpstore::types::{FailKind, Phase, Timestamp};
use mcpstore::{Notice, ServiceName, ServiceState, Supervisor, Target};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::hints::{self, Reach};
use super::line::{change, is_failure, is_news, last_words, why};
use super::row::Row;
use super::screen::Screen;
use super::settle::{Outcome, is_down, is_settled, summary, survived};
use super::signals::{Ask, Signals};
use super::view::{Frame, is_at_rest, progress, seconds, table};
use crate::control::ShutdownRequest;
use crate::exit::Exit;
use crate::output::{Term, clean, rfc3339};
use crate::reload::{Reloader, Wish};

/// Between two pictures of the live view, at least.
const PICTURE: Duration = Duration::from_millis(100);
/// Between two pictures when nothing but the clock moved.
const IDLE_PICTURE: Duration = Duration::from_secs(1);

/// What comes in from outside the supervisor.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) asked: mpsc::Receiver<ShutdownRequest>,
    /// Lines about reloads.
    pub(super) reloads: mpsc::Receiver<Vec<String>>,
}

/// What `up` was told.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) exit_on_failure: bool,
    pub(super) demo: bool,
    pub(super) reach: Reach,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The services asked for are on their way.
    Starting,
    /// Each of them runs or came to rest.
    Up,
    /// Everything goes down, since then.
    Stopping { since: Timestamp, forced: bool },
}

/// The foreground of the manager.
pub(super) struct Watch<'a> {
    supervisor: &'a Supervisor,
    reloader: Reloader,
    screen: Screen,
    term: Term,
    options: Options,
    stage: Stage,
    /// What was asked to start, and what that pulled in.
    wanted: Vec<ServiceName>,
    began: Timestamp,
    /// The number of the last notice that was looked at.
    seen: u64,
    /// A service failed for good, and that ends it all.
    failed: bool,
    /// A second Ctrl-C came.
    interrupted: bool,
    stale: bool,
    drawn_at: Option<Instant>,
    pictures: usize,
}

/// True when the hang-up was that of the terminal, not a word from somebody who wants the config read again.
fn terminal_is_gone(term: &Term) -> bool {
    // A terminal that hung up is none any more for whoever asks.
    term.tty && !std::io::IsTerminal::is_terminal(&std::io::stderr())
}

impl<'a> Watch<'a> {
    /// To be made before the start is asked for, so that it sees all of it.
    pub(super) fn new(
        supervisor: &'a Supervisor,
        reloader: Reloader,
        screen: Screen,
        term: Term,
        options: Options,
    ) -> Self {
        Self {
            supervisor,
            reloader,
            screen,
            term,
            options,
            stage: Stage::Starting,
            wanted: Vec::new(),
            began: supervisor.now(),
            seen: supervisor.events().last_seq(),
            failed: false,
            interrupted: false,
            stale: true,
            drawn_at: None,
            pictures: 0,
        }
    }

    /// Watches over what `started` is about until a signal or a request ends it and everything is down.
    pub(super) async fn until_down(&mut self, started: Reply, signals: &mut Signals, mut inbox: Inbox) -> Exit {
        for (name, rejection) in &started.refused {
            self.screen.say(&[format!("{name} was not started: {rejection}")]);
        }
        self.wanted = started.affected;
        let mut events = self.supervisor.events().stream(self.seen);
        let mut missed = 0;
        let mut versions = self.supervisor.versions();
        let mut pictures = interval(PICTURE);
        pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let live = self.screen.is_live();
        loop {
            self.advance().await;
            if self.is_over() {
                return self.end();
            }
            tokio::select! {
                ask = signals.next() => self.on_signal(ask).await,
                Some(request) = inbox.asked.recv() => self.stop(request.force).await,
                Some(lines) = inbox.reloads.recv() => {
                    self.stale = true;
                    self.screen.say(&lines.iter().map(|line| clean(line)).collect::<Vec<_>>());
                }
                notices = events.next() => {
                    let Some(notices) = notices else {
                        self.screen.say(&["the manager ended against its will".to_owned()]);
                        return Exit::Failed;
                    };
                    if events.missed() > missed {
                        let lost = events.missed() - missed;
                        missed = events.missed();
                        self.screen.say(&[format!("… {lost} changes came too fast to be shown")]);
                    }
                    for notice in &notices {
                        self.on_notice(notice).await;
                    }
                }
                // Closed when the supervisor is gone, which the events tell.
                Ok(()) = versions.changed() => self.stale = true,
                _ = pictures.tick(), if live => self.draw(),
            }
        }
    }

    async fn on_signal(&mut self, ask: Ask) {
        match (self.stage, ask) {
            (Stage::Stopping { .. }, Ask::HangUp) => {}
            (Stage::Starting | Stage::Up, Ask::HangUp) if !terminal_is_gone(&self.term) => {
                // Whatever comes of it is told to the screen; there may be no file to read.
                if let Err(failure) = self.reloader.reload(Wish::default()).await {
                    self.screen.say(&[failure.message]);
                }
            }
            (Stage::Stopping { .. }, Ask::Stop) => {
                self.interrupted = true;
                self.stop(true).await;
            }
            (Stage::Starting | Stage::Up, _) => self.stop(false).await,
        }
    }

    /// Stops everything; asked again with `force`, kills what is left.
    async fn stop(&mut self, force: bool) {
        let now = self.supervisor.now();
        let words = match self.stage {
            Stage::Stopping { forced: true, .. } => return,
            Stage::Stopping { .. } if !force => return,
            Stage::Starting | Stage::Up if !force => "stopping (Ctrl-C again to force)…",
            Stage::Starting | Stage::Up | Stage::Stopping { .. } => "killing what is left…",
        };
        let since = match self.stage {
            Stage::Stopping { since, .. } => since,
            Stage::Starting | Stage::Up => now,
        };
        self.stage = Stage::Stopping { since, forced: force };
        self.stale = true;
        self.screen.say(&[words.to_owned()]);
        self.stop_all(force).await;
    }

    async fn stop_all(&mut self, force: bool) {
        if let Err(error) = self.supervisor.stop(Target::All, force).await {
            self.screen.say(&[format!("the stop was refused: {error}")]);
        }
    }

    async fn on_notice(&mut self, notice: &Notice) {
        self.seen = notice.seq;
        self.stale = true;
        if let Stage::Stopping { forced, .. } = self.stage
            && matches!(notice.to, Some(ServiceState::Starting))
            && notice.from != notice.to
        {
            // Somebody started it from another terminal meanwhile.
            self.stop_all(forced).await;
        }
        if is_news(notice) {
            let mut lines: Vec<String> = if self.screen.is_live() {
                self.live_line(notice).into_iter().collect()
            } else {
                vec![change(notice, &rfc3339(self.supervisor.notice_time(notice)), &self.term)]
            };
            lines.extend(last_words(notice));
            if !lines.is_empty() {
                self.screen.say(&lines);
            }
        }
        if is_failure(notice) && self.options.exit_on_failure && !matches!(self.stage, Stage::Stopping { .. }) {
            self.failed = true;
            self.screen.say(&[format!("{} failed, and --exit-on-failure ends it all", notice.service)]);
            self.stop(false).await;
        }
    }

    /// What stays on the terminal of a change; most of it shows in the live view alone.
    fn live_line(&self, notice: &Notice) -> Option<String> {
        let at = seconds(notice.time.since(self.began));
        match (self.stage, notice.to) {
            (Stage::Stopping { since, .. }, Some(ServiceState::Stopped))
                if matches!(notice.from, Some(ServiceState::Stopping)) =>
            {
                Some(format!("stopped {} {}", notice.service, seconds(notice.time.since(since))))
            }
            (Stage::Stopping { .. }, _) if is_failure(notice) => {
                Some(self.term.paint(31, &format!("✗ {} did not stop: {}", notice.service, why(notice))))
            }
            (Stage::Starting, _) if is_failure(notice) => {
                Some(format!("{} {}: {}", self.term.paint(31, "✗"), notice.service, why(notice)))
            }
            (Stage::Starting | Stage::Stopping { .. }, _) => None,
            (Stage::Up, Some(ServiceState::Starting | ServiceState::Stopping)) => None,
            (Stage::Up, _) => Some(change(notice, &at, &self.term)),
        }
    }

    /// Every notice up to now was looked at; then the snapshot tells nothing that was not said.
    fn is_current(&self) -> bool {
        self.seen == self.supervisor.events().last_seq()
    }

    /// Goes on to the next stage when all that was asked for has settled.
    async fn advance(&mut self) {
        if !matches!(self.stage, Stage::Starting) || !self.is_current() {
            return;
        }
        let snapshot = self.supervisor.snapshot();
        let infos: Vec<_> = self.wanted.iter().filter_map(|name| snapshot.get(name.as_str()).cloned()).collect();
        if !infos.iter().all(|info| is_settled(info.status.phase)) || !self.is_current() {
            return;
        }
        self.stage = Stage::Up;
        self.stale = true;
        if infos.is_empty() {
            self.screen.say(&["nothing to start: every service is disabled".to_owned()]);
            return;
        }
        let outcomes: Vec<Outcome<'_>> = infos
            .iter()
            .map(|info| Outcome {
                name: info.name().as_str(),
                state: info.status.state,
                by_dependency: matches!(info.status.phase, Phase::Failed { kind: FailKind::Dependency }),
                // What it was about was said when it happened.
                why: info.status.reason.to_string(),
            })
            .collect();
        let last = infos.iter().map(|info| info.status.since).max().unwrap_or_default();
        let (words, ask_about) = summary(&outcomes, last.since(self.began));
        let mut lines = vec![words];
        if let Some(name) = ask_about {
            let command = self.options.reach.command(&format!("why {}", crate::quote::quoted(&name)));
            lines.push(format!("  why: {command}"));
        }
        if self.options.demo && !self.screen.is_live() {
            lines.extend(self.hints());
        }
        self.screen.say(&lines);
    }

    fn hints(&self) -> Vec<String> {
        let victim = self.supervisor.info(crate::demo::NAMES[0]).and_then(|info| info.pid);
        hints::demo(&self.options.reach, victim)
    }

    fn draw(&mut self) {
        let now = Instant::now();
        let fresh = self.drawn_at.is_some_and(|at| now.duration_since(at) < IDLE_PICTURE);
        if fresh && !self.stale {
            return;
        }
        let (columns, lines) = Screen::size();
        self.term.width = Some(columns);
        self.pictures += 1;
        let frame = Frame {
            term: self.term,
            // The cursor stands below the last line.
            height: usize::from(lines).saturating_sub(1).max(3),
            now: self.supervisor.now(),
            spin: self.pictures,
        };
        let snapshot = self.supervisor.snapshot();
        let rows = |name: &ServiceName| Some(Row::of(snapshot.get(name.as_str())?, frame.now));
        let ordered = snapshot.start_order.iter();
        let mut below = Vec::new();
        let (picture, moving) = match self.stage {
            Stage::Starting => {
                let rows: Vec<Row> = ordered.filter(|name| self.wanted.contains(name)).filter_map(rows).collect();
                (progress(&rows, self.began, &frame), true)
            }
            Stage::Stopping { since, .. } => {
                let left = ordered.rev().filter_map(rows).filter(|row| !is_at_rest(row) || row.pid.is_some());
                (progress(&left.collect::<Vec<_>>(), since, &frame), true)
            }
            Stage::Up => {
                let rows: Vec<Row> = ordered.filter_map(rows).collect();
                let picture = table(&rows, &frame);
                let hints = if self.options.demo { self.hints() } else { vec!["Ctrl-C stops all".to_owned()] };
                let taken: usize = hints.iter().map(|line| line.chars().count() / usize::from(columns) + 1).sum();
                if picture.len() + taken < frame.height {
                    below.push(String::new());
                    below.extend(hints);
                }
                (picture, !rows.iter().all(is_at_rest))
            }
        };
        self.screen.draw(&picture, &below);
        self.drawn_at = Some(now);
        self.stale = moving;
    }

    fn is_over(&self) -> bool {
        if !matches!(self.stage, Stage::Stopping { .. }) || !self.is_current() {
            return false;
        }
        let snapshot = self.supervisor.snapshot();
        snapshot.services().iter().all(|info| is_down(info.status.phase)) && self.is_current()
    }

    /// Says how the stop went.
    fn end(&mut self) -> Exit {
        self.screen.clear();
        let took = match self.stage {
            Stage::Stopping { since, .. } => seconds(self.supervisor.now().since(since)),
            Stage::Starting | Stage::Up => String::new(),
        };
        let snapshot = self.supervisor.snapshot();
        let left: Vec<String> = snapshot
            .services()
            .iter()
            .filter(|info| survived(&info.status))
            .map(|info| {
                let pid = info.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
                format!("{} ({}{pid})", info.name(), crate::output::clean_line(crate::output::brief(&info.why())))
            })
            .collect();
        if !left.is_empty() {
            self.screen.say(&[format!("not everything could be stopped: {}", left.join(", "))]);
            return Exit::Failed;
        }
        self.screen.say(&[format!("all stopped in {took}")]);
        match (self.failed, self.interrupted) {
            (true, _) => Exit::Failed,
            (false, true) => Exit::Interrupted,
            (false, false) => Exit::Done,
        }
    }
}
