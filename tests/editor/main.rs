//! The schema in an editor: every example of the docs is good, and what is broken is underlined where it is broken.

// The helpers of tests are tests too: a failed `unwrap` is a failed assertion.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod broken;
mod examples;
mod text;
mod validator;
