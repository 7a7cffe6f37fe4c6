//! The whole system, as its users meet it: the `mcpstore` program, real processes, real servers.

// The helpers of tests are tests too: a failed `unwrap` is a failed assertion.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod alerting;
mod bad_config;
mod canary;
mod clients;
mod crash;
mod demo;
mod dice;
mod direct;
mod gateway_cli;
mod gateway_clients;
mod gateway_degraded;
mod gateway_isolated;
mod gateway_killed;
mod gateway_lazy;
mod gateway_profiles;
mod gateway_safety;
mod gateway_support;
mod history;
mod hung;
mod kills;
mod manager;
mod metrics_page;
mod real_servers;
mod receiver;
mod registry;
mod reload;
mod seed;
mod soak;
mod ten_thousand;
mod trace;
mod trust;
mod verbs;
mod views;
mod web;
mod webhook;
