//! What a scripted service does in one of its lives.

use std::time::Duration;

use mcpstore_transport::{HandshakeError, LaunchError};
use mcpstore_types::{Era, ExitStatus};

/// What a service does in one of its lives. The default starts at once, works, and ends when asked.
#[derive(Clone, Debug)]
pub struct Life {
    /// How long the launch takes; default zero.
    pub spawn: Duration,
    /// The launch fails with this, after [`Life::spawn`].
    pub spawn_error: Option<LaunchError>,
    /// How long the handshake takes; default zero. [`Duration::MAX`]: for ever.
    pub handshake: Duration,
    /// The handshake fails with this, after [`Life::handshake`].
    pub handshake_error: Option<HandshakeError>,
    /// It ends by itself so long after its launch.
    pub exit: Option<(Duration, ExitStatus)>,
    /// It ends so long after its input closed; `None` ignores that. Default at once.
    pub on_close: Option<Duration>,
    /// It ends so long after SIGTERM; `None` ignores that. Default at once.
    pub on_term: Option<Duration>,
    /// It ends so long after SIGKILL; `None` is a process nothing can kill. Default at once.
    pub on_kill: Option<Duration>,
    /// How long the rest of its group outlives it; a kill ends that. Default zero. [`Duration::MAX`]: for ever.
    pub linger: Duration,
    /// The names of its tools.
    pub tools: Vec<String>,
    /// How it answers a ping.
    pub ping: Answering,
    /// How it answers `tools/list`.
    pub list: Answering,
    /// How it answers `prompts/list`, with the prompt `greet`; `None`: it has none. Default none.
    pub prompts: Option<Answering>,
    /// How it answers a call; the result has the tool's name as its text.
    pub call: Answering,
    /// The result of every call, byte for byte, instead of that.
    pub call_result: Option<String>,
    /// What it writes to its stderr as soon as it is launched.
    pub stderr: Vec<String>,
    /// It answers nothing from so long after its launch, for so long: as one that was stopped and goes on later.
    pub frozen: Option<(Duration, Duration)>,
    /// It answers nothing that it is asked between these ages, counted from its launch; what was asked is lost.
    pub deaf: Vec<(Duration, Duration)>,
    /// It does one thing at a time: what comes meanwhile waits.
    pub one_at_a_time: bool,
    /// The era in which it is spoken to; default the one with a handshake.
    pub era: Era,
    /// It closes its output so long after its launch, and lives on.
    pub closes_output: Option<Duration>,
}

/// How a scripted service answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// After so long.
    After(Duration),
    /// With an error of this code.
    Error(i64),
    /// Never.
    Never,
}

impl Default for Answering {
    fn default() -> Self {
        Self::After(Duration::ZERO)
    }
}

impl Default for Life {
    fn default() -> Self {
        Self {
            spawn: Duration::ZERO,
            spawn_error: None,
            handshake: Duration::ZERO,
            handshake_error: None,
            exit: None,
            on_close: Some(Duration::ZERO),
            on_term: Some(Duration::ZERO),
            on_kill: Some(Duration::ZERO),
            linger: Duration::ZERO,
            tools: vec!["echo".to_owned()],
            ping: Answering::default(),
            list: Answering::default(),
            prompts: None,
            call: Answering::default(),
            call_result: None,
            stderr: Vec::new(),
            frozen: None,
            closes_output: None,
            deaf: Vec::new(),
            one_at_a_time: false,
            era: Era::default(),
        }
    }
}

impl Life {
    /// Works until it is told to end.
    #[must_use]
    pub fn good() -> Self {
        Self::default()
    }

    /// Takes so long for its handshake, then works.
    #[must_use]
    pub fn slow(handshake: Duration) -> Self {
        Self { handshake, ..Self::default() }
    }

    /// Works, and crashes so long after its launch.
    #[must_use]
    pub fn crashes_after(after: Duration, status: ExitStatus) -> Self {
        Self { exit: Some((after, status)), ..Self::default() }
    }

    /// Cannot be launched.
    #[must_use]
    pub fn not_found(program: &str) -> Self {
        let error = LaunchError::NotFound { program: program.to_owned(), searched: Vec::new(), nearest: None };
        Self { spawn_error: Some(error), ..Self::default() }
    }

    /// Never ends its handshake.
    #[must_use]
    pub fn hangs_in_handshake() -> Self {
        Self { handshake: Duration::MAX, ..Self::default() }
    }

    /// Ignores everything but a kill.
    #[must_use]
    pub fn stubborn() -> Self {
        Self { on_close: None, on_term: None, ..Self::default() }
    }
}

/// Sleeps; [`Duration::MAX`] is for ever.
pub(super) async fn pause(duration: Duration) {
    if duration == Duration::MAX {
        std::future::pending().await
    } else if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
