//! Time is linear in the text.

use std::time::Duration;

use mcpstore_config::{Change, Format, edit};

use crate::object;

#[test]
fn todo() {
    let _ = (Duration::ZERO, Format::Json, object([]), edit("", Format::Json, &[], &[]));
    let _ = Change::Remove { key: "" };
}
