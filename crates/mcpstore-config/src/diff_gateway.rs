//! What must happen to get from one gateway, and one set of views, to another.

use std::collections::BTreeMap;

use mcpstore_types::{ChangeImpact, FieldChange, GatewaySpec, ViewSpec};

use crate::diff::Changes;

use ChangeImpact::{Live, Restart};

/// The fields of `gateway` that differ. An impact of [`Restart`] asks for a new listener: the old one is closed, and
/// sessions over it end. [`Live`] ones hold from the next request on. Empty exactly when both are equal.
#[must_use]
pub fn diff_gateway(old: &GatewaySpec, new: &GatewaySpec) -> Vec<FieldChange> {
    let mut out = Changes::default();
    let GatewaySpec {
        listen,
        auth,
        origins,
        hosts,
        tls,
        requests_per_minute,
        resume_wait,
        poll_after,
        stale,
        tool_changes,
        audit,
    } = old;
    out.note("gateway.listen", Restart, listen, &new.listen);
    out.note("gateway.auth", Live, auth, &new.auth);
    out.note("gateway.origins", Live, origins, &new.origins);
    out.note("gateway.hosts", Live, hosts, &new.hosts);
    out.note("gateway.tls", Restart, tls, &new.tls);
    out.note("gateway.requestsPerMinute", Live, requests_per_minute, &new.requests_per_minute);
    out.note("gateway.resumeWait", Restart, resume_wait, &new.resume_wait);
    out.note("gateway.pollAfter", Restart, poll_after, &new.poll_after);
    out.note("gateway.staleTools", Live, stale, &new.stale);
    out.note("gateway.toolChanges", Live, tool_changes, &new.tool_changes);
    out.note("gateway.audit", Live, audit, &new.audit);
    out.into_fields()
}

/// The difference of two sets of views; each list is sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewsDelta {
    /// Only in the new set.
    pub added: Vec<String>,
    /// Only in the old set: sessions in them end.
    pub removed: Vec<String>,
    /// In both, with other services or tools: their clients are told that lists have changed.
    pub changed: Vec<String>,
}

impl ViewsDelta {
    /// True when the two sets are equal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The difference of two sets of views. Of a name that a set has twice, the last one counts.
#[must_use]
pub fn diff_views(old: &[ViewSpec], new: &[ViewSpec]) -> ViewsDelta {
    fn by_name(views: &[ViewSpec]) -> BTreeMap<&str, &ViewSpec> {
        views.iter().map(|view| (view.name.as_str(), view)).collect()
    }
    let (before, after) = (by_name(old), by_name(new));
    let mut out = ViewsDelta::default();
    for (name, view) in &after {
        match before.get(name) {
            None => out.added.push((*name).to_owned()),
            Some(earlier) if earlier != view => out.changed.push((*name).to_owned()),
            Some(_) => {}
        }
    }
    out.removed = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (*name).to_owned()).collect();
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shown(changes: &[FieldChange]) -> String {
        changes.iter().map(|change| format!("{} {:?}", change.field, change.impact)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_new_address_or_certificate_asks_for_a_new_listener() {
        use mcpstore_types::{GatewayAuth, StaleLists, TlsFiles, ToolChanges};
        let old = GatewaySpec::default();
        assert_eq!(diff_gateway(&old, &old), []);
        let tls = TlsFiles { cert: "/c".into(), key: "/k".into() };
        let new = GatewaySpec { listen: Some("none".to_owned()), tls: Some(tls), ..old.clone() };
        assert_eq!(shown(&diff_gateway(&old, &new)), "gateway.listen Restart, gateway.tls Restart");
        let times = (Some(Duration::from_secs(1)), Some(Duration::from_secs(2)));
        let new = GatewaySpec { resume_wait: times.0, poll_after: times.1, ..old.clone() };
        assert_eq!(shown(&diff_gateway(&old, &new)), "gateway.resumeWait Restart, gateway.pollAfter Restart");
        let new = GatewaySpec {
            auth: GatewayAuth::None,
            origins: vec!["https://a".to_owned()],
            hosts: vec!["a".to_owned()],
            requests_per_minute: Some(1),
            stale: StaleLists::LeaveOut,
            tool_changes: ToolChanges::Warn,
            audit: false,
            ..old.clone()
        };
        let expected = "gateway.auth Live, gateway.origins Live, gateway.hosts Live, gateway.requestsPerMinute Live, \
                        gateway.staleTools Live, gateway.toolChanges Live, gateway.audit Live";
        assert_eq!(shown(&diff_gateway(&old, &new)), expected);
    }

    #[test]
    fn views_come_change_and_go() {
        let view = |name: &str, deny: &[&str]| ViewSpec {
            name: name.to_owned(),
            deny: deny.iter().map(ToString::to_string).collect(),
            ..ViewSpec::default()
        };
        let old = [view("b", &[]), view("a", &[]), view("c", &[])];
        let new = [view("a", &["x"]), view("c", &[]), view("d", &[])];
        let expected = ViewsDelta { added: vec!["d".into()], removed: vec!["b".into()], changed: vec!["a".into()] };
        assert_eq!(diff_views(&old, &new), expected);
        assert!(diff_views(&old, &old).is_empty() && !expected.is_empty());
    }
}
