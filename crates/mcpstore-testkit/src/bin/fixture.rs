//! The hostile MCP server over stdin and stdout: a flag for every misbehaviour. See `flags.rs` for the list.

#[path = "fixture/children.rs"]
mod children;
#[path = "fixture/escape.rs"]
mod escape;
#[path = "fixture/flags.rs"]
mod flags;
#[path = "fixture/floods.rs"]
mod floods;
#[path = "fixture/hog.rs"]
mod hog;
#[path = "fixture/hold.rs"]
mod hold;
#[path = "fixture/over_http.rs"]
mod over_http;
#[path = "fixture/streams.rs"]
mod streams;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flags::Flags;
use mcpstore_testkit::server::serve;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code for flags that are not understood.
const USAGE: i32 = 64;
/// Exit code for a lock or a port that another process has.
const HELD: i32 = 5;
/// How long every other life lasts when it flaps, in milliseconds.
const FLAP_MS: u64 = 100;

fn main() {
    let flags = match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(problem) => {
            say(&problem);
            std::process::exit(USAGE);
        }
    };
    if let Some(generation) = flags.bomblet {
        escape::be_bomblet(generation);
    }
    if let Some(kind) = &flags.middle {
        escape::be_middle(kind);
    }
    if flags.child {
        children::be_one(flags.ignore_term);
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() else {
        std::process::exit(USAGE)
    };
    let code = runtime.block_on(run(flags));
    // Not by returning: the runtime would wait for the thread that reads stdin.
    std::process::exit(code);
}

async fn run(mut flags: Flags) -> i32 {
    let start = flags.holds.start();
    if flags.changing {
        flags.behaviour.changing = Some(start);
    }
    if flags.http.on {
        flags.behaviour.owns_stdio = false;
        flags.behaviour.log.note("start");
        return flags.http.serve(flags.behaviour).await;
    }
    let behaviour = Arc::new(std::mem::take(&mut flags.behaviour));
    behaviour.log.note("start");
    tokio::time::sleep(Duration::from_millis(flags.slow_start_ms)).await;
    if let Err(problem) = flags.holds.take() {
        say(&problem);
        behaviour.log.note(&format!("exit {HELD}"));
        return HELD;
    }
    if start > 0 && start <= flags.crash_first {
        behaviour.log.note("exit 1");
        return 1;
    }
    if flags.flap && start % 2 == 1 {
        flags.die_after_ms = Some(FLAP_MS);
    }
    hog::memory(flags.hog_memory);
    hog::cpu(flags.hog_cpu);
    for text in &flags.stderr_text {
        say(text);
    }
    if let Some(code) = flags.exit_at_once {
        return code;
    }
    if flags.leave_group && !children::leave_group() {
        return USAGE;
    }
    children::start(flags.children, flags.ignore_term);
    escape::start(&flags);
    if flags.stderr_flood {
        std::thread::spawn(floods::long_line);
    }
    if flags.short_line_flood {
        std::thread::spawn(|| floods::short_lines(std::io::stderr()));
    }
    if flags.noise_flood {
        std::thread::spawn(|| floods::short_lines(std::io::stdout()));
    }
    let Ok(mut term) = signal(SignalKind::terminate()) else { return USAGE };
    let ended = async {
        if flags.half_line {
            let mut stdout = std::io::stdout();
            let _ = stdout.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"res").and_then(|()| stdout.flush());
            return 1;
        }
        if flags.never_read {
            std::future::pending::<()>().await;
        }
        serve(Arc::clone(&behaviour), streams::input(), streams::output()).await;
        if flags.ignore_eof {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(flags.slow_stop_ms)).await;
        0
    };
    let terminated = async {
        loop {
            term.recv().await;
            behaviour.log.note("term");
            if !flags.ignore_term {
                tokio::time::sleep(Duration::from_millis(flags.slow_stop_ms)).await;
                return 0;
            }
        }
    };
    let dead = async {
        match flags.die_after_ms {
            Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            None => std::future::pending().await,
        }
        9
    };
    let code = tokio::select! {
        code = ended => code,
        code = terminated => code,
        code = dead => code,
    };
    behaviour.log.note(&format!("exit {code}"));
    code
}

/// A line on stderr.
fn say(text: &str) {
    // When nobody listens there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
