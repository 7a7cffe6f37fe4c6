//! A command of the user's, with the alert on its stdin.

use std::ffi::OsString;
use std::time::Duration;

use super::process::{self, Program};
use super::{Sink, SinkError};
use crate::alert::Alert;
use crate::options::{Options, Starter};
use crate::template;

/// Runs a command per alert: the alert as one line of JSON on its stdin, the gist of it in its environment.
pub(crate) struct Command {
    program: String,
    args: Vec<OsString>,
    within: Duration,
    starter: Option<Starter>,
}

impl Command {
    pub(crate) fn new(program: &str, args: &[String], options: &Options) -> Result<Self, String> {
        if program.is_empty() {
            return Err("there is no command".to_owned());
        }
        if args.iter().map(String::as_str).chain([program]).any(|text| text.contains('\0')) {
            return Err("a command and its arguments cannot hold a NUL character".to_owned());
        }
        let args = args.iter().map(OsString::from).collect();
        Ok(Self {
            program: program.to_owned(),
            args,
            within: options.command_timeout,
            starter: options.starter.clone(),
        })
    }
}

#[async_trait::async_trait]
impl Sink for Command {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        let env = [
            ("MCPSTORE_ALERT_KIND", alert.kind.as_str()),
            ("MCPSTORE_ALERT_SERVICE", &alert.service),
            ("MCPSTORE_ALERT_SEVERITY", alert.severity.as_str()),
            ("MCPSTORE_ALERT_STATUS", alert.status.as_str()),
            ("MCPSTORE_ALERT_SUMMARY", &alert.summary),
            ("MCPSTORE_ALERT_ID", &alert.id),
        ];
        let stdin = format!("{}\n", template::generic(alert));
        let program = Program {
            program: &self.program,
            args: &self.args,
            env: &env,
            inherit: &[],
            within: self.within,
            starter: self.starter.as_ref(),
        };
        process::run(program, stdin.as_bytes()).await
    }
}
