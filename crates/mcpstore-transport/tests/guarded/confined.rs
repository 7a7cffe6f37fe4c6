//! The sandboxes beside `basic`, and limits: each looked at from inside, by the first program that runs there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mcpstore_testkit::{fixture_path, no_survivors, survivors};
use mcpstore_transport::{Adapter, LaunchError, Stdio, WardenProgram};
use mcpstore_types::{ExitStatus, Limits, Sandbox, Secret, ServiceName, ServiceSpec, StdioSpec, TransportSpec};
use tempfile::TempDir;

use crate::support::{LONG, Server, request, start_with, tagged, until, within};

/// The folders of a server, and what is none of its business.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home/.ssh", "cwd", "temporary", "shown", "given"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let place = Self { dir };
        for file in ["home/.ssh/id", "shown/file", "given/file"] {
            fs::write(place.path(file), "canary").unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A shell that runs `script` first, then becomes a fixture with these flags.
    fn spec(&self, script: &str, flags: &str, change: impl FnOnce(&mut StdioSpec)) -> (ServiceSpec, String) {
        let script = format!(r#"{script}; exec "{}" {flags}"#, fixture_path().display());
        let args = ["-c".to_owned(), script];
        let (mut spec, tag) = tagged(ServiceSpec::stdio(ServiceName::new("s").unwrap(), "/bin/sh", args));
        let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
        stdio.cwd = Some(self.path("cwd"));
        for (name, folder) in [("HOME", "home"), ("TMPDIR", "temporary")] {
            stdio.env.insert(name.to_owned(), Secret::new(self.path(folder).display().to_string()));
        }
        stdio.env.insert("PLACE".to_owned(), Secret::new(self.dir.path().display().to_string()));
        stdio.env.insert("MANAGER".to_owned(), Secret::new(std::process::id().to_string()));
        stdio.sandbox_read = vec![self.path("shown"), fixture_path()];
        stdio.sandbox_write = vec![self.path("given")];
        change(stdio);
        (spec, tag)
    }

    async fn start(&self, script: &str, flags: &str, change: impl FnOnce(&mut StdioSpec)) -> Server {
        let (spec, tag) = self.spec(script, flags, change);
        let mut server = start_with(&crate::stdio(), spec).await;
        server.tag = tag;
        server
    }

    /// What the script wrote into `said`, in its working directory.
    fn said(&self) -> String {
        fs::read_to_string(self.path("cwd/said")).unwrap()
    }
}

/// The words behind a name at the beginning of a line.
fn words<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.split_whitespace().collect()
}

/// `name yes` or `name no` for each of these commands.
fn attempts(commands: &[(&str, &str)]) -> String {
    let tries = commands.iter().map(|(name, command)| {
        format!("if ( {command} ) >/dev/null 2>&1; then echo {name} yes; else echo {name} no; fi >>said")
    });
    tries.collect::<Vec<_>>().join("\n")
}

const LOOK: &str = "cat /proc/self/status /proc/self/limits >said; umask >>said";

#[tokio::test]
async fn none_takes_nothing_away_and_still_contains() {
    let place = Place::new();
    let server = place.start(LOOK, "--setsid-children 1 --ignore-eof", |stdio| stdio.sandbox = Sandbox::None).await;
    let (theirs, ours) = (place.said(), fs::read_to_string("/proc/self/status").unwrap());
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    for name in ["Umask:", "NoNewPrivs:"] {
        assert_eq!(words(&theirs, name), words(&ours, name), "{name}");
    }
    assert_eq!(words(&theirs, "Max core file size"), words(&limits, "Max core file size"));
    until("its child is there", || survivors(&server.tag).len() == 2).await;
    server.end().await;
}

#[tokio::test]
async fn limits_hold_before_the_first_instruction() {
    let place = Place::new();
    let limits = Limits { memory: Some(300 << 20), files: Some(64), processes: Some(4_000_000_000) };
    for sandbox in [Sandbox::None, Sandbox::Basic] {
        let server = place
            .start(LOOK, "", |stdio| {
                stdio.limits = limits;
                stdio.sandbox = sandbox;
            })
            .await;
        let said = place.said();
        assert_eq!(words(&said, "Max data size")[..2], ["314572800", "314572800"]);
        assert_eq!(words(&said, "Max open files")[..2], ["64", "64"]);
        // A limit lowers what holds already, and never raises it.
        let held = fs::read_to_string("/proc/self/limits").unwrap();
        let hard = words(&held, "Max processes")[1].parse().unwrap_or(u64::MAX).min(4_000_000_000).to_string();
        assert_eq!(words(&said, "Max processes")[..2], [&hard, &hard]);
        server.end().await;
    }
}

