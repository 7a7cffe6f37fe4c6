//! What must hold of every shape, for any text.

use mcpstore_types::{AlertKind, AlertSeverity};
use proptest::prelude::*;

use super::tests::firing;
use super::*;
use crate::alert::AlertStatus;
use crate::text::Unit;

/// Every limit of every service, on any alert.
fn within_limits(alert: &Alert) {
    for (word, template) in WebhookTemplate::WORDS {
        let value = body(template, alert);
        let text = value.to_string();
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again, value, "{word}");
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let most =
            |what: &str, length: usize, limit: usize| assert!(length <= limit, "{word} {what}: {length} > {limit}");
        match template {
            WebhookTemplate::Generic => {
                let alert_again: Alert = serde_json::from_value(value.clone()).unwrap();
                assert_eq!(&alert_again, alert);
                assert_eq!(at("/schema"), "mcpstore.alert/1");
            }
            WebhookTemplate::Slack => {
                most("text", Unit::Utf16.length(at("/text")), slack::MAX_TEXT);
                let blocks = value["blocks"].as_array().unwrap();
                most("blocks", blocks.len(), 50);
                for block in blocks {
                    let (limit, text) = match block["type"].as_str().unwrap() {
                        "header" => (slack::MAX_HEADER, &block["text"]["text"]),
                        "section" => (slack::MAX_SECTION, &block["text"]["text"]),
                        _ => (slack::MAX_SECTION, &block["elements"][0]["text"]),
                    };
                    let text = text.as_str().unwrap();
                    assert!(!text.is_empty());
                    assert!(!text.contains(['<', '>']), "{text}");
                    most("block", Unit::Utf16.length(text), limit);
                    if block["text"]["type"] == "mrkdwn" {
                        assert!(text.starts_with("```\n") && text.ends_with("\n```"), "{text}");
                        assert_eq!(text.matches('`').count(), 6, "{text}");
                    }
                }
            }
            WebhookTemplate::Discord => {
                most("content", Unit::Utf16.length(at("/content")), discord::MAX_CONTENT);
                most("description", Unit::Utf16.length(at("/embeds/0/description")), discord::MAX_DESCRIPTION);
                let fields = value["embeds"][0]["fields"].as_array().unwrap();
                most("fields", fields.len(), 25);
                let mut all = Unit::Utf16.length(at("/embeds/0/description"));
                for field in fields {
                    let fact = field["value"].as_str().unwrap();
                    assert!(!fact.is_empty());
                    most("field", Unit::Utf16.length(fact), discord::MAX_FIELD);
                    all += Unit::Utf16.length(fact) + field["name"].as_str().unwrap().len();
                }
                most("embed", all, discord::MAX_EMBED);
                assert_eq!(value["allowed_mentions"]["parse"], serde_json::json!([]));
            }
            WebhookTemplate::Feishu => {
                most("request", text.len(), feishu::MAX_BODY_BYTES);
                assert!(!text.contains("lark_md"), "no markup");
            }
            WebhookTemplate::DingTalk => {
                most("request", text.len(), dingtalk::MAX_BODY_BYTES);
                assert!(!at("/markdown/text").contains(['<', '[', '`']), "{text}");
            }
            WebhookTemplate::WeCom => {
                let content = at("/markdown/content");
                most("content", content.len(), wecom::MAX_CONTENT_BYTES);
                assert!(!content.contains(['[', '`']), "{content}");
                assert_eq!(content.matches('<').count(), 4, "only ours: {content}");
                assert!(content.ends_with("</font>"), "{content}");
            }
            WebhookTemplate::Ntfy => {
                most("message", at("/message").len(), ntfy::MAX_MESSAGE_BYTES);
                // With the longest topic.
                most("request", text.len() + 80, ntfy::MAX_BODY_BYTES);
                assert!((1..=5).contains(&value["priority"].as_u64().unwrap()));
            }
        }
    }
}

#[test]
fn the_longest_texts_stay_within_the_limits() {
    for piece in ["x", "\"", "<", "\n", "\\", "&", "`", "😀", "é", "日", "`>\n", "\u{7}"] {
        let long = piece.repeat(10_000);
        let mut alert = firing();
        (alert.service, alert.summary, alert.detail) = (long.clone(), long.clone(), long.clone());
        (alert.host, alert.id, alert.tags) = (long.clone(), long.clone(), vec![long; 100]);
        alert.value = Some(f64::MAX);
        alert.at_ms = u64::MAX;
        let alert = alert.bounded();
        assert!(alert.detail.len() <= Alert::MAX_DETAIL_BYTES && alert.summary.len() <= Alert::MAX_SUMMARY_BYTES);
        within_limits(&alert);
    }
}

/// Short and long, with all that is markup somewhere.
fn any_text() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(vec![
        "<!channel>",
        "<@U1>",
        "@everyone",
        "[a](b)",
        "```",
        "&amp;",
        "\n",
        "\"",
        "\\",
        "😀",
        "日本",
        "</font>",
        "\u{202e}",
    ]);
    let piece = prop_oneof![any::<String>(), tricky.prop_map(str::to_owned)];
    (prop::collection::vec(piece, 0..12), 1..200_usize).prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

fn any_alert() -> impl Strategy<Value = Alert> {
    let status = prop::sample::select(vec![
        AlertStatus::Firing,
        AlertStatus::Resolved,
        AlertStatus::Repeated,
        AlertStatus::Test,
    ]);
    let kinds = (prop::sample::select(&AlertKind::ALL[..]), prop::sample::select(&AlertSeverity::ALL[..]), status);
    let texts = [(); 5].map(|()| any_text());
    // JSON of other numbers may come back different by a bit.
    let value = any::<Option<i32>>().prop_map(|value| value.map(|value| f64::from(value) / 8.0));
    let numbers = (any::<u64>(), any::<u64>(), value);
    (kinds, texts, numbers, prop::collection::vec(any_text(), 0..3)).prop_map(|(kinds, texts, numbers, tags)| {
        let [id, service, summary, detail, host] = texts;
        let ((kind, severity, status), (at_ms, since_ms, value)) = (kinds, numbers);
        Alert { id, kind, service, severity, status, at_ms, since_ms, summary, detail, value, host, tags }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_within_the_limits_and_acts_nowhere(alert in any_alert()) {
        within_limits(&alert.bounded());
    }
}
