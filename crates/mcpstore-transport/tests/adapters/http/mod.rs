//! Servers over HTTP: streamable in both eras, legacy, behind TLS and sockets, well and ill behaved.

mod faults;
mod legacy;
mod logins;
mod reach;
mod sessions;
mod site;
mod stateless;
mod streams;
mod support;
