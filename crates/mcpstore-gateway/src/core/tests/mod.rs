//! Tests of the core over servers inside this process, in virtual time.

mod calls;
mod instances;
mod lists;
mod logs;
mod puppet;
mod questions;
mod site;
mod stateless;
mod storms;
mod tasks;
mod updates;
