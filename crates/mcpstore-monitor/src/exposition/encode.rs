//! The two text formats, line by line.

use std::fmt::Write as _;

use super::{MetricName, MetricType};

/// In which text a metrics page is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4: what everything reads.
    #[default]
    Prometheus,
    /// OpenMetrics text 1.0.
    OpenMetrics,
}

impl Format {
    /// What an HTTP answer says of it (`Content-Type`).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page being written.
pub(super) struct Encoder {
    text: String,
    format: Format,
}

/// A label: its name and its value.
pub(super) type Label<'a> = (&'a str, &'a str);

impl Encoder {
    pub(super) const fn new(format: Format) -> Self {
        Self { text: String::new(), format }
    }

    /// The page. OpenMetrics says where it ends, so that a cut page is noticed.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// Begins a family: its samples follow.
    pub(super) fn family(&mut self, metric: MetricName) {
        let family = metric.family();
        // The older text has no families: it describes samples, and knows no info.
        let (name, kind) = match (self.format, metric.kind()) {
            (Format::Prometheus, MetricType::Counter) => (format!("{family}_total"), "counter"),
            (Format::Prometheus, MetricType::Info) => (format!("{family}_info"), "gauge"),
            (Format::Prometheus | Format::OpenMetrics, kind) => (family.to_owned(), kind.as_str()),
        };
        self.line(format_args!("# TYPE {name} {kind}"));
        if let (Format::OpenMetrics, Some(unit)) = (self.format, metric.unit()) {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        let help = metric.help();
        self.line(format_args!("# HELP {name} {}", escape(help, self.format == Format::OpenMetrics)));
    }

    /// A sample of a gauge, a counter or an info.
    pub(super) fn sample(&mut self, metric: MetricName, labels: &[Label<'_>], value: impl Into<Number>) {
        let suffix = match metric.kind() {
            MetricType::Gauge | MetricType::Histogram => "",
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
        };
        self.put(metric, suffix, labels, value.into());
    }

    /// A histogram: counts up to each bound, the last without bound, and the sum of all values.
    pub(super) fn histogram(
        &mut self,
        metric: MetricName,
        labels: &[Label<'_>],
        bounds: &[f64],
        cumulative: &[u64],
        sum: f64,
    ) {
        for (place, count) in cumulative.iter().enumerate() {
            // With a point always, as the standard wants bounds of buckets.
            let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
            self.put(metric, "_bucket", &[labels, &[("le", bound.as_str())]].concat(), Number::Whole(*count));
        }
        self.put(metric, "_sum", labels, Number::Real(sum));
        self.put(metric, "_count", labels, Number::Whole(cumulative.last().copied().unwrap_or(0)));
    }

    fn put(&mut self, metric: MetricName, suffix: &str, labels: &[Label<'_>], value: Number) {
        self.text.push_str(metric.family());
        self.text.push_str(suffix);
        for (place, (name, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            // Writing to a String cannot fail; here and below.
            let _ = write!(self.text, "{before}{name}=\"{}\"", escape(value, true));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        match value {
            Number::Whole(value) => self.line(format_args!(" {value}")),
            Number::Real(value) if value.is_nan() => self.line(format_args!(" NaN")),
            Number::Real(value) if value.is_infinite() => {
                self.line(format_args!(" {}Inf", if value > 0.0 { '+' } else { '-' }));
            }
            Number::Real(value) => self.line(format_args!(" {value}")),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }
}

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// Text without a line's end or an unescaped backslash, and with `quotes` no unescaped double quote.
fn escape(text: &str, quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quotes => escaped.push_str("\\\""),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        let mut page = Encoder::new(Format::OpenMetrics);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.25, 3.0] {
            page.sample(MetricName::ManagerUptime, &[], value);
        }
        let name = MetricName::ManagerUptime.family();
        let values: Vec<String> = page.text.lines().map(|line| line.replace(name, "")).collect();
        assert_eq!(values, [" NaN", " +Inf", " -Inf", " 0.25", " 3"]);
    }
}
