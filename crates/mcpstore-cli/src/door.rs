//! The door of the gateway: where it is, who may enter, and what is kept of what they do. It changes with the config.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcpstore::config::{Config, diff_gateway, diff_views};
use mcpstore::files::{TokenOrigin, gateway_token};
use mcpstore::gateway::{BoundFront, FrontOptions, Gateway, Limits, ListenError, Rules};
use mcpstore::types::{GatewayAuth, GatewaySpec, Secret};
use tokio::sync::Mutex as Turns;

use crate::control::ReachDoc;
use crate::exit::{Exit, Failure, chain};
use crate::paths::look_at;
use crate::up::{Listen, UpArgs, gateway_listen};

/// Where it is when nobody says where.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);

/// How long requests over an old address may hold up a new one.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// What the config says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// How it is reached and guarded.
    pub(crate) gateway: GatewaySpec,
    /// What its clients see.
    pub(crate) rules: Rules,
    /// How many services may start at a time. It is fixed when the manager starts.
    pub(crate) max_parallel_starts: usize,
}

impl Said {
    /// What this config says.
    pub(crate) fn of(config: &Config) -> Self {
        let gateway = config.gateway.clone();
        let rules = Rules { views: config.views.clone(), stale: gateway.stale };
        Self { gateway, rules, max_parallel_starts: config.max_parallel_starts }
    }
}

/// What the command line says of it, which wins.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    listen: Option<Listen>,
    no_auth: bool,
}

/// The door of the gateway. Cheap to clone; every clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gateway: Gateway,
    state_dir: PathBuf,
    told: Told,
    reach: Mutex<ReachDoc>,
    now: Turns<Now>,
}

#[derive(Debug, Default)]
struct Now {
    front: Option<BoundFront>,
    said: Said,
}

impl Door {
    /// One that is shut, and stays so until something else is taken over.
    pub(crate) fn shut(gateway: Gateway, state_dir: &Path, args: &UpArgs) -> Self {
        let told = Told { listen: args.listen, no_auth: args.no_auth };
        let (reach, now) = (Mutex::default(), Turns::default());
        Self(Arc::new(Inner { gateway, state_dir: state_dir.to_path_buf(), told, reach, now }))
    }

    /// Opens it as the config says. What is to be said of it comes back.
    ///
    /// # Errors
    /// [`Failure`]: the address that was asked for is taken or must not be used, or the token cannot be kept.
    pub(crate) async fn open(&self, said: Said) -> Result<Vec<String>, Failure> {
        let mut now = self.0.now.lock().await;
        let mut words = self.guard(&said.gateway, None).await;
        self.0.gateway.set_rules(said.rules.clone());
        let opened = self.listen(&said.gateway, None).await;
        now.said = said;
        let (front, mut found) = opened?;
        now.front = front;
        found.append(&mut words);
        Ok(found)
    }

