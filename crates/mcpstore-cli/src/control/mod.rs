//! The control socket: how a command in one terminal speaks to the manager in another.
//!
//! Lines of JSON over a unix socket that only the same user may open; one request a connection. See [`protocol`].

mod bind;
mod client;
mod connection;
mod convert;
mod follow;
mod handlers;
pub(crate) mod protocol;
mod server;
mod story;
mod verbs;
mod watching;

pub(crate) use bind::refuse_taken;
pub(crate) use client::{Client, Conversation, Next, read};
pub(crate) use connection::known_profile;
pub(crate) use follow::{Streamed, is_told, past};
pub(crate) use handlers::{FilesDoc, FoundTool, FoundTools, GoingDown};
pub(crate) use server::{GatewayDoc, ReachDoc, Served, ShutdownRequest, serve};
pub(crate) use verbs::Progress;
pub(crate) use watching::SinkAnswers;

#[cfg(test)]
mod tests;
