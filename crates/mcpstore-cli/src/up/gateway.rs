//! The door of the gateway: where it is, and who may enter.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mcpstore::files::{TokenOrigin, gateway_token};
use mcpstore::gateway::{BoundFront, FrontOptions, Gateway, ListenError};
use mcpstore::types::{GatewayAuth, GatewaySpec};

use super::UpArgs;
use super::args::{Listen, gateway_listen};
use crate::exit::{Exit, Failure};
use crate::paths::{Paths, look_at};

/// Where it is when nobody says where.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);

/// Opens the door of the gateway, and says where it is.
///
/// # Errors
/// [`Failure`]: the address that was asked for is taken or must not be used, or the token cannot be kept.
pub(super) async fn open(
    gateway: &Gateway,
    args: &UpArgs,
    spec: &GatewaySpec,
    paths: &Paths,
) -> Result<(Option<BoundFront>, Vec<String>), Failure> {
    let by_config = || match &spec.listen {
        // It was checked when the config was read.
        Some(text) => gateway_listen(text).map(Some).map_err(|what| Failure::new(Exit::ConfigInvalid, what)),
        None => Ok(None),
    };
    let asked = match args.listen {
        Some(listen) => Some(listen),
        None => by_config()?,
    };
    let address = match asked {
        Some(Listen::None) => return Ok((None, Vec::new())),
        Some(Listen::At(address)) => address,
        None => DEFAULT,
    };
    let mut said = Vec::new();
    let token = if args.no_auth || spec.auth == GatewayAuth::None {
        said.push("every program on this machine may use the gateway: it asks for no token".to_owned());
        None
    } else {
        let token = gateway_token(&paths.state_dir).map_err(|error| {
            let message = format!("the token of the gateway cannot be kept: {error}");
            Failure::new(Exit::Failed, message).next(look_at(&paths.state_dir))
        })?;
        if let TokenOrigin::Replaced { set_aside } = &token.origin {
            let aside = set_aside.display();
            said.push(format!("the gateway has a new token: the old file had none, and is {aside} now"));
        }
        Some(token.secret)
    };
    let options = FrontOptions {
        token,
        hosts: spec.hosts.clone(),
        origins: spec.origins.clone(),
        tls: spec.tls.clone(),
        ..FrontOptions::default()
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    match gateway.listen(address, options).await {
        Ok(front) => {
            said.insert(0, format!("gateway on {scheme}://{}/mcp", front.address()));
            Ok((Some(front), said))
        }
        // Another manager of this user, most often: nobody asked for this very address.
        Err(ListenError::InUse { address }) if asked.is_none() => {
            Ok((None, vec![format!("no gateway over HTTP: {address} is taken; --listen names another address")]))
        }
        Err(error) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            Err(Failure::new(Exit::Failed, format!("{error}{source}")).next("mcpstore up --listen 127.0.0.1:0"))
        }
    }
}
