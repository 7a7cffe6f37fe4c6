//! Logins against an authorisation server of our own, over real sockets.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::record::tests::record;
use super::record::{Client, ClientKind};
use super::*;
use crate::http::credentials::Challenge;

/// A server with its authorisation server, both at one address.
struct World {
    base: String,
    /// What was asked for: path and body, and the `Authorization` header.
    asked: Mutex<Vec<(String, String)>>,
    tokens: AtomicUsize,
    /// How it answers a refresh.
    refresh: Mutex<Refresh>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refresh {
    Grants,
    Rejects,
    Fails,
}

impl World {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Arc::new(Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            asked: Mutex::default(),
            tokens: AtomicUsize::new(0),
            refresh: Mutex::new(Refresh::Grants),
        });
        let served = Arc::clone(&world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let world = Arc::clone(&served);
                tokio::spawn(async move { world.serve(stream).await });
            }
        });
        world
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
                return None;
            }
            head.extend(line);
        }
        let head = String::from_utf8(head).ok()?;
        let header = |name: &str| {
            let found =
                head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        stream.read_exact(&mut body).await.ok()?;
        let path = head.split(' ').nth(1)?.to_owned();
        let body = format!("{} {}", String::from_utf8(body).ok()?, header("authorization"));
        self.asked.lock().unwrap().push((path.clone(), body.clone()));
        let (status, body) = self.answer(&path, &body).await;
        let more = if status == 401 { format!("WWW-Authenticate: {}\r\n", self.challenge()) } else { String::new() };
        let text = body.to_string();
        let out = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(out.as_bytes()).await.ok()
    }

    async fn answer(&self, path: &str, body: &str) -> (u16, Value) {
        let base = &self.base;
        match path {
            "/mcp" => (401, json!({})),
            "/prm" => (
                200,
                json!({ "resource": format!("{base}/mcp"), "authorization_servers": [base], "scopes_supported": ["read"] }),
            ),
            "/.well-known/oauth-authorization-server" => {
                let document = json!({
                    "issuer": base,
                    "authorization_endpoint": format!("{base}/authorize"),
                    "token_endpoint": format!("{base}/token"),
                    "registration_endpoint": format!("{base}/register"),
                    "code_challenge_methods_supported": ["S256"],
                });
                (200, document)
            }
            "/register" => (201, json!({ "client_id": "registered", "client_secret": "hunter2", "redirect_uris": [] })),
            "/token" if body.contains("grant_type=refresh_token") => {
                // Long enough that all who ask at once ask while this is under way.
                tokio::time::sleep(Duration::from_millis(40)).await;
                let refresh = *self.refresh.lock().unwrap();
                match refresh {
                    Refresh::Grants => self.grant(),
                    Refresh::Rejects => (400, json!({ "error": "invalid_grant" })),
                    Refresh::Fails => (503, json!({})),
                }
            }
            "/token" => self.grant(),
            _ => (404, json!({})),
        }
    }

    fn grant(&self) -> (u16, Value) {
        let count = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
        let (access, refresh) = (format!("access-{count}"), format!("refresh-{count}"));
        (200, json!({ "access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh }))
    }

    fn challenge(&self) -> String {
        format!("Bearer resource_metadata=\"{}/prm\"", self.base)
    }

    fn spec(&self) -> HttpSpec {
        HttpSpec { url: format!("{}/mcp", self.base), ..HttpSpec::default() }
    }

    fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(asked, _)| asked == path).count()
    }

    /// The refusal of a request that carried `used`.
    async fn refuse(&self, credentials: &dyn Credentials, used: Option<&str>, tries: u32) -> Result<bool, AuthError> {
        let www_authenticate = &[self.challenge()];
        credentials.refused(Challenge { status: 401, www_authenticate, used, tries }).await
    }
}

