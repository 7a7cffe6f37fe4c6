//! What a session does: lists, calls, errors, progress, deadlines.

use std::time::Duration;

use mcpstore_transport::{
    CallError, CallLimits, RequestOptions, call_tool, list_all, list_tools, notice_channel, ping, read_resource,
};

use super::{Checked, LONG, Life, json, raw, text_of, within};

/// Calls that run side by side.
const MANY: usize = 50;
/// Steps of one progress.
const STEPS: usize = 25;
/// Texts that a transport may spoil: escapes, characters of several bytes, what looks like an end of line.
const ODD_TEXTS: [&str; 4] = ["", "a\r\nb\u{2028}c\0", "hü \u{1F980} \"\\\"", "\u{FEFF}{\"jsonrpc\":\"2.0\"}"];
/// A text larger than any buffer on the way.
const BIG: usize = 1 << 20;
/// How long a call may take that shall run out of time.
const SHORT: Duration = Duration::from_millis(300);

pub(super) async fn check(life: &Life) -> Checked {
    let server = life.session.server().clone();
    assert!(!server.protocol_version.is_empty(), "a version of the protocol is agreed");
    assert!(server.has_tools, "the server offers tools");
    let tools = tools(life).await;
    answers(life).await;
    side_by_side(life).await;
    progress_comes_in_order(life).await;
    errors_are_of_one_call(life).await;
    deadlines_hold(life).await;
    let resources = if server.has_resources { resources(life).await } else { 0 };
    let prompts = if server.has_prompts { entries(life, "prompts/list", "prompts").await.len() } else { 0 };
    assert_eq!(life.session.in_flight(), 0, "nothing is under way when everything is answered");
    Checked { server, tools, resources, prompts, polite_end: None }
}

async fn tools(life: &Life) -> usize {
    let list = within("a list of tools", list_tools(&*life.session, CallLimits::within(LONG))).await;
    let list = list.unwrap_or_else(|error| panic!("its tools cannot be listed: {error}"));
    for name in ["echo", "add", "progress", "fail"] {
        let tool = list.tools.iter().find(|tool| tool.name == name);
        let tool = tool.unwrap_or_else(|| panic!("the server has no tool `{name}`"));
        assert_eq!(json(&tool.input_schema)["type"], "object", "the schema of `{name}`");
    }
    list.tools.len()
}

async fn answers(life: &Life) {
    for text in ODD_TEXTS {
        let arguments = serde_json::json!({ "text": text }).to_string();
        assert_eq!(life.text("echo", &arguments).await, text, "a text comes back as it went");
    }
    let big = "x".repeat(BIG);
    let answer = life.text("echo", &format!(r#"{{"text":"{big}"}}"#)).await;
    assert!(answer == big, "a text of {BIG} bytes came back with {}", answer.len());
    // Arguments go out as they are written, line breaks between their tokens included.
    let sum: f64 = life.text("add", "{\n\"a\": 2,\r\n \"b\": 3.0\n}").await.parse().unwrap_or(f64::NAN);
    assert!((sum - 5.0).abs() < f64::EPSILON, "2 + 3.0 is {sum}");
    if let Err(error) = ping(&*life.session, LONG).await {
        panic!("a ping failed: {error}");
    }
}

async fn side_by_side(life: &Life) {
    let calls = (0..MANY).map(|n| async move { life.text("echo", &format!(r#"{{"text":"{n}"}}"#)).await });
    let answers = futures_util::future::join_all(calls).await;
    let expected: Vec<String> = (0..MANY).map(|n| n.to_string()).collect();
    assert_eq!(answers, expected, "each of {MANY} calls side by side gets its own answer");
}

async fn progress_comes_in_order(life: &Life) {
    let (sink, mut stream) = notice_channel();
    let options = RequestOptions { notices: Some(sink), ..RequestOptions::default() };
    let params = raw(&format!(r#"{{"name":"progress","arguments":{{"n":{STEPS},"ms":0}}}}"#));
    let request = life.session.request_with("tools/call", Some(params), CallLimits::within(LONG), options);
    if let Err(error) = within("a call with progress", request).await {
        panic!("a call with progress failed: {error}");
    }
    // All of it is here when the call is answered.
    let mut seen = Vec::new();
    while let Some(notice) = stream.try_next() {
        if &*notice.method == "notifications/progress" {
            let step = notice.params.as_deref().map(|params| json(params)["progress"].as_f64());
            seen.push(step.flatten().unwrap_or(f64::NAN));
        }
    }
    let expected: Vec<f64> = (1..=STEPS).map(|n| n as f64).collect();
    assert_eq!(seen, expected, "every step of progress comes, in order, before the result");
}

/// An error of a tool, an unknown tool and an unknown method fail their call alone.
async fn errors_are_of_one_call(life: &Life) {
    for (tool, arguments) in [("fail", "{}"), ("no-such-tool", "{}")] {
        match life.call(tool, arguments).await {
            Err(CallError::Rpc { .. }) => {}
            // Some servers say it in the result, where the model can read it.
            Ok(result) if json(&result)["isError"] == true => {
                assert!(text_of(&result).is_some_and(|text| !text.is_empty()), "`{tool}` says why: {result}");
            }
            other => panic!("`{tool}` gives an error, not: {other:?}"),
        }
        life.lives(tool).await;
    }
    match within("an unknown method", life.session.request("no/such", None, CallLimits::within(LONG))).await {
        Err(CallError::Rpc { .. }) => {}
        other => panic!("an unknown method gives the server's error, not: {other:?}"),
    }
    life.lives("an unknown method").await;
}

/// A call that runs out of time fails then, is given up, and nothing else is.
async fn deadlines_hold(life: &Life) {
    let slow = raw(r#"{"n":1,"ms":60000}"#);
    let call = call_tool(&*life.session, "progress", slow.clone(), CallLimits::within(SHORT));
    match within("a call with a deadline", call).await {
        Err(CallError::TimedOut { after, .. }) => assert_eq!(after, SHORT, "the limit that passed is told"),
        other => panic!("a call past its deadline gives CallError::TimedOut, not: {other:?}"),
    }
    // Dropped, it is given up too.
    let call = call_tool(&*life.session, "progress", slow, CallLimits::within(LONG));
    assert!(tokio::time::timeout(SHORT, call).await.is_err(), "a slow call was answered at once");
    assert_eq!(life.session.in_flight(), 0, "a call that is given up is under way no more");
    life.lives("calls that were given up").await;
}

async fn resources(life: &Life) -> usize {
    let resources = entries(life, "resources/list", "resources").await;
    if let Some(uri) = resources.first().and_then(|first| first["uri"].as_str()) {
        let read = within("a resource", read_resource(&*life.session, uri, CallLimits::within(LONG))).await;
        let read = read.unwrap_or_else(|error| panic!("`{uri}` cannot be read: {error}"));
        assert!(json(&read)["contents"].is_array(), "a resource has contents: {read}");
    }
    resources.len()
}

async fn entries(life: &Life, method: &str, member: &str) -> Vec<serde_json::Value> {
    let list = within(method, list_all(&*life.session, method, member, CallLimits::within(LONG)))
        .await
        .map(|list| list.entries);
    let list = list.unwrap_or_else(|error| panic!("{method} failed: {error}"));
    list.iter().map(|entry| json(entry)).collect()
}
