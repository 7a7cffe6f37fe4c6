//! Events out of a byte stream (`text/event-stream`), with a bound on each.

use std::collections::VecDeque;
use std::time::Duration;

/// How many of the first bytes of an event over the bound are kept.
const HEAD_BYTES: usize = 64 * 1024;
/// How many of its last bytes are kept.
const TAIL_BYTES: usize = 256;
/// Bytes of an id that is kept: it goes back in a header. A longer one is passed over.
const MAX_ID_BYTES: usize = 1024;
/// Bytes of the name of an event; a longer one is no name we know.
const MAX_NAME_BYTES: usize = 64;
/// The longest time a server can ask us to wait before we come back.
const MAX_RETRY: Duration = Duration::from_secs(3600);
/// The longest name of a field, its colon and its space: what a line may have beyond its value.
const FIELD_BYTES: usize = 8;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; empty when it has none, which means `message`.
    pub(crate) name: String,
    pub(crate) data: Data,
}

/// What an event carries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Whole(Vec<u8>),
    /// It was over the bound: its first and last bytes, and its length in all.
    Cut {
        head: Vec<u8>,
        tail: Vec<u8>,
        bytes: u64,
    },
}

/// Splits a byte stream into events (WHATWG HTML, server-sent events); memory is bounded by the limit of an event.
pub(crate) struct Decoder {
    limit: usize,
    /// Nothing came yet: a byte order mark may.
    fresh: bool,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The line that has not ended yet, or its first bytes.
    line: Vec<u8>,
    /// The last bytes of that line, and all its bytes, when it is too long.
    long: Option<Long>,
    name: String,
    data: Vec<u8>,
    has_data: bool,
    /// The rest of the event's data, when it is over the bound.
    over: Option<Long>,
    /// The id of the event that has not ended yet.
    id: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
    ready: VecDeque<Event>,
    events: u64,
}

/// What is kept of the bytes past a bound.
#[derive(Default)]
struct Long {
    tail: Vec<u8>,
    bytes: u64,
}

impl Long {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
    }
}

