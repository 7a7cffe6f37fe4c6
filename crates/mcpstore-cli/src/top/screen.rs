//! The whole terminal, taken for the live view and given back however it ends.

use std::io::{self, Stdout, Write as _};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{self, Event};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;

use crate::logging;

/// How long the reader of keys may take to notice that nobody wants them any more.
const NOTICE: Duration = Duration::from_millis(100);
/// Keys that wait to be handled; a reader that finds no room waits.
const MAX_KEYS: usize = 64;

/// The terminal. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it does not do what is asked.
    pub(super) fn open() -> io::Result<Self> {
        restore_on_panic();
        logging::hold();
        let opened = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, Hide))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match opened {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                restore();
                logging::release();
                Err(error)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        logging::release();
    }
}

/// As the terminal was before. One that went away is nobody's problem.
fn restore() {
    let mut stdout = io::stdout();
    let _ = execute!(stdout, LeaveAlternateScreen, Show);
    let _ = stdout.flush();
    let _ = disable_raw_mode();
}

/// A panic must not leave the terminal raw, whatever becomes of the stack; its words must be readable.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
    });
}

/// Reads keys and changes of size on a thread of its own: the terminal's reader can only be waited for that way.
#[derive(Debug)]
pub(super) struct Keys {
    stop: Arc<AtomicBool>,
    /// Closes when the thread has ended.
    ended: std::sync::mpsc::Receiver<()>,
}

impl Keys {
    /// Starts to read. The channel closes when the terminal goes away.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start() -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (send, receive) = mpsc::channel(MAX_KEYS);
        let (alive, ended) = std::sync::mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            let _alive = alive;
            while !stopped.load(Ordering::Relaxed) {
                let found = event::poll(NOTICE).and_then(|there| there.then(event::read).transpose());
                let Ok(event) = found else { return };
                if event.is_some_and(|event| send.blocking_send(event).is_err()) {
                    return;
                }
            }
        })?;
        Ok((Self { stop, ended }, receive))
    }
}

impl Drop for Keys {
    /// What is typed from now on belongs to the shell. The receiver is dropped before, so a full channel holds nobody up. The
    /// library never comes back from a terminal that is gone: there the thread is left to the end of the process.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.ended.recv_timeout(NOTICE * 5);
    }
}
