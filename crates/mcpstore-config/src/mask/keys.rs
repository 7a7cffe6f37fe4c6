//! Which keys and names speak of secrets.

/// True for the keys of the config language, and of other clients, whose values are hidden with all that is in them.
pub(crate) fn holds_secrets(key: &str) -> bool {
    const NAMES: &[&str] = &[
        "env",
        "headers",
        "http_headers",
        "settings",
        "clientSecret",
        "client_secret",
        "signKey",
        "sign_key",
        "default",
    ];
    // A key with an escape might be one of them.
    NAMES.iter().any(|name| key.eq_ignore_ascii_case(name)) || key.contains('\\')
}

/// True for a name that says that its value is a secret: `GITHUB_TOKEN`, `apiKey`, `X-Api-Key`, `--password`.
///
/// The last words of a name count: `TOKEN_FILE` and `MAX_TOKENS` are none.
pub(crate) fn is_secret_name(name: &str) -> bool {
    if name.len() > 128 {
        return false;
    }
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else { return false };
    let before = words.len().checked_sub(2).and_then(|index| words.get(index)).map(String::as_str);
    const ENDS: &[&str] = &["token", "secret", "password", "passwd", "passphrase", "apikey", "authorization"];
    const WHOLE: &[&str] = &["credential", "credentials", "cookie", "bearer"];
    const KEYS: &[&str] =
        &["api", "access", "private", "secret", "auth", "sign", "signing", "encryption", "license", "service"];
    ENDS.iter().any(|end| last.ends_with(end))
        || WHOLE.contains(&last)
        || (matches!(last, "pass" | "pwd" | "pat") && before.is_some())
        || (last == "key" && before.is_some_and(|word| KEYS.contains(&word)))
}

/// The words of a name, in small letters: divided by `_`, `-`, `.`, blanks, and where a capital follows a small letter.
fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut small = false;
    for c in name.chars() {
        let divides = !c.is_alphanumeric();
        if (divides || (small && c.is_uppercase())) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if !divides {
            word.extend(c.to_lowercase());
        }
        small = c.is_lowercase();
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "GITHUB_PERSONAL_ACCESS_TOKEN",
            "apiKey",
            "API_KEY",
            "X-Api-Key",
            "--password",
            "PGPASSWORD",
            "DB_PASS",
            "clientSecret",
            "Authorization",
            "AWS_SECRET_ACCESS_KEY",
            "access_token",
            "Cookie",
            "APIKEY",
            "signKey",
            "sign_key",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "TOKEN_FILE",
            "MAX_TOKENS",
            "PWD",
            "PATH",
            "KEY",
            "KEYBOARD",
            "TOKENIZERS_PARALLELISM",
            "API_URL",
            "PASSENGER",
            "monkey",
            "bearer_token_env_var",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