#[tokio::test]
async fn memory_over_the_limit_is_refused_to_the_one_who_asked() {
    let place = Place::new();
    let limit = |stdio: &mut StdioSpec| stdio.limits.memory = Some(64 << 20);
    let neighbour = place.start("true", "", limit).await;
    let (spec, tag) = place.spec("true", "--hog-memory 256", limit);
    let launched = crate::stdio().launch(request(spec)).await.unwrap();
    let status = within(launched.endpoint.exited()).await;
    assert!(!matches!(status, ExitStatus::Code(0)), "{status:?}");
    crate::support::end(launched.endpoint, &tag).await;
    assert_eq!(neighbour.text("echo", r#"{"text":"x"}"#).await, "x");
    neighbour.end().await;
}

/// What a test asks of a spec.
type Change = fn(&mut StdioSpec);

/// What is tried in both of the stronger sandboxes, and whether it works.
const TRIES: [(&str, &str, &str); 12] = [
    ("system", "cat /etc/passwd && ls /usr/bin", "yes"),
    ("shown", "cat $PLACE/shown/file", "yes"),
    ("given", "cat $PLACE/given/file && echo x >$PLACE/given/new && mv $PLACE/given/new $PLACE/given/newer", "yes"),
    ("cwd", "echo x >new && rm new && mkdir sub", "yes"),
    ("temporary", "echo x >$TMPDIR/new", "yes"),
    ("null", "echo x >/dev/null && head -c 4 /dev/urandom", "yes"),
    ("home", "cat $HOME/.ssh/id", "no"),
    ("list", "ls $PLACE | grep home || ls $HOME/.ssh", "no"),
    ("change", "echo x >$PLACE/shown/file", "no"),
    ("make", "echo x >$PLACE/shown/new || echo x >/etc/mcpstore-test || echo x >$HOME/new", "no"),
    ("environ", "cat /proc/$MANAGER/environ", "no"),
    ("signal", "kill -0 $MANAGER", "no"),
];

fn tries() -> String {
    attempts(&TRIES.map(|(name, command, _)| (name, command)))
}

/// Compares; what only a newer kernel withholds is passed over on an older one.
fn check(said: &str) {
    let scopes = kernel() >= (6, 12);
    for (name, _, wanted) in TRIES {
        if name != "signal" || scopes {
            assert_eq!(words(said, &format!("{name} ")), [wanted], "{name}");
        }
    }
}

fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[tokio::test]
async fn restricted_reaches_what_it_needs_and_nothing_else() {
    if kernel() < (6, 2) {
        skipped("restricted_reaches_what_it_needs_and_nothing_else", "this kernel is older than 6.2");
        return;
    }
    let place = Place::new();
    let flags = "--setsid-children 1 --orphans 1 --ignore-eof --ignore-term";
    let script = format!("{}\n{}", tries(), attempts(&[("machine", "cat /proc/cpuinfo /proc/meminfo")]));
    let server = place.start(&script, flags, |stdio| stdio.sandbox = Sandbox::Restricted).await;
    check(&place.said());
    assert_eq!(words(&place.said(), "machine "), ["yes"]);
    let said =
        fs::read_to_string(Path::new("/proc").join(server.endpoint.pid().unwrap().to_string()).join("status")).unwrap();
    assert_eq!((words(&said, "Umask:"), words(&said, "NoNewPrivs:")), (vec!["0077"], vec!["1"]));
    assert_eq!(fs::read_to_string(place.path("shown/file")).unwrap(), "canary");
    until("its children are there", || survivors(&server.tag).len() == 3).await;
    server.endpoint.kill();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Signal(9));
    server.end().await;
}

#[tokio::test]
async fn a_path_that_is_not_there_is_named() {
    let place = Place::new();
    for sandbox in [Sandbox::Restricted, Sandbox::Isolated] {
        if sandbox == Sandbox::Isolated && !has_bubblewrap("a_path_that_is_not_there_is_named") {
            continue;
        }
        let (spec, _) = place.spec("true", "", |stdio| {
            stdio.sandbox = sandbox;
            stdio.sandbox_write.push(place.path("missing"));
        });
        let error = crate::stdio().launch(request(spec)).await.expect_err("the launch fails");
        let LaunchError::BadSandboxPath { path } = &error else { panic!("{error}") };
        assert!(error.is_permanent() && *path == place.path("missing"), "{error}");
    }
}

/// A kernel without Landlock is stood in for by one that refuses its system call: a filter that the warden inherits.
#[tokio::test]
async fn a_kernel_without_landlock_is_no_reason_to_be_weaker() {
    const NAME: &str = "a_kernel_without_landlock_is_no_reason_to_be_weaker";
    let python = Path::new("/usr/bin/python3");
    if !python.exists() || !cfg!(target_arch = "x86_64") {
        return skipped(NAME, "there is no /usr/bin/python3, or this is another architecture");
    }
    let place = Place::new();
    let warden = place.path("warden");
    let script = format!(
        "#!/usr/bin/python3\n\
         import ctypes, os, struct, sys\n\
         # load the number; 444 (landlock_create_ruleset): ENOSYS; else: allowed\n\
         code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7fff0000)]\n\
         code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in code))\n\
         class Filter(ctypes.Structure):\n    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]\n\
         libc = ctypes.CDLL(None)\n\
         libc.prctl(38, 1, 0, 0, 0)\n\
         assert libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(code)))) == 0\n\
         os.execv('{0}', ['{0}', *sys.argv[1:]])\n",
        mcpstore_testkit::warden_path().display()
    );
    fs::write(&warden, script).unwrap();
    fs::set_permissions(&warden, fs::Permissions::from_mode(0o755)).unwrap();
    let adapter = Stdio::new().with_warden(WardenProgram::helper(warden));
    let (spec, tag) = place.spec("touch started", "", |stdio| stdio.sandbox = Sandbox::Restricted);
    let error = within(adapter.launch(request(spec))).await.expect_err("the launch fails");
    assert!(matches!(error, LaunchError::NoLandlock { .. }) && error.is_permanent(), "{error:?}");
    assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
    assert!(!place.path("cwd/started").exists());
    // It is a warden all the same.
    let (spec, tag) = place.spec("true", "", |_| {});
    let mut server = start_with(&adapter, spec).await;
    server.tag = tag;
    server.end().await;
}

#[tokio::test]
async fn isolated_has_processes_a_root_and_a_tmp_of_its_own() {
    if !has_bubblewrap("isolated_has_processes_a_root_and_a_tmp_of_its_own") {
        return;
    }
    let place = Place::new();
    let more = attempts(&[
        ("root", "echo x >/new || mkdir /srv2"),
        ("tmp", "echo x >/tmp/new && echo x >$TMPDIR/newer && ls /tmp/newer"),
        ("other", "ls /tmp/mcpstore-test-neighbour"),
        ("name", "test $(ls -d /proc/[0-9]* | wc -l) -lt 10"),
    ]);
    let neighbour = tempfile::Builder::new().prefix("mcpstore-test-neighbour").rand_bytes(0).tempdir_in("/tmp");
    let flags = "--children 1 --setsid-children 1 --orphans 1 --ignore-eof --ignore-term";
    let script = format!("{LOOK}\n{}\n{more}", tries());
    let server = place.start(&script, flags, |stdio| stdio.sandbox = Sandbox::Isolated).await;
    let said = place.said();
    check(&said);
    for (name, wanted) in [("root ", "no"), ("tmp ", "yes"), ("other ", "no"), ("name ", "yes")] {
        assert_eq!(words(&said, name), [wanted], "{name}");
    }
    assert_eq!((words(&said, "Umask:"), words(&said, "NoNewPrivs:")), (vec!["0077"], vec!["1"]));
    assert_eq!(words(&said, "CapEff:"), ["0000000000000000"]);
    assert_eq!(words(&said, "Max core file size")[..2], ["0", "0"]);
    assert_eq!(fs::read_to_string(place.path("shown/file")).unwrap(), "canary");
    // Two of bubblewrap's, the server, its three.
    until("its children are there", || survivors(&server.tag).len() >= 6).await;
    server.endpoint.kill();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Signal(9));
    within(server.endpoint.group_empty()).await;
    server.end().await;
    drop(neighbour);
}

