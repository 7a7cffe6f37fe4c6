//! What else of the gateway is measured: new sessions, lists, and how soon it answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::call::timed;
use super::super::manager::Manager;
use super::super::samples::{Samples, in_turns};
use super::super::table::Row;
use super::load::{Ask, Load, Target};
use super::parties::{Gateway, Party, pipes, service, this};
use super::talk::{Talk, sessions as begun};
use super::{VERSION, echo};

/// A new connection, a new session and one call, against the same without us.
pub(super) fn sessions(direct: &Party, runs: usize) -> Row {
    let gateway = Gateway::over_pipes("sessions");
    let one = |target: &Target, prefix: &str| {
        let call = format!(r#"{{"jsonrpc":"2.0","id":2,{}}}"#, echo(prefix).rest);
        let mut talk = Talk::connect(target).expect("it listens");
        talk.shake_hands().expect("it shakes hands");
        let (_, answer) = talk.post(&call).expect("it answers");
        assert!(answer.contains("result"), "it was answered {answer}");
    };
    let (of_direct, of_gateway) = in_turns(runs, || one(&direct.target, ""), || one(&gateway.target, "bench__"));
    Row {
        what: "gateway: a new session and one call, a server over pipes".into(),
        reference: "the same, to the server over HTTP".into(),
        reference_time: of_direct.p50(),
        measured: of_gateway,
    }
}

/// `tools/list` over many services, against one server with as many tools.
pub(super) fn lists(runs: usize) -> Vec<Row> {
    [(50, 10), (500, 1), (500, 10)].map(|(services, tools)| list(services, tools, runs)).into()
}

fn list(services: usize, each: usize, runs: usize) -> Row {
    let direct = Party::start(this("http", services * each));
    let gateway = Gateway::start("lists", pipes(services, each), services * each);
    let load = |target: &Target| {
        let (rest, headers) = (r#""method":"tools/list""#.into(), VERSION.into());
        let ask = Ask { rest, headers, answer: services * each, in_session: true };
        Load::new(target, &begun(target, 1), &ask).expect("it listens")
    };
    let (mut of_direct, mut of_gateway) = (load(&direct.target), load(&gateway.target));
    let (of_direct, of_gateway) =
        in_turns(runs, || of_direct.run(1).expect("it answers"), || of_gateway.run(1).expect("it answers"));
    Row {
        what: format!("gateway: tools/list over {services} services with {each} tools each"),
        reference: format!("the same of one server with {} tools", services * each),
        reference_time: of_direct.p50(),
        measured: of_gateway,
    }
}

/// From the start of the program to the first answer of its endpoint, with one good service and one that hangs.
pub(super) fn first_answer(runs: usize) -> Row {
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
    let one = || {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a port can be had").to_string();
        let target = Target { address: address.clone(), headers: String::new() };
        let mut services = pipes(1, 2);
        services.insert("hangs".into(), service(&this("mute", 1)));
        let config = json!({ "mcpServers": services });
        let began = Instant::now();
        let _manager = Manager::spawn("first", &config, &["--no-auth", "--listen", &address]);
        loop {
            let answer = Talk::connect(&target).and_then(|mut talk| talk.post(hello));
            if answer.is_some_and(|(status, _)| status == 200) {
                return began.elapsed();
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the gateway does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    // Once, so that the program is in memory.
    timed(one);
    Row {
        what: "gateway: from the start of the program to its first answer, one service hangs in its handshake".into(),
        reference: "goal".into(),
        reference_time: Duration::from_millis(100),
        measured: Samples::new((0..runs).map(|_| one()).collect()),
    }
}
