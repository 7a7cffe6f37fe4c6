//! Where a webhook goes, checked before the first alert.

use std::net::IpAddr;

use mcpstore_types::{Secret, WebhookTemplate};
use reqwest::Url;

/// The longest name of a topic of ntfy.
const MAX_TOPIC: usize = 64;

/// The address of a webhook. It has no `Debug`: chat services put their token into it.
pub(super) struct Address {
    url: Url,
    topic: String,
}

impl Address {
    /// # Errors
    /// It is no address, in words that do not quote it.
    pub(super) fn new(url: &Secret, template: WebhookTemplate) -> Result<Self, String> {
        let mut url: Url = url.expose().trim().parse().map_err(|error| format!("`url` is no address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("`url` does not begin with http:// or https://".to_owned());
        }
        url.set_fragment(None);
        let topic = if template == WebhookTemplate::Ntfy { cut_topic(&mut url)? } else { String::new() };
        Ok(Self { url, topic })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The topic of ntfy; empty for any other template.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// True for this machine, written out.
    pub(super) fn is_here(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// ntfy takes JSON at its root and the topic within: what is the end of the path for everybody else.
fn cut_topic(url: &mut Url) -> Result<String, String> {
    let hint =
        || "`url` does not end with a topic of ntfy (`https://host/topic`: letters, digits, `-`, `_`)".to_owned();
    let path = url.path().trim_end_matches('/').to_owned();
    let (before, topic) = path.rsplit_once('/').ok_or_else(hint)?;
    let fits = (1..=MAX_TOPIC).contains(&topic.len())
        && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !fits {
        return Err(hint());
    }
    let topic = topic.to_owned();
    url.set_path(&format!("{before}/"));
    Ok(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_of_ntfy_is_cut_from_the_address() {
        let address = |url: &str| Address::new(&Secret::from(url), WebhookTemplate::Ntfy);
        let plain = address("https://ntfy.example/my-topic").ok().unwrap();
        assert_eq!((plain.url().as_str(), plain.topic()), ("https://ntfy.example/", "my-topic"));
        let deep = address("http://[::1]:80/push/T_1/?auth=abc#x").ok().unwrap();
        assert_eq!((deep.url().as_str(), deep.topic()), ("http://[::1]/push/?auth=abc", "T_1"));
        assert!(deep.is_here() && !plain.is_here());
        for odd in ["https://ntfy.example", "https://ntfy.example/", "https://ntfy.example/a.b", "https://h/%20"] {
            assert!(address(odd).err().unwrap().contains("topic"), "{odd}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_quoted() {
        for odd in ["tokenXYZ", "ftp://tokenXYZ@host/", "https://[tokenXYZ", "file:///tokenXYZ", ""] {
            let error = Address::new(&Secret::from(odd), WebhookTemplate::Generic).err().unwrap();
            assert!(error.starts_with("`url`") && !error.contains("tokenXYZ"), "{error}");
        }
    }
}
