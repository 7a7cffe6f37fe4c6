//! What holds of a server that is our own child, and leaves the group that it was put into. Behind a warden it leads a session, and
//! cannot leave.

use mcpstore_testkit::no_survivors;
use mcpstore_types::ExitStatus;

use crate::support::{LONG, Server, start, within};

#[tokio::test]
async fn a_server_that_left_its_group_is_reached_all_the_same() {
    let server = start("--leave-group --ignore-eof").await;
    server.endpoint.terminate();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    within(server.endpoint.group_empty()).await;
    server.end().await;
    let server = start("--leave-group --ignore-eof --ignore-term").await;
    server.endpoint.kill();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Signal(9));
    server.end().await;
    let Server { endpoint, session, tag, .. } = start("--leave-group --ignore-eof --ignore-term").await;
    drop(endpoint);
    within(session.closed()).await;
    assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
}
