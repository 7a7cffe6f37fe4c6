//! Where a server is: its address as the spec has it, taken apart.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use mcpstore_types::HttpSpec;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::guard::{OutboundGuard, origin};
use crate::LaunchError;

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The URL that requests are for; behind a socket, one of this machine.
    pub(crate) url: Url,
    /// The unix socket, when it is behind one; a name in the abstract namespace begins with NUL.
    pub(crate) socket: Option<PathBuf>,
    /// What may be shown of it.
    pub(crate) shown: String,
}

impl Target {
    /// The target of this spec.
    ///
    /// # Errors
    /// [`LaunchError::BadAddress`].
    pub(crate) fn of(spec: &HttpSpec) -> Result<Self, LaunchError> {
        // The address is not quoted: it may hold a secret.
        let bad = |what: &str| LaunchError::BadAddress { what: what.to_owned() };
        if let Some((socket, path)) = HttpSpec::socket_parts(&spec.url) {
            let (first, rest) = socket.as_bytes().split_first().ok_or_else(|| bad("it names no socket"))?;
            let socket = match first {
                b'@' => [b"\0", rest].concat(),
                b'/' => socket.as_bytes().to_vec(),
                _ => return Err(bad("the path of its socket is not absolute")),
            };
            let url =
                Url::parse("http://localhost").and_then(|base| base.join(path)).map_err(|e| bad(&e.to_string()))?;
            let shown = format!("unix:{}", String::from_utf8_lossy(&socket).replace('\0', "@"));
            return Ok(Self { url, socket: Some(PathBuf::from(OsString::from_vec(socket))), shown });
        }
        let url = Url::parse(&spec.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(bad("it does not begin with http:// or https:// and a host"));
        }
        let shown = origin(&url);
        Ok(Self { url, socket: None, shown })
    }

    /// Its `Host` header, made once instead of for each request. `None` with TLS: HTTP/2 may be spoken, which has another for it.
    pub(crate) fn host(&self) -> Option<HeaderValue> {
        let host = self.url.host_str().filter(|_| self.url.scheme() == "http")?;
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        HeaderValue::from_str(&format!("{host}{port}")).ok()
    }

    /// The guard for requests on behalf of this service.
    pub(crate) fn guard(&self) -> OutboundGuard {
        if self.socket.is_some() { OutboundGuard::local() } else { OutboundGuard::new(&self.url) }
    }

    /// True when it is on this machine, by its address alone: no proxy can reach it for us.
    pub(crate) fn is_here(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        self.socket.is_some()
            || name == "localhost"
            || name.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, LaunchError> {
        Target::of(&HttpSpec { url: url.to_owned(), ..HttpSpec::default() })
    }

    #[test]
    fn a_host_has_its_port_unless_that_goes_without_saying() {
        let host = |url: &str| target(url).unwrap().host().map(|host| host.to_str().unwrap().to_owned());
        for (url, expected) in [
            ("http://u:p@127.0.0.1:8000/mcp", Some("127.0.0.1:8000")),
            ("http://[::1]:80/", Some("[::1]")),
            ("http://h.example", Some("h.example")),
            ("unix:/run/x.sock:/mcp", Some("localhost")),
            ("https://h.example:8443/", None),
        ] {
            assert_eq!(host(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn addresses_come_apart() {
        let web = target("https://u:p@mcp.example.com/x?key=secret").unwrap();
        assert_eq!((web.shown.as_str(), web.is_here(), web.socket), ("https://mcp.example.com", false, None));
        let file = target("unix:///run/a b.sock:/mcp?x=1").unwrap();
        assert_eq!((file.url.as_str(), file.shown.as_str()), ("http://localhost/mcp?x=1", "unix:/run/a b.sock"));
        assert_eq!(file.socket.as_deref(), Some(std::path::Path::new("/run/a b.sock")));
        let hidden = target("unix:@app").unwrap();
        assert_eq!((hidden.url.as_str(), hidden.shown.as_str()), ("http://localhost/", "unix:@app"));
        assert_eq!(hidden.socket.as_deref(), Some(std::path::Path::new("\0app")));
        for here in ["http://localhost:1", "http://127.0.0.9/", "http://[::1]/", "http://a.localhost/", "unix:/x"] {
            assert!(target(here).unwrap().is_here(), "{here}");
        }
        for bad in ["", "ftp://h/", "unix:", "unix:x", "http://", "http://h:99999/", "no-secret-shown\0"] {
            let error = target(bad).unwrap_err();
            assert!(
                matches!(error, LaunchError::BadAddress { .. }) && !error.to_string().contains("secret"),
                "{error}"
            );
        }
    }
}
