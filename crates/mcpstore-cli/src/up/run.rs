//! From the arguments to a running manager, and its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mcpstore::runtime::{FleetConfig, ListStore};
use mcpstore::{Gateway, McpStore, SupervisorConfig, Target};
use tokio::sync::mpsc;

use super::hints::Reach;
use super::lists::KeptLists;
use super::prepare::{plan_command, prepare};
use super::screen::Screen;
use super::signals::Signals;
use super::watch::{Inbox, Options, Watch};
use super::{StdioClient, UpArgs};
use super::{contain, observe, waiting};
use crate::args::{Format, Global};
use crate::config::{ConfigFiles, Trust};
use crate::control::{self, Served, ShutdownRequest, known_profile};
use crate::door::{Door, Said};
use crate::exit::{Exit, Failure};
use crate::far_end::gone;
use crate::output::{Term, print};
use crate::paths::Paths;
use crate::reload::{self, Own, Reloader};
use crate::select::Select;

/// Requests to shut down that may wait; more are not needed, the first one counts.
const SHUTDOWN_REQUESTS: usize = 8;

/// Lines about reloads that may wait to be shown.
const RELOADS_TOLD: usize = 64;

/// How long alerts that were not delivered may hold up the end.
const LAST_ALERTS: Duration = Duration::from_secs(2);

/// How long requests to the gateway may hold up the end.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// Runs the manager until it is told to end.
///
/// # Errors
/// [`Failure`]: the config cannot run, a selector matches nothing, the control socket is taken, or the start as a whole
/// was refused. Nothing runs then. What single services do is no error: the exit tells it.
pub(crate) async fn run(args: UpArgs, global: &Global) -> anyhow::Result<Exit> {
    if !matches!(global.output, Format::Auto | Format::Table) {
        let message = "`up` prints no documents, so only `-o table` fits it; other commands say what runs";
        return Err(Failure::new(Exit::Usage, message).next("mcpstore ls -o json").into());
    }
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    if args.print_config {
        print(&format!("{}\n", crate::demo::config_text(&crate::demo::services(&program)?)?))?;
        return Ok(Exit::Done);
    }
    let term = Term::stderr(global.color);
    let paths = Paths::resolve(global)?;
    let prepared = prepare(&args, &paths, &term)?;
    paths.make_state_dir()?;
    let mut signals = Signals::listen().context("signals cannot be listened to")?;

    let defaults = SupervisorConfig::default();
    let fleet = FleetConfig { max_parallel_starts: prepared.max_parallel_starts, ..defaults.fleet };
    let (ask, asked) = mpsc::channel(SHUTDOWN_REQUESTS);
    let end = ask.clone();
    let (adapters, mut said) = contain::adapters(&paths).await?;
    let door_said =
        Said { gateway: prepared.gateway, rules: prepared.rules, max_parallel_starts: prepared.max_parallel_starts };
    let before = mcpstore::gateway::Prepared::new().pinning(&paths.state_dir, door_said.gateway.tool_changes);
    let client_sides = Some(before.client_sides());
    let lists: Arc<dyn ListStore> = Arc::new(KeptLists { state_dir: paths.state_dir.clone() });
    let config = SupervisorConfig { fleet, adapters, client_sides, lists: Some(lists), ..defaults };
    let store = McpStore::with_config(config);
    // Before anything starts: of two managers on one socket the second must not have started anything.
    let (told, reloads) = mpsc::channel(RELOADS_TOLD);
    store.add_services(prepared.services).await?;
    let supervisor = store.supervisor();
    control::refuse_taken(&paths.socket)?;
    // The door is open before anything starts: clients need not wait for the slowest service.
    let gateway = Gateway::launch(before, supervisor.clone(), door_said.rules.clone());
    let door = Door::shut(gateway.clone(), &paths.state_dir, &args);
    said.append(&mut door.open(door_said).await?);
    let waits = tokio::spawn(waiting::tell(gateway.waiting_tools(), told.clone(), global.clone()));
    let (observer, mut found) = observe::start(supervisor, prepared.alerts.clone(), &paths).await?;
    said.append(&mut found);
    let own = own(&args, &prepared.files, &prepared.selection, &paths)?;
    let reloader = Reloader::new(supervisor.clone(), own, told)
        .telling(observer.clone(), prepared.alerts)
        .letting_in(door.clone());
    let served =
        Served { store: store.clone(), observer: observer.clone(), gateway: gateway.clone(), door: door.clone() };
    let control = control::serve(served, reloader.clone(), &paths.socket, ask)?;
    let admin = match args.listen_admin {
        Some(addr) => Some(observe::listen(addr, supervisor, &observer).await?),
        None => None,
    };
    #[cfg(feature = "otlp")]
    let _pushing = match args.otlp.clone() {
        Some(endpoint) => Some(observe::push(endpoint, supervisor, &observer).await?),
        None => None,
    };
    said.extend(admin.iter().map(|admin| format!("metrics and health on http://{}/", admin.address)));

    let target = match &prepared.selection {
        Some(select) => select.target(&supervisor.snapshot())?,
        None => Target::All,
    };
    let options = Options {
        exit_on_failure: args.exit_on_failure,
        demo: args.demo,
        reach: Reach::new(&program, std::env::var_os("PATH").as_deref(), elsewhere(&paths)),
    };
    if let Some(StdioClient { profile: Some(profile) }) = &args.client {
        known_profile(&gateway.views(), profile)?;
    }
    let live = term.tty && !args.no_table && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb");
    let mut screen = Screen::new(live);
    screen.say(&said);
    let watching = (!args.no_watch).then(|| tokio::spawn(reload::watch(reloader.clone())));
    let mut watch = Watch::new(supervisor, reloader, screen, term, options);
    let refused =
        |error| Failure::new(Exit::Refused, format!("nothing was started: {error}")).next(plan_command(&args));
    let reply = supervisor.start(target).await.map_err(refused)?;
    let served = args.client.clone().map(|client| tokio::spawn(serve_stdio(gateway.clone(), client, end)));
    let exit = watch.until_down(reply, &mut signals, Inbox { asked, reloads }).await;
    drop(watch);
    if let Some(watching) = watching {
        watching.abort();
    }
    if let Some(served) = served {
        served.abort();
    }
    drop(admin);
    waits.abort();
    door.shutdown(LAST_REQUESTS).await;
    // Everything is down; what alerts wait is tried once more, and the rest left to the next manager.
    observer.shutdown(LAST_ALERTS).await;
    // Last: a client that waits for the end takes the end of the conversation for it.
    control.close().await;
    Ok(exit)
}

