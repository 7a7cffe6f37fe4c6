//! Reading our own metrics page back: OpenMetrics text as the renderer writes it.

/// A family of metrics on the page.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    /// Its type, as the page says it.
    pub(super) kind: String,
    pub(super) unit: String,
    pub(super) help: String,
    pub(super) samples: Vec<Sample>,
}

/// Names and values.
pub(super) type Labels = Vec<(String, String)>;

/// One number on the page.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    /// What its name has on top of the family's: `_total`, `_bucket`, or nothing.
    pub(super) suffix: String,
    pub(super) labels: Labels,
    pub(super) value: f64,
}

/// The families of a page, in its order. Lines that are none of ours are passed over.
pub(super) fn families(page: &str) -> Vec<Family> {
    let mut all: Vec<Family> = Vec::new();
    for line in page.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (Some(what), Some(name), said) = (words.next(), words.next(), words.next().unwrap_or_default()) else {
                continue;
            };
            if all.last().is_none_or(|family| family.name != name) {
                all.push(Family { name: name.to_owned(), ..Family::default() });
            }
            let Some(family) = all.last_mut() else { continue };
            match what {
                "TYPE" => family.kind = said.to_owned(),
                "UNIT" => family.unit = said.to_owned(),
                "HELP" => family.help = unescaped(said),
                _ => {}
            }
        } else if let Some(family) = all.last_mut() {
            family.samples.extend(sample(line, &family.name));
        }
    }
    all
}

fn sample(line: &str, family: &str) -> Option<Sample> {
    let rest = line.strip_prefix(family)?;
    let end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = value.trim().split(' ').next()?.parse().ok()?;
    Some(Sample { suffix: suffix.to_owned(), labels, value })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut all = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(after) = rest.strip_prefix('}') {
            return Some((all, after));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut escaped = false;
        let end = quoted.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        })?;
        all.push((name.to_owned(), unescaped(&quoted[..end])));
        rest = &quoted[end + 1..];
    }
}

/// A text without its escapes: `\\`, `\"`, `\n`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            (c, false) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_back() {
        let page = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Time \\\"of\\\" a.\n\
                    a_seconds_total{service=\"w\\\\e\\\"b\\n,}\",x=\"\"} 1.5\na_seconds_total 2\n\
                    # TYPE b gauge\n# HELP b None.\n# EOF\n";
        let read = families(page);
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!(
            (read[0].kind.as_str(), read[0].unit.as_str(), read[0].help.as_str()),
            ("counter", "seconds", "Time \"of\" a.")
        );
        let labels = vec![("service".to_owned(), "w\\e\"b\n,}".to_owned()), ("x".to_owned(), String::new())];
        assert_eq!(
            read[0].samples,
            [
                Sample { suffix: "_total".into(), labels, value: 1.5 },
                Sample { suffix: "_total".into(), labels: vec![], value: 2.0 },
            ]
        );
        assert_eq!(
            read[1],
            Family { name: "b".into(), kind: "gauge".into(), help: "None.".into(), ..Family::default() }
        );
    }

    #[test]
    fn what_is_no_page_gives_nothing_and_does_no_harm() {
        for text in [
            "",
            "#",
            "# ",
            "# TYPE",
            "a 1",
            "# TYPE a gauge\na{",
            "# TYPE a gauge\na{x=\"y} 1",
            "# TYPE a gauge\na one",
        ] {
            assert!(families(text).iter().all(|family| family.samples.is_empty()), "{text}");
        }
    }
}
