//! Config text to validated specs and diagnostics.
//!
//! [`parse`] reads the `mcpServers` JSON that MCP clients share (comments and trailing commas allowed), with mcpstore's own
//! fields beside the standard ones. It is a compiler, not a validator: what comes out is a list of complete
//! [`ServiceSpec`](mcpstore_types::ServiceSpec)s, and beside it everything that was wrong, all at once, each with its place
//! in the text. It never stops at the first problem and never panics; a service with an error in its own entry is left
//! out, and the others stay.
//!
//! Nothing is read from outside: the texts and the world they refer to ([`Outside`]) are arguments. [`diff`] tells what must
//! happen to get from one set of specs to another, [`render`] and [`render_short`] show diagnostics to people and to logs.
//! [`edit`](edit()) changes a text and leaves everything else of it as it is.
//!
//! ```
//! use mcpstore_config::{Nothing, Options, Source, parse, render_short};
//!
//! let text = r#"{ "mcpServers": { "files": { "command": "files", "dependsOn": ["serach"] },
//!                                 "search": { "url": "https://example.com/mcp" } } }"#;
//! let sources = [Source::new("mcp.json", text)];
//! let parsed = parse(&sources, &Nothing, &Options::default());
//! assert_eq!(
//!     render_short(&parsed.diagnostics, &sources),
//!     "mcp.json:1:64: error[MS012]: unknown dependency `serach`; did you mean `search`?\n",
//! );
//! assert_eq!(parsed.config.services.len(), 1);
//! ```

mod alerts;
mod alien;
mod breaker;
mod clients;
mod code;
mod context;
mod cycle;
mod defaults;
mod depends;
mod diagnostic;
mod dialect;
mod diff;
mod diff_gateway;
mod duration;
mod edit;
mod entry;
mod env_file;
mod expand;
mod explain;
mod export;
mod fields;
mod format;
mod gateway;
mod import;
mod inputs;
mod json;
mod json_hints;
mod left_out;
mod lint;
mod mask;
mod merge;
mod names;
mod oauth;
mod other;
mod outside;
mod parse;
mod patterns;
mod plain;
mod policy;
mod probe;
mod profiles;
mod render;
mod sandbox;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod service;
mod show;
mod sink;
mod size;
mod source;
mod starter;
mod syntax;
mod toml;
mod tools;
mod transport;
mod tree;
mod unsafe_file;
mod values;
mod words;
mod yaml;

pub use alerts::alerts_entry;
pub use clients::{Client, Folders, References};
pub use code::Code;
pub use cycle::cycle_diagnostic;
pub use diagnostic::{Diagnostic, Severity};
pub use dialect::Dialect;
pub use diff::{apply, diff};
pub use diff_gateway::{ViewsDelta, diff_gateway, diff_views};
pub use edit::{Change, EditError, edit, read_plain};
pub use entry::entry;
pub use explain::{anchor, diagnostics_markdown, explain, title};
pub use export::{Exported, export, export_url};
pub use format::Format;
pub use import::{Imported, MovedSecret, Outcome, Refer, import};
pub use left_out::left_out_diagnostic;
pub use outside::{Nothing, Outside, Program, Variables};
pub use parse::{Config, MAX_PARALLEL_STARTS_DEFAULT, Options, Origin, Parsed, parse};
pub use plain::Plain;
pub use profiles::Profile;
pub use render::{render, render_short};
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use secret::{hide_secret_args, hide_secrets, hide_secrets_in_json};
pub use show::{Stated, StatedBlock, stated, stated_blocks};
pub use sink::MAX_DIAGNOSTICS;
pub use source::{Place, Source, Span};
pub use starter::{Found, starter};
pub use syntax::{MAX_DEPTH, MAX_SOURCE_BYTES};
pub use unsafe_file::unsafe_file_diagnostic;
