//! Asking a page on a port of this machine, with any headers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::manager::{LONG, Manager};

/// A response.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Everything before the body.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// `GET` this path, with these headers; `Host` is the address unless one of them is it.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {address}\r\n");
    }
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// Where `up --listen-admin` says that it listens.
pub(crate) fn admin(manager: &Manager) -> SocketAddr {
    let start = Instant::now();
    loop {
        let said = manager.stderr();
        if let Some((_, rest)) = said.split_once("metrics and health on http://")
            && let Some((address, _)) = rest.split_once("/\n")
        {
            return address.parse().unwrap();
        }
        assert!(start.elapsed() < LONG, "no address in:\n{said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
