//! `alerts.rules`: when an alert of each kind fires and resolves.

use std::time::Duration;

use mcpstore_types::{AlertKind, AlertRule, AlertSeverity};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::duration::duration;
use crate::fields::{Field, check_keys, entry, fields, get, is_snake_of};
use crate::patterns::patterns;
use crate::policy::{MAX_COUNT, set};
use crate::transport::no_effect;
use crate::tree::{Node, Value};
use crate::values::{boolean, object, out_of_range, whole, word, wrong_type};
use crate::words::{RULE, RULES};

/// The most patterns of a rule: each is held against every service.
pub(crate) const MAX_PATTERNS: usize = 100;

/// What the threshold of a kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// It has none.
    None,
    /// A whole number, at least this.
    Count(u32),
    /// A share, above 0 up to 1.
    Share,
    /// Seconds.
    Time,
}

/// What the threshold of this kind counts.
pub(crate) const fn amount(kind: AlertKind) -> Amount {
    match kind {
        AlertKind::Flapping => Amount::Count(1),
        AlertKind::BudgetNear => Amount::Count(0),
        AlertKind::ErrorRate => Amount::Share,
        AlertKind::Latency | AlertKind::StartSlow => Amount::Time,
        AlertKind::GaveUp
        | AlertKind::Leaked
        | AlertKind::StopFailed
        | AlertKind::DependencyFailed
        | AlertKind::ProbeDegraded => Amount::None,
    }
}

/// The kind that a word stands for, in snake case or as JSON spells keys.
pub(crate) fn kind_of(word: &str) -> Option<AlertKind> {
    AlertKind::ALL.into_iter().find(|kind| kind.as_str() == word || is_snake_of(kind.as_str(), word))
}

/// Reads the rules over the defaults, which are in `rules`.
pub(super) fn read(cx: &mut Context<'_>, value: &Value<'_>, rules: &mut [AlertRule]) {
    let Some(object) = object(cx, "alerts.rules", value) else { return };
    let mut given = fields(cx, object);
    for field in &mut given {
        if let Some(kind) = kind_of(field.key) {
            field.key = kind.as_str();
        }
    }
    check_keys(cx, &given, &RULES);
    for rule in rules {
        let same: Vec<Field<'_>> = given.iter().filter(|field| field.key == rule.kind.as_str()).copied().collect();
        if let [.., first, last] = same[..] {
            let message = format!("the rule `{}` stands twice; the last one counts", last.key);
            let diagnostic = Diagnostic::warning(Code::DuplicateKey, message).with_place(cx.place(last.key_at));
            cx.push(diagnostic.with_related(cx.place(first.key_at), "this one is ignored"));
        }
        if let Some(field) = same.last().filter(|field| !field.value.is_null()) {
            one(cx, *field, rule);
        }
    }
}

fn one(cx: &mut Context<'_>, field: Field<'_>, rule: &mut AlertRule) {
    let block = format!("alerts.rules.{}", rule.kind);
    let object = match &field.value.node {
        Node::Bool(enabled) => {
            rule.enabled = *enabled;
            return;
        }
        Node::Object(object) => object,
        _ => {
            let help = "write false to have none, or settings as in { \"severity\": \"critical\", \"for\": \"1m\" }";
            wrong_type(cx, &block, field.value, "true, false or an object", Some(help));
            return;
        }
    };
    let inner = entry(cx, object, &RULE);
    let name = |key: &str| format!("{block}.{key}");
    if let Some(field) = get(&inner, "enabled") {
        set(&mut rule.enabled, boolean(cx, &name("enabled"), field.value));
    }
    if let Some(field) = get(&inner, "severity") {
        set(&mut rule.severity, severity(cx, &name("severity"), field.value));
    }
    for (key, target) in [("for", &mut rule.hold), ("resolveAfter", &mut rule.resolve_after)] {
        if let Some(field) = get(&inner, key) {
            set(target, duration(cx, &name(key), field, Duration::ZERO));
        }
    }
    let kind = rule.kind;
    let on = format!("a rule of the kind `{kind}`");
    match amount(kind) {
        Amount::None => no_effect(cx, &inner, &["threshold", "clear"], &on),
        _ => thresholds(cx, &inner, rule, &name),
    }
    if matches!(kind, AlertKind::Flapping | AlertKind::ErrorRate | AlertKind::Latency) {
        if let Some(field) = get(&inner, "window") {
            set(&mut rule.window, duration(cx, &name("window"), field, Duration::from_secs(1)));
        }
    } else {
        no_effect(cx, &inner, &["window"], &on);
    }
    if matches!(kind, AlertKind::ErrorRate | AlertKind::Latency) {
        if let Some(field) = get(&inner, "minCalls") {
            set(&mut rule.min_calls, whole(cx, &name("minCalls"), field, 1, MAX_COUNT).map(u64::from));
        }
    } else {
        no_effect(cx, &inner, &["minCalls"], &on);
    }
    if let Some(field) = get(&inner, "services") {
        rule.services = services(cx, &name("services"), field);
    }
}

