//! What holds of every catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mcpstore_transport::List;
use mcpstore_types::{Era, Expose, ToolRules};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use serde_json::value::RawValue;

use super::source::Kind;
use super::splice::{Object, STALE};
use super::tests::{catalog, listed, named, raw, service, tools};
use super::*;

const SERVICES: [&str; 9] =
    ["a", "a_", "a__b", "a b", "a.b", "_", "b", "@s/x", "a-really-long-name-of-a-service-that-is"];

fn tool_name() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["x", "y", "_x", "b__x", "a__x", "b__x-0123456789", "a_b__x", "größe", "x y", "x.y"])
            .prop_map(str::to_owned),
        "[xy_]{1,3}",
        "[ab_-]{40,70}",
    ]
}

fn rules() -> impl Strategy<Value = ToolRules> {
    let expose = prop_oneof![2 => Just(Expose::Prefixed), 1 => Just(Expose::Plain)];
    let to = prop_oneof![select(vec!["x", "z", "a__x", "b__x"]).prop_map(str::to_owned), tool_name()];
    let deny = prop_oneof![3 => Just(vec![]), 1 => Just(vec!["y*".to_owned()])];
    (expose, btree_map(tool_name(), to, 0..3), deny).prop_map(|(expose, rename, deny)| ToolRules {
        expose,
        rename,
        deny,
        ..ToolRules::default()
    })
}

fn sources() -> impl Strategy<Value = Vec<Source>> {
    btree_map(select(SERVICES.to_vec()), (rules(), vec(tool_name(), 0..5)), 0..6).prop_map(|services| {
        let source = |(name, (rules, tools)): (&str, (ToolRules, Vec<String>))| {
            let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
            Source { tools: Some(named(&tools)), ..Source::new(service(name), rules) }
        };
        services.into_iter().map(source).collect()
    })
}

/// Service and server's name of each listed tool, with its exposed name, in their order.
fn names(catalog: &Catalog) -> Vec<((String, String), String)> {
    let view = catalog.everything();
    listed(view, Kind::Tools)
        .into_iter()
        .map(|name| {
            let route = view.route_tool(&name).unwrap();
            ((route.service.to_string(), route.upstream.to_owned()), name)
        })
        .collect()
}

/// What is offered of these sources, in order: each tool once, but for those that are denied.
fn offered(sources: &[Source]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for source in sources {
        let mut seen = BTreeSet::new();
        for index in 0..source.len(Kind::Tools) {
            let entry: Value = serde_json::from_str(source.entry(Kind::Tools, index).unwrap().get()).unwrap();
            let name = entry["name"].as_str().unwrap().to_owned();
            let denied = !source.rules.deny.is_empty() && name.starts_with('y');
            if !denied && seen.insert(name.clone()) {
                all.push((source.service.to_string(), name));
            }
        }
    }
    all
}

