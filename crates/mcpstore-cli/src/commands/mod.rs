//! The commands that speak to a running manager, and those that need none.

mod alerts;
mod approve;
mod arguments;
mod audit;
mod auth;
mod call;
mod clients;
mod config;
mod down;
mod gateway;
mod info;
mod plan;
mod registry;
mod reload;
mod show;
mod stream;
mod tools;
mod verbs;
mod watching;

use clap::CommandFactory as _;

use crate::args::{Cli, Command, Global};
use crate::control::Client;
use crate::control::protocol::Op;
use crate::exit::Exit;
use crate::output::{self, Term};
use crate::paths::Paths;

/// What every client command needs.
#[derive(Debug)]
struct Session<'a> {
    client: Client,
    global: &'a Global,
    /// What stdout is connected to.
    term: Term,
}

/// Runs a command; `up` and `demo-server` are not among them.
///
/// # Errors
/// [`crate::exit::Failure`] most often, which knows its exit code.
pub(crate) async fn run(command: Command, global: &Global) -> anyhow::Result<Exit> {
    match command {
        Command::Config(command) => return config::run(command, global),
        Command::Auth(command) => return auth::run(command, global).await,
        Command::Completion(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "mcpstore", &mut script);
            output::print(&String::from_utf8_lossy(&script))?;
            return Ok(Exit::Done);
        }
        Command::Audit(args) => return audit::run(&args, global),
        Command::Doctor(args) => return watching::doctor(&args, global).await,
        Command::Init(args) => return clients::init(&args, global),
        Command::Version => return info::version(global),
        _ => {}
    }
    let session =
        Session { client: Client::new(&Paths::resolve(global)?.socket), global, term: Term::stdout(global.color) };
    match command {
        Command::Down(args) => down::run(&session, &args).await,
        Command::Start(args) => verbs::run(&session, Op::Start, &args).await,
        Command::Stop(args) => verbs::run(&session, Op::Stop, &args).await,
        Command::Restart(args) => verbs::run(&session, Op::Restart, &args).await,
        Command::Wait(args) => verbs::wait(&session, &args).await,
        Command::Reset(args) => verbs::reset(&session, &args).await,
        Command::Remove(args) => registry::remove(&session, &args).await,
        Command::Ls(args) => show::ls(&session, &args).await,
        Command::Status(args) => show::status(&session, &args).await,
        Command::Tools(args) => tools::tools(&session, &args).await,
        Command::Check(args) => show::check(&session, &args).await,
        Command::Metrics(args) => show::metrics(&session, &args).await,
        Command::Call(args) => call::run(&session, &args).await,
        Command::Top(args) => watching::top(&session, &args).await,
        Command::Why(args) => watching::why(&session, &args).await,
        Command::CriticalChain(args) => watching::chain(&session, &args).await,
        Command::Gateway => gateway::run(&session).await,
        Command::Approve(args) => approve::run(&session, &args).await,
        Command::Alerts(command) => alerts::run(&session, &command).await,
        Command::Logs(args) => stream::logs(&session, &args).await,
        Command::Events(args) => stream::events(&session, &args).await,
        Command::Plan(args) => plan::plan(&session, &args).await,
        Command::Graph(args) => plan::graph(&session, &args).await,
        Command::Reload(args) => reload::reload(&session, &args).await,
        Command::Apply(args) => reload::apply(&session, &args).await,
        Command::Import(args) => clients::import(&session, &args).await,
        Command::Export(args) => clients::export(&session, &args).await,
        Command::Connect(args) => clients::connect(&session, &args).await,
        Command::Add(args) => registry::add(&session, &args).await,
        Command::Edit(args) => registry::edit(&session, &args).await,
        Command::Enable(args) => registry::enable(&session, &args, true).await,
        Command::Disable(args) => registry::enable(&session, &args, false).await,
        // Done above, or in `main`.
        Command::Up(_)
        | Command::Serve(_)
        | Command::DemoServer(_)
        | Command::Audit(_)
        | Command::Auth(_)
        | Command::Config(_)
        | Command::Doctor(_)
        | Command::Init(_)
        | Command::Completion(_)
        | Command::Version => Ok(Exit::Done),
    }
}
