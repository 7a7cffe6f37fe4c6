//! `mcpstore serve --stdio`: MCP over stdin and stdout, for clients that know nothing else.

use std::path::Path;

use tokio::io::{AsyncWriteExt as _, copy};

use crate::args::{Global, ServeArgs};
use crate::control::protocol::{Op, Request};
use crate::control::{Client, Next};
use crate::exit::{Exit, Failure};
use crate::far_end::gone;
use crate::paths::Paths;
use crate::up::{self, Listen, StdioClient, UpArgs};

/// Joins the running manager, or is one.
///
/// # Errors
/// [`Failure`]: what keeps it from both.
pub(crate) async fn run(args: ServeArgs, global: &Global) -> anyhow::Result<Exit> {
    let paths = Paths::resolve(global)?;
    match join(&paths.socket, args.profile.as_deref()).await {
        Err(failure) if failure.exit == Exit::Unreachable && !args.join_only => {
            let ServeArgs { profile, config, approvals, .. } = args;
            let own = UpArgs {
                client: Some(StdioClient { profile }),
                config,
                approvals,
                listen: Some(Listen::None),
                no_table: true,
                ..UpArgs::default()
            };
            up::run(own, global).await
        }
        outcome => Ok(outcome?),
    }
}

/// Passes everything through to the manager on this socket, until one of both sides ends.
async fn join(socket: &Path, profile: Option<&str>) -> Result<Exit, Failure> {
    let request = Request { profile: profile.map(str::to_owned), ..Request::new(Op::Mcp) };
    let client = Client::new(socket);
    let mut conversation = client.open(&request).await?;
    match conversation.next().await? {
        Next::Done(_) => {}
        Next::Item(_) | Next::Gone => return Err(Failure::new(Exit::Unreachable, "the manager went away at once")),
    }
    let (mut from_manager, mut to_manager) = conversation.into_parts();
    let (mut stdin, mut stdout) = (tokio::io::stdin(), tokio::io::stdout());
    let inwards = async {
        let copied = copy(&mut stdin, &mut to_manager).await;
        // It has said all: what is under way is still answered.
        let _ = to_manager.shutdown().await;
        if copied.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        // Nobody reads any answer: the manager learns that from the end of this conversation.
        () = gone(std::io::stdout()) => Ok(Exit::Done),
        () = inwards => Err(Failure::new(Exit::Unreachable, "the manager went away").next("mcpstore up")),
        copied = copy(&mut from_manager, &mut stdout) => match copied {
            Ok(_) => {
                // What is in the buffer of stdout goes out.
                let _ = stdout.flush().await;
                Ok(Exit::Done)
            }
            Err(_) => Ok(Exit::Done),
        },
    }
}
