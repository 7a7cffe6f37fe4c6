//! The loop of the live view: fetch, draw, keys, signals.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use crossterm::event::Event;
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::app::{App, Reaction};
use super::model::TopModel;
use super::screen::{Keys, Screen};
use crate::exit::{Exit, Failure};
use crate::output::short_duration;

/// An answer that takes longer than this is told as a trouble, and asked for again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the view on this terminal until a key or a signal ends it.
///
/// # Errors
/// When the terminal cannot be taken, or goes away.
pub(super) async fn run(
    fetch: impl AsyncFnMut() -> Result<TopModel, Failure>,
    app: App,
    interval: Duration,
) -> anyhow::Result<Exit> {
    let [mut term, mut hang_up] = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    let mut screen = Screen::open()?;
    // Dropped in the reverse order: first nobody listens, then nobody reads, then the terminal is given back.
    let (_keys, events) = Keys::start()?;
    let watching = watch(fetch, app, &mut screen.terminal, events, interval);
    tokio::select! {
        ended = watching => ended.map(|()| Exit::Done),
        _ = term.recv() => Ok(Exit::Interrupted),
        _ = hang_up.recv() => Ok(Exit::Interrupted),
    }
}

/// The loop itself, on any terminal and any source of keys. It ends by a key, or when no keys can come any more.
async fn watch<B>(
    mut fetch: impl AsyncFnMut() -> Result<TopModel, Failure>,
    mut app: App,
    terminal: &mut Terminal<B>,
    mut events: mpsc::Receiver<Event>,
    interval: Duration,
) -> anyhow::Result<()>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
{
    loop {
        if !app.is_paused() {
            let asking = tokio::time::timeout(PATIENCE, fetch());
            match meanwhile(asking, &mut app, terminal, &mut events).await? {
                ControlFlow::Continue(Ok(Ok(model))) => app.set_model(model),
                ControlFlow::Continue(Ok(Err(failure))) => app.set_trouble(&failure.message),
                ControlFlow::Continue(Err(_)) => {
                    app.set_trouble(&format!("the manager gave no answer within {}", short_duration(PATIENCE)));
                }
                ControlFlow::Break(()) => return Ok(()),
            }
        }
        let rest = tokio::time::sleep(interval);
        if meanwhile(rest, &mut app, terminal, &mut events).await?.is_break() {
            return Ok(());
        }
    }
}

/// Draws, and handles keys, until `what` is done; breaks when a key says so.
async fn meanwhile<T, B>(
    what: impl Future<Output = T>,
    app: &mut App,
    terminal: &mut Terminal<B>,
    events: &mut mpsc::Receiver<Event>,
) -> anyhow::Result<ControlFlow<(), T>>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
{
    let mut what = pin!(what);
    loop {
        terminal.draw(|frame| app.draw(frame))?;
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(Event::Key(key)) if app.on_key(key) == Reaction::Quit => return Ok(ControlFlow::Break(())),
                Some(_) => {}
                None => return Ok(ControlFlow::Break(())),
            },
            done = &mut what => return Ok(ControlFlow::Continue(done)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::backend::TestBackend;

    use super::super::fixture::few;
    use super::super::order::Sort;
    use super::super::tests::screen_text;
    use super::*;
    use crate::exit::Exit;

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_shown_and_tried_again() {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let (send, events) = mpsc::channel(8);
        let rounds = Cell::new(0);
        let fetch = async || {
            rounds.set(rounds.get() + 1);
            match rounds.get() {
                1 => Err(Failure::new(Exit::Unreachable, "no mcpstore is running on \u{1b}[31m/s")),
                2 => std::future::pending().await,
                _ => {
                    // The third is there; the key is handled before the fourth.
                    if rounds.get() == 4 {
                        send.send(key(KeyCode::Char('q'))).await.unwrap();
                        std::future::pending::<()>().await;
                    }
                    Ok(few())
                }
            }
        };
        let began = tokio::time::Instant::now();
        let app = App::new(Sort::Order, false, false);
        watch(fetch, app, &mut terminal, events, Duration::from_secs(2)).await.unwrap();
        // 2 s after the failure, 10 s of silence, 2 s, and 2 s after the answer.
        assert_eq!((rounds.get(), began.elapsed()), (4, Duration::from_secs(16)));
        let text = screen_text(&terminal);
        assert!(text.contains("filesystem") && text.contains("sorted by order"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_keeps_what_was_known() {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let (send, events) = mpsc::channel(8);
        let mut rounds = 0;
        let fetch = async || {
            rounds += 1;
            match rounds {
                1 => Ok(few()),
                2 => Err(Failure::new(Exit::Unreachable, "gone \u{1b}[31mfor good")),
                _ => {
                    send.send(key(KeyCode::Esc)).await.unwrap();
                    std::future::pending().await
                }
            }
        };
        let app = App::new(Sort::Order, false, false);
        watch(fetch, app, &mut terminal, events, Duration::from_secs(1)).await.unwrap();
        let text = screen_text(&terminal);
        assert!(text.contains("✗ not refreshed: gone for good") && text.contains("filesystem"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_asks_nothing_and_a_lost_terminal_ends_it() {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let (send, events) = mpsc::channel(8);
        let mut rounds = 0;
        let fetch = async || {
            rounds += 1;
            Ok(few())
        };
        send.send(key(KeyCode::Char('p'))).await.unwrap();
        let app = App::new(Sort::Order, false, false);
        let watching = watch(fetch, app, &mut terminal, events, Duration::from_secs(1));
        let hang_up = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(send);
        };
        let (ended, ()) = tokio::join!(watching, hang_up);
        ended.unwrap();
        assert_eq!(rounds, 1, "the one that was under way");
        assert!(screen_text(&terminal).contains("PAUSED"));
    }
}