    /// How the gateway is reached over HTTP.
    pub(crate) fn reach(&self) -> ReachDoc {
        self.0.reach.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which parts of it would be others with this config, as the config calls them.
    pub(crate) async fn changes(&self, said: &Said) -> Vec<String> {
        changes(&self.0.now.lock().await.said, said)
    }

    /// Takes another config over: clients stay connected, but where it says another address or certificate. What is to be
    /// said of it comes back: where something did not go, the old one stays.
    pub(crate) async fn take_over(&self, said: Said) -> Vec<String> {
        let mut now = self.0.now.lock().await;
        let mut words = Vec::new();
        let before = std::mem::replace(&mut now.said, said.clone());
        if before.max_parallel_starts != said.max_parallel_starts {
            words.push("gateway.maxParallelStarts holds from the next start of the manager on".to_owned());
        }
        words.append(&mut self.guard(&said.gateway, Some(&before.gateway)).await);
        if before.rules != said.rules {
            self.0.gateway.set_rules(said.rules);
        }
        // Where the command line says where it is, the config does not move it; everything else is the config's alone.
        let moved = before.gateway.listen != said.gateway.listen && self.0.told.listen.is_none();
        let other = |spec: &GatewaySpec| (spec.tls.clone(), spec.resume_wait, spec.poll_after);
        if moved || other(&before.gateway) != other(&said.gateway) {
            words.append(&mut self.move_to(&mut now, &before.gateway).await);
        } else if let Err(what) = self.gate(&now).await {
            words.push(what);
        }
        words
    }

    /// Ends it: requests under way have until the deadline.
    pub(crate) async fn shutdown(&self, deadline: Duration) {
        let front = self.0.now.lock().await.front.take();
        if let Some(front) = front {
            front.shutdown(deadline).await;
        }
        // What was noted last is written when nobody holds the log any more.
        let _ = self.0.gateway.keep_audit(None).await;
    }

    /// Rate, tools and log.
    async fn guard(&self, spec: &GatewaySpec, before: Option<&GatewaySpec>) -> Vec<String> {
        let Inner { gateway, state_dir, .. } = &*self.0;
        if before.is_none_or(|before| before.requests_per_minute != spec.requests_per_minute) {
            gateway.limit_rate(spec.requests_per_minute.and_then(NonZeroU32::new));
        }
        gateway.set_tool_changes(state_dir, spec.tool_changes);
        if before.is_some_and(|before| before.audit == spec.audit) {
            return Vec::new();
        }
        let folder = spec.audit.then_some(state_dir.as_path());
        match gateway.keep_audit(folder).await {
            Ok(()) => {
                let found = gateway.audit_stats().and_then(|stats| stats.found);
                found.map(|found| format!("the audit log: {found}; mcpstore audit --verify")).into_iter().collect()
            }
            Err(fault) => vec![format!("what clients do is not noted: {fault}")],
        }
    }

    /// The address that counts; `None`: nowhere. And whether somebody asked for that very one. A port that was free stays
    /// the one that was taken then.
    fn address(&self, spec: &GatewaySpec, here: Option<SocketAddr>) -> Result<(Option<SocketAddr>, bool), Failure> {
        let asked = match (self.0.told.listen, &spec.listen) {
            (Some(listen), _) => Some(listen),
            // It was checked when the config was read.
            (None, Some(text)) => Some(gateway_listen(text).map_err(|what| Failure::new(Exit::ConfigInvalid, what))?),
            (None, None) => None,
        };
        Ok(match asked {
            Some(Listen::None) => (None, true),
            Some(Listen::At(address)) => {
                let kept = here.filter(|here| address.port() == 0 && here.ip() == address.ip());
                (Some(kept.unwrap_or(address)), true)
            }
            None => (Some(DEFAULT), false),
        })
    }

    /// The token that is wanted, and what is to be said of it.
    fn token(&self, spec: &GatewaySpec) -> Result<(Option<Secret>, Vec<String>), Failure> {
        if self.0.told.no_auth || spec.auth == GatewayAuth::None {
            let words = "every program on this machine may use the gateway: it asks for no token".to_owned();
            return Ok((None, vec![words]));
        }
        let token = gateway_token(&self.0.state_dir).map_err(|error| {
            let message = format!("the token of the gateway cannot be kept: {error}");
            Failure::new(Exit::Failed, message).next(look_at(&self.0.state_dir))
        })?;
        let words = match &token.origin {
            TokenOrigin::Replaced { set_aside } => {
                vec![format!("the gateway has a new token: the old file had none, and is {} now", set_aside.display())]
            }
            TokenOrigin::Kept | TokenOrigin::Made => Vec::new(),
        };
        Ok((Some(token.secret), words))
    }

    /// Listens as this says.
    async fn listen(
        &self,
        spec: &GatewaySpec,
        here: Option<SocketAddr>,
    ) -> Result<(Option<BoundFront>, Vec<String>), Failure> {
        let (address, asked) = self.address(spec, here)?;
        let Some(address) = address else {
            self.is_reached(ReachDoc::default());
            return Ok((None, Vec::new()));
        };
        let (token, mut said) = self.token(spec)?;
        let wants_token = token.is_some();
        let options = FrontOptions {
            token,
            hosts: spec.hosts.clone(),
            origins: spec.origins.clone(),
            tls: spec.tls.clone(),
            limits: Limits { resume_wait: spec.resume_wait, poll_after: spec.poll_after, ..Limits::default() },
        };
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        match self.0.gateway.listen(address, options).await {
            Ok(front) => {
                let url = format!("{scheme}://{}/mcp", front.address());
                said.insert(0, format!("gateway on {url}"));
                self.is_reached(ReachDoc { url: Some(url), token: wants_token });
                Ok((Some(front), said))
            }
            // Another manager of this user, most often: nobody asked for this very address.
            Err(ListenError::InUse { address }) if !asked => {
                let words = format!("no gateway over HTTP: {address} is taken; --listen names another address");
                self.is_reached(ReachDoc::default());
                Ok((None, vec![words]))
            }
            Err(error) => Err(Failure::new(Exit::Failed, chain(&error)).next("mcpstore up --listen 127.0.0.1:0")),
        }
    }

    /// Who may enter from now on; the token may be another one in its file, too.
    async fn gate(&self, now: &Now) -> Result<(), String> {
        let Some(front) = &now.front else { return Ok(()) };
        let spec = &now.said.gateway;
        let (token, _) = self.token(spec).map_err(|failure| failure.message)?;
        let wants_token = token.is_some();
        front
            .set_gate(token, spec.hosts.clone(), spec.origins.clone())
            .map_err(|error| format!("the gateway keeps its token: {error}"))?;
        self.is_reached(ReachDoc { token: wants_token, ..self.reach() });
        Ok(())
    }

    /// Listens anew. The old place is given up when there is a new one; where both are one address, a moment before.
    async fn move_to(&self, now: &mut Now, before: &GatewaySpec) -> Vec<String> {
        let spec = now.said.gateway.clone();
        let here = now.front.as_ref().map(BoundFront::address);
        let same = match self.address(&spec, here) {
            Ok((address, _)) => here.is_some() && address == here,
            Err(failure) => return vec![format!("the gateway stays where it is: {}", failure.message)],
        };
        if same && let Some(front) = now.front.take() {
            front.shutdown(LAST_REQUESTS).await;
        }
        match self.listen(&spec, here).await {
            Ok((front, words)) => {
                if let Some(old) = std::mem::replace(&mut now.front, front) {
                    old.shutdown(LAST_REQUESTS).await;
                }
                words
            }
            Err(failure) => {
                let mut words = vec![format!("the gateway stays where it is: {}", failure.message)];
                // What holds of the old place is what the config said of it.
                now.said.gateway.listen.clone_from(&before.listen);
                now.said.gateway.tls.clone_from(&before.tls);
                (now.said.gateway.resume_wait, now.said.gateway.poll_after) = (before.resume_wait, before.poll_after);
                if same {
                    match self.listen(&now.said.gateway, here).await {
                        Ok((front, _)) => now.front = front,
                        Err(failure) => words.push(format!("the gateway is shut: {}", failure.message)),
                    }
                } else if let Err(what) = self.gate(now).await {
                    words.push(what);
                }
                words
            }
        }
    }

    fn is_reached(&self, reach: ReachDoc) {
        *self.0.reach.lock().unwrap_or_else(PoisonError::into_inner) = reach;
    }
}

/// What differs, as the config calls it.
fn changes(before: &Said, after: &Said) -> Vec<String> {
    let mut out: Vec<String> =
        diff_gateway(&before.gateway, &after.gateway).iter().map(|change| change.field.to_owned()).collect();
    if before.max_parallel_starts != after.max_parallel_starts {
        out.push("gateway.maxParallelStarts".to_owned());
    }
    let views = diff_views(&before.rules.views, &after.rules.views);
    out.extend([views.added, views.removed, views.changed].concat().iter().map(|view| format!("profiles.{view}")));
    out.sort_unstable();
    out
}
