//! The gateway from the command line: `up`, `serve --stdio` and `connect`, each as its users meet it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mcpstore_testkit::{TAG_VARIABLE, mcpstore_path, no_survivors, survivors, unique_tag};
use serde_json::{Value, json};

use crate::direct::Direct;
use crate::gateway_support::{Door, Lines, address, call, fixture, names, text};
use crate::manager::{LONG, Manager, mcpstore};

/// Two services on the fixture.
fn two() -> Value {
    json!({ "mcpServers": { "one": fixture(&[]), "two": fixture(&[]) } })
}

/// The process behind this service, as it says itself.
fn pid(client: &mut Lines, service: &str) -> u32 {
    let result = client.request("tools/call", &call(&format!("{service}__pid"), &json!({})));
    text(&result).parse().unwrap()
}

#[test]
fn up_says_where_its_gateway_is_and_only_the_token_lets_in() {
    let door = Door::open("gateway-up", &two());
    door.listed(&["one", "two"]);
    let mut client = door.http(None);
    assert_eq!(client.initialize()["serverInfo"]["name"], "mcpstore");
    let listed = client.request("tools/list", &json!({}));
    assert!(names(&listed).contains(&"one__echo") && names(&listed).contains(&"two__echo"), "{listed}");
    let said = client.request("tools/call", &call("two__echo", &json!({ "text": "hello" })));
    assert_eq!(text(&said), "hello");

    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": crate::gateway_support::hello() });
    for token in [None, Some("wrong".to_owned()), Some(door.token.replace('a', "b").replace('1', "2"))] {
        let mut stranger = door.http(None);
        stranger.token.clone_from(&token);
        let posted = stranger.post(&hello);
        assert_eq!(posted.status, 401, "{token:?}: {posted:?}");
        // Knowing a session is not enough either.
        stranger.session.clone_from(&client.session);
        assert_eq!(stranger.post(&hello).status, 401);
    }
    use std::os::unix::fs::PermissionsExt as _;
    let file = door.manager.dir().join("state/gateway.token");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ended = door.manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&door.token), "{}", ended.stderr);
}

#[test]
fn without_the_token_only_when_the_user_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mcp.json"), two().to_string()).unwrap();
    let file = dir.path().join("mcp.json");
    let args = ["--config", file.to_str().unwrap(), "--listen", "127.0.0.1:0", "--no-auth"];
    let manager = Manager::up_in(dir, "gateway-no-auth", &args);
    let address = address(&manager);
    assert!(manager.stderr().contains("no token"), "{}", manager.stderr());
    manager.all_running(2);
    // What `connect` would write has no token then.
    let entry = manager.stdout(&["connect", "cursor", "--http", "--dry-run"]);
    assert!(entry.contains(&format!("http://{address}/mcp")) && !entry.contains("Bearer"), "{entry}");
    let refused = manager.run(&["up", "--demo", "--listen", "0.0.0.0:0", "--no-auth"]);
    assert_ne!(refused.status.code(), Some(0), "{refused:?}");
}

#[test]
fn a_default_address_that_is_taken_is_told_and_nothing_more() {
    // Taken by us, or by somebody else on this machine: both do.
    let _held = TcpListener::bind("127.0.0.1:8420");
    let manager = Manager::with_variables("gateway-taken", &two(), &[("MCPSTORE_LISTEN", "")]);
    manager.all_running(2);
    let said = manager.stderr();
    assert!(said.contains("127.0.0.1:8420 is taken") && said.contains("--listen"), "{said}");
    // Without a port, clients come in over stdin and stdout all the same.
    let mut client = Lines::start(manager.client(&["serve", "--stdio"]));
    client.initialize();
    until_there(&mut client, &["one__pid"]);
    assert!(pid(&mut client, "one") > 0);
    assert_eq!(client.end().status.code(), Some(0));
    assert_eq!(manager.interrupt().status.code(), Some(0));
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_is_an_error() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let ended = Manager::up("gateway-asked", &["--demo", "--listen", &port]).ends();
    assert_eq!((ended.status.code(), ended.left), (Some(1), vec![]), "{}", ended.stderr);
    assert!(ended.stderr.contains(&port) && ended.stderr.contains("mcpstore up --listen"), "{}", ended.stderr);
}

#[test]
fn who_listens_nowhere_has_no_address_to_connect_to() {
    let manager = Manager::up("gateway-none", &["--demo", "--listen", "none"]);
    manager.all_running(3);
    assert!(!manager.stderr().contains("gateway on"), "{}", manager.stderr());
    let refused = manager.run(&["connect", "cursor", "--http", "--dry-run"]);
    assert_eq!(refused.status.code(), Some(9), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("mcpstore up --listen"), "{refused:?}");
    let mut client = Lines::start(manager.client(&["serve", "--stdio"]));
    client.initialize();
    until_there(&mut client, &["clock__now"]);
}

