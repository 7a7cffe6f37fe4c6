//! `mcpstore up`: the manager in the foreground. Reads the config, starts, shows, and stops in reverse order.

mod args;
mod contain;
mod hints;
mod line;
mod lists;
mod observe;
mod prepare;
mod row;
mod run;
mod screen;
mod settle;
mod signals;
mod view;
mod waiting;
mod watch;

pub(crate) use args::{Listen, StdioClient, UpArgs, gateway_listen};
pub(crate) use line::health;
pub(crate) use run::run;