/// Serves the client on stdin and stdout; when it goes, everything is to end.
async fn serve_stdio(gateway: Gateway, client: StdioClient, end: mpsc::Sender<ShutdownRequest>) {
    tokio::select! {
        () = gateway.serve_lines(tokio::io::stdin(), tokio::io::stdout(), client.profile.as_deref()) => {}
        () = gone(std::io::stdout()) => {}
    }
    // Full or gone: it ends already.
    let _ = end.try_send(ShutdownRequest { force: false });
}

/// Where the services come from, with paths that hold wherever a command is typed.
fn own(
    args: &UpArgs,
    files: &Option<ConfigFiles>,
    selection: &Option<Select>,
    paths: &Paths,
) -> anyhow::Result<Option<Own>> {
    let Some(files) = files.clone() else { return Ok(None) };
    let files = files.absolute().context("the config has no absolute path")?;
    let trust = Trust::new(paths, args.approvals.as_deref())?;
    Ok(Some(Own { files, args: args.config.clone(), trust, selection: selection.clone() }))
}

/// The socket, when commands without options would not look there.
fn elsewhere(paths: &Paths) -> Option<&Path> {
    let default = Paths::resolve(&Global::default()).ok();
    (default.as_ref().map(|default| &default.socket) != Some(&paths.socket)).then_some(paths.socket.as_path())
}
