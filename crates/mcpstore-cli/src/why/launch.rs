//! How a service is started or reached, with what may be secret left out.

use mcpstore::config::{hide_secret_args, hide_secrets};
use mcpstore::types::TransportSpec;

use super::model::LaunchFacts;

/// Of a spec.
pub(crate) fn launch(transport: &TransportSpec) -> LaunchFacts {
    let kind = transport.kind().to_owned();
    match transport {
        TransportSpec::Stdio(stdio) => LaunchFacts {
            transport: kind,
            command: Some(stdio.command.clone()),
            args: shown_args(&stdio.args),
            url: None,
        },
        TransportSpec::Http(http) | TransportSpec::Sse(http) => {
            LaunchFacts { transport: kind, url: Some(shown_url(&http.url)), ..LaunchFacts::default() }
        }
        _ => LaunchFacts { transport: kind, ..LaunchFacts::default() },
    }
}

/// Options of launchers whose value says what is run.
const TELLING: [&str; 3] = ["-m", "-p", "--package"];
/// Options of launchers that take no value.
const PLAIN: [&str; 3] = ["-y", "--yes", "--"];

/// The arguments up to the first that is no option, which says what is run: what follows may be anything. Values of options
/// are masked, unless they say what is run too.
fn shown_args(args: &[String]) -> Vec<String> {
    const MASK: &str = "***";
    let mut shown = Vec::new();
    // What can be told by its name or shape first, while pairs still stand together.
    let args = hide_secret_args(args);
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        let option = arg.starts_with('-');
        let may_hide = arg.contains('=') || (option && arg.contains([' ', ':']));
        shown.push(if may_hide { MASK.to_owned() } else { arg.clone() });
        if !option {
            break;
        }
        if may_hide || PLAIN.contains(&arg.as_str()) {
            continue;
        }
        if let Some(value) = rest.next_if(|value| !value.starts_with('-')) {
            let told = TELLING.contains(&arg.as_str()) && !value.contains('=');
            shown.push(if told { value.clone() } else { MASK.to_owned() });
        }
    }
    if rest.next().is_some() {
        shown.push("…".to_owned());
    }
    shown
}

/// Where a remote server is: its host, and `…` for what stands in front of it and behind.
fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return hide_secrets(url) };
    let (authority, behind) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(_, host)| ("…@", host));
    let behind = if matches!(behind, "" | "/") { behind } else { "/…" };
    format!("{scheme}://{user}{host}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let shown = |args: &[&str]| shown_args(&args.iter().map(ToString::to_string).collect::<Vec<_>>()).join(" ");
        assert_eq!(shown(&["-y", "@scope/server", "/srv"]), "-y @scope/server …");
        assert_eq!(shown(&["-m", "module"]), "-m module");
        assert_eq!(shown(&["-m", "module", "--token", "hunter2"]), "-m module --token ***");
        assert_eq!(shown(&["--token=1", "-v"]), "*** -v");
        assert_eq!(shown(&["run", "-e", "TOKEN=1"]), "run …");
        assert_eq!(shown(&["--token", "hunter2", "-v"]), "--token *** -v");
        assert_eq!(shown(&["-H", "Authorization: Bearer hunter2", "server"]), "-H *** server");
        assert_eq!(shown(&["-HAuthorization: Bearer hunter2"]), "***");
        assert_eq!(shown(&["--yes", "--package", "tool", "tool", "hunter2"]), "--yes --package tool tool …");
        assert_eq!(shown(&["-c", "curl -H x", "y"]), "-c *** y");
    }

    #[test]
    fn an_address_that_is_cut_says_so() {
        assert_eq!(shown_url("https://me:pw@host:1/key/x?k=1"), "https://…@host:1/…");
        assert_eq!(shown_url("https://host/mcp"), "https://host/…");
        assert_eq!(shown_url("https://host?k=1"), "https://host/…");
        assert_eq!(shown_url("https://host/"), "https://host/");
        assert_eq!(shown_url("http://[::1]:8080"), "http://[::1]:8080");
    }
}