/// A word for how grave an alert is.
pub(super) fn severity(cx: &mut Context<'_>, name: &str, value: &Value<'_>) -> Option<AlertSeverity> {
    word(cx, name, value, &AlertSeverity::ALL.map(|severity| (severity.as_str(), severity)))
}

/// `threshold` and `clear` belong together: a threshold alone takes the other along, in the relation that the defaults have.
fn thresholds(cx: &mut Context<'_>, inner: &[Field<'_>], rule: &mut AlertRule, name: &dyn Fn(&str) -> String) {
    let (threshold_field, clear_field) = (get(inner, "threshold"), get(inner, "clear"));
    let read = |cx: &mut Context<'_>, key: &str, field: Option<Field<'_>>| {
        quantity(cx, &name(key), field?, amount(rule.kind), key == "clear")
    };
    let threshold = read(cx, "threshold", threshold_field);
    let clear = read(cx, "clear", clear_field);
    let stated = threshold.unwrap_or(rule.threshold);
    let falls = rule.kind == AlertKind::BudgetNear;
    let relation = rule.clear_threshold / rule.threshold;
    // Of restarts that are left, more than the threshold is good; of everything else less, or as much.
    let usual = if falls { (stated * relation).max(stated + 1.0) } else { stated * relation };
    match clear {
        Some(clear) if (falls && clear <= stated) || (!falls && clear > stated) => {
            let Some(field) = clear_field else { return };
            let (message, help) = if falls {
                ("is not above the threshold, so it would never resolve", "write a number above the threshold")
            } else {
                ("is above the threshold, so it would resolve while it fires", "write one at or below the threshold")
            };
            let mut diagnostic =
                cx.error_at(field.value, Code::OutOfRange, format!("`{}` {message}", name("clear"))).with_help(help);
            diagnostic = match threshold_field {
                Some(threshold) => diagnostic.with_related(cx.place(threshold.value.at), "the threshold"),
                None => diagnostic.with_note(format!("the threshold is not stated here: {stated} holds")),
            };
            cx.push(diagnostic);
        }
        Some(clear) => (rule.threshold, rule.clear_threshold) = (stated, clear),
        None if threshold.is_some() => (rule.threshold, rule.clear_threshold) = (stated, usual),
        None => {}
    }
}

/// A threshold as its kind counts.
fn quantity(cx: &mut Context<'_>, name: &str, field: Field<'_>, amount: Amount, clears: bool) -> Option<f64> {
    match amount {
        Amount::None => None,
        Amount::Count(min) => whole(cx, name, field, if clears { 0 } else { min }, MAX_COUNT).map(f64::from),
        Amount::Share => share(cx, name, field, clears),
        Amount::Time => match &field.value.node {
            Node::Number(_) => {
                let seconds = crate::values::number(cx, name, field)?;
                // The same bounds as those of a duration in words.
                if !(0.001..=crate::duration::MAX.as_secs_f64()).contains(&seconds) {
                    out_of_range(cx, name, field, "between 0.001 (seconds) and 30d");
                    return None;
                }
                Some(seconds)
            }
            _ => duration(cx, name, field, crate::duration::MIN).map(|time| time.as_secs_f64()),
        },
    }
}

/// `0.1`, or `"10%"`.
fn share(cx: &mut Context<'_>, name: &str, field: Field<'_>, clears: bool) -> Option<f64> {
    const HELP: &str = "write it as in 0.1 or \"10%\"";
    let found = match &field.value.node {
        Node::Number(_) => crate::values::number(cx, name, field)?,
        Node::Text(text) => {
            let percent = text.trim().strip_suffix('%').map(str::trim_end);
            let Some(percent) = percent.and_then(|digits| digits.parse::<f64>().ok()).filter(|p| p.is_finite()) else {
                let message = format!("`{}` is no share", shown(text));
                cx.push(cx.error_at(field.value, Code::WrongType, message).with_help(HELP));
                return None;
            };
            percent / 100.0
        }
        _ => {
            wrong_type(cx, name, field.value, "a share", Some(HELP));
            return None;
        }
    };
    if !(0.0..=1.0).contains(&found) || (found == 0.0 && !clears) {
        out_of_range(cx, name, field, "above 0, up to 1 or \"100%\"");
        return None;
    }
    Some(found)
}

/// Names of services, or patterns for them.
fn services(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Vec<String> {
    if matches!(&field.value.node, Node::List(list) if list.is_empty()) {
        let diagnostic = cx.error_at(field.value, Code::Empty, format!("`{name}` names no service"));
        cx.push(diagnostic.with_help("leave it out for all services, or take the rule away with \"enabled\": false"));
    }
    patterns(cx, name, field, MAX_PATTERNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_two_spellings() {
        for kind in AlertKind::ALL {
            assert_eq!(kind_of(kind.as_str()), Some(kind));
        }
        assert_eq!(RULES.read, AlertKind::ALL.map(AlertKind::as_str));
        assert_eq!(kind_of("gaveUp"), Some(AlertKind::GaveUp));
        assert_eq!(kind_of("errorRate"), Some(AlertKind::ErrorRate));
        assert_eq!((kind_of("gave-up"), kind_of("GaveUp"), kind_of("")), (None, None, None));
    }
}
