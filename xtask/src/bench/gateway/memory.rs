//! Whether memory grows: over many calls, and over sessions that nobody ends.

use super::super::table::Size;
use super::echo;
use super::load::Load;
use super::parties::Gateway;
use super::talk::{Talk, sessions};

/// Resident memory after many calls and after many abandoned sessions, against that before; `share` divides how many.
pub(super) fn sizes(share: usize) -> Vec<Size> {
    let gateway = Gateway::over_pipes("memory");
    let memory = || gateway.manager.cost().1;
    let calls = 100_000 / share;
    let mut load =
        Load::new(&gateway.target, &sessions(&gateway.target, 16), &echo("bench__")).expect("the gateway listens");
    load.run(calls / 10).expect("it answers");
    let before = memory();
    load.run(calls).expect("it answers");
    let of_calls = Size {
        what: format!("resident memory of the manager after {calls} more calls of 16 clients"),
        reference: format!("the same after the first {}", calls / 10),
        reference_bytes: before,
        bytes: memory(),
    };
    drop(load);
    let many = 10_000 / share;
    abandon(&gateway, many / 5);
    let before = memory();
    abandon(&gateway, many - many / 5);
    let of_sessions = Size {
        what: format!("resident memory of the manager after {many} sessions that nobody ended"),
        reference: format!("the same after the first {}", many / 5),
        reference_bytes: before,
        bytes: memory(),
    };
    // A new one is served all the same.
    let mut talk = Talk::connect(&gateway.target).expect("it listens");
    talk.shake_hands().expect("it shakes hands");
    vec![of_calls, of_sessions]
}

/// Begins so many sessions over one connection, and forgets them.
fn abandon(gateway: &Gateway, count: usize) {
    let mut talk = Talk::connect(&gateway.target).expect("it listens");
    for _ in 0..count {
        talk.session.clear();
        talk.shake_hands().expect("it shakes hands");
    }
}
