//! The command's side of the control socket.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::protocol::{Line, ReadError, Request, read_line, write_line};
use crate::exit::{Exit, Failure};
use crate::paths::look_at;

/// Speaks to the manager on one socket; every request is a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    socket: PathBuf,
}

/// What a conversation brings next.
#[derive(Debug)]
pub(crate) enum Next {
    /// One of many.
    Item(Box<RawValue>),
    /// The last word.
    Done(Box<RawValue>),
    /// The manager went away without a last word.
    Gone,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Conversation {
    reader: BufReader<OwnedReadHalf>,
    /// Kept open: closing it would take the request back.
    writer: OwnedWriteHalf,
}

impl Client {
    /// For the manager on this socket, whether it runs or not.
    pub(crate) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Makes a request.
    ///
    /// # Errors
    /// [`Exit::Unreachable`]: no manager runs there.
    pub(crate) async fn open(&self, request: &Request) -> Result<Conversation, Failure> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(&error))?;
        // Arguments may hold secrets: they are for a manager of our own alone.
        let stranger = stream.peer_cred().map_or(true, |peer| peer.uid() != rustix::process::geteuid().as_raw());
        if stranger {
            let message = format!("the manager on {} belongs to another user", self.socket.display());
            return Err(Failure::new(Exit::Refused, message).next(look_at(&self.socket)));
        }
        let (read, mut write) = stream.into_split();
        match write_line(&mut write, request).await {
            // Turned away: the reason can be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(self.unreachable(&error)),
            Ok(()) => {}
        }
        Ok(Conversation { reader: BufReader::new(read), writer: write })
    }

    /// Makes a request and returns its last word as it came; items are passed over.
    ///
    /// # Errors
    /// What the manager answered, or [`Exit::Unreachable`].
    pub(crate) async fn raw(&self, request: &Request) -> Result<Box<RawValue>, Failure> {
        let mut conversation = self.open(request).await?;
        loop {
            match conversation.next().await? {
                Next::Item(_) => {}
                Next::Done(body) => return Ok(body),
                Next::Gone => return Err(self.ended()),
            }
        }
    }

    /// Makes a request and reads its last word.
    ///
    /// # Errors
    /// As [`Client::raw`].
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        read(&self.raw(request).await?)
    }

    /// Makes a request, hands each item to `each`, and reads the last word.
    ///
    /// # Errors
    /// As [`Client::raw`], and what `each` returns.
    pub(crate) async fn stream<T: DeserializeOwned, I: DeserializeOwned>(
        &self,
        request: &Request,
        mut each: impl FnMut(I) -> anyhow::Result<()>,
    ) -> anyhow::Result<T> {
        let mut conversation = self.open(request).await?;
        loop {
            match conversation.next().await? {
                Next::Item(body) => each(read(&body)?)?,
                Next::Done(body) => return Ok(read(&body)?),
                Next::Gone => return Err(self.ended().into()),
            }
        }
    }

    /// The failure of a manager that went away in the middle.
    pub(crate) fn ended(&self) -> Failure {
        let message = format!("the mcpstore on {} ended before it answered", self.socket.display());
        Failure::new(Exit::Unreachable, message).next("mcpstore up")
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let socket = self.socket.display();
        let message = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                format!("no mcpstore is running on {socket}")
            }
            _ => format!("the mcpstore on {socket} cannot be reached: {error}"),
        };
        Failure::new(Exit::Unreachable, message).next("mcpstore up")
    }
}

impl Conversation {
    /// The next word of the manager's.
    ///
    /// # Errors
    /// The failure it answered with; [`Exit::Failed`] when it cannot be understood.
    pub(crate) async fn next(&mut self) -> Result<Next, Failure> {
        let line = match read_line(&mut self.reader).await {
            Ok(Some(line)) => line,
            Ok(None) | Err(ReadError::Cut | ReadError::Io(_)) => return Ok(Next::Gone),
            Err(error @ ReadError::TooLong) => return Err(strange(&error)),
        };
        let line: Line = serde_json::from_slice(&line).map_err(|error| strange(&error))?;
        if let Some(error) = line.error {
            return Err(error.into());
        }
        if let Some(text) = line.ok_text {
            return RawValue::from_string(text).map(Next::Done).map_err(|error| strange(&error));
        }
        match (line.item, line.ok) {
            (Some(item), _) => Ok(Next::Item(item)),
            (None, Some(body)) => Ok(Next::Done(body)),
            (None, None) => Err(strange(&"it says nothing")),
        }
    }
}

impl Conversation {
    /// The two directions of the connection, for what comes after the last word.
    pub(crate) fn into_parts(self) -> (BufReader<OwnedReadHalf>, OwnedWriteHalf) {
        (self.reader, self.writer)
    }
}

/// Reads what the manager said.
pub(crate) fn read<T: DeserializeOwned>(body: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(body.get()).map_err(|error| strange(&error))
}

fn strange(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the manager's answer cannot be understood: {error}")).next("mcpstore version")
}
