//! The human step of a login: the page in a browser, and the way back over a port of this machine.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore::ServiceName;
use mcpstore::transport::{AuthError, LoginListener, LoginPrompt, Redirect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::output::talk;

/// Where the browser comes back to. The address in digits, not `localhost`, as RFC 8252 §8.3 advises.
const CALLBACK: &str = "/callback";
/// The most bytes of a request that are read.
const MAX_REQUEST: usize = 16 * 1024;
/// How long one connection may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);

const DONE: &str = "You are logged in. This page may be closed.";
const REFUSED: &str = "The login was refused. The terminal says more; this page may be closed.";

/// Prints the address of the page, opens it where there is a browser, and listens for the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether to open a browser.
    pub(crate) browser: bool,
}

#[async_trait]
impl LoginPrompt for Terminal {
    async fn listen(&self, before: Option<&str>) -> Result<Box<dyn LoginListener>, AuthError> {
        let failed = |error: std::io::Error| AuthError::Failed { message: format!("no port to listen on: {error}") };
        let wanted = before.and_then(port_of).unwrap_or(0);
        let bound = match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).await {
            Err(_) if wanted != 0 => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
            bound => bound,
        };
        let listener = bound.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}{CALLBACK}");
        Ok(Box::new(Waiting { listener, redirect_uri, browser: self.browser }))
    }
}

fn port_of(redirect_uri: &str) -> Option<u16> {
    redirect_uri.strip_prefix("http://127.0.0.1:")?.strip_suffix(CALLBACK)?.parse().ok()
}

struct Waiting {
    listener: TcpListener,
    redirect_uri: String,
    browser: bool,
}

#[async_trait]
impl LoginListener for Waiting {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    async fn authorize(self: Box<Self>, service: &ServiceName, url: &str) -> Result<Redirect, AuthError> {
        talk(&format!("log in to `{service}` on this page:\n\n  {url}\n"));
        if self.browser && open(url) {
            talk("it should open in your browser; waiting for it to come back");
        }
        // Only the browser that was sent there knows the state; whoever else knocks is not heard.
        let state = url.split(['?', '&']).find(|part| part.starts_with("state=")).unwrap_or("state=");
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { continue };
            let path = timeout(REQUEST, path(&mut stream)).await.ok().flatten().unwrap_or_default();
            let asked = path.strip_prefix(CALLBACK).and_then(|rest| rest.strip_prefix('?'));
            if !asked.is_some_and(|query| query.split('&').any(|part| part == state)) {
                let _ = timeout(REQUEST, say(&mut stream, "404 Not Found", "There is nothing here.")).await;
                continue;
            }
            let redirect = Redirect::from_url(&format!("http://127.0.0.1{path}"));
            let words = if redirect.is_ok() { DONE } else { REFUSED };
            let _ = timeout(REQUEST, say(&mut stream, "200 OK", words)).await;
            return redirect;
        }
    }
}

/// The path and query that a connection asks for.
async fn path(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 2048];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 || request.len() + read > MAX_REQUEST {
            return None;
        }
        request.extend_from_slice(&chunk[..read]);
    }
    let request = String::from_utf8(request).ok()?;
    let mut words = request.lines().next()?.split(' ');
    (words.next()? == "GET").then(|| words.next().map(str::to_owned))?
}

async fn say(stream: &mut TcpStream, status: &str, words: &str) -> std::io::Result<()> {
    let page = format!("<!doctype html><title>mcpstore</title><p>{words}</p>\n");
    let head = "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer";
    let answer =
        format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Opens a page in the user's browser; false when there is none to be seen.
fn open(url: &str) -> bool {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if !screen && !cfg!(target_os = "macos") {
        return false;
    }
    let mut command = tokio::process::Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(redirect_uri: &str, path: &str) -> String {
        let host = redirect_uri.strip_prefix("http://").unwrap().strip_suffix(CALLBACK).unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_browser_that_was_sent_there_is_heard_and_nobody_else() {
        let prompt = Terminal { browser: false };
        let waiting = prompt.listen(None).await.unwrap();
        let uri = waiting.redirect_uri().to_owned();
        let name = ServiceName::new("api").unwrap();
        let login = tokio::spawn(async move { waiting.authorize(&name, "https://as/a?x=1&state=s-1&y=2").await });
        for other in ["/", "/favicon.ico", "/callback", "/callback?code=evil&state=s-2", "/callback?code=evil"] {
            assert!(get(&uri, other).await.starts_with("HTTP/1.1 404"), "{other}");
        }
        assert!(get(&uri, "/callback?code=good&state=s-1&iss=https%3A%2F%2Fas").await.contains(DONE));
        let redirect = login.await.unwrap().unwrap();
        assert_eq!((redirect.code.as_str(), redirect.iss.as_deref()), ("good", Some("https://as")));
        // The next login listens there again, if it can.
        assert_eq!(prompt.listen(Some(&uri)).await.unwrap().redirect_uri(), uri);
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let waiting = Terminal { browser: false }.listen(None).await.unwrap();
        let uri = waiting.redirect_uri().to_owned();
        let name = ServiceName::new("api").unwrap();
        let login = tokio::spawn(async move { waiting.authorize(&name, "https://as/a?state=s").await });
        assert!(get(&uri, "/callback?error=access_denied&state=s").await.contains(REFUSED));
        let error = login.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("access_denied"), "{error}");
    }
}
