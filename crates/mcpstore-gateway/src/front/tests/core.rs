//! A core that does what its methods say, and remembers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::client::{Client, Hello};
use crate::guard::rate::TooMany;
use crate::message;
use crate::seam::{Call, Core, Peer};

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// What the core saw.
#[derive(Default)]
pub(super) struct Fake {
    /// Requests that were given up.
    pub(super) dropped: AtomicUsize,
    /// Requests that began to hang.
    pub(super) hanging: AtomicUsize,
    /// Messages of `flood`.
    pub(super) flooded: AtomicUsize,
    /// Something changed of these, or of those below.
    pub(super) changed: Notify,
    /// What was told and answered.
    pub(super) heard: Mutex<Vec<String>>,
    /// Lets `gate` go on.
    pub(super) gate: Notify,
    /// Requests that are still let through; `None`: all.
    pub(super) admits: Mutex<Option<u32>>,
    /// The last client that began.
    pub(super) last: Mutex<Option<Arc<Client>>>,
}

impl Fake {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until something is so.
    pub(super) async fn until(&self, what: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if what(self) {
                    return;
                }
                // Some things change without a word.
                let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("it comes to be so");
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn client(&self) -> Arc<Client> {
        self.last.lock().unwrap().clone().unwrap()
    }

    fn hears(&self, what: String) {
        self.heard.lock().unwrap().push(what);
        self.changed.notify_waiters();
    }
}

/// Notices that a future was dropped before its end.
struct Dropped<'a>(&'a Fake, bool);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
            self.0.changed.notify_waiters();
        }
    }
}

fn note(text: &str) -> Bytes {
    let params = RawValue::from_string(text.to_owned()).unwrap();
    message::notification("notifications/progress", Some(&params))
}

#[async_trait]
impl Core for Fake {
    async fn request(self: Arc<Self>, call: Call) -> Result<Bytes, RpcError> {
        let mut over = Dropped(&self, false);
        let params: Value = call.params.as_deref().map_or(Value::Null, |p| serde_json::from_str(p.get()).unwrap());
        let number = |name: &str| params[name].as_u64().unwrap_or_default();
        let outcome = match &*call.method {
            "initialize" => {
                let client = call.client.as_ref().expect("it comes with a client");
                let hello = Hello {
                    version: params["protocolVersion"].as_str().unwrap_or("2025-11-25").to_owned(),
                    capabilities: RawValue::from_string("{}".into()).unwrap(),
                    info: None,
                };
                if params["refuse"] == true {
                    over.1 = true;
                    return Err(RpcError::new(-32602, "refused"));
                }
                client.hello.set(hello).unwrap();
                *self.last.lock().unwrap() = Some(Arc::clone(client));
                Ok(Bytes::from_static(br#"{"protocolVersion":"2025-11-25"}"#))
            }
            "hang" | "subscriptions/listen" => {
                if params["first"] == true {
                    call.outlet.push(note("{}"));
                }
                self.hanging.fetch_add(1, Ordering::SeqCst);
                self.changed.notify_waiters();
                std::future::pending().await
            }
            "gate" => {
                if params["first"] == true {
                    call.outlet.push(note("{}"));
                }
                self.hanging.fetch_add(1, Ordering::SeqCst);
                self.changed.notify_waiters();
                self.gate.notified().await;
                Ok(Bytes::from_static(b"{}"))
            }
            "notices" => {
                for n in 0..number("n") {
                    assert!(call.outlet.push(note(&format!(r#"{{"progress":{n}}}"#))));
                    if n % 100 == 99 {
                        tokio::task::yield_now().await;
                    }
                }
                Ok(Bytes::from_static(b"{}"))
            }
            "flood" => {
                let text = format!("\"{}\"", "x".repeat(100_000));
                for _ in 0..number("n") {
                    assert!(call.outlet.push(note(&text)), "it waits until there is room");
                    self.flooded.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                Ok(Bytes::from_static(b"{}"))
            }
            "ask" => {
                let client = call.client.as_ref().expect("it has a session");
                let said = client.ask(Some(&call.outlet), "elicitation/create", None).await?;
                Ok(said.get().to_owned().into())
            }
            "big" => Ok(format!("\"{}\"", "y".repeat(usize::try_from(number("bytes")).unwrap())).into()),
            "broken-lines" => {
                call.outlet.push(note("{\n\"a\":\r\n1}"));
                Ok(Bytes::from_static(b"{\n}"))
            }
            "fail" => Err(RpcError {
                code: params["code"].as_i64().unwrap(),
                message: "as asked".into(),
                data: Some(RawValue::from_string("{ \"n\":1.50}".into()).unwrap()),
            }),
            method => Ok(json!({
                "method": method,
                "principal": &*call.peer.principal,
                "view": call.peer.view.as_deref(),
                "client": call.client.is_some(),
                "headers": call.headers,
            })
            .to_string()
            .into()),
        };
        over.1 = true;
        outcome
    }

    fn notification(&self, _: &Arc<Client>, method: &str, params: Option<&RawValue>) {
        self.hears(format!("{method} {}", params.map_or("-", RawValue::get)));
    }

    fn answer(&self, client: &Arc<Client>, id: &RawValue, outcome: Result<Box<RawValue>, RpcError>) {
        let text = outcome.as_ref().map_or_else(ToString::to_string, |result| result.get().to_owned());
        self.hears(format!("answer {} {text}", id.get()));
        client.answered(id, outcome);
    }

    fn admit(&self, _: &Peer) -> Result<(), TooMany> {
        match self.admits.lock().unwrap().as_mut() {
            None => Ok(()),
            Some(0) => Err(TooMany { retry_after: Duration::from_millis(1500) }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn has_view(&self, view: &str) -> bool {
        view == "work"
    }
}
