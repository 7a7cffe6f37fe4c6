//! A mail over SMTP, in plain text.

use std::error::Error as _;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::{Error, SUBMISSION_PORT};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use mcpstore_types::Secret;
use reqwest::Url;
use tokio::time::timeout;

use super::{Sink, SinkError};
use crate::alert::Alert;
use crate::options::Options;
use crate::template::words;
use crate::text::{Unit, fitted, one_line};

/// The most bytes of somebody else's words in an error.
const MAX_WORDS: usize = 200;

/// Sends alerts as mails.
pub(crate) struct Mail {
    server: Secret,
    from: Mailbox,
    to: Vec<Mailbox>,
    within: Duration,
}

impl Mail {
    /// # Errors
    /// The server or an address is no good, in words that do not quote the server.
    pub(crate) fn new(server: &Secret, from: &str, to: &[String], options: &Options) -> Result<Self, String> {
        let mailbox = |what: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| format!("`{what}`: `{text}` is no address of a mail: {error}"))
        };
        if to.is_empty() {
            return Err("`to` names nobody".to_owned());
        }
        let server = address(server)?;
        let from = mailbox("from", from)?;
        let to = to.iter().map(|to| mailbox("to", to)).collect::<Result<_, _>>()?;
        Ok(Self { server, from, to, within: options.request_timeout })
    }

    fn message(&self, alert: &Alert) -> Result<Message, SinkError> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(format!("[mcpstore] {}", words::title(alert)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder.body(words::plain(alert)).map_err(|error| SinkError::permanent(format!("it makes no mail: {error}")))
    }

    async fn hand_over(&self, message: Message) -> Result<(), SinkError> {
        let server = self.server.clone();
        // It reads the certificates of the system.
        let transport = tokio::task::spawn_blocking(move || {
            AsyncSmtpTransport::<Tokio1Executor>::from_url(server.expose()).map(lettre::AsyncSmtpTransportBuilder::build)
        });
        let transport = transport.await.map_err(|error| SinkError::passing(error.to_string()))?;
        transport.map_err(|error| explain(&error))?.send(message).await.map_err(|error| explain(&error))?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Sink for Mail {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        let message = self.message(alert)?;
        let sent = timeout(self.within, self.hand_over(message)).await;
        sent.unwrap_or_else(|_| Err(SinkError::passing(format!("the server was not done within {:?}", self.within))))
    }
}

/// The address as `lettre` writes it, which has no scheme for STARTTLS.
fn address(server: &Secret) -> Result<Secret, String> {
    let url: Url = server.expose().trim().parse().map_err(|error| format!("`server` is no address: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("`server` names no host".to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err("`server` has a path or a query: it takes neither".to_owned());
    }
    match url.scheme() {
        "smtp" | "smtps" => Ok(url.as_str().into()),
        "smtp+starttls" => {
            let rest = url.as_str().trim_start_matches("smtp+starttls");
            let port = if url.port().is_none() { format!(":{SUBMISSION_PORT}") } else { String::new() };
            Ok(format!("smtp{}{port}?tls=required", rest.trim_end_matches('/')).into())
        }
        _ => Err("`server` begins with none of smtp://, smtps:// and smtp+starttls://".to_owned()),
    }
}

/// What an error means. Its texts are those of the server and of the network; the address is in none of them.
fn explain(error: &Error) -> SinkError {
    let mut words = error.to_string();
    if let Some(cause) = error.source()
        && !words.contains(&cause.to_string())
    {
        words = format!("{words}: {cause}");
    }
    let message = fitted(&one_line(&words), MAX_WORDS, Unit::Bytes, |_| None);
    SinkError { permanent: error.is_permanent(), retry_after: None, message }
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
