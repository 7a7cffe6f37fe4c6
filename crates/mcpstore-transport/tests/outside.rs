//! What is asked outside of every session, for real: ports, addresses, files, commands. And what processes use.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_testkit::http::{HttpBehaviour, HttpFault, HttpServer};
use mcpstore_testkit::server::Behaviour;
use mcpstore_testkit::{unique_tag, warden_path};
use mcpstore_transport::{Outside, OutsideError, Stdio, Surroundings, WardenProgram};
use mcpstore_types::{ServiceName, WaitCondition};

/// Many times what anything here takes.
const LONG: Duration = Duration::from_secs(30);

fn worlds() -> Vec<(&'static str, Surroundings)> {
    let mut worlds = vec![("plain", Surroundings::new(Some(Arc::new(Stdio::new()))))];
    if cfg!(target_os = "linux") {
        let guarded = Stdio::new().with_warden(WardenProgram::helper(warden_path()));
        worlds.push(("guarded", Surroundings::new(Some(Arc::new(guarded)))));
    }
    worlds
}

/// A service of this name alone: by it the processes of one test are found.
fn service(test: &str) -> ServiceName {
    ServiceName::new(unique_tag(test)).unwrap()
}

fn sh(script: &str) -> WaitCondition {
    WaitCondition::Exec { command: "sh".into(), args: vec!["-c".into(), script.into()] }
}

fn no(words: &str) -> OutsideError {
    OutsideError::No { message: words.into() }
}