#[tokio::test]
async fn an_isolated_server_ends_as_others_do() {
    if !has_bubblewrap("an_isolated_server_ends_as_others_do") {
        return;
    }
    let place = Place::new();
    let isolated = |stdio: &mut StdioSpec| stdio.sandbox = Sandbox::Isolated;
    // By itself, with a code.
    let server = place.start("true", "--die-after 2000", isolated).await;
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(9));
    server.end().await;
    // At the end of its input.
    let server = place.start("true", "", isolated).await;
    server.endpoint.close_input();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    server.end().await;
    // When it is asked: it hears of that, and the wrapper around it waits.
    let log = place.path("given/log");
    let server = place.start("true", &format!("--ignore-eof --log {}", log.display()), isolated).await;
    server.endpoint.terminate();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    server.end().await;
    let notes = fs::read_to_string(log).unwrap();
    assert!(notes.contains("term"), "{notes}");
}

#[tokio::test]
async fn without_a_warden_nothing_is_silently_left_out() {
    let place = Place::new();
    let changes: [(&str, Change); 3] = [
        ("restricted", |stdio| stdio.sandbox = Sandbox::Restricted),
        ("isolated", |stdio| stdio.sandbox = Sandbox::Isolated),
        ("limits", |stdio| stdio.limits.files = Some(64)),
    ];
    for (word, change) in changes {
        let (spec, tag) = place.spec("true", "", change);
        let error = Stdio::new().launch(request(spec)).await.expect_err("the launch fails");
        assert!(matches!(error, LaunchError::NeedsWarden { .. }) && error.is_permanent(), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
    }
}

/// True when there is bubblewrap; else says so.
fn has_bubblewrap(test: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("bwrap").is_file()));
    if !found {
        skipped(test, "there is no `bwrap` (package bubblewrap)");
    }
    found
}

/// Says past the test runner, which swallows what a passing test prints, that nothing was tested.
fn skipped(test: &str, why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: {why}");
}
