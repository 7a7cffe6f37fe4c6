//! The live view on a real terminal: it is given back by `q`, by SIGTERM and by a panic.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::app::App;
use super::fixture::few;
use super::live;
use super::order::Sort;
use crate::exit::Exit;

/// Set for the process that is the view; says what it does.
const CHILD: &str = "MCPSTORE_TEST_TOP";
/// For a process to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The view itself, in the process that the tests below start; without being asked it only says that it was not.
#[test]
fn child() {
    let Ok(role) = std::env::var(CHILD) else {
        assert!(std::env::var_os(CHILD).is_none());
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rounds = 0;
    let fetch = async || {
        rounds += 1;
        assert!(role != "panic" || rounds < 3, "on purpose");
        Ok(few())
    };
    let app = App::new(Sort::Order, false, true);
    let exit = runtime.block_on(live::run(fetch, app, Duration::from_millis(200))).unwrap();
    assert_eq!(exit, if role == "term" { Exit::Interrupted } else { Exit::Done });
}

/// A process that is gone when this is dropped, also when a test failed.
struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A terminal with a view on it.
struct OnTerminal {
    child: Kill,
    keys: File,
    /// Kept open, so that it can be asked how it was left.
    terminal: OwnedFd,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

/// Starts the view on a terminal of its own; gives the process and both ends.
fn spawn(role: &str) -> (Child, File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    // The view must not hold the other end itself: it would never see that it is gone.
    fcntl_setfd(&master, FdFlags::CLOEXEC).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let end = || Stdio::from(terminal.try_clone().unwrap());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "top::terminal_tests::child", "--nocapture"])
        .env(CHILD, role)
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    (child, File::from(master), terminal)
}

/// Waits for the end of a process, and says whether it ended well.
fn wait(child: &mut Child) -> bool {
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status.success(),
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            None => panic!("it did not end"),
        }
    }
}

impl OnTerminal {
    fn start(role: &str) -> Self {
        let (child, master, terminal) = spawn(role);
        let mut reader = master.try_clone().unwrap();
        let (send, screen) = channel();
        // Ends with the test, which closes the terminal.
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child: Kill(child), keys: master, terminal, screen, seen: String::new() }
    }

    /// Waits until this stands in what was written.
    fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let seen: String = self.seen.chars().take(4_000).collect();
                    panic!("{text:?} never came: {seen:?}")
                }
            }
        }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    /// Waits for the process, and sees that the terminal is as it was.
    fn wait_until_given_back(mut self, well: bool) -> String {
        // Leaves the other screen, and shows the cursor.
        self.wait_for("\u{1b}[?1049l");
        self.wait_for("\u{1b}[?25h");
        self.wait_for("test result");
        assert_eq!(wait(&mut self.child.0), well);
        assert!(!self.is_raw(), "lines are read as lines again");
        std::mem::take(&mut self.seen)
    }
}

#[test]
fn a_key_ends_it() {
    let mut view = OnTerminal::start("key");
    view.wait_for("filesystem");
    assert!(view.is_raw());
    view.keys.write_all(b"?").unwrap();
    view.wait_for("PgUp");
    view.keys.write_all(b"q").unwrap();
    view.wait_until_given_back(true);
}

#[test]
fn control_c_ends_it() {
    let mut view = OnTerminal::start("key");
    view.wait_for("filesystem");
    view.keys.write_all(&[3]).unwrap();
    view.wait_until_given_back(true);
}

#[test]
fn a_signal_ends_it() {
    let mut view = OnTerminal::start("term");
    view.wait_for("filesystem");
    kill_process(Pid::from_child(&view.child.0), Signal::TERM).unwrap();
    view.wait_until_given_back(true);
}

#[test]
fn a_panic_leaves_its_words_on_a_usable_terminal() {
    let mut view = OnTerminal::start("panic");
    view.wait_for("filesystem");
    let seen = view.wait_until_given_back(false);
    let (left, words) = (seen.find("\u{1b}[?1049l").unwrap(), seen.find("on purpose").unwrap());
    assert!(left < words, "the words are on the screen that stays: {seen:?}");
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    let (child, mut master, terminal) = spawn("key");
    drop(terminal);
    let mut child = Kill(child);
    let (mut seen, mut buffer) = (String::new(), [0; 4_096]);
    while !seen.contains("filesystem") {
        let count = master.read(&mut buffer).unwrap();
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    // No signal comes, as its terminal is not the one that controls it: only reading and writing fail.
    drop(master);
    assert!(!wait(&mut child.0), "it says that it could not draw");
}