/// Those that run on behalf of the service.
fn running(service: &ServiceName) -> usize {
    let mark = format!("MCPSTORE_SERVICE={service}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let environs = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environs.filter(|environ| environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())).count()
}

async fn until_none_runs(service: &ServiceName) {
    let start = Instant::now();
    while running(service) > 0 {
        assert!(start.elapsed() < LONG, "{} outlived it", running(service));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn ports_and_files() {
    let world = Surroundings::new(None);
    let ask = async |what: &WaitCondition| world.ask(&service("ports"), what, LONG).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let port = WaitCondition::Tcp { address };
    assert_eq!(ask(&port).await, Ok(()));
    drop(listener);
    assert_eq!(ask(&port).await, Err(no("connection refused")));
    let folder = tempfile::tempdir().unwrap();
    let file = WaitCondition::File { path: folder.path().join("ready") };
    assert_eq!(ask(&file).await, Err(no("it is not there")));
    std::fs::write(folder.path().join("ready"), "").unwrap();
    assert_eq!(ask(&file).await, Ok(()));
    assert_eq!(ask(&WaitCondition::File { path: folder.path().into() }).await, Ok(()));
    assert!(matches!(ask(&sh("exit 0")).await, Err(OutsideError::NotAsked { .. })), "nobody here runs commands");
}

#[tokio::test]
async fn addresses_by_their_status_alone() {
    let world = Surroundings::new(None);
    let ask = async |url: String| {
        let what = WaitCondition::Http { url };
        world.ask(&service("addresses"), &what, Duration::from_secs(2)).await
    };
    let serves = async |fault| {
        let http = HttpBehaviour { fault: Some(fault), ..HttpBehaviour::default() };
        HttpServer::start(Behaviour::default(), http).await.unwrap()
    };
    for (fault, expected) in [
        (HttpFault::Status(200), Ok(())),
        (HttpFault::WrongType, Ok(())),
        (HttpFault::Mute, Ok(())),
        // A redirect passes, and nobody goes there.
        (HttpFault::Redirect(302, "http://127.0.0.1:1/".into()), Ok(())),
        (HttpFault::Status(404), Err(no("HTTP status 404"))),
        (HttpFault::Status(503), Err(no("HTTP status 503"))),
        (HttpFault::Reset, Err(no("the server closed the connection"))),
        (HttpFault::Blackhole, Err(no("no answer within 2s"))),
    ] {
        let server = serves(fault.clone()).await;
        assert_eq!(ask(server.url().to_owned()).await, expected, "{fault:?}");
    }
    let refused = ask(HttpServer::refused_url().await.unwrap()).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("refused")), "{refused:?}");
    let secret = ask("ftp://me:hunter2@host/?key=hunter2".into()).await.unwrap_err();
    assert!(matches!(&secret, OutsideError::NotAsked { message } if !message.contains("hunter2")), "{secret:?}");
}

#[tokio::test]
async fn commands_by_their_exit_code() {
    for (kind, world) in worlds() {
        let name = service("commands");
        let ask = async |what: &WaitCondition| world.ask(&name, what, LONG).await;
        assert_eq!(ask(&sh("exit 0")).await, Ok(()), "{kind}");
        assert_eq!(ask(&sh("exit 3")).await, Err(no("it ended with exit code 3")), "{kind}");
        assert_eq!(ask(&sh("kill -9 $$")).await, Err(no("it ended with signal 9 (SIGKILL)")), "{kind}");
        // Its input is empty, and its output is read, however much of it there is, and dropped.
        let loud = "cat; i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; \
                    echo 01234567890123456789 >&2; i=$((i+1)); done";
        assert_eq!(ask(&sh(loud)).await, Ok(()), "{kind}");
        // The environment is that of servers: a path and a home, and who asks.
        let env = format!("test -n \"$PATH\" && test \"$MCPSTORE_SERVICE\" = {name} && test -z \"$CARGO_PKG_NAME\"");
        assert_eq!(ask(&sh(&env)).await, Ok(()), "{kind}");
        let lost = WaitCondition::Exec { command: "no-such-program-here".into(), args: Vec::new() };
        let error = ask(&lost).await.unwrap_err();
        assert!(
            matches!(&error, OutsideError::NotAsked { message } if message.contains("no-such-program-here")),
            "{error:?}"
        );
        until_none_runs(&name).await;
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_ends_with_everything_it_started() {
    for (kind, world) in worlds() {
        let name = service("slow");
        let what = sh("sleep 60 & sleep 60");
        let asked = world.ask(&name, &what, Duration::from_millis(500)).await;
        assert_eq!(asked, Err(no("no answer within 500ms")), "{kind}");
        until_none_runs(&name).await;
        // So when nobody waits for it any more, and when it leaves something behind.
        let given_up = tokio::time::timeout(Duration::from_millis(300), world.ask(&name, &what, LONG)).await;
        assert!(given_up.is_err(), "{kind}");
        until_none_runs(&name).await;
        assert_eq!(world.ask(&name, &sh("sleep 60 & exit 0"), LONG).await, Ok(()), "{kind}");
        until_none_runs(&name).await;
    }
}

#[cfg(target_os = "linux")]
mod usage {
    use mcpstore_testkit::fixture_path;
    use mcpstore_transport::{Adapter, LaunchRequest, LogRing, ProcUsage, UsageSource};
    use mcpstore_types::{Incarnation, ServiceSpec};

    use super::*;

    #[tokio::test]
    async fn the_whole_tree_of_a_server_is_measured_and_its_warden_is_not() {
        let guarded = Stdio::new().with_warden(WardenProgram::helper(warden_path()));
        // What left the main process belongs to the tree behind a warden; without one it would get away.
        let plain = ["--children", "2", "--hog-memory", "40"].as_slice();
        let with_orphan = ["--children", "2", "--orphans", "1", "--hog-memory", "40"].as_slice();
        for (adapter, flags, expected) in [(Stdio::new(), plain, 3), (guarded, with_orphan, 4)] {
            let command = fixture_path().display().to_string();
            let flags = flags.iter().copied();
            let spec = ServiceSpec::stdio(service("tree"), command, flags);
            let logs = Arc::new(LogRing::new(Incarnation(1)));
            let launched = adapter.launch(LaunchRequest::new(Arc::new(spec), Incarnation(1), logs)).await.unwrap();
            let session = launched.handshake.await.unwrap();
            let main = launched.endpoint.pid().unwrap();
            let start = Instant::now();
            let usage = loop {
                let usage = ProcUsage.sample(&[main])[0].unwrap();
                if usage.processes == expected && usage.resident_bytes >= 40 << 20 {
                    break usage;
                }
                assert!(start.elapsed() < LONG, "{usage:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            assert!(usage.threads >= expected && usage.open_files >= 3 && usage.resident_bytes < 4 << 30, "{usage:?}");
            session.close();
            launched.endpoint.kill();
            tokio::time::timeout(LONG, launched.endpoint.group_empty()).await.unwrap();
            assert_eq!(ProcUsage.sample(&[main]), [None]);
        }
    }
}
