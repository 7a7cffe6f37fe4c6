//! Bodies of answers, read with a bound on their bytes and on their silence.

use std::time::Duration;

use tokio::time::timeout;

use super::fault::{Fault, explain};

/// How long a body may be silent that is to come as a whole.
const IDLE: Duration = Duration::from_secs(15);

/// The most bytes for which room is made before they are there.
const MAX_AT_ONCE: usize = 2 << 20;

/// Reads a body of at most so many bytes; `read` hears the length of every piece.
pub(crate) async fn whole(
    response: &mut reqwest::Response,
    limit: usize,
    mut read: impl FnMut(usize),
) -> Result<Vec<u8>, Fault> {
    let too_long = |bytes: u64| Fault::Malformed(format!("it has {bytes} bytes or more; at most {limit} are read"));
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(too_long(announced));
    }
    // As much as it says, if it is not too much to believe at once: no copy as it grows.
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(usize::MAX).min(MAX_AT_ONCE));
    loop {
        let piece = match timeout(IDLE, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(body),
            Ok(Err(error)) => {
                return Err(Fault::Broken(format!(
                    "the answer broke off after {} bytes: {}",
                    body.len(),
                    explain(&error)
                )));
            }
            Err(_) => return Err(Fault::Broken(format!("the answer stopped after {} bytes for {IDLE:?}", body.len()))),
        };
        read(piece.len());
        if body.len() + piece.len() > limit {
            return Err(too_long((body.len() + piece.len()) as u64));
        }
        body.extend_from_slice(&piece);
    }
}
