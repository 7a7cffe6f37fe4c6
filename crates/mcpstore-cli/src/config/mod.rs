//! The config of a command: which files it is, what they say, and whether they may run.

mod find;
mod read;
mod trust;

pub(crate) use find::{CONFIG_VARIABLE, Chosen, ConfigFiles};
pub(crate) use read::{Config, machine, read_files};
pub(crate) use trust::{Ask, Trust, command_lines};
