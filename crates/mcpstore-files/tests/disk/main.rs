//! Config on disk, between processes: killed writers, many writers, and who may change what.

mod edits;
mod safety;
