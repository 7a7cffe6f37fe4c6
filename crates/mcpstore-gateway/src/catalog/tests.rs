//! Catalogs of a few services, looked at from outside.

use std::sync::Arc;

use expect_test::expect;
use mcpstore_transport::{List, ServerInfo, Tool, ToolList};
use mcpstore_types::{Era, Expose, ServiceName, StaleLists, ToolRules, ViewSpec};
use serde_json::Value;
use serde_json::value::RawValue;

use super::cursor::BadCursor;
use super::route::{NoRoute, Route};
use super::source::Kind;
use super::*;

pub(super) fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

/// A list of tools with these entries.
pub(super) fn tools(entries: impl IntoIterator<Item = impl AsRef<str>>) -> Arc<ToolList> {
    let tools = entries.into_iter().map(|entry| Tool {
        name: String::new(),
        description: None,
        input_schema: raw("{}"),
        raw: raw(entry.as_ref()),
    });
    Arc::new(ToolList { tools: tools.collect(), ..ToolList::default() })
}

/// Tools of these names and with no more than they need.
pub(super) fn named(names: &[&str]) -> Arc<ToolList> {
    tools(names.iter().map(|name| format!(r#"{{"name":{},"inputSchema":{{}}}}"#, splice::json(name))))
}

pub(super) fn list(entries: &[&str]) -> Option<Arc<List>> {
    Some(Arc::new(List { entries: entries.iter().map(|entry| raw(entry)).collect(), ..List::default() }))
}

fn server(capabilities: &str, instructions: Option<&str>) -> Option<Arc<ServerInfo>> {
    let (capabilities, instructions) = (capabilities.to_owned(), instructions.map(str::to_owned));
    Some(Arc::new(ServerInfo { capabilities, instructions, ..ServerInfo::default() }))
}

pub(super) fn source(name: &str, tools: Option<Arc<ToolList>>) -> Source {
    Source { tools, ..Source::new(service(name), ToolRules::default()) }
}

fn plain(name: &str, tools: &[&str]) -> Source {
    let mut source = source(name, Some(named(tools)));
    source.rules.expose = Expose::Plain;
    source
}

fn renaming(name: &str, from: &str, to: &str, tools: &[&str]) -> Source {
    let mut source = source(name, Some(named(tools)));
    source.rules.rename.insert(from.to_owned(), to.to_owned());
    source
}

pub(super) fn catalog(sources: &[Source]) -> Catalog {
    Catalog::new(Inputs { sources: sources.to_vec(), ..Inputs::default() }, None)
}

pub(super) fn text(view: View<'_>, kind: Kind, era: Era) -> String {
    String::from_utf8(view.list(kind, era, None).unwrap().to_vec()).unwrap()
}

/// The names or addresses that a list has.
pub(super) fn listed(view: View<'_>, kind: Kind) -> Vec<String> {
    let all: Value = serde_json::from_str(&text(view, kind, Era::Handshake)).unwrap();
    let entries = all[kind.member()].as_array().unwrap();
    entries.iter().map(|entry| entry[kind.key()].as_str().unwrap().to_owned()).collect()
}

fn led(route: Result<Route<'_>, NoRoute>) -> String {
    match route {
        Ok(route) => {
            let rivals = if route.rivals > 0 { format!(", {} more", route.rivals) } else { String::new() };
            format!("{}: {}{rivals}", route.service, route.upstream)
        }
        Err(error) => error.to_string(),
    }
}

fn told(conflicts: &[Conflict]) -> String {
    let claims = |conflict: &Conflict| {
        let claims = conflict.claims.iter().map(|(service, key)| format!("{service}: {key}"));
        claims.collect::<Vec<_>>().join(", ")
    };
    let line = |own: &Conflict| format!("{} `{}` {:?} ({})\n", own.kind.word(), own.name, own.settled, claims(own));
    conflicts.iter().map(line).collect()
}

/// Everything that can be seen of a catalog.
fn seen(catalog: &Catalog, views: &[Option<&str>]) -> String {
    let mut out = String::new();
    for name in views {
        let view = catalog.view(*name).unwrap();
        out.push_str(&format!("== {}\n", name.unwrap_or("everything")));
        out.push_str(&format!("{:?}\n", view.services().collect::<Vec<_>>()));
        for kind in Kind::ALL {
            out.push_str(&text(view, kind, Era::Handshake).replace("},{", "},\n {"));
            out.push('\n');
        }
    }
    out.push_str("== conflicts\n");
    out.push_str(&told(catalog.conflicts()));
    for (service, dropped) in catalog.dropped() {
        out.push_str(&format!("== {} dropped of {service}\n{}\n", dropped.total, dropped.reasons.join("\n")));
    }
    out
}

/// Three services: one with a bit of everything, one that is down, one that is plain.
fn small() -> Vec<Source> {
    let mut files = source(
        "files",
        Some(tools([
            r#"{ "name": "read", "title":"R", "inputSchema": {"type":"object"}, "x-price": 1.50 }"#,
            r#"{"inputSchema":{},"name":"write","description":"old"}"#,
            r#"{"name":"erase","inputSchema":{}}"#,
            r#"{"name":"search","inputSchema":{}}"#,
            r#"{"name":"held","inputSchema":{}}"#,
            r#"{"name":"bad","inputSchema":[]}"#,
            r#"{"name":7,"inputSchema":{}}"#,
            r#"{"name":"read","inputSchema":{}}"#,
        ])),
    );
    files.rules.deny = vec!["era*".into()];
    files.rules.describe = [("write".to_owned(), "Writes a \"file\".".to_owned())].into();
    files.rules.rename = [("search".to_owned(), "find".to_owned())].into();
    files.quarantined = ["held".to_owned()].into();
    files.prompts = list(&[r#"{"name":"greet"}"#]);
    files.resources = list(&[r#"{"uri":"file:///a","name":"a"}"#, r#"{"uri":"x:shared","name":"mine"}"#]);
    files.templates = list(&[r#"{"uriTemplate":"file:///{+path}","name":"any"}"#]);
    let mut old = source("com.example/old", Some(named(&["search"])));
    old.stale = true;
    old.resources = list(&[r#"{"uri":"x:shared","name":"theirs"}"#]);
    let mut plain = plain("web", &["fetch page", "search"]);
    plain.prompts = list(&[r#"{"name":"greet"}"#]);
    vec![plain, files, old]
}

#[test]
fn a_small_catalog() {
    let view = ViewSpec {
        name: "coder".into(),
        services: [service("files"), service("web"), service("nobody")].into(),
        allow: vec!["files__*".into(), "find".into()],
        deny: vec!["*__write".into()],
    };
    let inputs = Inputs { sources: small(), views: &[view], ..Inputs::default() };
    let catalog = Catalog::new(inputs, None);
    let found = seen(&catalog, &[None, Some("coder")]);
    expect![[r#"
            == everything
            [`com.example/old`, `files`, `web`]
            {"tools":[{"name":"com_example_old__search-26b872c205","inputSchema":{},"_meta":{"io.mcpstore/stale":true}},
             { "name": "files__read", "title":"R", "inputSchema": {"type":"object"}, "x-price": 1.50 },
             {"inputSchema":{},"name":"files__write","description":"Writes a \"file\"."},
             {"name":"find","inputSchema":{}},
             {"name":"fetch page","inputSchema":{}},
             {"name":"search","inputSchema":{}}]}
            {"prompts":[{"name":"files__greet"},
             {"name":"greet"}]}
            {"resources":[{"uri":"x:shared","name":"theirs","_meta":{"io.mcpstore/stale":true}},
             {"uri":"file:///a","name":"a"}]}
            {"resourceTemplates":[{"uriTemplate":"file:///{+path}","name":"any"}]}
            == coder
            [`files`, `web`]
            {"tools":[{ "name": "files__read", "title":"R", "inputSchema": {"type":"object"}, "x-price": 1.50 },
             {"name":"find","inputSchema":{}}]}
            {"prompts":[{"name":"files__greet"},
             {"name":"greet"}]}
            {"resources":[{"uri":"file:///a","name":"a"},
             {"uri":"x:shared","name":"mine"}]}
            {"resourceTemplates":[{"uriTemplate":"file:///{+path}","name":"any"}]}
            == conflicts
            resource `x:shared` First (com.example/old: x:shared, files: x:shared)
            == 3 dropped of files
            tool 6: `bad`: its `inputSchema` is no object
            tool 7: its `name` is no text
            tool 8: there is another `read`
        "#]]
    .assert_eq(&found);
    let view = catalog.view(Some("coder")).unwrap();
    let everything = catalog.everything();
    let routes = [
        led(everything.route_tool("files__read")),
        led(everything.route_tool("find")),
        led(everything.route_tool("fetch page")),
        led(everything.route_tool("com_example_old__search-26b872c205")),
        led(everything.route_tool("files__held")),
        led(everything.route_tool("files__erase")),
        led(everything.route_tool("files__raed")),
        led(view.route_tool("find")),
        led(view.route_tool("files__write")),
        led(view.route_tool("fetch page")),
        led(view.route_prompt("files__greet")),
        led(everything.route_prompt("greet")),
        led(everything.route_resource("x:shared")),
        led(view.route_resource("x:shared")),
        led(view.route_resource("file:///b/c")),
        led(view.route_template("file:///{+path}")),
        led(view.route_resource("http://b/c")),
    ];
    expect![[r#"
        files: read
        files: search
        web: fetch page
        com.example/old: search
        tool `held` of service `files` changed since it was approved, and is held back
        there is no tool `files__erase`; did you mean `files__read`?
        there is no tool `files__raed`; did you mean `files__read`?
        files: search
        there is no tool `files__write`; did you mean `files__read`?
        there is no tool `fetch page`
        files: greet
        web: greet
        com.example/old: x:shared
        files: x:shared
        files: file:///{+path}
        files: file:///{+path}
        there is no resource `http://b/c`"#]]
    .assert_eq(&routes.join("\n"));
    assert!(catalog.view(Some("Coder")).is_none());
}

#[test]
fn a_bare_name_that_two_want_is_given_to_neither() {
    let both = catalog(&[plain("a", &["search", "only_a"]), plain("b", &["search"])]);
    assert_eq!(listed(both.everything(), Kind::Tools), ["a__search", "only_a", "b__search"]);
    assert_eq!(told(both.conflicts()), "tool `search` Prefixed (a: search, b: search)\n");
    assert!(both.everything().route_tool("search").is_err());
    assert_eq!(led(both.everything().route_tool("a__search")), "a: search");
    assert_eq!(
        text(both.everything(), Kind::Tools, Era::Handshake),
        r#"{"tools":[{"name":"a__search","inputSchema":{}},{"name":"only_a","inputSchema":{}},{"name":"b__search","inputSchema":{}}]}"#
    );
}

#[test]
fn renaming_counts_by_the_rules_alone() {
    // `a` was never listed, and may not even have such a tool.
    let mut a = renaming("a", "x", "search", &[]);
    a.tools = None;
    let both = catalog(&[a.clone(), plain("b", &["search"])]);
    assert_eq!(listed(both.everything(), Kind::Tools), ["b__search"]);
    assert_eq!(told(both.conflicts()), "tool `search` Prefixed (a: x, b: search)\n");
    // A tool that is denied has no name.
    a.rules.deny = vec!["x".into()];
    let both = catalog(&[a, plain("b", &["search"])]);
    assert_eq!((listed(both.everything(), Kind::Tools), both.conflicts()), (vec!["search".to_owned()], &[][..]));
}

#[test]
fn one_service_can_be_in_conflict_with_itself() {
    let mut one = renaming("a", "x", "z", &["x", "y", "z"]);
    one.rules.rename.insert("y".into(), "z".into());
    let one = catalog(&[one]);
    assert_eq!(listed(one.everything(), Kind::Tools), ["a__x", "a__y", "a__z"]);
    assert_eq!(told(one.conflicts()), "tool `z` Prefixed (a: x, a: y)\n");
    // What it would be called anyway is no conflict.
    let same = catalog(&[renaming("a", "x", "a__x", &["x"])]);
    assert_eq!((listed(same.everything(), Kind::Tools), same.conflicts()), (vec!["a__x".to_owned()], &[][..]));
    let other = catalog(&[renaming("a", "x", "a__y", &["x", "y"])]);
    assert_eq!(listed(other.everything(), Kind::Tools), ["a__x", "a__y"]);
    assert_eq!(told(other.conflicts()), "tool `a__y` Prefixed (a: x, a: y)\n");
}

#[test]
fn nobody_takes_a_name_out_of_the_space_of_another() {
    // `github` was not listed yet: its `delete` could come any time.
    let both = catalog(&[plain("evil", &["github__delete", "gitlab__delete"]), source("github", None)]);
    assert_eq!(listed(both.everything(), Kind::Tools), ["evil__github__delete", "gitlab__delete"]);
    assert_eq!(told(both.conflicts()), "tool `github__delete` Space (evil: github__delete)\n");
    // Its own space is its own.
    let own = catalog(&[plain("a", &["a__b"])]);
    assert_eq!((listed(own.everything(), Kind::Tools), own.conflicts()), (vec!["a__b".to_owned()], &[][..]));
}

#[test]
fn a_service_that_is_down_is_marked_or_left_out() {
    let mut a = source("a", Some(named(&["t"])));
    a.stale = true;
    a.resources = list(&[r#"{"uri":"x:1"}"#]);
    a.templates = list(&[r#"{"uriTemplate":"x:{a}","_meta":{"k":1}}"#]);
    let mut b = source("b", None);
    b.resources = list(&[r#"{"uri":"x:1"}"#]);
    b.templates = list(&[r#"{"uriTemplate":"x:{b}"}"#]);
    let sources = vec![a, b];
    let keep = catalog(&sources);
    let texts = Kind::ALL.map(|kind| text(keep.everything(), kind, Era::Handshake));
    assert_eq!(texts[0], r#"{"tools":[{"name":"a__t","inputSchema":{},"_meta":{"io.mcpstore/stale":true}}]}"#);
    assert_eq!(texts[2], r#"{"resources":[{"uri":"x:1","_meta":{"io.mcpstore/stale":true}}]}"#);
    assert_eq!(
        texts[3],
        r#"{"resourceTemplates":[{"uriTemplate":"x:{a}","_meta":{"io.mcpstore/stale":true,"k":1}},{"uriTemplate":"x:{b}"}]}"#
    );
    assert_eq!(led(keep.everything().route_resource("x:1")), "a: x:1");
    assert_eq!(led(keep.everything().route_resource("x:2")), "a: x:{a}, 1 more");
    let inputs = Inputs { sources, stale: StaleLists::LeaveOut, ..Inputs::default() };
    let left = Catalog::new(inputs, Some(&keep));
    assert_eq!(listed(left.everything(), Kind::Tools), [""; 0]);
    assert_eq!(text(left.everything(), Kind::Resources, Era::Handshake), r#"{"resources":[{"uri":"x:1"}]}"#);
    assert_eq!(listed(left.everything(), Kind::Templates), ["x:{b}"]);
    // A call says what is wrong with the service; what another has is read there.
    assert_eq!(led(left.everything().route_tool("a__t")), "a: t");
    assert_eq!(led(left.everything().route_resource("x:1")), "b: x:1");
    assert_eq!(led(left.everything().route_resource("x:2")), "b: x:{b}, 1 more");
}

#[test]
fn the_longest_beginning_wins_among_templates() {
    let with = |name: &str, templates: &[&str]| {
        let entries: Vec<String> = templates.iter().map(|text| format!(r#"{{"uriTemplate":"{text}"}}"#)).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        Source { templates: list(&entries), ..source(name, None) }
    };
    let all = catalog(&[
        with("a", &["{+any}"]),
        with("b", &["test://{x}", "test://{x}/y"]),
        with("c", &["test://te{x}", "test://template/{id}/data"]),
        with("d", &["test://tz{x}", "test://template/{id}/"]),
        with("e", &["test://ü{x}"]),
    ]);
    let view = all.everything();
    for (uri, expected) in [
        ("test://template/1/data", "c: test://template/{id}/data"),
        ("test://template/1/", "d: test://template/{id}/"),
        ("test://template", "c: test://te{x}"),
        ("test://t", "b: test://{x}"),
        ("test://ta/y", "b: test://{x}/y"),
        ("test://üb", "e: test://ü{x}"),
        ("test://öb", "b: test://{x}"),
        ("file:///x", "a: {+any}"),
        ("test://template/1/2/3", "a: {+any}"),
        ("test://template/y", "b: test://{x}/y"),
        ("", "there is no resource ``"),
    ] {
        assert_eq!(led(view.route_resource(uri)), expected, "{uri}");
    }
    assert_eq!(led(view.route_template("test://{x}")), "b: test://{x}");
    assert_eq!(led(view.route_template("test://t")), "b: test://{x}");
    assert_eq!(view.services_with(Kind::Templates).count(), 5);
}

#[test]
fn results_say_how_long_they_may_be_kept() {
    let with = |name: &str, (ttl_ms, private)| {
        let tools = ToolList { ttl_ms, private, ..ToolList::clone(&named(&["t"])) };
        source(name, Some(Arc::new(tools)))
    };
    let said = |sources: &[Source]| {
        let inputs = Inputs { sources: sources.to_vec(), meta: Some(r#"{"k":1}"#), ..Inputs::default() };
        let text = text(Catalog::new(inputs, None).everything(), Kind::Tools, Era::Stateless);
        let rest = text.strip_prefix(r#"{"resultType":"complete","tools":["#).unwrap();
        rest.rsplit_once(r#"],"ttlMs":"#).unwrap().1.strip_suffix(r#","_meta":{"k":1}}"#).unwrap().to_owned()
    };
    let (long, short) = (with("a", (Some(300_000), false)), with("b", (Some(5), false)));
    assert_eq!(said(std::slice::from_ref(&long)), r#"300000,"cacheScope":"public""#);
    assert_eq!(said(&[long.clone(), short]), r#"5,"cacheScope":"public""#);
    assert_eq!(said(&[long.clone(), with("b", (Some(600_000), true))]), r#"300000,"cacheScope":"private""#);
    // Who says nothing says zero, and does not say that it may be shared.
    assert_eq!(said(&[long.clone(), with("b", (None, false))]), r#"0,"cacheScope":"private""#);
    // One that was not listed yet may come any moment; one that has no tools does not matter.
    assert_eq!(said(&[long.clone(), source("b", None)]), r#"0,"cacheScope":"private""#);
    let without = Source { server: server(r#"{"prompts":{}}"#, None), ..source("b", None) };
    assert_eq!(said(&[long.clone(), without]), r#"300000,"cacheScope":"public""#);
    assert_eq!(said(&[Source { stale: true, ..long }]), r#"0,"cacheScope":"public""#);
    assert_eq!(said(&[]), r#"0,"cacheScope":"private""#);
}

#[test]
fn capabilities_are_those_of_all() {
    let with = |name: &str, text: &str| Source { server: server(text, None), ..source(name, None) };
    let union = |sources: &[Source], era| catalog(sources).everything().capabilities(era).to_owned();
    assert_eq!(union(&[], Era::Handshake), "{}");
    assert_eq!(
        union(&[source("never-ran", None)], Era::Handshake),
        r#"{"completions":{},"logging":{},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}"#
    );
    let sources = [
        with(
            "a",
            r#"{"tools":{"listChanged":false},"resources":{"subscribe":false},"tasks":{"list":{}},"logging":{}}"#,
        ),
        with("b", r#"{"resources":{"subscribe":true},"extensions":{"x/y":{"n":1.50},"z/w":{}}}"#),
        with("c", r#"{"extensions":{"x/y":{"n":2,"m":[]}},"tools":"?","tasks":{"cancel":{}}}"#),
    ];
    assert_eq!(
        union(&sources, Era::Handshake),
        r#"{"logging":{},"resources":{"listChanged":true,"subscribe":true},"tasks":{"cancel":{},"list":{}},"tools":{"listChanged":true}}"#
    );
    assert_eq!(
        union(&sources, Era::Stateless),
        r#"{"extensions":{"x/y":{"m":[],"n":1.50},"z/w":{}},"logging":{},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}"#
    );
    // Deep ones cost no stack.
    let deep = format!("{{\"experimental\":{}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(union(&[with("a", &deep), with("b", &deep)], Era::Handshake), deep);
}

#[test]
fn instructions_are_joined_and_bounded() {
    let with = |name: &str, text: &str| Source { server: server("{}", Some(text)), ..source(name, None) };
    let all = catalog(&[with("b", " Ask.\n"), with("a", "Look.\n\nThen ask."), with("c", "  "), source("d", None)]);
    assert_eq!(all.everything().instructions(), Some("# a\n\nLook.\n\nThen ask.\n\n# b\n\nAsk.\n"));
    assert_eq!(catalog(&[source("d", None)]).everything().instructions(), None);
    let long: Vec<Source> = (0..100).map(|n| with(&format!("s{n}"), &"ä".repeat(100_000))).collect();
    let long = catalog(&long);
    let long = long.everything().instructions().unwrap();
    assert!(long.len() <= 65 * 1024 && long.matches("# s").count() == 7 && long.ends_with("…(cut)"), "{}", long.len());
}

#[test]
fn what_did_not_change_is_taken_over() {
    let mut sources: Vec<Source> = (0..5).map(|n| source(&format!("s{n}"), Some(named(&["x", "y"])))).collect();
    let before = catalog(&sources);
    sources[2].tools = Some(named(&["x"]));
    sources[3].stale = true;
    sources[4].rules.deny = vec!["x".into()];
    let after = Catalog::new(Inputs { sources: sources.clone(), ..Inputs::default() }, Some(&before));
    let same: Vec<bool> =
        before.stock.parts.iter().zip(&after.stock.parts).map(|(one, other)| one.is_made_with(other)).collect();
    assert_eq!(same, [true, true, false, false, false]);
    let fresh = catalog(&sources);
    for kind in Kind::ALL {
        assert!(after.everything().lists_the_same(kind, fresh.everything()), "{kind:?}");
        assert_eq!(before.everything().lists_the_same(kind, after.everything()), kind != Kind::Tools, "{kind:?}");
    }
    let again = Catalog::new(Inputs { sources, ..Inputs::default() }, Some(&after));
    assert!(again.everything().lists_the_same(Kind::Tools, after.everything()));
}

#[test]
fn pages_have_bounds_and_are_shared() {
    let one = source("s", Some(named(&["a", "b", "c", "d", "e"])));
    let bounds = |entries, bytes| Inputs {
        sources: vec![one.clone()],
        bounds: PageBounds { entries, bytes },
        ..Inputs::default()
    };
    let sizes = |inputs: Inputs<'_>| {
        let catalog = Catalog::new(inputs, None);
        let view = catalog.everything();
        let mut sizes = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = view.list(Kind::Tools, Era::Stateless, cursor.as_deref()).unwrap();
            let again = view.list(Kind::Tools, Era::Stateless, cursor.as_deref()).unwrap();
            assert_eq!(page.as_ptr(), again.as_ptr());
            let page: Value = serde_json::from_slice(&page).unwrap();
            assert!(page["ttlMs"] == 0 && page["resultType"] == "complete");
            sizes.push(page["tools"].as_array().unwrap().len());
            match page.get("nextCursor") {
                None => return sizes,
                Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
            }
        }
    };
    assert_eq!(sizes(bounds(5, usize::MAX)), [5]);
    assert_eq!(sizes(bounds(2, usize::MAX)), [2, 2, 1]);
    // An entry has 32 bytes; one alone may be larger than a page.
    assert_eq!(sizes(bounds(10, 64)), [2, 2, 1]);
    assert_eq!(sizes(bounds(0, 1)), [1; 5]);
    let catalog = Catalog::new(bounds(2, 1000), None);
    for bad in ["", "x", "2", "AAAA"] {
        assert_eq!(catalog.everything().list(Kind::Tools, Era::Handshake, Some(bad)), Err(BadCursor));
    }
    assert_eq!((catalog.everything().len(Kind::Tools), catalog.everything().len(Kind::Prompts)), (5, 0));
}

#[test]
fn a_name_that_nobody_has_says_what_was_meant() {
    let all = catalog(&[source("files", Some(named(&["read_file", "write_file"]))), renaming("b", "x", "y", &["x"])]);
    let said = |name: &str| all.everything().route_tool(name).unwrap_err().to_string();
    assert_eq!(said("files__raed_file"), "there is no tool `files__raed_file`; did you mean `files__read_file`?");
    assert_eq!(said("read_file"), "there is no tool `read_file`; did you mean `files__read_file`?");
    assert_eq!(said("x"), "there is no tool `x`; did you mean `y`?");
    assert_eq!(said("zzz"), "there is no tool `zzz`");
    assert!(said(&"z".repeat(10_000_000)).len() < 300);
}
