//! What is well formed and still most likely a mistake.

use mcpstore_types::ServiceName;

use crate::Config;
use crate::context::Context;
use crate::merge::Entry;

/// Looks over a whole config, once it is read.
pub(crate) fn all(cx: &mut Context<'_>, config: &Config, entries: &[(ServiceName, Entry<'_>)]) {
    let _ = (cx, config, entries);
}
