//! The public suite over every adapter that is built in.

use std::time::Duration;

use mcpstore_testkit::server::{self, Behaviour};
use mcpstore_testkit::{no_survivors, suite};
use mcpstore_transport::InProcess;
use mcpstore_types::{ServiceName, ServiceSpec};

use crate::support::{LONG, spec};

#[tokio::test]
async fn stdio_passes_the_suite() {
    let (spec, tag) = spec("");
    let checked = suite::check(&crate::stdio(), &spec).await;
    assert!(checked.polite_end.is_some_and(|took| took < Duration::from_secs(5)), "{checked:?}");
    assert_eq!(no_survivors(&tag, LONG), [0_u32; 0], "processes survive");
}

#[tokio::test]
async fn in_process_passes_the_suite() {
    let adapter = InProcess::new().with("it", server::factory(Behaviour::default()));
    let spec = ServiceSpec::in_process(ServiceName::new("s").unwrap(), "it");
    let checked = suite::check(&adapter, &spec).await;
    assert!(checked.polite_end.is_some(), "{checked:?}");
}
