//! Which of the two text formats a client would rather have.

use http::HeaderMap;
use http::header::ACCEPT;
pub use mcpstore_monitor::Format;

/// OpenMetrics when it is asked for by name, in a version that we write, and no plain text is asked for more.
pub(crate) fn format_for(headers: &HeaderMap) -> Format {
    let (mut open, mut plain) = (0, 0);
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut weight, mut version) = (1000, None);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value.trim()),
                "version" => version = Some(value.trim().trim_matches('"').to_owned()),
                _ => {}
            }
        }
        match kind.as_str() {
            "application/openmetrics-text" if version.as_deref().is_none_or(|version| version == "1.0.0") => {
                open = open.max(weight);
            }
            "text/plain" | "text/*" => plain = plain.max(weight),
            _ => {}
        }
    }
    if open > 0 && open >= plain { Format::OpenMetrics } else { Format::Prometheus }
}

/// A weight from `0` to `1`, in thousandths (source: RFC 9110, quality values); 0 for what is none.
fn thousandths(text: &str) -> u32 {
    let weight: f64 = text.parse().unwrap_or(0.0);
    if !(0.0..=1.0).contains(&weight) {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 1000")]
    let thousandths = (weight * 1000.0).round() as u32;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        format_for(&headers)
    }

    #[test]
    fn open_metrics_is_given_to_who_asks_for_it() {
        assert_eq!(format_for(&HeaderMap::new()), Format::Prometheus);
        for accept in [
            "*/*",
            "text/plain",
            "text/html,*/*;q=0.8",
            "application/json",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text; version=0.0.1",
            "text/plain, application/openmetrics-text;q=0.9",
            "application/openmetrics-text;q=7",
        ] {
            assert_eq!(chosen(accept), Format::Prometheus, "{accept}");
        }
        // The second is what a Prometheus 2 sends, the third a Prometheus 3.
        for accept in [
            "Application/OpenMetrics-Text",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text; version=\"1.0.0\", text/plain",
        ] {
            assert_eq!(chosen(accept), Format::OpenMetrics, "{accept}");
        }
    }
}
