//! Config text to validated specs and diagnostics.
//!
//! [`parse`] reads the `mcpServers` JSON that MCP clients share (comments and trailing commas allowed), with mcpstore's own
//! fields beside the standard ones. It is a compiler, not a validator: what comes out is a list of complete
//! [`ServiceSpec`](mcpstore_types::ServiceSpec)s, and beside it everything that was wrong, all at once, each with its place
//! in the text. It never stops at the first problem and never panics; a service with an error in its own entry is left
//! out, and the others stay.
//!
//! Nothing is read from outside: the text and the look-up of variables are arguments. [`diff`] tells what must happen to
//! get from one set of specs to another, [`render`] and [`render_short`] show diagnostics to people and to logs. [`edit`]
//! changes a text and leaves everything else of it as it is.
//!
//! ```
//! use mcpstore_config::{Options, Source, parse, render_short};
//!
//! let text = r#"{ "mcpServers": { "files": { "command": "files", "dependsOn": ["serach"] },
//!                                 "search": { "url": "https://example.com/mcp" } } }"#;
//! let sources = [Source::new("mcp.json", text)];
//! let parsed = parse(&sources, &|_| None, &Options::default());
//! assert_eq!(
//!     render_short(&parsed.diagnostics, &sources),
//!     "mcp.json:1:64: error[MS012]: unknown dependency `serach`; did you mean `search`?\n",
//! );
//! assert_eq!(parsed.config.services.len(), 1);
//! ```

mod code;
mod context;
mod cycle;
mod depends;
mod diagnostic;
mod diff;
mod duration;
mod edit;
mod expand;
mod explain;
mod fields;
mod format;
mod left_out;
mod mask;
mod oauth;
mod other;
mod parse;
mod plain;
mod policy;
mod render;
mod sandbox;
mod service;
mod sink;
mod size;
mod source;
mod syntax;
mod transport;
mod values;
mod words;

pub use code::Code;
pub use cycle::cycle_diagnostic;
pub use diagnostic::{Diagnostic, Severity};
pub use diff::diff;
pub use edit::{Change, EditError, edit, read_plain};
pub use explain::{diagnostics_markdown, explain, title};
pub use format::Format;
pub use left_out::left_out_diagnostic;
pub use parse::{Config, MAX_PARALLEL_STARTS_DEFAULT, Options, Origin, Parsed, parse};
pub use plain::Plain;
pub use render::{render, render_short};
pub use sink::MAX_DIAGNOSTICS;
pub use source::{Place, Source, Span};
pub use syntax::{MAX_DEPTH, MAX_SOURCE_BYTES};
