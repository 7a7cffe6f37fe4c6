//! `gateway`: where it is, what it offers, and what it could not offer as it was asked for.

use std::fmt::Write as _;

use mcpstore::gateway::ViewReport;

use super::Session;
use crate::control::GatewayDoc;
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::output::{self, Schema, clean_line};

/// `gateway`.
///
/// # Errors
/// No manager answers, or stdout cannot be written to.
pub(super) async fn run(session: &Session<'_>) -> anyhow::Result<Exit> {
    let doc: GatewayDoc = session.client.ask(&Request::new(Op::Gateway)).await?;
    if session.global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.gateway/1", doc))?;
    } else {
        output::print(&text(&doc))?;
    }
    Ok(Exit::Done)
}

fn text(doc: &GatewayDoc) -> String {
    let url = doc.reach.url.as_deref();
    let mut out = match url {
        Some(url) if doc.reach.token => format!("{url} (with the token of the state folder)\n"),
        Some(url) => format!("{url} (open to every program on this machine)\n"),
        None => "not reached over HTTP; `mcpstore serve --stdio` joins it\n".to_owned(),
    };
    for view in &doc.report.views {
        let (name, path) = match (&view.profile, url) {
            (None, _) => ("everything".to_owned(), String::new()),
            (Some(profile), Some(url)) => (format!("profile {profile}"), format!("  {url}/{profile}")),
            (Some(profile), None) => (format!("profile {profile}"), String::new()),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "  {}: {}{path}", clean_line(&name), offers(view));
    }
    if !doc.report.unlisted.is_empty() {
        let said = doc.report.unlisted.iter().map(|one| format!("{} ({})", one.service, one.lists.join(", ")));
        let _ = writeln!(out, "not listed yet: {}", clean_line(&said.collect::<Vec<_>>().join(", ")));
    }
    for remark in &doc.report.remarks {
        let _ = writeln!(out, "note: {}", clean_line(remark));
    }
    out
}

fn offers(view: &ViewReport) -> String {
    let counts = [
        (view.services, "service"),
        (view.tools, "tool"),
        (view.prompts, "prompt"),
        (view.resources, "resource"),
        (view.templates, "template"),
    ];
    let some = counts.into_iter().enumerate().filter(|(at, (count, _))| *at < 2 || *count > 0);
    let said = some.map(|(_, (count, word))| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ReachDoc;

    #[test]
    fn it_says_where_what_and_what_not() {
        let views = r#"[{"profile":null,"services":2,"tools":9,"prompts":0,"resources":1,"templates":0},
                        {"profile":"work","services":1,"tools":1,"prompts":0,"resources":0,"templates":0}]"#;
        let unlisted =
            r#"[{"service":"api","lists":["resources","resourceTemplates"]},{"service":"web","lists":["prompts"]}]"#;
        let report =
            format!(r#"{{"views":{views},"unlisted":{unlisted},"remarks":["the name `x` is wanted by two"]}}"#);
        let report = serde_json::from_str(&report).unwrap();
        let url = Some("http://127.0.0.1:8420/mcp".to_owned());
        let doc = GatewayDoc { reach: ReachDoc { url, token: true }, report };
        expect_test::expect![[r"
            http://127.0.0.1:8420/mcp (with the token of the state folder)
              everything: 2 services, 9 tools, 1 resource
              profile work: 1 service, 1 tool  http://127.0.0.1:8420/mcp/work
            not listed yet: api (resources, resourceTemplates), web (prompts)
            note: the name `x` is wanted by two
        "]]
        .assert_eq(&text(&doc));
    }
}
