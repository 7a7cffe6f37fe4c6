//! The server over a pair of byte streams: messages as lines, with what the behaviour puts between them.

use std::fs::File;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

use super::conversation::Conversation;
use super::peer::{Out, Peer};
use super::{Behaviour, Server};

/// Bytes of a long line that are written at once.
const PIECE: usize = 64 * 1024;

/// Serves one client until its stream ends. Requests are answered side by side.
pub async fn serve<R, W>(behaviour: Arc<Behaviour>, input: R, output: W)
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let conversation = Conversation::new(Server::new(Arc::clone(&behaviour)));
    let (peer, messages) = Peer::new(Arc::clone(&conversation.client));
    let writer = tokio::spawn(write(Arc::clone(&behaviour), output, messages));
    let mut lines = BufReader::new(input).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line,
            () = peer.client.deaf.cancelled() => {
                drop(lines);
                if behaviour.owns_stdio
                    && let Ok(nothing) = File::open("/dev/null")
                {
                    // Stdin would stay open otherwise, and what the client writes would find room.
                    let _ = rustix::stdio::dup2_stdin(nothing);
                }
                behaviour.log.note("closed stdin");
                return std::future::pending().await;
            }
        };
        let Ok(Some(line)) = line else { break };
        let taken = conversation.take(&line, &peer);
        if behaviour.deaf && taken.method.as_deref() == Some("notifications/initialized") {
            behaviour.log.note("deaf");
            return std::future::pending().await;
        }
    }
    behaviour.log.note("eof");
    drop((conversation, peer));
    // Whatever is queued goes out; then the stream closes.
    let _ = writer.await;
}

/// Writes the messages as lines until the last sender is gone, and closes the stream then.
async fn write<W>(behaviour: Arc<Behaviour>, mut output: W, mut messages: mpsc::Receiver<Out>)
where
    W: AsyncWrite + Unpin + Send,
{
    if behaviour.bom && output.write_all(b"\xEF\xBB\xBF").await.is_err() {
        return;
    }
    while let Some(message) = messages.recv().await {
        let written = match message {
            Out::Message(message) => output.write_all(&line(&behaviour, &message)).await,
            Out::Bytes(bytes) => output.write_all(&bytes).await,
            Out::Long { head, bytes, tail } => long(&mut output, &head, bytes, &tail).await,
            // One stream for everything: it does not break.
            Out::Break => Ok(()),
            Out::Die(code) => std::process::exit(code),
            Out::Close => {
                drop(output);
                if behaviour.owns_stdio
                    && let Ok(nothing) = File::options().write(true).open("/dev/null")
                {
                    let _ = rustix::stdio::dup2_stdout(nothing);
                }
                behaviour.log.note("closed stdout");
                return;
            }
        };
        if written.is_err() || output.flush().await.is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = output.shutdown().await;
}

/// The message as a line, behind what the behaviour puts before it.
fn line(behaviour: &Behaviour, message: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(message.len() + 2);
    if behaviour.noise {
        line.extend_from_slice(b"Starting server, please wait...\n");
    }
    if behaviour.invalid_utf8 {
        line.extend_from_slice(b"\xFF\xFE\x80 broken\n");
    }
    for junk in &behaviour.junk {
        line.extend_from_slice(junk);
        line.push(b'\n');
    }
    line.extend_from_slice(message.as_bytes());
    line.extend_from_slice(if behaviour.crlf { b"\r\n" } else { b"\n" });
    line
}

async fn long<W: AsyncWrite + Unpin>(output: &mut W, head: &str, bytes: u64, tail: &str) -> std::io::Result<()> {
    output.write_all(head.as_bytes()).await?;
    let piece = vec![b'x'; PIECE];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        output.write_all(&piece[..now]).await?;
        left -= now as u64;
    }
    output.write_all(tail.as_bytes()).await?;
    output.write_all(b"\n").await
}
