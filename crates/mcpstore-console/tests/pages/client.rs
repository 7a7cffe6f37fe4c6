//! A client that sends the bytes it is given, and a console of plain answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_console::{Console, Format, Liveness, Readiness, ServiceReadiness, Source};
use mcpstore_types::{ServiceName, ServiceState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// What the pages show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain {
    /// The manager never answers.
    pub(crate) hangs: bool,
    /// A service is not ready.
    pub(crate) failing: bool,
}

#[async_trait]
impl Source for Plain {
    fn metrics(&self, format: Format) -> String {
        format!("# in {format:?}\n")
    }
    async fn liveness(&self) -> Liveness {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Liveness { live: true, why: None }
    }
    fn readiness(&self, service: Option<&str>) -> Readiness {
        let web = ServiceReadiness {
            name: ServiceName::new("web").unwrap(),
            state: if self.failing { ServiceState::Error } else { ServiceState::Running },
            ready: !self.failing,
            why: self.failing.then(|| "exited: exit code 3".to_owned()),
        };
        match service {
            None | Some("web") => Readiness::of(vec![web]),
            Some(name) => Readiness::unknown(name, "; did you mean `web`?"),
        }
    }
}

/// A console that runs.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) end: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn of(source: Plain) -> Self {
        Self::at("127.0.0.1:0", source).await
    }

    pub(crate) async fn at(addr: &str, source: Plain) -> Self {
        let console = Console::bind(addr.parse().unwrap(), Arc::new(source)).await.unwrap();
        let (addr, end) = (console.local_addr(), CancellationToken::new());
        let task = tokio::spawn(console.run(end.clone().cancelled_owned()));
        Self { addr, end, task }
    }

    /// A request with this first line and these headers, as its answer.
    pub(crate) async fn ask(&self, line: &str, headers: &str) -> Answer {
        let text =
            format!("{line} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n{headers}\r\n", self.addr.port());
        self.send(&text).await
    }

    /// A whole request, as its answer.
    pub(crate) async fn send(&self, text: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }

    /// A `GET` of this path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "").await
    }
}

/// What came back until the connection was closed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut text = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut text)).await.expect("it is closed").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }
}
