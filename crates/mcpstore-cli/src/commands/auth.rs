//! `auth`: logins to remote servers. They need a config, and no manager.

use std::sync::Arc;
use std::time::SystemTime;

use mcpstore::transport::{AuthError, LoginStatus, OAuth};
use mcpstore::types::{HttpSpec, TransportSpec};
use mcpstore::{ServiceName, ServiceSpec};
use serde::Serialize;

use crate::args::{AuthCommand, ConfigArgs, Format, Global};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::login::Terminal;
use crate::output::{self, Schema, Term, clean_line, rfc3339, talk};
use crate::paths::Paths;
use crate::select::{Among, Known, Select};

pub(super) async fn run(command: AuthCommand, global: &Global) -> anyhow::Result<Exit> {
    let paths = Paths::resolve(global)?;
    match command {
        AuthCommand::Login { service, no_browser, config } => {
            paths.make_state_dir()?;
            let browser = !no_browser && Term::stderr(global.color).tty;
            let logins = paths.logins().with_prompt(Arc::new(Terminal { browser }));
            let (name, spec) = one(&remote(&config)?, &service)?;
            let status = logins.login(&name, &spec).await.map_err(|error| failure(&error, &name))?;
            let scopes =
                if status.scopes.is_empty() { String::new() } else { format!(" ({})", status.scopes.join(" ")) };
            talk(&format!("logged in to `{name}` at {}{scopes}", status.issuer));
            talk(&format!(
                "a running manager uses it from now on; where `{name}` waits for it: mcpstore restart {name}"
            ));
            Ok(Exit::Done)
        }
        AuthCommand::Logout { service } => {
            let name = ServiceName::new(&service)?;
            if !paths.logins().logout(&name).await? {
                talk(&format!("there was no login to `{name}`"));
            }
            Ok(Exit::Done)
        }
        AuthCommand::Status { selectors, config } => {
            status(&paths.logins(), &remote(&config)?, &selectors, global)?;
            Ok(Exit::Done)
        }
    }
}

/// The remote services of the config.
fn remote(config: &ConfigArgs) -> anyhow::Result<Vec<ServiceSpec>> {
    let loaded = Config::load(config)?.loaded;
    let is_remote = |spec: &ServiceSpec| http(spec).is_some();
    Ok(loaded.config.services.into_iter().filter(is_remote).collect())
}

fn http(spec: &ServiceSpec) -> Option<&HttpSpec> {
    match &spec.transport {
        TransportSpec::Http(http) | TransportSpec::Sse(http) => Some(http),
        _ => None,
    }
}

fn select(services: &[ServiceSpec], select: &Select) -> Result<Vec<ServiceName>, Failure> {
    let known: Vec<Known<'_>> = services.iter().map(|spec| Known { name: &spec.name, tags: &spec.tags }).collect();
    select.among(&known, Among::Config).map_err(|failure| failure.next("mcpstore auth status"))
}

fn one(services: &[ServiceSpec], service: &str) -> Result<(ServiceName, HttpSpec), Failure> {
    let names = select(services, &Select { all: false, patterns: vec![service.to_owned()] })?;
    let found =
        services.iter().filter(|spec| names.first() == Some(&spec.name)).find_map(|spec| Some((spec, http(spec)?)));
    match found {
        Some((spec, http)) if names.len() == 1 => Ok((spec.name.clone(), http.clone())),
        _ => {
            let message = format!("`{service}` means {} services; a login is for one", names.len());
            Err(Failure::new(Exit::Usage, message).next("mcpstore auth status"))
        }
    }
}

fn failure(error: &AuthError, name: &ServiceName) -> Failure {
    let exit = if matches!(error, AuthError::Failed { .. }) { Exit::Failed } else { Exit::Refused };
    Failure::new(exit, format!("no login to `{name}`: {error}")).next("mcpstore auth status")
}

/// One line of `auth status`.
#[derive(Debug, Serialize)]
struct Row {
    service: String,
    url: String,
    /// `none`, `valid`, `expired`, `header`, or `elsewhere`.
    login: &'static str,
    issuer: Option<String>,
    scopes: Vec<String>,
    expires: Option<String>,
    renewable: bool,
}

#[derive(Debug, Serialize)]
struct LoginsDoc {
    logins: Vec<Row>,
}

