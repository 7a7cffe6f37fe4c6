//! Every shape as a snapshot.

use expect_test::{Expect, expect};
use mcpstore_types::{AlertKind, AlertSeverity};

use super::*;
use crate::alert::AlertStatus;

pub(super) fn firing() -> Alert {
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
    expect.assert_eq(&serde_json::to_string(&body(template, alert)).unwrap());
}

#[test]
fn generic() {
    check(
        &firing(),
        WebhookTemplate::Generic,
        &expect![[
            r#"{"at_ms":1795957200000,"detail":"exit code 3\nstderr: no such file","host":"box","id":"gave_up-web-1","key":"gave_up-web-1/firing/1795957200000","kind":"gave_up","schema":"mcpstore.alert/1","service":"web","severity":"critical","since_ms":1795957138000,"status":"firing","summary":"gave up after 5 failures","tags":["prod","eu"],"value":5.0}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::Generic,
        &expect![[
            r#"{"at_ms":1795957200000,"detail":"","host":"box","id":"gave_up-web-1","key":"gave_up-web-1/resolved/1795957200000","kind":"gave_up","schema":"mcpstore.alert/1","service":"web","severity":"critical","since_ms":1795957138000,"status":"resolved","summary":"gave up after 5 failures","tags":[],"value":null}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::Generic,
        &expect![[
            r#"{"at_ms":1795957200000,"detail":"```\n<@U1> ![i](http://evil)\n> ``` é","host":"h<i>","id":"gave_up-web-1","key":"gave_up-web-1/firing/1795957200000","kind":"gave_up","schema":"mcpstore.alert/1","service":"<!channel> [x](http://evil) @everyone","severity":"critical","since_ms":0,"status":"firing","summary":"</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red","tags":[],"value":null}"#
        ]],
    );
}

#[test]
fn slack() {
    check(
        &firing(),
        WebhookTemplate::Slack,
        &expect![[
            r#"{"blocks":[{"text":{"emoji":false,"text":"🔴 web: gave_up (critical)","type":"plain_text"},"type":"header"},{"text":{"emoji":false,"text":"gave up after 5 failures","type":"plain_text"},"type":"section"},{"text":{"text":"```\nexit code 3\nstderr: no such file\n```","type":"mrkdwn","verbatim":true},"type":"section"},{"elements":[{"emoji":false,"text":"from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu","type":"plain_text"}],"type":"context"}],"text":"🔴 web: gave_up (critical): gave up after 5 failures"}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::Slack,
        &expect![[
            r#"{"blocks":[{"text":{"emoji":false,"text":"✅ web: gave_up resolved","type":"plain_text"},"type":"header"},{"text":{"emoji":false,"text":"gave up after 5 failures","type":"plain_text"},"type":"section"},{"elements":[{"emoji":false,"text":"from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s","type":"plain_text"}],"type":"context"}],"text":"✅ web: gave_up resolved: gave up after 5 failures"}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::Slack,
        &expect![[
            r#"{"blocks":[{"text":{"emoji":false,"text":"🔴 &lt;!channel&gt; [x](http://evil) @everyone: gave_up (critical)","type":"plain_text"},"type":"header"},{"text":{"emoji":false,"text":"&lt;/font&gt; *b* &lt;at id=all&gt;&lt;/at&gt; `c` \"q\" \\ # 😀 red","type":"plain_text"},"type":"section"},{"text":{"text":"```\nˋˋˋ\n&lt;@U1&gt; ![i](http://evil)\n&gt; ˋˋˋ é\n```","type":"mrkdwn","verbatim":true},"type":"section"},{"elements":[{"emoji":false,"text":"from mcpstore on h&lt;i&gt; · at 2026-11-29T13:00:00Z","type":"plain_text"}],"type":"context"}],"text":"🔴 &lt;!channel&gt; [x](http://evil) @everyone: gave_up (critical): &lt;/font&gt; *b* &lt;at id=all&gt;&lt;/at&gt; `c` \"q\" \\ # 😀 red"}"#
        ]],
    );
}

#[test]
fn discord() {
    check(
        &firing(),
        WebhookTemplate::Discord,
        &expect![[
            r#"{"allowed_mentions":{"parse":[]},"content":"🔴 web: gave\\_up \\(critical\\)","embeds":[{"color":14105161,"description":"gave up after 5 failures\n```\nexit code 3\nstderr: no such file\n```","fields":[{"inline":true,"name":"from","value":"mcpstore on box"},{"inline":true,"name":"at","value":"2026-11-29T13:00:00Z"},{"inline":true,"name":"for","value":"1m 2s"},{"inline":true,"name":"value","value":"5"},{"inline":true,"name":"tags","value":"prod, eu"}]}],"username":"mcpstore"}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::Discord,
        &expect![[
            r#"{"allowed_mentions":{"parse":[]},"content":"✅ web: gave\\_up resolved","embeds":[{"color":3055683,"description":"gave up after 5 failures","fields":[{"inline":true,"name":"from","value":"mcpstore on box"},{"inline":true,"name":"at","value":"2026-11-29T13:00:00Z"},{"inline":true,"name":"for","value":"1m 2s"}]}],"username":"mcpstore"}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::Discord,
        &expect![[
            r#"{"allowed_mentions":{"parse":[]},"content":"🔴 \\<!channel\\> \\[x\\]\\(http://evil\\) @everyone: gave\\_up \\(critical\\)","embeds":[{"color":14105161,"description":"\\</font\\> \\*b\\* \\<at id=all\\>\\</at\\> \\`c\\` \"q\" \\\\ \\# 😀 red\n```\nˋˋˋ\n<@U1> ![i](http://evil)\n> ˋˋˋ é\n```","fields":[{"inline":true,"name":"from","value":"mcpstore on h\\<i\\>"},{"inline":true,"name":"at","value":"2026-11-29T13:00:00Z"}]}],"username":"mcpstore"}"#
        ]],
    );
}

#[test]
fn feishu() {
    check(
        &firing(),
        WebhookTemplate::Feishu,
        &expect![[
            r#"{"card":{"config":{"wide_screen_mode":true},"elements":[{"tag":"div","text":{"content":"gave up after 5 failures","tag":"plain_text"}},{"tag":"hr"},{"tag":"div","text":{"content":"exit code 3\nstderr: no such file","tag":"plain_text"}},{"elements":[{"content":"from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu","tag":"plain_text"}],"tag":"note"}],"header":{"template":"red","title":{"content":"🔴 web: gave_up (critical)","tag":"plain_text"}}},"msg_type":"interactive"}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::Feishu,
        &expect![[
            r#"{"card":{"config":{"wide_screen_mode":true},"elements":[{"tag":"div","text":{"content":"gave up after 5 failures","tag":"plain_text"}},{"elements":[{"content":"from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s","tag":"plain_text"}],"tag":"note"}],"header":{"template":"green","title":{"content":"✅ web: gave_up resolved","tag":"plain_text"}}},"msg_type":"interactive"}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::Feishu,
        &expect![[
            r#"{"card":{"config":{"wide_screen_mode":true},"elements":[{"tag":"div","text":{"content":"</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red","tag":"plain_text"}},{"tag":"hr"},{"tag":"div","text":{"content":"```\n<@U1> ![i](http://evil)\n> ``` é","tag":"plain_text"}},{"elements":[{"content":"from mcpstore on h<i> · at 2026-11-29T13:00:00Z","tag":"plain_text"}],"tag":"note"}],"header":{"template":"red","title":{"content":"🔴 <!channel> [x](http://evil) @everyone: gave_up (critical)","tag":"plain_text"}}},"msg_type":"interactive"}"#
        ]],
    );
}

#[test]
fn dingtalk() {
    check(
        &firing(),
        WebhookTemplate::DingTalk,
        &expect![[
            r#####"{"at":{"isAtAll":false},"markdown":{"text":"#### 🔴 web: gave_up (critical)\n\ngave up after 5 failures\n\n> exit code 3  \n> stderr: no such file\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu","title":"🔴 web: gave_up (critical)"},"msgtype":"markdown"}"#####
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::DingTalk,
        &expect![[
            r#####"{"at":{"isAtAll":false},"markdown":{"text":"#### ✅ web: gave_up resolved\n\ngave up after 5 failures\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s","title":"✅ web: gave_up resolved"},"msgtype":"markdown"}"#####
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::DingTalk,
        &expect![[
            r#####"{"at":{"isAtAll":false},"markdown":{"text":"#### 🔴 ＜!channel＞ ［x］(http://evil) @everyone: gave_up (critical)\n\n＜/font＞ ＊b＊ ＜at id=all＞＜/at＞ ˋcˋ \"q\" \\ ＃ 😀 red\n\n> ˋˋˋ  \n> ＜@U1＞ !［i］(http://evil)  \n> ＞ ˋˋˋ é\n\nfrom mcpstore on h＜i＞ · at 2026-11-29T13:00:00Z","title":"🔴 <!channel> [x](http://evil) @everyone: gave_up (critical)"},"msgtype":"markdown"}"#####
        ]],
    );
}

#[test]
fn wecom() {
    check(
        &firing(),
        WebhookTemplate::WeCom,
        &expect![[
            r#"{"markdown":{"content":"**<font color=\"warning\">🔴 web: gave_up (critical)</font>**\ngave up after 5 failures\n> exit code 3\n> stderr: no such file\n<font color=\"comment\">from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu</font>"},"msgtype":"markdown"}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::WeCom,
        &expect![[
            r#"{"markdown":{"content":"**<font color=\"info\">✅ web: gave_up resolved</font>**\ngave up after 5 failures\n<font color=\"comment\">from mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s</font>"},"msgtype":"markdown"}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::WeCom,
        &expect![[
            r#"{"markdown":{"content":"**<font color=\"warning\">🔴 ＜!channel＞ ［x］(http://evil) @everyone: gave_up (critical)</font>**\n＜/font＞ ＊b＊ ＜at id=all＞＜/at＞ ˋcˋ \"q\" \\ ＃ 😀 red\n> ˋˋˋ\n> ＜@U1＞ !［i］(http://evil)\n> ＞ ˋˋˋ é\n<font color=\"comment\">from mcpstore on h＜i＞ · at 2026-11-29T13:00:00Z</font>"},"msgtype":"markdown"}"#
        ]],
    );
}

#[test]
fn ntfy() {
    check(
        &firing(),
        WebhookTemplate::Ntfy,
        &expect![[
            r#"{"message":"gave up after 5 failures\n\nexit code 3\nstderr: no such file\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s · value 5 · tags prod, eu","priority":5,"tags":["rotating_light","gave_up"],"title":"web: gave_up (critical)"}"#
        ]],
    );
    check(
        &resolved(),
        WebhookTemplate::Ntfy,
        &expect![[
            r#"{"message":"gave up after 5 failures\n\nfrom mcpstore on box · at 2026-11-29T13:00:00Z · for 1m 2s","priority":3,"tags":["white_check_mark","gave_up"],"title":"web: gave_up resolved"}"#
        ]],
    );
    check(
        &hostile(),
        WebhookTemplate::Ntfy,
        &expect![[
            r#"{"message":"</font> *b* <at id=all></at> `c` \"q\" \\ # 😀 red\n\n```\n<@U1> ![i](http://evil)\n> ``` é\n\nfrom mcpstore on h<i> · at 2026-11-29T13:00:00Z","priority":5,"tags":["rotating_light","gave_up"],"title":"<!channel> [x](http://evil) @everyone: gave_up (critical)"}"#
        ]],
    );
}

/// The sample on the page about alerts is what is sent, to the letter.
#[test]
fn the_page_shows_the_generic_shape() {
    let page = include_str!("../../../../docs/alerts.md");
    let (_, rest) = page.split_once("```json fragment\n").unwrap();
    let (text, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```json fragment"), "one sample");
    let sample: Value = serde_json::from_str(text).unwrap();
    let alert: Alert = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(body(WebhookTemplate::Generic, &alert), sample);
    assert_eq!(alert.summary, format!("{}: {}", alert.service, alert.kind.summary()));
    assert_eq!(alert.severity, mcpstore_types::AlertRule::new(alert.kind).severity);
    assert_eq!(alert.clone().bounded(), alert);
}
