//! What goes through the gateway comes out byte for byte, in order, and at the right place: through each front, in both eras.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail by a panic, its helpers too; and says what it saw"
)]

mod client;
mod http;
mod published;
mod server;
mod site;

use mcpstore_testkit::shapes;

use client::{Client, Front};
use published::way;
use site::Site;

/// A call of the one tool with these arguments.
fn call(arguments: &str) -> String {
    format!(r#"{{"name":"raw","arguments":{arguments}}}"#)
}

/// The params that make the server give this as the result of a method.
fn giving(method: &str, result: &str) -> String {
    let way = way(method);
    match method {
        "tools/call" | "prompts/get" => format!(r#"{way},"arguments":{{"x-reply":{result}}}}}"#),
        _ => format!(r#"{way},"x-reply":{result}}}"#),
    }
}

/// The text without the progress token that the gateway asks for itself, so that a call that goes on is not given up.
fn without_our_token(text: &str) -> String {
    let Some((before, rest)) = text.split_once(r#""_meta":{"progressToken":"mcpstore-"#) else {
        return text.to_owned();
    };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(r#""},"#).unwrap();
    format!("{before}{rest}")
}

fn answer(id: u64, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

#[tokio::test]
async fn results_come_as_they_were_sent() {
    let site = Site::new(false).await;
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for shape in shapes::results(false) {
            let id = client.request("tools/call", &call(&format!(r#"{{"x-reply":{}}}"#, shape.json))).await;
            let (before, own) = client.until(id).await;
            assert_eq!((before.len(), own), (0, answer(id, &shape.json)), "{front:?} {}", shape.name);
        }
        for (name, method, result) in published::RESULTS {
            let id = client.request(method, &giving(method, result)).await;
            assert_eq!(client.until(id).await.1, answer(id, result), "{front:?} {name}");
        }
    }
}

#[tokio::test]
async fn requests_arrive_as_they_were_sent() {
    let site = Site::new(false).await;
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for shape in shapes::results(false) {
            let params = format!(r#"{{"x-a":{},"arguments":{{"b":{}}},"name":"raw"}}"#, shape.json, shape.json);
            let id = client.request("tools/call", &params).await;
            let expected = answer(id, &format!(r#"{{"content":[],"raw":{params}}}"#));
            let own = without_our_token(&client.until(id).await.1);
            assert_eq!(own, expected, "{front:?} {}", shape.name);
        }
    }
}

#[tokio::test]
async fn errors_come_with_their_code_and_data() {
    let site = Site::new(false).await;
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for error in published::ERRORS {
            let id = client.request("tools/call", &call(&format!(r#"{{"x-error":{error}}}"#))).await;
            let own = client.until(id).await.1;
            let (expected, own): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(error).unwrap(), serde_json::from_str(&own).unwrap());
            assert_eq!(own["error"], expected, "{front:?}");
            if let Some((_, data)) = error.split_once(r#""data":"#) {
                let data = data.strip_suffix('}').unwrap();
                let id = client.request("tools/call", &call(&format!(r#"{{"x-error":{error}}}"#))).await;
                let own = client.until(id).await.1;
                assert!(own.contains(&format!(r#""data":{data}"#)), "{front:?} {own}");
            }
        }
    }
}

#[tokio::test]
async fn notices_come_as_they_were_sent_and_before_the_answer() {
    let site = Site::new(false).await;
    let said: Vec<(String, String)> = shapes::progress(r#""TOKEN""#)
        .into_iter()
        .map(|shape| ("notifications/progress".to_owned(), shape.json))
        .chain(published::NOTICES.iter().map(|(_, method, params)| ((*method).to_owned(), (*params).to_owned())))
        .collect();
    let notice = |(method, params): &(String, String)| format!(r#"{{"method":"{method}","params":{params}}}"#);
    let notices: Vec<String> = said.iter().map(notice).collect();
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for token in ["7", r#""t-\u00e9""#] {
            let params = format!(
                r#"{{"_meta":{{"progressToken":{token},"x":1.0}},"name":"raw","arguments":{{"x-notices":[{}]}}}}"#,
                notices.join(",")
            );
            let id = client.request("tools/call", &params).await;
            let (before, _) = client.until(id).await;
            let expected: Vec<String> = said
                .iter()
                .map(|(method, params)| {
                    let params = params.replace(r#""TOKEN""#, token);
                    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
                })
                .collect();
            for (own, expected) in before.iter().zip(&expected) {
                assert_eq!(own, expected, "{front:?}");
            }
            assert_eq!(before.len(), expected.len(), "{front:?}");
        }
    }
}

#[tokio::test]
async fn questions_and_their_answers_pass_as_they_are() {
    let site = Site::new(false).await;
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for (name, method, params, said) in published::QUESTIONS {
            let ask = format!(r#"{{"x-ask":{{"method":"{method}","params":{params}}}}}"#);
            let id = client.request("tools/call", &call(&ask)).await;
            let question = client.read().await;
            assert!(question.ends_with(&format!(r#""method":"{method}","params":{params}}}"#)), "{name}: {question}");
            let own = question.strip_prefix(r#"{"jsonrpc":"2.0","id":"#).unwrap().split(',').next().unwrap();
            client.send(&format!(r#"{{"jsonrpc":"2.0","id":{own},"result":{said}}}"#)).await;
            let expected = answer(id, &format!(r#"{{"content":[],"raw":{said}}}"#));
            assert_eq!(client.until(id).await.1, expected, "{front:?} {name}");
        }
    }
}

#[tokio::test]
async fn objects_pass_as_results_as_arguments_and_as_params_of_notices() {
    let site = Site::new(false).await;
    let objects = published::objects();
    assert!(objects.len() > 10);
    println!("{} objects", objects.len());
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        for (name, object) in &objects {
            let notice = format!(r#"{{"method":"notifications/x-example","params":{object}}}"#);
            let deed = format!(r#"{{"x-notices":[{notice}],"x-reply":{object}}}"#);
            let id = client.request("tools/call", &call(&deed)).await;
            let (before, own) = client.until(id).await;
            assert_eq!(own, answer(id, object), "{front:?} {name}");
            // The server puts its token there.
            let heard = before.first().unwrap_or_else(|| panic!("{front:?} {name}: no notice"));
            let sent = object.replace(r#""TOKEN""#, &token_in(heard));
            let expected = format!(r#"{{"jsonrpc":"2.0","method":"notifications/x-example","params":{sent}}}"#);
            assert_eq!(before, [expected], "{front:?} {name}");
            let params = format!(r#"{{"name":"raw","arguments":{{"x":{object}}}}}"#);
            let id = client.request("tools/call", &params).await;
            let own = without_our_token(&client.until(id).await.1);
            assert_eq!(own, answer(id, &format!(r#"{{"content":[],"raw":{params}}}"#)), "{front:?} {name}");
        }
    }
}

/// The token that a server put into a notice, as JSON; nothing where it put none.
fn token_in(notice: &str) -> String {
    let found = notice.split_once(r#""progressToken":"#).map(|(_, rest)| rest);
    found.map_or_else(String::new, |rest| rest.split([',', '}']).next().unwrap().to_owned())
}

#[tokio::test]
async fn tools_are_listed_as_their_server_has_them() {
    let site = Site::new(false).await;
    for front in Front::ALL {
        let list = Client::handshake(&site, front).await.ask("tools/list", "{}").await;
        let tools: Vec<String> = shapes::tools().into_iter().map(|shape| shape.json).collect();
        assert!(list.contains(&format!(r#""tools":[{},{{"#, tools.join(","))), "{front:?} {list}");
    }
}

#[tokio::test]
async fn of_5000_notices_none_is_lost_or_late_and_all_are_in_order() {
    let site = Site::new(false).await;
    let notice = |n: u32| {
        format!(r#"{{"method":"notifications/progress","params":{{"progressToken":"TOKEN","progress":{n}}}}}"#)
    };
    let notices: Vec<String> = (0..5_000).map(notice).collect();
    let meta = r#""_meta":{"progressToken":1}"#;
    let params = format!(r#"{{{meta},"name":"raw","arguments":{{"x-notices":[{}]}}}}"#, notices.join(","));
    for front in Front::ALL {
        let mut client = Client::handshake(&site, front).await;
        let id = client.request("tools/call", &params).await;
        let (before, _) = client.until(id).await;
        for (n, own) in before.iter().enumerate() {
            let method = r#""method":"notifications/progress""#;
            let expected = format!(r#"{{"jsonrpc":"2.0",{method},"params":{{"progressToken":1,"progress":{n}}}}}"#);
            assert_eq!(*own, expected, "{front:?}");
        }
        assert_eq!(before.len(), 5_000, "{front:?}");
    }
}

/// Each client has the ids 1 to 201 and the token 1 of all others, and makes 200 calls; each call says ten things first.
async fn many_calls(mut client: Client, number: usize) {
    for n in 0..200 {
        let own = format!("{number}.{n}");
        let notice = |step: usize| {
            let params = format!(r#"{{"progressToken":"TOKEN","progress":{step},"message":"{own}"}}"#);
            format!(r#"{{"method":"notifications/progress","params":{params}}}"#)
        };
        let notices: Vec<String> = (0..10).map(notice).collect();
        let arguments = format!(r#"{{"x-notices":[{}],"x-reply":{{"own":"{own}"}}}}"#, notices.join(","));
        let params = format!(r#"{{"_meta":{{"progressToken":1}},"name":"raw","arguments":{arguments}}}"#);
        let id = client.request("tools/call", &params).await;
        let (before, said) = client.until(id).await;
        assert_eq!(said, answer(id, &format!(r#"{{"own":"{own}"}}"#)));
        assert_eq!(before.len(), 10);
        for (step, notice) in before.iter().enumerate() {
            let expected = format!(r#""params":{{"progressToken":1,"progress":{step},"message":"{own}"}}}}"#);
            assert!(notice.ends_with(&expected), "{own}: {notice}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_50_clients_with_equal_ids_each_gets_its_own() {
    let site = Site::new(false).await;
    let mut clients = Vec::new();
    for number in 0..50 {
        let client = Client::handshake(&site, Front::ALL[number % Front::ALL.len()]).await;
        clients.push(tokio::spawn(many_calls(client, number)));
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// Everything of a result but what the gateway may add in the stateless era: `_meta` of its own at the end.
fn is_same(own: &str, id: u64, result: &str) -> bool {
    let expected = answer(id, result);
    own == expected || own.starts_with(expected.strip_suffix("}}").unwrap())
}

#[tokio::test]
async fn stateless_results_and_requests_pass_as_they_are() {
    let site = Site::new(true).await;
    for front in [Front::Http, Front::Lines, Front::Unix] {
        let mut client = Client::stateless(&site, front).await;
        for shape in shapes::results(true) {
            let id = client.request("tools/call", &call(&format!(r#"{{"x-reply":{}}}"#, shape.json))).await;
            let own = client.until(id).await.1;
            assert!(is_same(&own, id, &shape.json), "{front:?} {}: {own}", shape.name);
        }
        for (name, method, result) in published::STATELESS_RESULTS {
            let id = client.request(method, &giving(method, result)).await;
            let own = client.until(id).await.1;
            assert!(is_same(&own, id, result), "{front:?} {name}: {own}");
        }
        for shape in shapes::results(true) {
            let sent = format!(r#""arguments":{{"b":{}}}"#, shape.json);
            let own = client.ask("tools/call", &format!(r#"{{"name":"raw",{sent}}}"#)).await;
            assert!(own.contains(&sent), "{front:?} {}: {own}", shape.name);
        }
    }
}
