//! Pins as a text: a head, then one line for each tool, each with a check of its own.
//!
//! A line is 16 hexadecimal digits (the beginning of the SHA-256 of what follows the blank), a blank, JSON, a line feed. What was
//! damaged costs its own line and no other; the head says how many there must be.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::record::{Pin, ServicePins};
use crate::Fingerprint;

/// The form of the text.
const VERSION: u32 = 1;

/// Hexadecimal digits of a check.
const CHECK: usize = 16;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    pins: u32,
    service: String,
    tools: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approved: Option<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Kept>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Arc<str>>,
}

impl From<&Definition> for Kept {
    fn from(definition: &Definition) -> Self {
        let text = definition.text().map(Arc::from);
        Self { sha256: definition.fingerprint().to_string(), text }
    }
}

impl Kept {
    fn definition(self) -> Option<Definition> {
        Some(Definition::new(self.sha256.parse::<Fingerprint>().ok()?, self.text))
    }
}

/// What was read.
pub(super) struct Decoded {
    pub(super) pins: ServicePins,
    /// Whose they are, where the head says so.
    pub(super) service: Option<String>,
    /// What is wrong; `None`: all is as it was written.
    pub(super) fault: Option<String>,
}

pub(super) fn encode(service: &str, pins: &ServicePins) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    let head = Head { pins: VERSION, service: service.to_owned(), tools: pins.tools.len() };
    push(&mut out, &serde_json::to_string(&head)?);
    for (tool, pin) in &pins.tools {
        let kept = |definition: &Option<Definition>| definition.as_ref().map(Kept::from);
        let line = Line { tool: tool.clone(), approved: kept(&pin.approved), pending: kept(&pin.pending) };
        push(&mut out, &serde_json::to_string(&line)?);
    }
    Ok(out)
}

/// Every line that is whole, whatever became of the others.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let (mut pins, mut head, mut bad) = (ServicePins { known: true, ..ServicePins::default() }, None, 0_usize);
    for (nth, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let Some(json) = checked(line) else {
            bad += 1;
            continue;
        };
        if nth == 0 {
            head = serde_json::from_str::<Head>(json).ok().filter(|head| head.pins == VERSION);
        } else if let Some((tool, pin)) = serde_json::from_str::<Line>(json).ok().and_then(pin) {
            pins.tools.insert(tool, pin);
        } else {
            bad += 1;
        }
    }
    let fault = match &head {
        None => Some("its first line is not whole".to_owned()),
        Some(_) if bad > 0 => Some(format!("{bad} of its lines are not whole")),
        Some(head) if head.tools != pins.tools.len() => {
            Some(format!("it has {} tools where {} should be", pins.tools.len(), head.tools))
        }
        Some(_) => None,
    };
    Decoded { pins, service: head.map(|head| head.service), fault }
}

/// Whose pins a file has, from its first line.
pub(super) fn service_of(bytes: &[u8]) -> Option<String> {
    let line = bytes.split_inclusive(|&byte| byte == b'\n').next()?;
    Some(serde_json::from_str::<Head>(checked(line)?).ok()?.service)
}

fn pin(line: Line) -> Option<(String, Pin)> {
    let kept = |kept: Option<Kept>| kept.map(|kept| kept.definition().ok_or(())).transpose().ok();
    let pin = Pin { approved: kept(line.approved)?, pending: kept(line.pending)? };
    (pin.approved.is_some() || pin.pending.is_some()).then_some((line.tool, pin))
}

fn push(out: &mut Vec<u8>, json: &str) {
    out.extend_from_slice(check(json).as_bytes());
    out.push(b' ');
    out.extend_from_slice(json.as_bytes());
    out.push(b'\n');
}

fn check(json: &str) -> String {
    let digits = Fingerprint::of_text(json).to_string();
    digits.trim_start_matches("sha256:").chars().take(CHECK).collect()
}

/// The JSON of a line that is whole.
fn checked(line: &[u8]) -> Option<&str> {
    let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (said, json) = line.split_at_checked(CHECK)?;
    let json = json.strip_prefix(' ')?;
    (check(json) == said).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::super::NewTools;
    use super::*;

    fn pins() -> ServicePins {
        let tool = |name, text: &str| (name, Definition::of(&format!(r#"{{"name":"{name}","description":"{text}"}}"#)));
        let mut pins = ServicePins::default();
        pins.judge(&[tool("a", "1"), tool("b\n\u{1b}", "é\\n")], NewTools::Allow);
        pins.judge(&[tool("a", "2"), tool("c", "new")], NewTools::Quarantine);
        pins
    }

    #[test]
    fn what_is_written_is_read() {
        for pins in [pins(), ServicePins { known: true, ..ServicePins::default() }] {
            let decoded = decode(&encode("s", &pins).unwrap());
            assert_eq!((decoded.pins, decoded.service.as_deref(), decoded.fault), (pins, Some("s"), None));
        }
    }

    #[test]
    fn a_cut_or_a_flip_anywhere_is_noticed_and_costs_its_line_alone() {
        let whole = pins();
        let bytes = encode("s", &whole).unwrap();
        let subset =
            |decoded: &Decoded| decoded.pins.tools.iter().all(|(name, pin)| whole.tools.get(name) == Some(pin));
        for at in 0..bytes.len() {
            let decoded = decode(&bytes[..at]);
            assert!(decoded.fault.is_some() && subset(&decoded), "cut at {at}");
            let lines = bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(decoded.pins.tools.len(), lines.saturating_sub(1), "the longest whole prefix, cut at {at}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let decoded = decode(&flipped);
                assert!(decoded.fault.is_some() && subset(&decoded), "bit {bit} of byte {at}");
                assert!(decoded.pins.tools.len() + 2 >= whole.tools.len(), "bit {bit} of byte {at}");
            }
        }
    }
}
