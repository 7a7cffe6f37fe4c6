//! Alerts that are well formed and most likely not meant so: services that no one has, secrets, programs that are not there.

use mcpstore_types::{AlertKind, glob_matches};

use super::program::{self, Launchers};
use super::secrets;
use crate::Code;
use crate::alerts::{MAX_PATTERNS, kind_of};
use crate::context::Context;
use crate::depends::{Names, nearest_service};
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{Field, get, known};
use crate::mask::shapes;
use crate::patterns::MAX_PATTERN;
use crate::tree::{Node, Value};
use crate::words::{ALERTS, RULE, SINK};

/// Begins the names of variables that are proposed.
const PREFIX: &str = "ALERTS";

pub(super) fn check(cx: &mut Context<'_>, value: &Value<'_>, names: &Names, launchers: &mut Launchers) {
    let Some(object) = value.as_object() else { return };
    let fields = known(cx, object, &ALERTS);
    if let Some(rules) = get(&fields, "rules").and_then(|field| field.value.as_object()) {
        for kind in AlertKind::ALL {
            let last = rules.members.iter().rfind(|member| kind_of(&member.key) == Some(kind));
            let Some(rule) = last.and_then(|member| member.value.as_object()) else { continue };
            if let Some(Node::List(list)) = get(&known(cx, rule, &RULE), "services").map(|field| &field.value.node)
                && list.len() <= MAX_PATTERNS
            {
                list.iter().for_each(|pattern| services(cx, pattern, names));
            }
        }
    }
    if let Some(Node::List(list)) = get(&fields, "sinks").map(|field| &field.value.node) {
        for sink in list.iter().filter_map(Value::as_object) {
            let fields = known(cx, sink, &SINK);
            self::sink(cx, &fields, launchers);
        }
    }
}

/// A pattern that fits no service of the config.
fn services(cx: &mut Context<'_>, value: &Value<'_>, names: &Names) {
    let Some(pattern) = value.as_text().filter(|text| !text.trim().is_empty() && text.len() <= MAX_PATTERN) else {
        return;
    };
    if cx.sink.is_full() || names.iter().any(|name| glob_matches(pattern, name.as_str())) {
        return;
    }
    let message = format!("no service is called `{}`, so this rule never fires for it", shown(pattern));
    let mut diagnostic = Diagnostic::warning(Code::BadPattern, message).with_place(cx.place(value.at));
    diagnostic.help = nearest_service(cx, pattern, names).map(|name| format!("did you mean `{name}`?"));
    cx.push(diagnostic);
}

fn sink(cx: &mut Context<'_>, fields: &[Field<'_>], launchers: &mut Launchers) {
    secrets::headers(cx, fields, PREFIX);
    for key in ["url", "server"] {
        if let Some((text, value)) = get(fields, key).and_then(|field| Some((field.value.as_text()?, field.value))) {
            if key == "url" && is_of_a_chat(text) {
                let looks = "who has it can write into the chat".to_owned();
                secrets::tell(cx, "the address of a chat", value, None, Some(looks), "${ALERTS_URL}");
            } else {
                secrets::by_looks(cx, &format!("`{key}`"), value, text, PREFIX);
            }
        }
    }
    if let Some(field) = get(fields, "signKey")
        && field.value.as_text().is_some_and(shapes::is_plain)
    {
        secrets::tell(cx, "`signKey`", field.value, None, None, "${ALERTS_SIGN_KEY}");
    }
    if let Some(field) = get(fields, "command") {
        program::beside(cx, "command", true, field.value, launchers);
    }
    if let Some(Node::List(list)) = get(fields, "args").map(|field| &field.value.node) {
        secrets::args(cx, list, PREFIX);
    }
}

/// True for an incoming webhook of a chat service, whose path or query is the key to the chat.
fn is_of_a_chat(url: &str) -> bool {
    const KEYED: [&str; 7] = [
        "hooks.slack.com/services/",
        "discord.com/api/webhooks/",
        "discordapp.com/api/webhooks/",
        "open.feishu.cn/open-apis/bot/",
        "open.larksuite.com/open-apis/bot/",
        "oapi.dingtalk.com/robot/send?access_token=",
        "qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    ];
    let Some((_, rest)) = url.split_once("://") else { return false };
    KEYED.iter().any(|keyed| rest.strip_prefix(keyed).is_some_and(|key| key.len() > 4 && shapes::is_plain(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_chats_are_secrets_unless_they_refer_to_one() {
        assert!(is_of_a_chat("https://hooks.slack.com/services/T0/B0/x1y2z3"));
        assert!(!is_of_a_chat("https://hooks.slack.com/services/${SLACK}"));
        assert!(!is_of_a_chat("https://alerts.example.com/services/T0/B0/x1y2z3"));
    }
}