/// Says yes at once, in the name of `iss`.
#[derive(Clone, Debug, Default)]
struct Yes {
    iss: Option<String>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl LoginPrompt for Yes {
    async fn listen(&self, _: Option<&str>) -> Result<Box<dyn LoginListener>, AuthError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl LoginListener for Yes {
    fn redirect_uri(&self) -> &str {
        "http://127.0.0.1:9/callback"
    }

    async fn authorize(self: Box<Self>, _: &ServiceName, url: &str) -> Result<Redirect, AuthError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let url: reqwest::Url = url.parse().unwrap();
        let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
        Ok(Redirect { code: "code".into(), state, iss: self.iss.clone() })
    }
}

fn api() -> ServiceName {
    ServiceName::new("api").unwrap()
}

/// What a login to this world leaves, as of `age` seconds ago.
fn kept(world: &World, issuer: &str, age: u64) -> Record {
    record(&world.spec().url, issuer, age)
}

#[tokio::test]
async fn without_somebody_to_ask_a_login_is_needed_and_that_is_no_failure() {
    let world = World::start().await;
    let credentials = OAuth::in_memory().credentials(&api(), &world.spec()).unwrap();
    assert_eq!(credentials.authorization().await.unwrap(), None);
    let error = world.refuse(credentials.as_ref(), None, 0).await.unwrap_err();
    assert!(matches!(&error, AuthError::NeedsLogin { message } if message.contains(&world.base)), "{error}");
    assert_eq!(world.count("/register") + world.count("/token"), 0);
}

#[tokio::test]
async fn a_login_is_kept_for_the_next_process() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let prompt = Yes::default();
    let oauth = OAuth::in_folder(dir.path()).with_prompt(Arc::new(prompt.clone()));
    let status = oauth.login(&api(), &world.spec()).await.unwrap();
    assert_eq!((status.issuer.as_str(), status.client_id.as_str()), (world.base.as_str(), "registered"));
    assert!(status.has_tokens && status.renewable && status.scopes == ["read"], "{status:?}");

    let later = OAuth::in_folder(dir.path());
    assert_eq!(later.status(&api()).unwrap(), Some(status));
    let credentials = later.credentials(&api(), &world.spec()).unwrap();
    assert_eq!(credentials.authorization().await.unwrap().as_deref(), Some("Bearer access-1"));

    // The same client again: registered once, with its secret.
    oauth.login(&api(), &world.spec()).await.unwrap();
    assert_eq!((world.count("/register"), world.count("/token")), (1, 2));
    assert_eq!(credentials.authorization().await.unwrap().as_deref(), Some("Bearer access-2"), "seen at once");
    assert!(later.logout(&api()).await.unwrap() && !later.logout(&api()).await.unwrap());
    assert_eq!(credentials.authorization().await.unwrap(), None);
    assert_eq!(prompt.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_login_by_another_process_is_found_when_a_request_is_refused_for_want_of_it() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let credentials = OAuth::in_folder(dir.path()).credentials(&api(), &world.spec()).unwrap();
    assert_eq!(credentials.authorization().await.unwrap(), None);
    let other = OAuth::in_folder(dir.path()).with_prompt(Arc::new(Yes::default()));
    other.login(&api(), &world.spec()).await.unwrap();
    assert!(world.refuse(credentials.as_ref(), None, 0).await.unwrap(), "there is a token now: try again");
    assert_eq!(credentials.authorization().await.unwrap().as_deref(), Some("Bearer access-1"));
}

#[tokio::test]
async fn all_who_need_a_new_token_at_once_share_one_renewal() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    Store::new(dir.path().to_owned()).save(&api(), &kept(&world, &world.base, 3600)).unwrap();
    // Two managers of one folder, many requests each.
    let managers = [OAuth::in_folder(dir.path()), OAuth::in_folder(dir.path())];
    let all = managers.iter().flat_map(|oauth| (0..10).map(|_| oauth.credentials(&api(), &world.spec()).unwrap()));
    let answers = join_all(all.map(|credentials| async move { credentials.authorization().await.unwrap() })).await;
    assert_eq!(
        answers.iter().flatten().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["Bearer access-1"])
    );
    assert_eq!((answers.len(), world.count("/token")), (20, 1));
    let asked = world.asked.lock().unwrap().iter().find(|(path, _)| path == "/token").unwrap().1.clone();
    assert!(
        asked.contains("refresh_token=hunter4") && asked.contains("Basic "),
        "with the secret of the client: {asked}"
    );
    assert!(asked.contains("resource="), "{asked}");
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_lose_the_renewal() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let store = Store::new(dir.path().to_owned());
    store.save(&api(), &kept(&world, &world.base, 3600)).unwrap();
    let oauth = OAuth::in_folder(dir.path());
    let credentials = oauth.credentials(&api(), &world.spec()).unwrap();
    let mut asking = Box::pin(credentials.authorization());
    while world.count("/token") == 0 {
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut asking).await.is_err());
    }
    drop(asking);
    assert_eq!(credentials.authorization().await.unwrap().as_deref(), Some("Bearer access-1"));
    assert_eq!(world.count("/token"), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_then_a_login_is_needed() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let store = Store::new(dir.path().to_owned());
    store.save(&api(), &kept(&world, &world.base, 5)).unwrap();
    let credentials = OAuth::in_folder(dir.path()).credentials(&api(), &world.spec()).unwrap();
    let refuse = |used: &'static str, tries| world.refuse(credentials.as_ref(), Some(used), tries);
    assert!(refuse("Bearer hunter3", 0).await.unwrap());
    assert!(refuse("Bearer hunter3", 0).await.unwrap(), "there is a newer one already");
    assert_eq!(world.count("/token"), 1);
    *world.refresh.lock().unwrap() = Refresh::Fails;
    assert!(matches!(refuse("Bearer access-1", 0).await, Err(AuthError::Failed { .. })));
    assert!(store.peek(&api()).unwrap().unwrap().tokens.is_some(), "a failure costs no login");
    *world.refresh.lock().unwrap() = Refresh::Rejects;
    assert!(matches!(refuse("Bearer access-1", 0).await, Err(AuthError::NeedsLogin { .. })));
    assert!(store.peek(&api()).unwrap().unwrap().tokens.is_none());
    assert!(!refuse("Bearer access-1", 3).await.unwrap(), "there is an end to it");
}

