//! A server spoken to without us, over its pipes, one line after the other.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A child that answers each line with a line.
pub(super) struct Pipe {
    child: Child,
    /// Gone once the child was told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Pipe {
    /// Starts it, with a pipe at both ends.
    pub(super) fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        Self { child, input, output }
    }

    /// The line it answers with.
    pub(super) fn exchange(&mut self, line: &str) -> String {
        self.send(line);
        self.receive()
    }

    /// Its next line.
    pub(super) fn receive(&mut self) -> String {
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("it answers");
        assert!(!answer.is_empty(), "it closed its output");
        answer
    }

    /// Writes a line and waits for nothing.
    pub(super) fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
        input.flush().expect("it reads");
    }

    /// The handshake of MCP.
    pub(super) fn shake_hands(&mut self) {
        self.greet();
        self.greeted();
    }

    /// The first half of it: the question.
    pub(super) fn greet(&mut self) {
        let params =
            r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"0"}}"#;
        self.send(&format!(r#"{{"jsonrpc":"2.0","id":-1,"method":"initialize","params":{params}}}"#));
    }

    /// The second half: its answer, and ours.
    pub(super) fn greeted(&mut self) {
        self.receive();
        self.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    }

    /// Closes its input: the polite request to end.
    pub(super) fn close(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) {
        self.child.wait().expect("it can be waited for");
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The child was started here, and is waited for: nothing is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
