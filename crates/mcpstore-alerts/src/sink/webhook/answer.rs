//! Whether an answer means that the alert was taken.

use std::time::Duration;

use mcpstore_types::WebhookTemplate;
use serde_json::Value;

use crate::sink::SinkError;
use crate::text::{Unit, fitted, one_line};

/// The most bytes of what a receiver says.
const MAX_WORDS: usize = 200;

/// True for chats that say yes with HTTP and no in the text.
pub(super) fn has_code(template: WebhookTemplate) -> bool {
    rules(template).is_some()
}

/// What an answer means.
///
/// # Errors
/// The alert was not taken. For good: a status of 4xx but 408, 425 and 429, or a code of the chat that speaks of the
/// request and not of load.
pub(super) fn judge(
    template: WebhookTemplate,
    status: u16,
    text: &str,
    retry_after: Option<Duration>,
) -> Result<(), SinkError> {
    // A chat's own code first: some of them send "too often" with status 400.
    if let Some(rules) = rules(template)
        && let Ok(answer) = serde_json::from_str::<Value>(text)
        && let Some(code) = rules.fields.iter().find_map(|field| answer.get(field)?.as_i64())
    {
        if code == 0 {
            return if (200..300).contains(&status) { Ok(()) } else { Err(by_status(status, text, retry_after)) };
        }
        let said = ["msg", "errmsg", "StatusMessage"].iter().find_map(|field| answer.get(field)?.as_str());
        let message = format!("the chat refused it with code {code}{}", quoted(said.unwrap_or_default()));
        let passing = rules.passing.contains(&code) || is_passing(status);
        return Err(SinkError { permanent: !passing, retry_after, message });
    }
    match status {
        200..300 if has_code(template) => {
            Err(SinkError::passing(format!("the answer is none of the chat's{}", quoted(text))))
        }
        200..300 => Ok(()),
        _ => Err(by_status(status, text, retry_after)),
    }
}

fn by_status(status: u16, text: &str, retry_after: Option<Duration>) -> SinkError {
    let permanent = (400..500).contains(&status) && !is_passing(status);
    let message = if (300..400).contains(&status) {
        format!("it redirects (HTTP status {status}), which is not followed: is the address in the config right?")
    } else {
        format!("HTTP status {status}{}", quoted(text))
    };
    SinkError { permanent, retry_after, message }
}

/// Too slow, too early, too many; and all that is the receiver's own trouble.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

struct Rules {
    /// Where its code stands: 0 is yes.
    fields: &'static [&'static str],
    /// The codes that speak of load: too often, busy.
    passing: &'static [i64],
}

fn rules(template: WebhookTemplate) -> Option<Rules> {
    match template {
        WebhookTemplate::Feishu => {
            Some(Rules { fields: &["code", "StatusCode"], passing: &[11_232, 230_020, 99_991_400] })
        }
        WebhookTemplate::DingTalk => {
            Some(Rules { fields: &["errcode"], passing: &[-1, 88, 90_018, 90_030, 130_101, 410_100] })
        }
        WebhookTemplate::WeCom => Some(Rules { fields: &["errcode"], passing: &[-1, 45_009, 45_033] }),
        WebhookTemplate::Generic | WebhookTemplate::Slack | WebhookTemplate::Discord | WebhookTemplate::Ntfy => None,
    }
}

fn quoted(text: &str) -> String {
    let line = fitted(&one_line(text), MAX_WORDS, Unit::Bytes, |_| None);
    if line.is_empty() { line } else { format!(": {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(template: WebhookTemplate, status: u16, text: &str) -> &'static str {
        match judge(template, status, text, None) {
            Ok(()) => "taken",
            Err(error) if error.permanent => "refused",
            Err(_) => "later",
        }
    }

    #[test]
    fn statuses() {
        let cases = [
            (200, "taken"),
            (204, "taken"),
            (301, "later"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (408, "later"),
            (410, "refused"),
            (425, "later"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ];
        for (status, expected) in cases {
            for template in [WebhookTemplate::Generic, WebhookTemplate::Slack, WebhookTemplate::Ntfy] {
                assert_eq!(verdict(template, status, "whatever"), expected, "{status}");
            }
        }
    }

    #[test]
    fn chats_that_say_no_with_status_200() {
        use WebhookTemplate::{DingTalk, Feishu, WeCom};
        let cases = [
            (Feishu, 200, r#"{"code":0,"msg":"success","data":{}}"#, "taken"),
            (Feishu, 200, r#"{"StatusCode":0,"StatusMessage":"success"}"#, "taken"),
            (Feishu, 200, r#"{"code":19021,"msg":"sign match fail"}"#, "refused"),
            (Feishu, 400, r#"{"code":11232,"msg":"frequency limited"}"#, "later"),
            (Feishu, 200, "<html>log in to this network</html>", "later"),
            (Feishu, 502, "", "later"),
            (Feishu, 404, "", "refused"),
            (DingTalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#, "taken"),
            (DingTalk, 200, r#"{"errcode":310000,"errmsg":"keywords not in content"}"#, "refused"),
            (DingTalk, 200, r#"{"errcode":130101,"errmsg":"send too fast"}"#, "later"),
            (WeCom, 200, r#"{"errcode":0,"errmsg":"ok"}"#, "taken"),
            (WeCom, 200, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "refused"),
            (WeCom, 200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "later"),
            (WeCom, 200, "{}", "later"),
        ];
        for (template, status, text, expected) in cases {
            assert_eq!(verdict(template, status, text), expected, "{} {text}", template.word());
        }
    }

    #[test]
    fn what_a_receiver_says_is_short_and_on_one_line() {
        let error = judge(WebhookTemplate::Slack, 400, &format!("bad\n\u{1b}[31mblock{}", "x".repeat(999)), None);
        let message = error.unwrap_err().message;
        assert!(message.starts_with("HTTP status 400: bad block") && message.len() < 240, "{message}");
    }
}
