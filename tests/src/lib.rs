//! Whole-system tests live in `suite/`, those with the official SDKs in `sdk/`; this library is empty.