impl Decoder {
    /// A decoder whose events have at most so many bytes of data.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            fresh: true,
            after_cr: false,
            line: Vec::new(),
            long: None,
            name: String::new(),
            data: Vec::new(),
            has_data: false,
            over: None,
            id: None,
            last_id: None,
            retry: None,
            ready: VecDeque::new(),
            events: 0,
        }
    }

    /// Events that were whole and said something, be it only their id.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Another stream begins, which goes on where the last one broke.
    pub(crate) fn start_over(&mut self) {
        let (last_id, retry, events) = (self.last_id.take(), self.retry, self.events);
        *self = Self { last_id, retry, events, ..Self::new(self.limit) };
    }

    /// The id to come back with when the stream breaks; of the last whole event that had one.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server asked us to wait before we come back.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes of the stream, wherever they were cut.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.extend(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { return };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line();
        }
    }

    /// The next event that is whole.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// The stream is over: what came of an event that did not end, if it had data.
    pub(crate) fn finish(&mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_line();
        }
        // Its id does not count: a server that knows it sends the whole event again.
        self.id = None;
        let events = self.events;
        self.end_event();
        self.events = events;
        self.ready.pop_front()
    }

    fn extend(&mut self, piece: &[u8]) {
        if let Some(long) = &mut self.long {
            return long.add(piece);
        }
        // A line of data is never longer than its event may be.
        let room = (self.limit + FIELD_BYTES).saturating_sub(self.line.len()).min(piece.len());
        self.line.extend_from_slice(&piece[..room]);
        if room < piece.len() {
            let mut long = Long::default();
            long.add(&self.line[self.line.len().saturating_sub(TAIL_BYTES)..]);
            long.bytes = self.line.len() as u64;
            long.add(&piece[room..]);
            self.long = Some(long);
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let long = self.long.take();
        if std::mem::take(&mut self.fresh) && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.end_event();
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                // What stands before the value in the line.
                let before = (line.len() - value.len()) as u64;
                let rest = long.map(|long| Long { bytes: long.bytes - before, ..long });
                let value = line.len() - value.len()..line.len();
                self.data(&line[value], rest);
            }
            b"event" => {
                let text =
                    std::str::from_utf8(value).ok().filter(|name| name.len() <= MAX_NAME_BYTES && long.is_none());
                self.name = text.unwrap_or("?").to_owned();
            }
            // An id with a NUL is none (the same standard); one that no header can carry is of no use.
            b"id" if value.len() <= MAX_ID_BYTES && long.is_none() => {
                if let Some(id) = std::str::from_utf8(value).ok().filter(|id| !id.chars().any(char::is_control)) {
                    self.id = Some(id.to_owned());
                }
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let millis = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                self.retry = Some(Duration::from_millis(millis.unwrap_or(u64::MAX)).min(MAX_RETRY));
            }
            _ => {}
        }
        // The buffer is used again, unless it grew huge.
        if line.capacity() <= HEAD_BYTES {
            line.clear();
            self.line = line;
        }
    }

    fn data(&mut self, value: &[u8], rest: Option<Long>) {
        let separator: &[u8] = if self.has_data { b"\n" } else { b"" };
        self.has_data = true;
        let room = self.limit.saturating_sub(self.data.len() + separator.len());
        if self.over.is_none() && rest.is_none() && value.len() <= room {
            self.data.extend_from_slice(separator);
            self.data.extend_from_slice(value);
            return;
        }
        if self.over.is_none() {
            let mut over = Long::default();
            over.add(&self.data);
            self.over = Some(over);
            let head = HEAD_BYTES.saturating_sub(self.data.len() + separator.len()).min(value.len());
            self.data.extend_from_slice(separator);
            self.data.extend_from_slice(&value[..head]);
            self.data.truncate(HEAD_BYTES);
            self.data.shrink_to_fit();
        }
        if let Some(over) = &mut self.over {
            over.add(separator);
            match rest {
                None => over.add(value),
                Some(rest) => {
                    let bytes = over.bytes + rest.bytes;
                    over.add(&rest.tail);
                    over.bytes = bytes;
                }
            }
        }
    }

    fn end_event(&mut self) {
        self.events += u64::from(self.id.is_some() || self.has_data);
        if let Some(id) = self.id.take() {
            // An empty id takes the last one back.
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let (name, data, over) =
            (std::mem::take(&mut self.name), std::mem::take(&mut self.data), std::mem::take(&mut self.over));
        if !std::mem::take(&mut self.has_data) {
            return;
        }
        let data = match over {
            None => Data::Whole(data),
            Some(Long { tail, bytes }) => Data::Cut { head: data, tail, bytes },
        };
        self.ready.push_back(Event { name, data });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(event: Event) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match event.data {
            Data::Whole(data) => format!("{}|{}", event.name, text(&data)),
            Data::Cut { head, tail, bytes } => format!("{}|{}…{} of {bytes}", event.name, text(&head), text(&tail)),
        }
    }

    /// All events of a stream that comes in pieces of this size, and what is known at its end.
    fn decode(input: &[u8], size: usize, limit: usize) -> (Vec<String>, Option<String>, Option<Duration>) {
        let mut decoder = Decoder::new(limit);
        let mut events = Vec::new();
        for piece in input.chunks(size) {
            decoder.feed(piece);
            events.extend(std::iter::from_fn(|| decoder.next()).map(show));
        }
        events.extend(decoder.finish().map(|event| format!("{}<eof>", show(event))));
        (events, decoder.last_id().map(str::to_owned), decoder.retry())
    }

    fn events(input: &str) -> Vec<String> {
        decode(input.as_bytes(), usize::MAX, 1000).0
    }

    #[test]
    fn events_of_every_form() {
        assert_eq!(events("data: a\n\ndata:b\r\n\r\ndata:  c\r\rdata\n\n"), ["|a", "|b", "| c", "|"]);
        assert_eq!(events("event: x\ndata: 1\ndata: 2\n\ndata: 3\n\n"), ["x|1\n2", "|3"]);
        assert_eq!(events(": comment\nevent: x\n\nodd: y\ndata: z\n\n"), ["|z"]);
        assert_eq!(events("\u{feff}data: a\n\n\u{feff}data: b\n\n"), ["|a"]);
        assert_eq!(events("data: whole\n\ndata: half"), ["|whole", "|half<eof>"]);
        assert_eq!(events(&format!("event: {}\ndata: a\n\n", "n".repeat(65))), ["?|a"]);
        assert_eq!(events(""), [""; 0]);
    }

    #[test]
    fn ids_count_when_their_event_is_whole() {
        let last = |input: &str| decode(input.as_bytes(), usize::MAX, 1000).1;
        assert_eq!(last("id: 1\ndata: \n\nid: 2\ndata: x\n").as_deref(), Some("1"));
        assert_eq!(last("id: 1\n\ndata: x\n\n").as_deref(), Some("1"));
        assert_eq!(last("id: 1\n\nid\ndata: x\n\n"), None);
        assert_eq!(last("id: 1\n\nid: a\0b\n\n").as_deref(), Some("1"));
        assert_eq!(last(&format!("id: 1\n\nid: {}\n\n", "i".repeat(1025))).as_deref(), Some("1"));
    }

    #[test]
    fn waits_are_whole_numbers_and_have_an_end() {
        let retry = |input: &str| decode(input.as_bytes(), usize::MAX, 1000).2.map(|wait| wait.as_millis());
        assert_eq!(retry("retry: 500\n"), Some(500));
        assert_eq!((retry("retry: 5s\n"), retry("retry:\n"), retry("retry: -1\n")), (None, None, None));
        assert_eq!(retry("retry: 99999999999999999999999\n"), Some(3_600_000));
    }

    #[test]
    fn events_over_the_bound_show_their_ends_and_the_next_is_whole() {
        let cut = |input: &str| decode(input.as_bytes(), usize::MAX, 10).0;
        assert_eq!(cut("data: 0123456789\n\n"), ["|0123456789"]);
        assert_eq!(cut("data: 0123456789a\n\ndata: x\n\n"), ["|0123456789a…0123456789a of 11", "|x"]);
        assert_eq!(cut("data: 01234\ndata: 56789\n\n"), ["|01234\n56789…01234\n56789 of 11"]);
        let mut long = format!("data: {}\ndata: {}end\n\n", "y".repeat(200_000), "z".repeat(100_000));
        long.push_str(": long ");
        long.push_str(&"c".repeat(100_000));
        long.push_str("\ndata: x\n\n");
        let (found, ..) = decode(long.as_bytes(), 4096, 1000);
        assert!(found[0].ends_with("zend of 300004") && found[0].len() < 70_000, "{}", found[0].len());
        assert_eq!(found[1..], ["|x"]);
    }

    #[test]
    fn memory_is_bounded_by_the_limit() {
        let mut decoder = Decoder::new(1000);
        for _ in 0..10_000 {
            decoder.feed(b"data: 0123456789\n");
            decoder.feed(&[b'x'; 1000]);
        }
        assert!(decoder.line.capacity() < 10_000 && decoder.data.capacity() <= HEAD_BYTES);
    }

    #[test]
    fn pieces_make_no_difference() {
        let input = "\u{feff}: hi\r\nid: 7\r\nretry: 20\r\nevent: message\rdata: {\"a\":\n\rdata: \"é\"}\r\n\r\n\
                     data: 0123456789012345678901234567890123456789x\n\ndata: half"
            .as_bytes();
        for limit in [10, 40, 1000] {
            let whole = decode(input, usize::MAX, limit);
            for size in 1..input.len() {
                assert_eq!(decode(input, size, limit), whole, "in pieces of {size}");
            }
            for at in 0..input.len() {
                let mut decoder = Decoder::new(limit);
                decoder.feed(&input[..at]);
                decoder.feed(&input[at..]);
                let mut found: Vec<_> = std::iter::from_fn(|| decoder.next()).map(show).collect();
                found.extend(decoder.finish().map(|event| format!("{}<eof>", show(event))));
                assert_eq!(found, whole.0, "cut at {at}");
            }
        }
    }
}
