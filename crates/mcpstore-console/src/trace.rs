//! The trace that a call belongs to.

use std::fmt;

/// Which trace a call belongs to, and which span of it the call is: what `traceparent` carries
/// (source: W3C Trace Context, level 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;

impl TraceContext {
    /// Reads a `traceparent`. `None`: it is none, and a trace begins here. Of later versions, what version 00 has is read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut fields = known.split('-');
        let [version] = hex(fields.next()?)?;
        let (trace_id, span_id, [flags]) = (hex(fields.next()?)?, hex(fields.next()?)?, hex(fields.next()?)?);
        let ends_well = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        let whole = fields.next().is_none() && version != 0xff && ends_well;
        (whole && trace_id != [0; 16] && span_id != [0; 8]).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }

    /// A trace that begins here. The same `seed` and `nth` give the same one; each `nth` gives another.
    #[must_use]
    pub fn root(seed: u64, nth: u64, sampled: bool) -> Self {
        let high = mixed(seed, nth).to_be_bytes();
        let low = mixed(!seed, nth).to_be_bytes();
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&high);
        trace_id[8..].copy_from_slice(&low);
        let span_id = mixed(seed.rotate_left(32), nth).to_be_bytes();
        Self { trace_id, span_id, sampled }
    }

    /// A span below this one, in the same trace. The same `seed` and `nth` give the same one; each `nth` gives another.
    #[must_use]
    pub fn child(self, seed: u64, nth: u64) -> Self {
        Self { span_id: mixed(seed.rotate_left(32), nth).to_be_bytes(), ..self }
    }

    /// The trace, in 32 lower-case hex digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        to_hex(&self.trace_id)
    }

    /// The span, in 16 lower-case hex digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        to_hex(&self.span_id)
    }

    /// Whether its spans are wanted.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Display for TraceContext {
    /// As a `traceparent` of version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id(), self.span_id(), u8::from(self.sampled))
    }
}

/// Bytes of exactly so many lower-case hex digits; others are not allowed.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? * 16 + digit(pair[1])?;
    }
    Some(bytes)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number that looks like chance and is never zero. For one seed, no two of `nth` give the same, but for two of them all
/// (source: the finaliser of SplitMix64, which is a permutation).
const fn mixed(seed: u64, nth: u64) -> u64 {
    let mut z = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    if z == 0 { 1 } else { z }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_comes_back_as_it_was() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(context.to_string(), GOOD);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((context.span_id().as_str(), context.is_sampled()), ("00f067aa0ba902b7", true));
        let off = TraceContext::parse(&GOOD.replace("-01", "-fe")).unwrap();
        assert!(!off.is_sampled());
        assert!(off.to_string().ends_with("-00"), "flags that we do not know are not passed on");
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = GOOD.replacen("00", "cc", 1);
        let expected = TraceContext::parse(GOOD);
        assert_eq!(TraceContext::parse(&later), expected);
        assert_eq!(TraceContext::parse(&format!("{later}-what-comes")), expected);
        assert_eq!(TraceContext::parse(&format!("{later}what")), None);
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for bad in [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-00"),
            &format!("{GOOD} "),
            &format!(" {GOOD}"),
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen('-', "_", 1),
            &GOOD.replace("4bf9", "4bg9"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0é",
            "00-4bf92f3577b34da6a3ce929d0e0e47-3600f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_and_traces_are_all_different_and_can_be_made_again() {
        let roots: BTreeSet<String> = (0..1000).map(|nth| TraceContext::root(7, nth, true).to_string()).collect();
        assert_eq!(roots.len(), 1000);
        let parent = TraceContext::parse(GOOD).unwrap();
        let children: BTreeSet<String> = (0..1000).map(|nth| parent.child(7, nth).span_id()).collect();
        assert_eq!(children.len(), 1000);
        let child = parent.child(7, 3);
        assert_eq!((child.trace_id(), child.is_sampled()), (parent.trace_id(), true));
        assert_eq!(child, parent.child(7, 3));
        assert_ne!(child, parent.child(8, 3));
        assert_eq!(TraceContext::parse(&child.to_string()), Some(child));
    }
}
