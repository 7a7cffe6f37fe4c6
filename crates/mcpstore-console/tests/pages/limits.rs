//! Where it listens, how much it takes, and how it ends.

use std::net::TcpListener;
use std::sync::Arc;

use mcpstore_console::{BindError, Console};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, LONG, Plain, Running};

const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn bind(addr: &str) -> Result<Console, BindError> {
    Console::bind(addr.parse().unwrap(), Arc::new(Plain::default())).await
}

/// Reads one answer of a connection that stays open.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"}\n") {
        let read = tokio::time::timeout(LONG, stream.read_buf(&mut text)).await.expect("it answers").unwrap();
        assert_ne!(read, 0, "closed after {text:?}");
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn it_listens_on_loopback_alone_and_says_why() {
    for addr in ["0.0.0.0:8421", "[::]:8421", "192.0.2.7:8421", "[::ffff:192.0.2.7]:8421"] {
        let error = bind(addr).await.unwrap_err();
        assert!(matches!(error, BindError::NotLoopback { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("will not listen on {addr}: ")), "{text}");
        assert!(text.contains("listen on 127.0.0.1:8421 or [::1]:8421"), "{text}");
    }
    assert!(bind("127.9.8.7:0").await.is_ok());
}

#[tokio::test]
async fn it_listens_on_the_loopback_of_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        // This machine has none.
        return;
    }
    let console = Running::at("[::1]:0", Plain::default()).await;
    assert!(console.addr.is_ipv6());
    assert_eq!(console.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let first = bind(&taken.unwrap().to_string()).await.unwrap();
    let addr = first.local_addr();
    let error = bind(&addr.to_string()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    let text = format!("another program listens on {addr}; choose another port, or 0 for any that is free");
    assert_eq!(error.to_string(), text);
}

/// Takes the ten seconds that a head may take.
#[tokio::test]
async fn a_head_that_never_ends_and_a_connection_without_a_request_are_closed() {
    let console = Running::of(Plain::default()).await;
    let mut slow = TcpStream::connect(console.addr).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.unwrap();
    let mut mute = TcpStream::connect(console.addr).await.unwrap();
    let mut idle = TcpStream::connect(console.addr).await.unwrap();
    idle.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(one_answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    // Others are answered meanwhile.
    assert_eq!(console.get("/healthz").await.status, 200);
    for stream in [&mut slow, &mut mute, &mut idle] {
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
        let text = String::from_utf8(rest).unwrap();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert_eq!(console.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let console = Running::of(Plain::default()).await;
    let answer = console.ask("GET /healthz", &format!("X: {}\r\n", "x".repeat(64 * 1024))).await;
    assert_eq!(answer.status, 431, "{}", answer.head);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_gets_the_next_free_seat() {
    let console = Running::of(Plain::default()).await;
    let mut seats = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(console.addr).await.unwrap();
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        seats.push(stream);
    }
    let answer = console.get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "{\"error\":\"too many connections\"}\n"));
    // Those who sit are still served.
    seats[40].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(one_answer(&mut seats[40]).await.starts_with("HTTP/1.1 200"));
    seats.pop();
    let freed = async {
        while console.get("/healthz").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, freed).await.expect("a seat is free");
}

#[tokio::test]
async fn it_ends_in_good_order() {
    let console = Running::of(Plain { hangs: true, ..Plain::default() }).await;
    // Under way when it is to end: the answer takes a second.
    let mut under_way = TcpStream::connect(console.addr).await.unwrap();
    under_way.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut idle = TcpStream::connect(console.addr).await.unwrap();
    idle.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    console.end.cancel();
    assert_eq!(Answer::read(&mut under_way).await.status, 503);
    tokio::time::timeout(LONG, console.task).await.expect("it ends").unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, idle.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    assert!(TcpStream::connect(console.addr).await.is_err(), "nobody listens");
}
