//! The adapter suite: what every transport must do, on real processes and inside this one.

mod basics;
mod calls;
mod ends;
mod handshake;
mod hostile;
mod in_process;
mod launch;
mod support;
