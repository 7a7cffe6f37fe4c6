//! Who reads what we write, and when nobody does any more.

use std::os::fd::AsFd;

use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

/// Resolves when nobody is left to read what is written here, also while nothing is written. A client that has said all it
/// has to say still reads; one that is gone does not, and nothing need be done for it. Never resolves where that cannot be
/// told: for a file, or a terminal.
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
pub(crate) async fn gone(writes: impl AsFd) {
    // A descriptor of its own: nobody else watches it, or closes it meanwhile.
    let Ok(own) = writes.as_fd().try_clone_to_owned() else { return std::future::pending().await };
    let interest = Interest::WRITABLE.add(Interest::ERROR);
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe code; this descriptor is our own, and nobody else closes it"
    )]
    let registered = AsyncFd::with_interest(own, interest);
    let Ok(own) = registered else { return std::future::pending().await };
    loop {
        let Ok(mut guard) = own.ready(interest).await else { return std::future::pending().await };
        // A pipe without a reader has an error; a socket is closed for writing.
        if guard.ready().is_error() || guard.ready().is_write_closed() {
            return;
        }
        guard.clear_ready_matching(Ready::WRITABLE);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Many times what it takes.
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn the_end_of_the_reader_of_a_pipe_is_noticed() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        assert!(timeout(Duration::from_millis(20), gone(&writer)).await.is_err(), "it is there");
        let noticed = gone(&writer);
        drop(reader);
        timeout(LONG, noticed).await.unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_says_no_more_still_reads() {
        let (mut near, far) = UnixStream::pair().unwrap();
        far.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(timeout(Duration::from_millis(20), gone(&near)).await.is_err(), "it reads");
        drop(far);
        timeout(LONG, gone(&near)).await.unwrap();
    }

    #[tokio::test]
    async fn of_a_file_nothing_can_be_told() {
        let file = tempfile::tempfile().unwrap();
        assert!(timeout(Duration::from_millis(20), gone(&file)).await.is_err());
    }
}
