//! Any bytes as one to three texts of any format: nothing panics, every place is one, nothing takes long.
#![no_main]

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzed::check(data));