/// An object as a server may write it, with members of all kinds.
fn entry() -> impl Strategy<Value = String> {
    let space = || select(vec!["", " ", "\n\t"]);
    let value = select(vec![
        "1.0e+2",
        "12345678901234567890.10",
        "-0",
        r#""\u00e9\/""#,
        "null",
        "[ 1 , {} ]",
        r#"{"a" :1.00}"#,
        "true",
    ]);
    let other = (select(vec!["title", "x", "é", "outputSchema", "nam"]), value.clone());
    let meta = prop_oneof![
        Just(None),
        Just(Some("{}")),
        Just(Some(r#"{ "k" : 1.0 }"#)),
        Just(Some(r#"{"k":1,"io.mcpstore/stale": false }"#)),
    ];
    let description = prop_oneof![Just(None), Just(Some(r#""d\u0065""#)), Just(Some("null"))];
    (vec(other, 0..4), meta, description, vec(space(), 4), any::<Index>()).prop_map(
        |(others, meta, description, spaces, turn)| {
            let mut members: BTreeMap<&str, &str> = others.into_iter().collect();
            members.extend(meta.map(|meta| ("_meta", meta)));
            members.extend(description.map(|description| ("description", description)));
            members.insert("name", r#""n\u0061me""#);
            members.insert("inputSchema", r#"{ "type":"object" }"#);
            let mut texts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}\"{name}\"{}:{}{value}", spaces[0], spaces[1], spaces[2]))
                .collect();
            let turn = turn.index(texts.len());
            texts.rotate_left(turn);
            format!("{{{}{}}}", texts.join(","), spaces[3])
        },
    )
}

fn members(raw: &RawValue) -> Vec<(String, String)> {
    let object = Object::read(raw).unwrap();
    object.members().iter().map(|(name, value)| (name.to_string(), value.get().to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_tool_has_a_name_of_its_own_that_leads_back(sources in sources()) {
        let catalog = catalog(&sources);
        let found = names(&catalog);
        let tools: Vec<_> = found.iter().map(|(tool, _)| tool.clone()).collect();
        prop_assert_eq!(tools, offered(&sources));
        let distinct: BTreeSet<&String> = found.iter().map(|(_, name)| name).collect();
        prop_assert_eq!(distinct.len(), found.len());
        // A bare name is one that the rules want.
        for ((service, tool), name) in &found {
            let source = sources.iter().find(|source| source.service == *service.as_str()).unwrap();
            let wanted = source.rules.rename.get(tool);
            let plain = source.rules.expose == Expose::Plain && wanted.is_none() && name == tool;
            prop_assert!(plain || wanted == Some(name) || *name == name::own(service, tool));
        }
    }

    #[test]
    fn names_and_order_stay_when_services_come_and_go(sources in sources(), gone in any::<Index>()) {
        prop_assume!(!sources.is_empty());
        let gone = gone.index(sources.len());
        let mut fewer = sources.clone();
        fewer.remove(gone);
        let (more, fewer) = (catalog(&sources), catalog(&fewer));
        let stayed = |((service, _), _): &((String, String), String)| *service != sources[gone].service.as_str();
        let before: Vec<_> = names(&more).into_iter().filter(stayed).collect();
        let after = names(&fewer);
        prop_assert_eq!(before.len(), after.len());
        let in_conflict = |name: &String| more.conflicts().iter().any(|conflict| conflict.name == *name);
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(&before.0, &after.0);
            // With more services, a bare name can get lost; that is reported.
            prop_assert!(before.1 == after.1 || in_conflict(&after.1), "{} {}", before.1, after.1);
        }
    }

    #[test]
    fn every_other_byte_of_an_entry_stays(entry in entry(), stale in any::<bool>(), describe in any::<bool>()) {
        let mut source = Source::new(service("s"), ToolRules::default());
        source.tools = Some(tools([&entry]));
        source.stale = stale;
        if describe {
            source.rules.describe.insert("name".to_owned(), "new".to_owned());
        }
        let catalog = catalog(&[source]);
        let text = tests::text(catalog.everything(), Kind::Tools, Era::Handshake);
        let listed = text.strip_prefix(r#"{"tools":["#).unwrap().strip_suffix("]}").unwrap();
        let (mut expected, mut found) = (members(&raw(&entry)), members(&raw(listed)));
        for (name, value) in &mut expected {
            if name == "name" {
                *value = r#""s__name""#.to_owned();
            } else if name == "description" && describe {
                *value = r#""new""#.to_owned();
            }
        }
        let has = |members: &[(String, String)], name: &str| members.iter().position(|(own, _)| own == name);
        if describe && has(&expected, "description").is_none() {
            let place = has(&expected, "name").unwrap() + 1;
            expected.insert(place, ("description".to_owned(), r#""new""#.to_owned()));
        }
        if stale {
            let place = has(&found, "_meta").unwrap();
            let mut meta = members(&raw(&found.remove(place).1));
            let mark = has(&meta, STALE).unwrap();
            prop_assert_eq!(meta.remove(mark).1, "true");
            let before = has(&expected, "_meta").map(|place| members(&raw(&expected.remove(place).1)));
            let mut before = before.unwrap_or_default();
            before.retain(|(name, _)| name != STALE);
            prop_assert_eq!(meta, before);
        }
        prop_assert_eq!(&found, &expected);
        // Between members too.
        if !stale && !describe {
            prop_assert_eq!(listed, entry.replace(r#""n\u0061me""#, r#""s__name""#));
        }
    }

    #[test]
    fn pages_neither_repeat_nor_lose_what_did_not_change(
        before in vec(vec(any::<[bool; 2]>(), 0..14), 1..4),
        page in 1..6_usize,
        at in 0..4_usize,
        gone in vec(any::<bool>(), 3),
    ) {
        // Each entry says whether it is there before and after the change.
        let state = |after: bool| {
            let sources = before.iter().enumerate().filter_map(|(part, entries)| {
                let names = entries.iter().enumerate().filter(|(_, there)| there[usize::from(after)]);
                let names: Vec<String> = names.map(|(n, _)| format!("t{n}")).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let there = !after || !gone[part];
                there.then(|| tests::source(&format!("s{part}"), Some(named(&names))))
            });
            let bounds = PageBounds { entries: page, bytes: usize::MAX };
            Catalog::new(Inputs { sources: sources.collect(), bounds, ..Inputs::default() }, None)
        };
        let (first, second) = (state(false), state(true));
        let mut read: Vec<String> = Vec::new();
        let mut cursor: Option<String> = None;
        for n in 0.. {
            prop_assert!(n < 100);
            let catalog = if n < at { &first } else { &second };
            let body = catalog.everything().list(Kind::Tools, Era::Handshake, cursor.as_deref()).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let entries = body["tools"].as_array().unwrap();
            prop_assert!(entries.len() <= page);
            read.extend(entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()));
            match body.get("nextCursor") {
                None => break,
                Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
            }
        }
        let distinct: BTreeSet<&String> = read.iter().collect();
        prop_assert_eq!(distinct.len(), read.len());
        for (part, entries) in before.iter().enumerate() {
            for (n, there) in entries.iter().enumerate() {
                let name = format!("s{part}__t{n}");
                let stayed = there[0] && there[1] && !gone[part];
                if stayed {
                    prop_assert!(distinct.contains(&name), "{} is lost", name);
                }
                prop_assert!(there[0] || there[1] || !distinct.contains(&name));
            }
        }
    }

    #[test]
    fn no_text_breaks_a_template(template in "[x:/{}?+#&;.,*é]{0,12}", uri in "[x:/?#&;.,é]{0,12}") {
        let entry = format!(r#"{{"uriTemplate":{}}}"#, splice::json(&template));
        let entries = vec![raw(&entry)];
        let list = Arc::new(List { entries, ..List::default() });
        let source = Source { templates: Some(list), ..tests::source("s", None) };
        let catalog = catalog(&[source]);
        let found = catalog.everything().route_resource(&uri);
        // What has no expressions stands for itself.
        if !template.is_empty() && !template.contains(['{', '}']) {
            prop_assert_eq!(found.is_ok(), template == uri);
        }
    }
}
