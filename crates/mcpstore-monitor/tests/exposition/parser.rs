//! A strict reader of both text formats, written from their grammars and knowing nothing of how the page is made.
//!
//! Stricter than the formats: one space where they allow several, no timestamps, no exemplars.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_monitor::Format;

/// A family as it was read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// A sample as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// Reads a whole page, and checks what holds between its lines.
pub(crate) fn parse(text: &str, format: Format) -> Result<BTreeMap<String, Family>, String> {
    let mut body = text.strip_suffix('\n').ok_or("the last line has no end")?;
    if format == Format::OpenMetrics {
        body = body.strip_suffix("\n# EOF").ok_or("no # EOF at the end")?;
    }
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut seen = BTreeSet::new();
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or_else(|| format!("`{line}` has no name"))?;
            let (name, text) = rest.split_once(' ').ok_or_else(|| format!("`{line}` has no text"))?;
            if !is_name(name) {
                return Err(format!("`{name}` is no name"));
            }
            if word == "TYPE" {
                if families.contains_key(name) {
                    return Err(format!("{name} stands there twice"));
                }
                families.insert(name.to_owned(), Family { kind: text.to_owned(), ..Family::default() });
                current = Some(name.to_owned());
                continue;
            }
            if current.as_deref() != Some(name) {
                return Err(format!("`{line}` stands outside of its family"));
            }
            let family = families.get_mut(name).ok_or("no family")?;
            match word {
                "UNIT" if format == Format::OpenMetrics && name.ends_with(&format!("_{text}")) => {
                    family.unit = Some(text.to_owned());
                }
                "HELP" => family.help = unescape(text, format == Format::OpenMetrics)?,
                _ => return Err(format!("`{line}` is no comment of this format")),
            }
            continue;
        }
        let sample = sample(line)?;
        let name = current.clone().ok_or_else(|| format!("`{line}` has no family"))?;
        let family = families.get_mut(&name).ok_or("no family")?;
        belongs(&sample, &name, &family.kind, format)?;
        if !seen.insert((sample.name.clone(), sample.labels.clone())) {
            return Err(format!("`{line}` is a series that is there already"));
        }
        family.samples.push(sample);
    }
    families.values().filter(|family| family.kind == "histogram").try_for_each(histogram)?;
    Ok(families)
}

/// The names that samples of a family may have.
fn belongs(sample: &Sample, family: &str, kind: &str, format: Format) -> Result<(), String> {
    let suffixes: &[&str] = match (kind, format) {
        ("gauge", _) | ("counter", Format::Prometheus) => &[""],
        ("counter", Format::OpenMetrics) => &["_total"],
        ("info", Format::OpenMetrics) => &["_info"],
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        _ => return Err(format!("`{kind}` is no type of this format")),
    };
    let fits = suffixes.iter().any(|suffix| sample.name == format!("{family}{suffix}"));
    let counts = kind == "counter" && !(sample.value.is_finite() && sample.value >= 0.0);
    if fits && !counts { Ok(()) } else { Err(format!("{sample:?} is not of {family}, a {kind}")) }
}

/// Buckets grow with their bounds, the last has none and says as much as `_count`.
fn histogram(family: &Family) -> Result<(), String> {
    type Parts = (Vec<(f64, f64)>, Option<f64>, Option<f64>);
    let mut series: BTreeMap<Vec<(String, String)>, Parts> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1);
        let entry = series.entry(labels).or_default();
        match (sample.name.rsplit('_').next(), bound) {
            (Some("bucket"), Some(bound)) => entry.0.push((number(&bound)?, sample.value)),
            (Some("sum"), None) => entry.1 = Some(sample.value),
            (Some("count"), None) => entry.2 = Some(sample.value),
            _ => return Err(format!("{sample:?} does not fit a histogram")),
        }
    }
    for (labels, (buckets, sum, count)) in series {
        let grows = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let last = buckets.last().copied();
        if !grows || sum.is_none() || last != count.map(|count| (f64::INFINITY, count)) {
            return Err(format!("the histogram of {labels:?} does not add up"));
        }
    }
    Ok(())
}

fn sample(line: &str) -> Result<Sample, String> {
    let bad = |what: &str| format!("`{line}`: {what}");
    let end = line.find(['{', ' ']).ok_or_else(|| bad("no value"))?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err(bad("no name"));
    }
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or_else(|| bad("a label without value"))?;
            if !is_name(label) || label.contains(':') || labels.iter().any(|(known, _)| known == label) {
                return Err(bad("no name of a label"));
            }
            let end = closing_quote(after).ok_or_else(|| bad("a value without end"))?;
            labels.push((label.to_owned(), unescape(&after[..end], true)?));
            rest = &after[end + 1..];
            match rest.as_bytes().first() {
                Some(b',') => rest = &rest[1..],
                Some(b'}') => break,
                _ => return Err(bad("no end of labels")),
            }
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or_else(|| bad("no space before the value"))?;
    Ok(Sample { name: name.to_owned(), labels, value: number(value)? })
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            text.parse().map_err(|_| format!("`{text}` is no number"))
        }
        _ => Err(format!("`{text}` is no number")),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quotes) {
            ('\\', _) => match (chars.next(), quotes) {
                (Some('\\'), _) => plain.push('\\'),
                (Some('n'), _) => plain.push('\n'),
                (Some('"'), true) => plain.push('"'),
                _ => return Err(format!("`{text}` has an unknown escape")),
            },
            ('"', true) => return Err(format!("`{text}` has a bare quote")),
            (c, _) => plain.push(c),
        }
    }
    Ok(plain)
}

#[test]
fn it_is_strict() {
    let head = "# TYPE a counter\n# HELP a x\n";
    for (line, format) in [
        ("a_total{b=\"\\q\"} 1", Format::OpenMetrics),
        ("a_total{b=\"1\",b=\"2\"} 1", Format::OpenMetrics),
        ("a_total{b=\"1\"}  1", Format::OpenMetrics),
        ("a_total{b=\"1} 1", Format::OpenMetrics),
        ("a_total -1", Format::OpenMetrics),
        ("a_total nan", Format::OpenMetrics),
        ("a 1", Format::OpenMetrics),
        ("b_total 1", Format::OpenMetrics),
        ("a_total 1\na_total 2", Format::OpenMetrics),
        ("a_total 1", Format::Prometheus),
        ("# UNIT a seconds\na 1", Format::Prometheus),
        ("# TYPE b info\nb_info 1", Format::Prometheus),
    ] {
        let end = if format == Format::OpenMetrics { "# EOF\n" } else { "" };
        assert!(parse(&format!("{head}{line}\n{end}"), format).is_err(), "{line}");
    }
    let good = parse(&format!("{head}a_total{{b=\"x\\\\\\\"\\n,}}\"}} 1e3\n# EOF\n"), Format::OpenMetrics).unwrap();
    let labels = vec![("b".to_owned(), "x\\\"\n,}".to_owned())];
    assert_eq!(good["a"].samples, [Sample { name: "a_total".into(), labels, value: 1_000.0 }]);
    assert!(parse("# TYPE a gauge\n# HELP a x\na 1\n", Format::OpenMetrics).is_err());
}
