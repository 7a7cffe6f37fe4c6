//! `Mcp-Param-*`: arguments of a tool that the headers of a call say too (spec: MCP 2026-07-28, custom headers).

use mcpstore_transport::{RpcError, mirrored_headers};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Inner;
use super::super::params::Peek;
use crate::front::headers::{mismatch, plain};
use crate::seam::Call;

/// What a schema has that wants an argument in a header: most have none, and need no reading.
const WORD: &str = "x-mcp-header";

/// Compares the headers of a call with its arguments, where its tool wants some there.
///
/// # Errors
/// `HeaderMismatch`.
pub(super) fn check(inner: &Inner, call: &Call, peek: &Peek<'_>, name: &str) -> Result<(), RpcError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry<'a> {
        #[serde(borrow)]
        input_schema: &'a RawValue,
    }
    let Some(headers) = call.headers.as_deref().filter(|_| &*call.method == "tools/call") else { return Ok(()) };
    let names = inner.names.load();
    let entry = names.tool_entry(call.peer.view.as_deref(), name);
    let Some(entry) = entry.filter(|entry| entry.get().contains(WORD)) else { return Ok(()) };
    let Ok(entry) = serde_json::from_str::<Entry<'_>>(entry.get()) else { return Ok(()) };
    compare(headers, mirrored_headers(entry.input_schema, peek.arguments))
}

fn compare(headers: &[(String, String)], wanted: Vec<(String, Option<String>)>) -> Result<(), RpcError> {
    for (name, argument) in wanted {
        let mut values = headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.trim());
        match (values.next(), values.next(), argument) {
            (None, _, None) => {}
            (None, _, Some(_)) => return Err(mismatch(&format!("the header {name} is missing"))),
            (Some(_), Some(_), _) => return Err(mismatch(&format!("{name} is there more than once"))),
            (Some(_), None, None) => {
                return Err(mismatch(&format!("{name} is there, and the body has no such argument")));
            }
            (Some(value), None, Some(_)) if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => {
                return Err(mismatch(&format!("{name} has characters that no header may have")));
            }
            (Some(value), None, Some(argument)) => {
                let value = plain(value, &name)?;
                if value != argument && !is_same_number(&value, &argument) {
                    return Err(mismatch(&format!("{name} is `{value}`, and the body says `{argument}`")));
                }
            }
        }
    }
    Ok(())
}

/// True for two ways to write one number.
fn is_same_number(one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    matches!((number(one), number(other)), (Some(one), Some(other)) if one.total_cmp(&other).is_eq())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_the_arguments_say() {
        let checked = |headers: &[&str], argument: Option<&str>| {
            let headers: Vec<_> = headers.iter().map(|value| ("mcp-param-r".to_owned(), (*value).to_owned())).collect();
            compare(&headers, vec![("mcp-param-r".to_owned(), argument.map(ToOwned::to_owned))]).map_err(|e| e.code)
        };
        for (headers, argument) in [
            (&[][..], None),
            (&["a"], Some("a")),
            (&["=?base64?w6k=?="], Some("é")),
            (&["42.0"], Some("42")),
            (&[""], Some("")),
        ] {
            assert_eq!(checked(headers, argument), Ok(()), "{headers:?}");
        }
        for (headers, argument) in [
            (&[][..], Some("a")),
            (&["a"], None),
            (&["a", "a"], Some("a")),
            (&["a"], Some("b")),
            (&["é"], Some("é")),
            (&["=?base64?!?="], Some("é")),
        ] {
            assert_eq!(checked(headers, argument), Err(-32020), "{headers:?}");
        }
    }
}