#[tokio::test]
async fn a_token_that_is_over_and_cannot_be_renewed_is_not_sent() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let mut old = kept(&world, &world.base, 4000);
    old.tokens.as_mut().unwrap().refresh = None;
    Store::new(dir.path().to_owned()).save(&api(), &old).unwrap();
    let credentials = OAuth::in_folder(dir.path()).credentials(&api(), &world.spec()).unwrap();
    assert_eq!(credentials.authorization().await.unwrap(), None);
    assert!(matches!(world.refuse(credentials.as_ref(), None, 0).await, Err(AuthError::NeedsLogin { .. })));
}

#[tokio::test]
async fn another_issuer_sees_nothing_of_what_was_kept() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    Store::new(dir.path().to_owned()).save(&api(), &kept(&world, "https://before.example", 5)).unwrap();
    let oauth = OAuth::in_folder(dir.path()).with_prompt(Arc::new(Yes::default()));
    let credentials = oauth.credentials(&api(), &world.spec()).unwrap();
    assert!(world.refuse(credentials.as_ref(), Some("Bearer hunter3"), 0).await.unwrap());
    assert_eq!(world.count("/register"), 1, "a client of its own");
    let asked = world.asked.lock().unwrap();
    let seen = asked.iter().find(|(_, body)| ["hunter3", "hunter4"].iter().any(|secret| body.contains(secret)));
    assert!(seen.is_none(), "{seen:?}");
}

#[tokio::test]
async fn a_client_of_the_config_stays_with_its_issuer() {
    let (world, dir) = (World::start().await, tempfile::tempdir().unwrap());
    let mut spec = world.spec();
    spec.oauth.client_id = Some("mine".into());
    let kind = ClientKind::Configured;
    let mut old = kept(&world, "https://before.example", 5);
    old.client = Client { id: "mine".into(), secret: None, kind, redirect_uri: "http://127.0.0.1:9/callback".into() };
    Store::new(dir.path().to_owned()).save(&api(), &old).unwrap();
    let oauth = OAuth::in_folder(dir.path()).with_prompt(Arc::new(Yes::default()));
    assert!(matches!(oauth.login(&api(), &spec).await, Err(AuthError::Refused { .. })));
    spec.oauth.issuer = Some(world.base.clone());
    assert_eq!(oauth.login(&api(), &spec).await.unwrap().client_id, "mine");
    assert_eq!(world.count("/register"), 0);
}

#[tokio::test]
async fn an_answer_in_the_name_of_somebody_else_is_not_exchanged() {
    let world = World::start().await;
    let iss = Some("https://evil.example".to_owned());
    let oauth = OAuth::in_memory().with_prompt(Arc::new(Yes { iss, ..Yes::default() }));
    assert!(matches!(oauth.login(&api(), &world.spec()).await, Err(AuthError::Refused { .. })));
    assert_eq!(world.count("/token"), 0);
}

#[tokio::test]
async fn a_header_of_the_config_is_used_instead_of_a_login() {
    let mut spec = HttpSpec { url: "https://x/mcp".into(), ..HttpSpec::default() };
    spec.headers.insert("authorization".into(), "Bearer mine".into());
    let oauth = OAuth::in_memory();
    assert!(oauth.credentials(&api(), &spec).is_none());
    assert!(matches!(oauth.login(&api(), &spec).await, Err(AuthError::Refused { .. })));
}
