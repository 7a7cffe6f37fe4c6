//! Secrets taken out of what receivers say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpstore_types::Secret;
use reqwest::Url;

/// Parts shorter than this are no secrets, and stand in ordinary sentences.
const MIN_BYTES: usize = 6;

/// Takes the address, its parts, the headers and the key out of a text.
pub(super) struct Redact(Vec<Secret>);

impl Redact {
    pub(super) fn new<'a>(url: &Secret, others: impl Iterator<Item = &'a Secret>) -> Self {
        let mut parts: Vec<Secret> = others.cloned().collect();
        // Behind the name of a scheme there is the token alone: `Bearer abc`.
        let tokens: Vec<Secret> = parts.iter().flat_map(|part| part.expose().split(' ')).map(Secret::from).collect();
        parts.extend(tokens);
        add_address(&mut parts, url.expose().trim());
        if let Ok(url) = url.expose().trim().parse::<Url>() {
            // As it is sent: with `%20` and the like, and with user and password in a header.
            add_address(&mut parts, url.as_str());
            let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
            if !user.is_empty() || !password.is_empty() {
                parts.push(STANDARD.encode([&user[..], b":", &password[..]].concat()).into());
            }
        }
        parts.retain(|part| part.expose().len() >= MIN_BYTES);
        // The longest first: a part of a part would leave the rest.
        parts.sort_by_key(|part| std::cmp::Reverse(part.expose().len()));
        parts.dedup();
        Self(parts)
    }

    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, part| text.replace(part.expose(), "***"))
    }
}

/// Tokens are in the path, in the query, or in front of the host; the host itself may be told.
fn add_address(parts: &mut Vec<Secret>, url: &str) {
    let behind_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, path) = behind_scheme.split_once(['/', '?']).unwrap_or((behind_scheme, ""));
    parts.extend([url, path].map(Secret::from));
    parts.extend(path.split(['/', '?', '&', '=', '#']).map(Secret::from));
    parts.extend(host.rsplit_once('@').map(|(user, _)| user).unwrap_or_default().split(':').map(Secret::from));
}

/// Without `%40` and the like.
fn decoded(text: &str) -> Vec<u8> {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, rest @ ..] = bytes {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if let (b'%', [high, low, behind @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high * 16 + low);
            bytes = behind;
        } else {
            out.push(*first);
            bytes = rest;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_stays() {
        let url = Secret::from("https://user:p%40ssword@host.example/hooks/T0SECRET a?token=é-SECRET#frag");
        let header = Secret::from("Bearer header-SECRET");
        let redact = Redact::new(&url, [&header].into_iter());
        for said in [
            "cannot POST /hooks/T0SECRET a?token=é-SECRET",
            "cannot POST /hooks/T0SECRET%20a?token=%C3%A9-SECRET",
            "no hook T0SECRET%20a",
            "bad token header-SECRET",
            "Authorization: Basic dXNlcjpwQHNzd29yZA==",
            "https://user:p%40ssword@host.example/hooks/T0SECRET%20a?token=%C3%A9-SECRET",
        ] {
            let told = redact.apply(said);
            assert!(!["SECRET", "ssword", "dXNlcjp"].iter().any(|part| told.contains(part)), "{told}");
            assert!(told.contains("***"), "{told}");
        }
        assert_eq!(
            redact.apply("host.example: HTTP status 404: no such page"),
            "host.example: HTTP status 404: no such page"
        );
    }

    #[test]
    fn percent_signs() {
        assert_eq!(decoded("a%40%C3%a9%zz%4"), b"a@\xc3\xa9%zz%4");
    }
}
