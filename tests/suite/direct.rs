//! The same servers spoken to without us, to hold what we give back against it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mcpstore_testkit::{TAG_VARIABLE, unique_tag};
use serde_json::value::RawValue;

/// A server, its pipes, and nothing between.
pub(crate) struct Direct {
    child: Option<Child>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next_id: u64,
}

#[derive(serde::Deserialize)]
struct Answer {
    id: Option<u64>,
    result: Option<Box<RawValue>>,
}

impl Direct {
    /// Starts the server and shakes hands.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_able(command, "{}")
    }

    /// The same as a client with these capabilities.
    pub(crate) fn start_able(mut command: Command, capabilities: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if !command.get_envs().any(|(name, _)| name == TAG_VARIABLE) {
            command.env(TAG_VARIABLE, unique_tag("direct"));
        }
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child: Some(child), input, output, next_id: 1 };
        let client = format!(
            r#"{{"protocolVersion":"2025-11-25","capabilities":{capabilities},"clientInfo":{{"name":"direct","version":"0"}}}}"#
        );
        server.request("initialize", &client);
        writeln!(server.input, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#).unwrap();
        server
    }

    /// Sends a request, whose answer nobody waits for.
    pub(crate) fn begin(&mut self, method: &str, params: &str) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        writeln!(self.input, r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#).unwrap();
        id
    }

    /// Goes away as a client that is killed does. The server's process.
    pub(crate) fn vanish(mut self) -> Child {
        // The pipes go with the rest.
        self.child.take().unwrap()
    }

    /// The result of a request, as the server wrote it.
    pub(crate) fn request(&mut self, method: &str, params: &str) -> String {
        let id = self.begin(method, params);
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server closed its output");
            match serde_json::from_str::<Answer>(&line) {
                Ok(Answer { id: Some(found), result: Some(result) }) if found == id => return result.get().to_owned(),
                // Its notifications and requests are not for us.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
