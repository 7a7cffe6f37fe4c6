//! The config of a command: which files it is, what they say, and whether they may run.

mod backup;
mod find;
mod read;
mod trust;
mod write;

pub(crate) use backup::{Backup, Backups};
pub(crate) use find::{Chosen, ConfigFiles, own_config};
pub(crate) use read::{Config, machine, read_files, stated_whole, whole};
pub(crate) use trust::{Ask, Trust, asked, command_lines};
pub(crate) use write::{Wanted, change, is_of_the_moment, replace_text};
