//! The environment of a child: a short list of ours, what its spec adds, and our marks.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use mcpstore_types::{Incarnation, ServiceName, StdioSpec};

/// What of our own environment a child gets.
pub(super) const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "XDG_*",
    // What launchers need to reach the network.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "npm_config_*",
    "PIP_*",
    "UV_*",
    // By which tests find what outlived them.
    "MCPSTORE_TEST_TAG",
];

/// Prefixes under which package installers keep credentials too.
const MAY_CARRY_CREDENTIALS: &[&str] = &["npm_config_", "PIP_", "UV_"];

/// Addresses that may have a user and a password in them.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// Words in a name that speak of a credential.
const CREDENTIAL_WORDS: &[&str] = &["token", "auth", "password", "passwd", "secret", "key", "credential", "username"];

/// The variable whose value no other life of any service has.
pub(super) const MARK: &str = "MCPSTORE_LIFE";

/// The whole environment of a child.
pub(super) fn of_child(
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    spec: &StdioSpec,
    service: &ServiceName,
    incarnation: Incarnation,
    mark: &str,
) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<_, _> =
        ours.into_iter().filter(|(name, value)| passes(&spec.inherit_env, name, value)).collect();
    env.insert("MCPSTORE_SERVICE".into(), service.as_str().into());
    env.insert("MCPSTORE_INCARNATION".into(), incarnation.to_string().into());
    env.extend(spec.env.iter().map(|(name, value)| (name.into(), value.expose().into())));
    // Last: by this one a life is found again, so no spec may say otherwise.
    env.insert(MARK.into(), mark.into());
    env
}

fn passes(wanted: &[String], name: &OsStr, value: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    // Who writes out a name means it.
    if wanted.iter().any(|pattern| pattern == name) {
        return true;
    }
    let patterns = PASSED_ON.iter().copied().chain(wanted.iter().map(String::as_str));
    let fits = |pattern: &str| pattern.strip_suffix('*').map_or(name == pattern, |begin| name.starts_with(begin));
    if !patterns.into_iter().any(fits) {
        return false;
    }
    let value = value.to_string_lossy();
    if PROXIES.contains(&name) {
        // Their addresses are written without a scheme too.
        return !value.contains('@');
    }
    let lower = name.to_ascii_lowercase();
    !MAY_CARRY_CREDENTIALS.iter().any(|prefix| name.starts_with(prefix))
        || (!CREDENTIAL_WORDS.iter().any(|word| lower.contains(word)) && !has_userinfo(&value))
}

/// True when an address in the value has a user or a password in it (`scheme://user:pass@host`).
fn has_userinfo(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| rest.split(['/', ' ']).next().is_some_and(|host| host.contains('@')))
}

#[cfg(test)]
mod tests {
    use mcpstore_types::Secret;

    use super::*;

    #[test]
    fn only_what_is_listed_passes() {
        let passes = |name: &str, value: &str| passes(&[], OsStr::new(name), OsStr::new(value));
        for name in ["PATH", "LC_ALL", "XDG_CACHE_HOME", "HTTPS_PROXY", "npm_config_cache", "UV_CACHE_DIR"] {
            assert!(passes(name, "x"), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "PATHX", "npm_config__authToken", "UV_PUBLISH_TOKEN", "PIP_PASSWORD"] {
            assert!(!passes(name, "x"), "{name}");
        }
        assert!(passes("PIP_INDEX_URL", "https://host.example/simple"));
        assert!(!passes("PIP_INDEX_URL", "https://me:pw@host.example/simple"));
        assert!(!passes("HTTPS_PROXY", "me:pw@proxy:3128"));
    }

    #[test]
    fn what_is_wanted_passes_too() {
        let wanted =
            ["AWS_*".to_owned(), "npm_config__auth".to_owned(), "npm_config_*".to_owned(), "HTTP_PROXY".to_owned()];
        let passes = |name: &str, value: &str| passes(&wanted, OsStr::new(name), OsStr::new(value));
        assert!(passes("AWS_SECRET_ACCESS_KEY", "x") && passes("npm_config__auth", "x"));
        assert!(passes("HTTP_PROXY", "http://me:pw@proxy:3128"));
        for name in ["AW", "GITHUB_TOKEN", "npm_config__authToken"] {
            assert!(!passes(name, "x"), "{name}");
        }
    }

    #[test]
    fn the_spec_has_the_last_word() {
        let ours = [("PATH".into(), "/bin".into()), ("SECRET".into(), "x".into())];
        let env = BTreeMap::from([("PATH".to_owned(), Secret::from("/opt")), ("X".to_owned(), Secret::from("1"))]);
        let spec = StdioSpec { env, ..StdioSpec::default() };
        let env = of_child(ours, &spec, &ServiceName::new("s").unwrap(), Incarnation(3), "m");
        let shown: Vec<_> = env.iter().map(|(k, v)| format!("{}={}", k.display(), v.display())).collect();
        assert_eq!(shown, ["MCPSTORE_INCARNATION=3", "MCPSTORE_LIFE=m", "MCPSTORE_SERVICE=s", "PATH=/opt", "X=1"]);
    }
}
