//! What is written to one client: notices and answers, in the order in which they came to be.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::running::{Running, answer};
use crate::outlet::OutletStream;

/// Where answers come from.
pub(crate) enum Answers {
    /// There are none: it ends with the notices.
    None,
    /// Of one request: it ends with its answer.
    One(Running),
    /// Of these requests: it ends with the last answer.
    All(FuturesUnordered<BoxFuture<'static, Bytes>>),
    /// Of requests that run elsewhere; it ends when nobody can send one any more.
    Many(mpsc::Receiver<Bytes>),
}

/// Notices and answers of one client, in order: what was pushed before an answer was there comes before it.
pub(crate) struct Pipe {
    first: Option<Bytes>,
    notices: OutletStream,
    answers: Answers,
    held: Option<Bytes>,
    /// There will be no more notices.
    quiet: bool,
    /// There will be no more answers.
    over: bool,
    /// The last answer went out: nothing may come behind it.
    ended: bool,
}

impl Pipe {
    /// Joins the two.
    pub(crate) fn new(notices: OutletStream, answers: Answers) -> Self {
        Self { first: None, notices, answers, held: None, quiet: false, over: false, ended: false }
    }

    /// This message, if there is one, goes out before everything else.
    #[must_use]
    pub(crate) fn after(mut self, first: Option<Bytes>) -> Self {
        self.first = first;
        self
    }

    /// One whose answer is there already: the notices that are here, then it.
    pub(crate) fn ending(notices: OutletStream, answer: Bytes) -> Self {
        Self {
            first: None,
            notices,
            answers: Answers::None,
            held: Some(answer),
            quiet: false,
            over: true,
            ended: false,
        }
    }

    /// Too much waited for a slow client: something was lost, so nothing more may come.
    pub(crate) fn overrun(&self) -> bool {
        self.notices.overrun()
    }

    /// Takes no more notices, and lets whoever pushes them know.
    pub(crate) fn hang_up(&mut self) {
        self.notices.close();
    }

    /// The next message; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended || self.overrun() {
            return Poll::Ready(None);
        }
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if self.held.is_none() {
            if !self.quiet {
                match self.notices.poll_next(cx) {
                    Poll::Ready(Some(notice)) => return Poll::Ready(Some(notice)),
                    Poll::Ready(None) => self.quiet = true,
                    Poll::Pending => {}
                }
            }
            self.poll_answers(cx);
        }
        // What was pushed before the answer is here by now. It is not asked for as above: that may find nothing though
        // there is something, when the task has done much without a pause.
        if self.held.is_some() || self.over {
            if let Some(notice) = self.notices.try_next() {
                return Poll::Ready(Some(notice));
            }
            self.ended = self.over;
            return Poll::Ready(self.held.take());
        }
        Poll::Pending
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) {
        match &mut self.answers {
            Answers::None => self.over |= self.quiet,
            Answers::One(_) if self.over => {}
            Answers::One(running) => {
                if let Poll::Ready(outcome) = Pin::new(&mut *running).poll(cx) {
                    self.held = Some(answer(&running.id, &outcome));
                    self.over = true;
                }
            }
            Answers::All(answers) => match answers.poll_next_unpin(cx) {
                Poll::Ready(Some(answer)) => self.held = Some(answer),
                Poll::Ready(None) => self.over = true,
                Poll::Pending => {}
            },
            Answers::Many(answers) => match answers.poll_recv(cx) {
                Poll::Ready(Some(answer)) => self.held = Some(answer),
                Poll::Ready(None) => self.over = true,
                Poll::Pending => {}
            },
        }
    }
}
