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
            .message_id(Some(message_id(alert)))
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
        let builder =
            tokio::task::spawn_blocking(move || AsyncSmtpTransport::<Tokio1Executor>::from_url(server.expose()));
        let builder = builder.await.map_err(|error| SinkError::passing(error.to_string()))?;
        let transport = builder.map_err(|error| explain(&error))?.build();
        transport.send(message).await.map_err(|error| explain(&error))?;
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

/// The same at every attempt: mail servers and readers show such a message once.
fn message_id(alert: &Alert) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    format!("<{}@mcpstore>", alert.key().chars().map(keep).collect::<String>())
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
mod tests {
    use mcpstore_types::AlertKind;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::alert::AlertStatus;

    fn mail(server: &str, options: &Options) -> Mail {
        let to = ["Ops <ops@example.org>".to_owned(), "me@example.org".to_owned()];
        Mail::new(&server.into(), "mcpstore@example.org", &to, options).ok().unwrap()
    }

    /// A server that answers each command with what `answer` says of it; returns all it was told.
    async fn serve(listener: TcpListener, answer: fn(&str) -> &'static str) -> String {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let (mut lines, mut told) = (BufReader::new(read).lines(), String::new());
        write.write_all(b"220 test\r\n").await.unwrap();
        let mut in_data = false;
        while let Ok(Some(line)) = lines.next_line().await {
            told.push_str(&line);
            told.push('\n');
            if in_data && line != "." {
                continue;
            }
            in_data = line == "DATA";
            let answer = format!("{}\r\n", answer(&line));
            if write.write_all(answer.as_bytes()).await.is_err() || line == "QUIT" {
                break;
            }
        }
        told
    }

    fn alert() -> Alert {
        let mut alert = Alert::new("i>1", AlertKind::GaveUp, "web\nBcc: evil@example.org", AlertStatus::Firing);
        alert.detail = "exit code 3\n.\nMAIL FROM:<evil@example.org>".to_owned();
        alert.at_ms = 7;
        alert.bounded()
    }

    #[tokio::test]
    async fn a_mail_arrives_and_no_text_becomes_a_header_or_a_command() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("smtp://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(serve(listener, |line| match line {
            "DATA" => "354 go on",
            _ => "250 fine",
        }));
        mail(&server, &Options::default()).deliver(&alert()).await.unwrap();
        let told = served.await.unwrap();
        assert!(told.contains("RCPT TO:<ops@example.org>\nRCPT TO:<me@example.org>\nDATA\n"), "{told}");
        assert!(told.contains("\nSubject: [mcpstore] web Bcc: evil@example.org: gave_up (critical)\n"), "{told}");
        assert!(told.contains("\nexit code 3\n..\nMAIL FROM"), "the dot is doubled: {told}");
        assert!(!told.contains("\nBcc:"), "{told}");
        assert!(told.contains("\nMessage-ID: <i-1-firing-7@mcpstore>\n"), "{told}");
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_trouble_passes() {
        for (answer, permanent) in
            [((|_| "550 no such mailbox") as fn(&str) -> &'static str, true), (|_| "451 try again later", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = format!("smtp://{}", listener.local_addr().unwrap());
            let served = tokio::spawn(serve(listener, answer));
            let error = mail(&server, &Options::default()).deliver(&alert()).await.unwrap_err();
            assert_eq!(error.permanent, permanent, "{error}");
            served.await.unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("smtp://user:hunter2secret@{}", listener.local_addr().unwrap());
        let short = Options { request_timeout: Duration::from_millis(50), ..Options::default() };
        let error = mail(&server, &short).deliver(&alert()).await.unwrap_err();
        assert!(!error.permanent && error.message.contains("50ms"), "{error}");
        drop(listener);
        let error = mail(&server, &Options::default()).deliver(&alert()).await.unwrap_err();
        assert!(!error.permanent && !error.message.contains("hunter2secret"), "{error}");
    }

    #[test]
    fn addresses_of_servers() {
        let given = |server: &str| address(&server.into()).map(|secret| secret.expose().to_owned());
        assert_eq!(given("smtps://u:p@mail.example").unwrap(), "smtps://u:p@mail.example");
        assert_eq!(given("smtp+starttls://u:p@mail.example/").unwrap(), "smtp://u:p@mail.example:587?tls=required");
        assert_eq!(given("smtp+starttls://mail.example:25").unwrap(), "smtp://mail.example:25?tls=required");
        for odd in ["hunter2", "http://hunter2@host", "smtp://", "smtp://h/?tls=none&hunter2"] {
            let error = given(odd).unwrap_err();
            assert!(error.starts_with("`server`") && !error.contains("hunter2"), "{error}");
        }
        for server in ["smtps://mail.example", "smtp+starttls://mail.example"] {
            let made = AsyncSmtpTransport::<Tokio1Executor>::from_url(given(server).unwrap().as_str());
            assert!(made.is_ok(), "{server}");
        }
        let nobody = Mail::new(&"smtp://h".into(), "a@b.c", &[], &Options::default());
        assert!(nobody.err().unwrap().contains("nobody"));
        let odd = Mail::new(&"smtp://h".into(), "a@b.c", &["who".to_owned()], &Options::default());
        assert!(odd.err().unwrap().contains("`who`"));
    }
}
