//! Tests of the core over servers inside this process.