fn row(spec: &ServiceSpec, http: &HttpSpec, kept: Option<LoginStatus>, now: SystemTime) -> Row {
    let header = http.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
    let login = match &kept {
        _ if header => "header",
        None => "none",
        Some(kept) if kept.url != http.url => "elsewhere",
        Some(kept) if !kept.has_tokens => "none",
        Some(kept) if !kept.renewable && kept.expires_at.is_some_and(|end| end <= now) => "expired",
        Some(_) => "valid",
    };
    let kept = kept.filter(|_| matches!(login, "valid" | "expired"));
    Row {
        service: spec.name.to_string(),
        url: http.url.clone(),
        login,
        issuer: kept.as_ref().map(|kept| kept.issuer.clone()),
        expires: kept.as_ref().and_then(|kept| kept.expires_at).map(rfc3339),
        renewable: kept.as_ref().is_some_and(|kept| kept.renewable),
        scopes: kept.map(|kept| kept.scopes).unwrap_or_default(),
    }
}

fn status(logins: &OAuth, services: &[ServiceSpec], selectors: &[String], global: &Global) -> anyhow::Result<()> {
    let names = select(services, &Select { all: selectors.is_empty(), patterns: selectors.to_vec() })?;
    let mut rows = Vec::new();
    for spec in services.iter().filter(|spec| names.contains(&spec.name)) {
        if let Some(http) = http(spec) {
            rows.push(row(spec, http, logins.status(&spec.name)?, SystemTime::now()));
        }
    }
    match global.output {
        Format::Json | Format::Ndjson => {
            output::print_json(&Schema::new("mcpstore.logins/1", LoginsDoc { logins: rows }))?
        }
        Format::Name => output::print(&rows.iter().map(|row| format!("{}\n", row.service)).collect::<String>())?,
        Format::Auto | Format::Table | Format::Wide => {
            if rows.is_empty() {
                talk("no service of the config has a `url`");
            }
            output::print(&rows.iter().map(line).collect::<String>())?;
        }
    }
    Ok(())
}

/// A row for people. The address is left out: it may hold a secret.
fn line(row: &Row) -> String {
    let mut words = match row.login {
        "none" => "no login".to_owned(),
        "header" => "the config has its Authorization header".to_owned(),
        "elsewhere" => "the login is for another address".to_owned(),
        other => other.to_owned(),
    };
    if let Some(issuer) = &row.issuer {
        words.push_str(&format!(", from {issuer}"));
    }
    if !row.scopes.is_empty() {
        words.push_str(&format!(", scopes {}", row.scopes.join(" ")));
    }
    if let Some(expires) = &row.expires {
        let by_itself = if row.renewable { ", renewed by itself" } else { "" };
        words.push_str(&format!(", until {expires}{by_itself}"));
    }
    format!("{:<16} {}\n", row.service, clean_line(&words))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;

    fn shown(url: &str, change: impl FnOnce(&mut LoginStatus), header: bool) -> String {
        let mut spec = HttpSpec { url: "https://api.example/mcp".into(), ..HttpSpec::default() };
        if header {
            spec.headers.insert("AUTHORIZATION".into(), "x".into());
        }
        let service = ServiceSpec::new(ServiceName::new("api").unwrap(), TransportSpec::Http(spec.clone()));
        let mut kept = LoginStatus {
            url: url.into(),
            issuer: "https://as.example".into(),
            client_id: "id".into(),
            has_tokens: true,
            scopes: vec!["read".into()],
            expires_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)),
            renewable: false,
        };
        change(&mut kept);
        line(&row(&service, &spec, Some(kept), SystemTime::UNIX_EPOCH + Duration::from_secs(90)))
    }

    #[test]
    fn a_login_is_one_line() {
        let here = "https://api.example/mcp";
        let all = [
            shown(here, |_| {}, false),
            shown(here, |kept| kept.renewable = true, false),
            shown(here, |kept| kept.has_tokens = false, false),
            shown("https://old.example", |_| {}, false),
            shown(here, |_| {}, true),
        ];
        expect![[r#"
            api              expired, from https://as.example, scopes read, until 1970-01-01T00:01:00.000Z
            api              valid, from https://as.example, scopes read, until 1970-01-01T00:01:00.000Z, renewed by itself
            api              no login
            api              the login is for another address
            api              the config has its Authorization header
        "#]]
        .assert_eq(&all.concat());
    }
}
