//! Random numbers for tests, from a seed that a failure names.

use std::time::SystemTime;

/// A generator (xorshift64*); not for anything that must be secret.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// With a seed of its own: `MCPSTORE_SEED`, or else the clock.
    pub(crate) fn new() -> Self {
        let given = std::env::var("MCPSTORE_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = given.unwrap_or_else(clock);
        // Shown when the test fails.
        println!("MCPSTORE_SEED={seed}");
        // Of zero nothing else would come.
        Self(seed | 1)
    }

    /// From `from` to `to`, without `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        from + (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % (to - from)
    }
}
