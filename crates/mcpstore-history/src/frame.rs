//! A line of a segment: `crc length json`, with a newline at its end.
//!
//! `crc` is the CRC-32 (IEEE) of the JSON in eight lower-case hex digits, `length` the number of its bytes in five decimal
//! digits. JSON as we write it has no newline in it, so whatever is cut or flipped, a line is either whole or does not fit.

use std::io::{self, BufRead, Read};

/// Most bytes of JSON in a line.
pub(crate) const MAX_JSON: usize = 65_535;

/// Bytes in front of the JSON: eight, a blank, five, a blank.
const HEAD: usize = 15;

/// Most bytes of a line, its newline included.
const MAX_LINE: usize = HEAD + MAX_JSON + 1;

/// Adds the line for this JSON. False, and nothing is added: it is too long.
pub(crate) fn put(out: &mut Vec<u8>, json: &[u8]) -> bool {
    if json.len() > MAX_JSON {
        return false;
    }
    out.reserve(HEAD + json.len() + 1);
    out.extend(format!("{:08x} {:05} ", crc32fast::hash(json), json.len()).as_bytes());
    out.extend(json);
    out.push(b'\n');
    true
}

/// The JSON of a line with its newline; `None`: it is not whole.
pub(crate) fn take(line: &[u8]) -> Option<&[u8]> {
    let (head, rest) = line.split_at_checked(HEAD)?;
    let json = rest.strip_suffix(b"\n")?;
    // Compared as text: an upper-case digit or a sign is damage too.
    let expected = format!("{:08x} {:05} ", crc32fast::hash(json), json.len());
    (head == expected.as_bytes()).then_some(json)
}

/// Lines, one after the other, as long as they are whole.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    from: R,
    line: Vec<u8>,
    /// Bytes of all whole lines so far.
    pub(crate) valid_bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(from: R) -> Self {
        Self { from, line: Vec::new(), valid_bytes: 0 }
    }

    /// The JSON of the next line; `None` at the end and before the first line that is not whole.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        self.from.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        let json = take(&self.line);
        if json.is_some() {
            self.valid_bytes += u64::try_from(self.line.len()).unwrap_or(0);
        }
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(json: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(put(&mut out, json.as_bytes()));
        out
    }

    #[test]
    fn a_line_can_be_read_in_a_pager() {
        assert_eq!(framed(r#"{"t":1}"#), b"fe1bb45d 00007 {\"t\":1}\n");
    }

    #[test]
    fn any_one_bit_that_flips_and_any_cut_is_noticed() {
        let line = framed(r#"{"t":1764421606000,"k":"gap","lost":17}"#);
        assert_eq!(take(&line).unwrap(), &line[15..line.len() - 1]);
        for at in 0..line.len() {
            assert_eq!(take(&line[..at]), None, "cut at {at}");
            for bit in 0..8 {
                let mut bad = line.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(take(&bad), None, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn the_longest_line_is_read_and_a_longer_one_is_not_written() {
        let json = vec![b'x'; MAX_JSON];
        let mut out = Vec::new();
        assert!(put(&mut out, &json));
        let mut lines = Lines::new(out.as_slice());
        assert_eq!(lines.next().unwrap(), Some(json.as_slice()));
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!(lines.valid_bytes, out.len() as u64);
        assert!(!put(&mut out, &vec![b'x'; MAX_JSON + 1]));
        // A file without any newline is read in pieces, not as a whole.
        let flood = vec![b'7'; 10 * MAX_LINE];
        let mut lines = Lines::new(flood.as_slice());
        assert_eq!(lines.next().unwrap(), None);
        assert_eq!((lines.valid_bytes, lines.line.len()), (0, MAX_LINE));
    }
}
