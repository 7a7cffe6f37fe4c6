//! The shared vocabulary of mcpstore.
//!
//! Names, specs, states, points in time and notices: the words that every other crate of the workspace speaks.
//! There is no logic here beyond validation of a name and arithmetic on time, and no I/O at all.
//!
//! Feature `serde` (off by default) derives `Serialize` and `Deserialize` for what travels outside the process.

mod alert;
mod clean;
mod delta;
mod dependency;
mod era;
mod exit;
mod exposure;
mod name;
mod nearest;
mod notice;
mod oauth;
mod pattern;
mod phase;
mod policy;
mod probe;
mod reason;
mod sandbox;
mod secret;
mod spec;
mod state;
mod status;
mod time;

pub use alert::{AlertKind, AlertRule, AlertSeverity, AlertsSpec, SinkKind, SinkSpec, WebhookTemplate};
pub use clean::{clean_text, is_hidden, visible_text};
pub use delta::{ChangeImpact, FieldChange, SpecDelta};
pub use dependency::{DepCondition, DepKind, Dependency};
pub use era::{Era, EraChoice};
pub use exit::ExitStatus;
pub use exposure::{
    Expose, GatewayAuth, GatewaySpec, Isolation, StaleLists, StartMode, TlsFiles, ToolChanges, ToolRules, ViewSpec,
};
pub use name::{InvalidName, ServiceName};
pub use nearest::{nearest, suggestion};
pub use notice::Notice;
pub use oauth::OAuthSpec;
pub use pattern::glob_matches;
pub use phase::{FailKind, Phase, PhaseName, StopKind};
pub use policy::{Backoff, BreakerPolicy, HealthSpec, Policy, RecyclePolicy, RestartMode, RestartPolicy, Timeouts};
pub use probe::{ProbeKind, WaitCondition};
pub use reason::Reason;
pub use sandbox::{Limits, Sandbox};
pub use secret::Secret;
pub use spec::{HttpSpec, InProcessSpec, OtherSpec, ServiceSpec, StdioSpec, TransportSpec, is_protocol_header};
pub use state::ServiceState;
pub use status::{Condition, ConditionKind, Desired, Health, Status};
pub use time::{Clock, Incarnation, Timestamp};