#[test]
fn clients_on_stdin_share_the_services_of_the_running_manager() {
    let door = Door::open("gateway-join", &two());
    let services = door.manager.all_running(2);
    door.listed(&["one", "two"]);
    let (mut first, mut second) = (door.lines(&[]), door.lines(&["--join-only"]));
    for service in &services {
        let name = service["name"].as_str().unwrap();
        let expected = u32::try_from(service["pid"].as_u64().unwrap()).unwrap();
        assert_eq!([pid(&mut first, name), pid(&mut second, name)], [expected; 2], "{name}");
    }
    // Over HTTP and from another terminal it is the same process too.
    let mut http = door.session(None);
    let by_http = http.request("tools/call", &call("one__pid", &json!({})));
    let by_terminal = door.manager.json(&["call", "one.pid", "-o", "json"]);
    let expected = pid(&mut first, "one").to_string();
    assert_eq!([text(&by_http), text(&by_terminal)], [&expected; 2]);

    let before = pid(&mut first, "two");
    assert_eq!(first.end().status.code(), Some(0));
    assert_eq!(pid(&mut second, "two"), before, "the service stays when a client goes");
    assert_eq!(second.end().status.code(), Some(0));
    assert!(door.manager.all_running(2).iter().any(|service| service["pid"] == before));
    let ended = door.manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn a_client_hears_the_end_of_its_manager() {
    let door = Door::open("gateway-end", &two());
    door.manager.all_running(2);
    let client = door.lines(&[]);
    let ended = door.manager.interrupt();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    // Nothing is left to be said, by either side.
    client.ended();
}

#[test]
fn without_a_manager_serve_is_one_and_ends_with_its_client() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, two().to_string()).unwrap();
    let tag = unique_tag("gateway-own");
    let serve = |more: &[&str]| {
        let mut command = mcpstore(dir.path());
        command.args(["serve", "--stdio"]).args(more).env(TAG_VARIABLE, &tag);
        Lines::start(command)
    };
    let mut own = serve(&["--config", file.to_str().unwrap()]);
    own.initialize();
    until_there(&mut own, &["one__pid", "two__pid"]);
    let expected = pid(&mut own, "one");
    // Others join it meanwhile, as they would join `up`.
    let mut guest = serve(&["--join-only"]);
    guest.initialize();
    assert_eq!(pid(&mut guest, "one"), expected);
    assert_eq!(guest.end().status.code(), Some(0));

    // What is under way when the client has said all is answered still.
    let slow = own.begin("tools/call", &call("two__sleep", &json!({ "ms": 200 })));
    own.close();
    assert_eq!(text(&own.outcome(slow).unwrap()), "awake");
    let ended = own.ended();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0]);
}

#[test]
fn a_client_that_is_killed_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    let log = dir.path().join("fixture.log");
    let config = json!({ "mcpServers": { "one": fixture(&["--log", log.to_str().unwrap()]) } });
    std::fs::write(&file, config.to_string()).unwrap();
    let tag = unique_tag("gateway-gone");
    let mut command = mcpstore(dir.path());
    command.args(["serve", "--stdio", "--config", file.to_str().unwrap()]).env(TAG_VARIABLE, &tag);
    let mut client = Direct::start(command);
    let start = Instant::now();
    while !client.request("tools/list", "{}").contains("one__hang") {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(20));
    }
    // A call that never ends keeps nobody alive for whom nobody waits.
    let gone = Instant::now();
    client.begin("tools/call", &call("one__hang", &json!({})).to_string());
    await_note(&log, "tools/call");
    let mut left = client.vanish();
    assert_eq!(no_survivors(&tag, LONG), [0_u32; 0]);
    println!("all gone {:?} after the client", gone.elapsed());
    left.wait().unwrap();
}

#[test]
fn what_a_killed_client_waited_for_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("fixture.log");
    let config = json!({ "mcpServers": { "one": fixture(&["--log", log.to_str().unwrap()]) } });
    let door = Door::open("gateway-given-up", &config);
    door.listed(&["one"]);
    let mut client = Direct::start(door.manager.client(&["serve", "--stdio", "--join-only"]));
    client.begin("tools/call", &call("one__hang", &json!({})).to_string());
    await_note(&log, "tools/call");
    let start = Instant::now();
    let mut left = client.vanish();
    await_note(&log, "notifications/cancelled");
    println!("the server was told {:?} after the client went", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(left.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_that_may_only_join_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = mcpstore(dir.path());
    let output = command.args(["serve", "--stdio", "--join-only"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(6), &b""[..]), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("mcpstore up"), "{output:?}");
}

#[test]
fn a_config_that_was_only_found_is_not_run_for_a_client() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mcp.json"), two().to_string()).unwrap();
    let mut command = mcpstore(dir.path());
    let output = command.args(["serve", "--stdio"]).env("HOME", dir.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(9), &b""[..]), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("mcpstore config approve"), "{output:?}");
}

