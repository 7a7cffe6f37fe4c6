//! Pipes that are made wider once a message is larger than they are.
//!
//! A pipe holds 64 KiB. A megabyte comes through it in sixteen parts, and for each of them both sides wake each other. What a
//! wider one holds counts towards a bound of its user's, behind which all new pipes of that user are tiny (man page `pipe(7)`):
//! so only those that need it get it, and no more than a quarter of that bound is taken.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a pipe holds.
const NARROW: usize = 64 * 1024;
/// Bytes that a wide one holds: as many as a user may ask for without being asked who it is.
#[cfg(target_os = "linux")]
const WIDE: usize = 1024 * 1024;

/// Wide pipes of this process at once; the bound of a user is 64 MiB where nobody changed it.
const MOST: usize = 16;

/// Wide pipes that there are.
static WIDE_NOW: AtomicUsize = AtomicUsize::new(0);

/// One end of a pipe.
pub(super) struct Widening<P> {
    pipe: P,
    asked: bool,
    place: Option<Place>,
}

/// A place among those that may be wide.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let more = |now| (now < MOST).then_some(now + 1);
        WIDE_NOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WIDE_NOW.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<P: AsFd> Widening<P> {
    /// One that is as wide as it was made.
    pub(super) const fn new(pipe: P) -> Self {
        Self { pipe, asked: false, place: None }
    }

    /// It was full, or had no room.
    fn widen(&mut self) {
        if std::mem::replace(&mut self.asked, true) {
            return;
        }
        if let Some(place) = Place::take() {
            // Where the user has too many already, it stays as it is.
            self.place = made_wide(&self.pipe).then_some(place);
        }
    }
}

#[cfg(target_os = "linux")]
fn made_wide(pipe: impl AsFd) -> bool {
    rustix::pipe::fcntl_setpipe_size(pipe, WIDE).is_ok()
}

/// Other systems widen their pipes by themselves, or not at all.
#[cfg(not(target_os = "linux"))]
fn made_wide(_: impl AsFd) -> bool {
    false
}

impl<P: AsFd> AsFd for Widening<P> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl<P: AsyncRead + AsFd + Unpin> AsyncRead for Widening<P> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        if buf.filled().len() - before >= NARROW {
            self.widen();
        }
        Poll::Ready(Ok(()))
    }
}

impl<P: AsyncWrite + AsFd + Unpin> AsyncWrite for Widening<P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.pipe).poll_write(cx, buf))?;
        if buf.len() > NARROW && written < buf.len() {
            self.widen();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::unix::pipe::pipe;

    use super::*;

    #[tokio::test]
    async fn a_pipe_is_widened_by_what_does_not_fit_and_by_nothing_else() {
        let size = |end: std::os::fd::BorrowedFd<'_>| rustix::pipe::fcntl_getpipe_size(end).unwrap();
        let (sender, receiver) = pipe().unwrap();
        let (mut sender, mut receiver) = (Widening::new(sender), Widening::new(receiver));
        // Whoever runs the tests may have many already, and gets tiny ones.
        let made = size(sender.as_fd());
        let mut buffer = vec![0; 2 * WIDE];
        sender.write_all(&[b'x'; 1000]).await.unwrap();
        receiver.read_exact(&mut buffer[..999]).await.unwrap();
        assert_eq!((size(sender.as_fd()), sender.asked, receiver.asked), (made, false, false));
        let large = vec![b'y'; 2 * WIDE];
        let (written, read) = tokio::join!(sender.write_all(&large), receiver.read_exact(&mut buffer));
        assert!(written.is_ok() && read.is_ok() && buffer[1..].iter().all(|byte| *byte == b'y'));
        assert!([made, WIDE].contains(&size(sender.as_fd())) && sender.asked);
        drop((sender, receiver));
        let places: Vec<_> = std::iter::from_fn(Place::take).take(2 * MOST).collect();
        assert_eq!((places.len(), Place::take().is_none()), (MOST, true));
        drop(places);
        assert!(Place::take().is_some());
    }
}
