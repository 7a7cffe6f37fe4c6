//! Every shape as a snapshot, and what must hold for any text.

use expect_test::{Expect, expect};
use mcpstore_types::{AlertKind, AlertSeverity};
use proptest::prelude::*;

use super::*;
use crate::alert::AlertStatus;
use crate::text::Unit;

fn firing() -> Alert {
    Alert {
        id: "gave_up-web-1".to_owned(),
        kind: AlertKind::GaveUp,
        service: "web".to_owned(),
        severity: AlertSeverity::Critical,
        status: AlertStatus::Firing,
        at_ms: 1_795_957_200_000,
        since_ms: 1_795_957_138_000,
        summary: "gave up after 5 failures".to_owned(),
        detail: "exit code 3\nstderr: no such file".to_owned(),
        value: Some(5.0),
        host: "box".to_owned(),
        tags: vec!["prod".to_owned(), "eu".to_owned()],
    }
}

fn resolved() -> Alert {
    Alert { status: AlertStatus::Resolved, detail: String::new(), value: None, tags: Vec::new(), ..firing() }
}

/// What a server that means harm could write.
fn hostile() -> Alert {
    Alert {
        service: "<!channel> [x](http://evil) @everyone".to_owned(),
        summary: "</font> *b* <at id=all></at> `c` \"q\" \\ # 😀\n\u{1b}[31mred".to_owned(),
        detail: "```\n<@U1> ![i](http://evil)\n> ``` é".to_owned(),
        host: "h<i>".to_owned(),
        tags: Vec::new(),
        value: Some(f64::NAN),
        since_ms: 0,
        ..firing()
    }
    .bounded()
}

fn check(alert: &Alert, template: WebhookTemplate, expect: &Expect) {
    expect.assert_eq(&serde_json::to_string_pretty(&body(template, alert)).unwrap());
}

