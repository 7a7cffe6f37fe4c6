//! One `GET`, of which the status alone counts.

use mcpstore_types::HttpSpec;
use reqwest::Method;

use super::{OutsideError, no, not_asked};
use crate::http::client;
use crate::http::fault::explain;
use crate::http::target::Target;
use crate::http::tls;

/// Gets an address; passes with a status from 200 to 399. Redirects are not followed, and the body is not read.
pub(super) async fn get(url: &str) -> Result<(), OutsideError> {
    let spec = HttpSpec { url: url.to_owned(), ..HttpSpec::default() };
    let made = async {
        let target = Target::of(&spec)?;
        let tls = tls::config(None).await?;
        let client = client::build(&target, &target.guard(), tls)?;
        Ok::<_, crate::LaunchError>((target, client))
    };
    let (target, client) = match made.await {
        Ok(made) => made,
        Err(error) => return not_asked(error.to_string()),
    };
    match client.request(Method::GET, target.url).send().await {
        Ok(answer) if (200..400).contains(&answer.status().as_u16()) => Ok(()),
        Ok(answer) => no(format!("HTTP status {}", answer.status().as_u16())),
        Err(error) => no(explain(&error)),
    }
}
