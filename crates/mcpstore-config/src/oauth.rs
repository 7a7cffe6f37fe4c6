//! `oauth`: how to log in to a server that wants a login.

use crate::tree::Node;
use mcpstore_types::{OAuthSpec, Secret};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::{Field, entry, get};
use crate::transport::{check_url, filled};
use crate::values::{object, text_list, whole};
use crate::words::OAUTH;

/// What `oauth` says.
pub(crate) fn oauth(cx: &mut Context<'_>, field: Field<'_>) -> OAuthSpec {
    let mut spec = OAuthSpec::default();
    let Some(object) = object(cx, "oauth", field.value) else { return spec };
    let entry = entry(cx, object, &OAUTH);
    let mut text = |key: &str| {
        let field = get(&entry, key)?;
        filled(cx, &format!("oauth.{key}"), field)
    };
    spec.client_id = text("clientId");
    spec.client_secret = text("clientSecret").map(Secret::new);
    spec.issuer = text("issuer");
    spec.client_metadata_url = text("clientMetadataUrl");
    for (key, found) in [("issuer", &spec.issuer), ("clientMetadataUrl", &spec.client_metadata_url)] {
        if let (Some(field), Some(found)) = (get(&entry, key), found)
            && let Err(fault) = check_url(found)
        {
            let message = format!("`oauth.{key}` is no HTTP address: {fault}");
            cx.push(cx.error_at(field.value, Code::BadUrl, message));
        }
    }
    if let Some(field) = get(&entry, "clientSecret")
        && get(&entry, "clientId").is_none()
    {
        let message = "`oauth.clientSecret` has no effect without `clientId`";
        cx.push(Diagnostic::warning(Code::NoEffect, message).with_place(cx.place(field.key_at)));
    }
    if let Some(field) = get(&entry, "scopes") {
        // Some clients write them as OAuth does: in one text.
        spec.scopes = match &field.value.node {
            Node::Text(literal) => literal.split_whitespace().map(str::to_owned).collect(),
            _ => text_list(cx, "oauth.scopes", field.value).into_iter().map(|(scope, _)| scope.to_owned()).collect(),
        };
    }
    if let Some(field) = get(&entry, "callbackPort") {
        let port = whole(cx, "oauth.callbackPort", field, 1, u32::from(u16::MAX));
        spec.callback_port = port.and_then(|port| u16::try_from(port).ok());
    }
    spec
}

#[cfg(test)]
mod tests {
    use mcpstore_types::TransportSpec;

    use super::*;
    use crate::{Options, Source, parse};

    fn read(oauth: &str) -> (OAuthSpec, String) {
        let text =
            format!(r#"{{ "mcpServers": {{ "api": {{ "url": "https://api.example/mcp", "oauth": {oauth} }} }} }}"#);
        let parsed = parse(
            &[Source::new("mcp.json", text)],
            &crate::Variables(|name: &str| (name == "S").then(|| "hunter2".to_owned())),
            &Options::default(),
        );
        let words: Vec<String> = parsed.diagnostics.iter().map(|d| d.message.clone()).collect();
        let spec = parsed.config.services.into_iter().next().map(|spec| match spec.transport {
            TransportSpec::Http(http) => http.oauth,
            other => panic!("it is HTTP, not {other:?}"),
        });
        (spec.unwrap_or_default(), words.join("; "))
    }

    #[test]
    fn everything_is_read() {
        let (spec, words) = read(
            r#"{ "clientId": "me", "clientSecret": "${S}", "issuer": "https://as.example", "callbackPort": 8080,
                 "clientMetadataUrl": "https://me.example/client.json", "scopes": ["a", "b"], "enabled": true }"#,
        );
        assert_eq!(words, "");
        let expected = OAuthSpec {
            client_id: Some("me".into()),
            client_secret: Some("hunter2".into()),
            issuer: Some("https://as.example".into()),
            client_metadata_url: Some("https://me.example/client.json".into()),
            scopes: vec!["a".into(), "b".into()],
            callback_port: Some(8080),
        };
        assert_eq!(spec, expected);
        assert_eq!(read(r#"{ "scopes": "a  b" }"#).0.scopes, ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(read(r#"{ "clientSecret": "${S}" }"#).1, "`oauth.clientSecret` has no effect without `clientId`");
        assert!(read(r#"{ "issuer": "as.example" }"#).1.contains("`oauth.issuer` is no HTTP address"));
        assert!(read(r#"{ "callbackPort": 70000 }"#).1.contains("`oauth.callbackPort` is outside its range"));
        assert!(read(r#"{ "clientid": "x" }"#).1.contains("clientid"));
    }
}
