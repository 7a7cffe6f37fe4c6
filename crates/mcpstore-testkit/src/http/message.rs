//! HTTP/1.1 by hand: requests read, answers written, so that each byte can be the wrong one.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a line of a head.
const MAX_LINE: u64 = 64 * 1024;
/// Bytes of a body.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// A request, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Its headers in their order; names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Recorded {
    /// The first header of this name, given in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Reads a request; `None` when the connection ends before one begins.
pub(super) async fn read<R: AsyncBufRead + Unpin>(input: &mut R) -> Result<Option<Recorded>> {
    let Some(first) = line(input).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let mut request = Recorded { method: word(), target: word(), ..Recorded::default() };
    loop {
        let line = line(input).await?.ok_or(ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut body = Vec::new();
    if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(input).await?.ok_or(ErrorKind::UnexpectedEof)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
            take(input, size, &mut body).await?;
            // The end of the chunk, or of the trailers that nobody sends.
            line(input).await?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
        take(input, length, &mut body).await?;
    }
    request.body = String::from_utf8(body).map_err(|_| ErrorKind::InvalidData)?;
    Ok(Some(request))
}

async fn take<R: AsyncBufRead + Unpin>(input: &mut R, bytes: u64, body: &mut Vec<u8>) -> Result<()> {
    if bytes > MAX_BODY || input.take(bytes).read_to_end(body).await? as u64 != bytes {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    Ok(())
}

async fn line<R: AsyncBufRead + Unpin>(input: &mut R) -> Result<Option<String>> {
    let mut line = String::new();
    if input.take(MAX_LINE).read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end().to_owned()))
}

/// The head of an answer.
pub(super) fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let reason = match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        301..=308 => "Elsewhere",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "As Asked",
    };
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// Writes a whole answer.
pub(super) async fn answer<W>(output: &mut W, status: u16, headers: &[(&str, &str)], body: &str) -> Result<()>
where
    W: AsyncWrite + Unpin,
{
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    all.push(("content-length", &length));
    let mut text = head(status, &all);
    text.push_str(body);
    output.write_all(text.as_bytes()).await?;
    output.flush().await
}

/// Writes a piece of a body whose length was not said.
pub(super) async fn chunk<W: AsyncWrite + Unpin>(output: &mut W, piece: &[u8]) -> Result<()> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    output.write_all(&chunk).await?;
    output.flush().await
}