#[test]
fn what_connect_wrote_works_over_stdin_and_http_for_every_client() {
    let door = Door::open("gateway-connect", &two());
    door.listed(&["one", "two"]);
    let home = door.manager.dir();
    let places = [
        ("claude-desktop", "mcpServers"),
        ("claude-code", "mcpServers"),
        ("cursor", "mcpServers"),
        ("windsurf", "mcpServers"),
        ("vscode", "servers"),
        ("zed", "context_servers"),
        ("cline", "mcpServers"),
        ("gemini", "mcpServers"),
    ];
    for (client, section) in places {
        let file = home.join(format!("{client}.json"));
        let shown = file.to_str().unwrap();
        door.manager.stdout(&["connect", client, "--file", shown]);
        let entry = entry(&file, section);
        let mut launched = Lines::start(launch(&entry, door.manager.dir()));
        launched.initialize();
        let said = launched.request("tools/call", &call("one__echo", &json!({ "text": client })));
        assert_eq!(text(&said), client);
        assert_eq!(launched.end().status.code(), Some(0), "{entry}");
    }
    for (client, section, key) in
        [("cursor", "mcpServers", "url"), ("vscode", "servers", "url"), ("gemini", "mcpServers", "httpUrl")]
    {
        let file = home.join(format!("{client}-http.json"));
        door.manager.stdout(&["connect", client, "--http", "--file", file.to_str().unwrap()]);
        let entry = entry(&file, section);
        assert_eq!(entry[key], door.url(None), "{entry}");
        let authorization = entry["headers"]["Authorization"].as_str().unwrap_or_else(|| panic!("{entry}"));
        assert_eq!(authorization.strip_prefix("Bearer "), Some(door.token.as_str()));
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "others may read the token in {client}'s file"
        );
    }
    // And what it does is taken back.
    let file = home.join("cursor.json");
    door.manager.stdout(&["connect", "cursor", "--file", file.to_str().unwrap(), "--undo"]);
    assert!(!file.exists());
}

#[test]
fn what_connect_wrote_works_without_a_manager_too() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    std::fs::create_dir_all(home.join(".config/mcpstore")).unwrap();
    std::fs::write(home.join(".config/mcpstore/mcp.json"), two().to_string()).unwrap();
    let file = home.join("client.json");
    let mut connect = mcpstore(home);
    connect.args(["connect", "claude-desktop", "--file", file.to_str().unwrap()]).env("HOME", home);
    let output = connect.env_remove("XDG_CONFIG_HOME").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let tag = unique_tag("gateway-alone");
    let mut command = launch(&entry(&file, "mcpServers"), home);
    let mut client = Lines::start({
        command.env(TAG_VARIABLE, &tag);
        command
    });
    client.initialize();
    until_there(&mut client, &["one__echo"]);
    let said = client.request("tools/call", &call("one__echo", &json!({ "text": "alone" })));
    assert_eq!(text(&said), "alone");
    assert!(!survivors(&tag).is_empty());
    let ended = client.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0]);
}

/// Waits until the fixture noted this.
fn await_note(log: &Path, note: &str) {
    let start = Instant::now();
    while !std::fs::read_to_string(log).is_ok_and(|text| text.contains(note)) {
        assert!(start.elapsed() < LONG, "no {note} in {:?}", std::fs::read_to_string(log));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asks until all of these tools are listed: a manager that is new answers before its services run.
fn until_there(client: &mut Lines, tools: &[&str]) {
    let start = Instant::now();
    loop {
        let listed = client.request("tools/list", &json!({}));
        let names = names(&listed);
        if tools.iter().all(|tool| names.contains(tool)) {
            return;
        }
        assert!(start.elapsed() < LONG, "{tools:?} are not in {names:?}");
        client.heard.notice("notifications/tools/list_changed");
    }
}

/// The entry that `connect` wrote.
fn entry(file: &Path, section: &str) -> Value {
    let written: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let entry = &written[section]["mcpstore"];
    assert!(entry.is_object(), "{written}");
    entry.clone()
}

/// What a client with a window launches: from anywhere, with nothing of a shell's environment.
fn launch(entry: &Value, home: &Path) -> Command {
    let program = entry["command"].as_str().unwrap_or_else(|| panic!("no command in {entry}"));
    assert_eq!(Path::new(program), mcpstore_path());
    let mut command = Command::new(program);
    command.args(entry["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()));
    command.current_dir("/").env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap());
    command
}