#[test]
fn generic() {
    check(
        &firing(),
        WebhookTemplate::Generic,
        &expect![[r#"
        {
          "at_ms": 1795957200000,
          "detail": "exit code 3\nstderr: no such file",
          "host": "box",
          "id": "gave_up-web-1",
          "key": "gave_up-web-1/firing/1795957200000",
          "kind": "gave_up",
          "schema": "mcpstore.alert/1",
          "service": "web",
          "severity": "critical",
          "since_ms": 1795957138000,
          "status": "firing",
          "summary": "gave up after 5 failures",
          "tags": [
            "prod",
            "eu"
          ],
          "value": 5.0
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::Generic,
        &expect![[r#"
        {
          "at_ms": 1795957200000,
          "detail": "",
          "host": "box",
          "id": "gave_up-web-1",
          "key": "gave_up-web-1/resolved/1795957200000",
          "kind": "gave_up",
          "schema": "mcpstore.alert/1",
          "service": "web",
          "severity": "critical",
          "since_ms": 1795957138000,
          "status": "resolved",
          "summary": "gave up after 5 failures",
          "tags": [],
          "value": null
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::Generic,
        &expect![[r#"
        {
          "at_ms": 1795957200000,
          "detail": "```\n<@U1> ![i](http://evil)\n> ``` é",
          "host": "h<i>",
          "id": "gave_up-web-1",
          "key": "gave_up-web-1/firing/1795957200000",
          "kind": "gave_up",
          "schema": "mcpstore.alert/1",
          "service": "<!channel> [x](http://evil) @everyone",
          "severity": "critical",
          "since_ms": 0,
          "status": "firing",
          "summary": "</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red",
          "tags": [],
          "value": null
        }"#]],
    );
}

#[test]
fn slack() {
    check(
        &firing(),
        WebhookTemplate::Slack,
        &expect![[r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "🔴 web: gave_up (critical)",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "text": {
                "emoji": false,
                "text": "gave up after 5 failures",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "text": "```\nexit code 3\nstderr: no such file\n```",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            }
          ],
          "text": "🔴 web: gave_up (critical): gave up after 5 failures"
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::Slack,
        &expect![[r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "✅ web: gave_up resolved",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "text": {
                "emoji": false,
                "text": "gave up after 5 failures",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            }
          ],
          "text": "✅ web: gave_up resolved: gave up after 5 failures"
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::Slack,
        &expect![[r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "🔴 &lt;!channel&gt; [x](http://evil) @everyone: gave_up (critical)",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "text": {
                "emoji": false,
                "text": "&lt;/font&gt; *b* &lt;at id=all&gt;&lt;/at&gt; `c` \"q\" \\ # 😀 red",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "text": "```\nˋˋˋ\n&lt;@U1&gt; ![i](http://evil)\n&gt; ˋˋˋ é\n```",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "from mcpstore on h&lt;i&gt; · at 2026-11-29T13:00:00Z",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            }
          ],
          "text": "🔴 &lt;!channel&gt; [x](http://evil) @everyone: gave_up (critical): &lt;/font&gt; *b* &lt;at id=all&gt;&lt;/at&gt; `c` \"q\" \\ # 😀 red"
        }"#]],
    );
}

#[test]
fn discord() {
    check(
        &firing(),
        WebhookTemplate::Discord,
        &expect![[r#"
        {
          "allowed_mentions": {
            "parse": []
          },
          "content": "🔴 web: gave\\_up \\(critical\\)",
          "embeds": [
            {
              "color": 14105161,
              "description": "gave up after 5 failures\n```\nexit code 3\nstderr: no such file\n```",
              "fields": [
                {
                  "inline": true,
                  "name": "from",
                  "value": "mcpstore on box"
                },
                {
                  "inline": true,
                  "name": "at",
                  "value": "2026-11-29T13:00:00Z"
                },
                {
                  "inline": true,
                  "name": "for",
                  "value": "1m 2s"
                },
                {
                  "inline": true,
                  "name": "value",
                  "value": "5"
                },
                {
                  "inline": true,
                  "name": "tags",
                  "value": "prod, eu"
                }
              ]
            }
          ],
          "username": "mcpstore"
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::Discord,
        &expect![[r#"
        {
          "allowed_mentions": {
            "parse": []
          },
          "content": "✅ web: gave\\_up resolved",
          "embeds": [
            {
              "color": 3055683,
              "description": "gave up after 5 failures",
              "fields": [
                {
                  "inline": true,
                  "name": "from",
                  "value": "mcpstore on box"
                },
                {
                  "inline": true,
                  "name": "at",
                  "value": "2026-11-29T13:00:00Z"
                },
                {
                  "inline": true,
                  "name": "for",
                  "value": "1m 2s"
                }
              ]
            }
          ],
          "username": "mcpstore"
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::Discord,
        &expect![[r#"
        {
          "allowed_mentions": {
            "parse": []
          },
          "content": "🔴 \\<!channel\\> \\[x\\]\\(http://evil\\) @everyone: gave\\_up \\(critical\\)",
          "embeds": [
            {
              "color": 14105161,
              "description": "\\</font\\> \\*b\\* \\<at id=all\\>\\</at\\> \\`c\\` \"q\" \\\\ \\# 😀 red\n```\nˋˋˋ\n<@U1> ![i](http://evil)\n> ˋˋˋ é\n```",
              "fields": [
                {
                  "inline": true,
                  "name": "from",
                  "value": "mcpstore on h\\<i\\>"
                },
                {
                  "inline": true,
                  "name": "at",
                  "value": "2026-11-29T13:00:00Z"
                }
              ]
            }
          ],
          "username": "mcpstore"
        }"#]],
    );
}

#[test]
fn feishu() {
    check(
        &firing(),
        WebhookTemplate::Feishu,
        &expect![[r#"
        {
          "card": {
            "config": {
              "wide_screen_mode": true
            },
            "elements": [
              {
                "tag": "div",
                "text": {
                  "content": "gave up after 5 failures",
                  "tag": "plain_text"
                }
              },
              {
                "tag": "hr"
              },
              {
                "tag": "div",
                "text": {
                  "content": "exit code 3\nstderr: no such file",
                  "tag": "plain_text"
                }
              },
              {
                "elements": [
                  {
                    "content": "from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu",
                    "tag": "plain_text"
                  }
                ],
                "tag": "note"
              }
            ],
            "header": {
              "template": "red",
              "title": {
                "content": "🔴 web: gave_up (critical)",
                "tag": "plain_text"
              }
            }
          },
          "msg_type": "interactive"
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::Feishu,
        &expect![[r#"
        {
          "card": {
            "config": {
              "wide_screen_mode": true
            },
            "elements": [
              {
                "tag": "div",
                "text": {
                  "content": "gave up after 5 failures",
                  "tag": "plain_text"
                }
              },
              {
                "elements": [
                  {
                    "content": "from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s",
                    "tag": "plain_text"
                  }
                ],
                "tag": "note"
              }
            ],
            "header": {
              "template": "green",
              "title": {
                "content": "✅ web: gave_up resolved",
                "tag": "plain_text"
              }
            }
          },
          "msg_type": "interactive"
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::Feishu,
        &expect![[r#"
        {
          "card": {
            "config": {
              "wide_screen_mode": true
            },
            "elements": [
              {
                "tag": "div",
                "text": {
                  "content": "</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red",
                  "tag": "plain_text"
                }
              },
              {
                "tag": "hr"
              },
              {
                "tag": "div",
                "text": {
                  "content": "```\n<@U1> ![i](http://evil)\n> ``` é",
                  "tag": "plain_text"
                }
              },
              {
                "elements": [
                  {
                    "content": "from mcpstore on h<i> · at 2026-11-29T13:00:00Z",
                    "tag": "plain_text"
                  }
                ],
                "tag": "note"
              }
            ],
            "header": {
              "template": "red",
              "title": {
                "content": "🔴 <!channel> [x](http://evil) @everyone: gave_up (critical)",
                "tag": "plain_text"
              }
            }
          },
          "msg_type": "interactive"
        }"#]],
    );
}

#[test]
fn dingtalk() {
    check(
        &firing(),
        WebhookTemplate::DingTalk,
        &expect![[r#####"
        {
          "at": {
            "isAtAll": false
          },
          "markdown": {
            "text": "#### 🔴 web: gave_up (critical)\n\ngave up after 5 failures\n\n> exit code 3  \n> stderr: no such file\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu",
            "title": "🔴 web: gave_up (critical)"
          },
          "msgtype": "markdown"
        }"#####]],
    );
    check(
        &resolved(),
        WebhookTemplate::DingTalk,
        &expect![[r#####"
        {
          "at": {
            "isAtAll": false
          },
          "markdown": {
            "text": "#### ✅ web: gave_up resolved\n\ngave up after 5 failures\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s",
            "title": "✅ web: gave_up resolved"
          },
          "msgtype": "markdown"
        }"#####]],
    );
    check(
        &hostile(),
        WebhookTemplate::DingTalk,
        &expect![[r#####"
        {
          "at": {
            "isAtAll": false
          },
          "markdown": {
            "text": "#### 🔴 ＜!channel＞ ［x］(http://evil) @everyone: gave_up (critical)\n\n＜/font＞ ＊b＊ ＜at id=all＞＜/at＞ ˋcˋ \"q\" \\ ＃ 😀 red\n\n> ˋˋˋ  \n> ＜@U1＞ !［i］(http://evil)  \n> ＞ ˋˋˋ é\n\nfrom mcpstore on h＜i＞ · at 2026-11-29T13:00:00Z",
            "title": "🔴 <!channel> [x](http://evil) @everyone: gave_up (critical)"
          },
          "msgtype": "markdown"
        }"#####]],
    );
}

#[test]
fn wecom() {
    check(
        &firing(),
        WebhookTemplate::WeCom,
        &expect![[r#"
        {
          "markdown": {
            "content": "**<font color=\"warning\">🔴 web: gave_up (critical)</font>**\ngave up after 5 failures\n> exit code 3\n> stderr: no such file\n<font color=\"comment\">from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu</font>"
          },
          "msgtype": "markdown"
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::WeCom,
        &expect![[r#"
        {
          "markdown": {
            "content": "**<font color=\"info\">✅ web: gave_up resolved</font>**\ngave up after 5 failures\n<font color=\"comment\">from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s</font>"
          },
          "msgtype": "markdown"
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::WeCom,
        &expect![[r#"
        {
          "markdown": {
            "content": "**<font color=\"warning\">🔴 ＜!channel＞ ［x］(http://evil) @everyone: gave_up (critical)</font>**\n＜/font＞ ＊b＊ ＜at id=all＞＜/at＞ ˋcˋ \"q\" \\ ＃ 😀 red\n> ˋˋˋ\n> ＜@U1＞ !［i］(http://evil)\n> ＞ ˋˋˋ é\n<font color=\"comment\">from mcpstore on h＜i＞ · at 2026-11-29T13:00:00Z</font>"
          },
          "msgtype": "markdown"
        }"#]],
    );
}

#[test]
fn ntfy() {
    check(
        &firing(),
        WebhookTemplate::Ntfy,
        &expect![[r#"
        {
          "message": "gave up after 5 failures\n\nexit code 3\nstderr: no such file\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu",
          "priority": 5,
          "tags": [
            "rotating_light",
            "gave_up"
          ],
          "title": "web: gave_up (critical)"
        }"#]],
    );
    check(
        &resolved(),
        WebhookTemplate::Ntfy,
        &expect![[r#"
        {
          "message": "gave up after 5 failures\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s",
          "priority": 3,
          "tags": [
            "white_check_mark",
            "gave_up"
          ],
          "title": "web: gave_up resolved"
        }"#]],
    );
    check(
        &hostile(),
        WebhookTemplate::Ntfy,
        &expect![[r#"
        {
          "message": "</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red\n\n```\n<@U1> ![i](http://evil)\n> ``` é\n\nfrom mcpstore on h<i> · at 2026-11-29T13:00:00Z",
          "priority": 5,
          "tags": [
            "rotating_light",
            "gave_up"
          ],
          "title": "<!channel> [x](http://evil) @everyone: gave_up (critical)"
        }"#]],
    );
}

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
