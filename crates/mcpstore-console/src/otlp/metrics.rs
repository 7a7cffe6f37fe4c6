//! The metrics page as an OTLP request (source: OTLP 1, `ExportMetricsServiceRequest` in JSON).

use serde_json::{Value, json};

use super::page::{Family, Labels, Sample, families};
use super::{Attribute, Resource, SCOPE};

/// Sums that count from the start on.
const CUMULATIVE: u8 = 2;

/// The request for a page that was made now; sums count from `start_unix_ns` on.
pub(super) fn request(page: &str, instance: &str, start_unix_ns: u64, now_unix_ns: u64) -> Value {
    let times = Times { start: start_unix_ns.to_string(), now: now_unix_ns.to_string() };
    let metrics: Vec<Value> = families(page).iter().filter_map(|family| metric(family, &times)).collect();
    json!({ "resourceMetrics": [{
        "resource": Resource::of(instance),
        "scopeMetrics": [{ "scope": SCOPE, "metrics": metrics }],
    }] })
}

/// Nanoseconds since the Unix epoch, as JSON carries 64 bits: in text.
struct Times {
    start: String,
    now: String,
}

/// `None`: it has no samples.
fn metric(family: &Family, times: &Times) -> Option<Value> {
    let (key, data) = match family.kind.as_str() {
        "counter" => {
            let points = points(family, "_total", times);
            ("sum", json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points }))
        }
        "histogram" => {
            let points = histogram_points(family, times);
            ("histogram", json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points }))
        }
        "info" => ("gauge", json!({ "dataPoints": points(family, "_info", times) })),
        _ => ("gauge", json!({ "dataPoints": points(family, "", times) })),
    };
    if data["dataPoints"].as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    // Units are those of UCUM (source: OpenTelemetry semantic conventions, units).
    let unit = match family.unit.as_str() {
        "seconds" => "s",
        "bytes" => "By",
        "ratio" => "1",
        other => other,
    };
    Some(json!({ "name": family.name, "description": family.help, "unit": unit, key: data }))
}

fn points(family: &Family, suffix: &str, times: &Times) -> Vec<Value> {
    let ours = family.samples.iter().filter(|sample| sample.suffix == suffix && sample.value.is_finite());
    ours.map(|sample| {
        json!({
            "attributes": attributes(&sample.labels),
            "startTimeUnixNano": times.start,
            "timeUnixNano": times.now,
            "asDouble": sample.value,
        })
    })
    .collect()
}

fn attributes(labels: &[(String, String)]) -> Vec<Attribute> {
    labels.iter().map(|(name, value)| Attribute::new(name, value)).collect()
}

/// The series of a histogram: the page counts up to each bound, OTLP between bounds.
fn histogram_points(family: &Family, times: &Times) -> Vec<Value> {
    let mut all: Vec<(Labels, Vec<&Sample>)> = Vec::new();
    for sample in &family.samples {
        let labels: Labels = sample.labels.iter().filter(|(name, _)| name != "le").cloned().collect();
        match all.last_mut() {
            Some((of, samples)) if *of == labels => samples.push(sample),
            _ => all.push((labels, vec![sample])),
        }
    }
    all.iter()
        .map(|(labels, samples)| {
            let of = |suffix: &'static str| samples.iter().filter(move |sample| sample.suffix == suffix);
            let up_to: Vec<f64> = of("_bucket").map(|sample| sample.value).collect();
            let bound = |sample: &&&Sample| sample.labels.iter().find(|(name, _)| name == "le")?.1.parse::<f64>().ok();
            let bounds: Vec<f64> =
                of("_bucket").filter_map(|sample| bound(&sample)).filter(|b| b.is_finite()).collect();
            let before = std::iter::once(&0.0).chain(&up_to);
            let counts: Vec<String> = up_to.iter().zip(before).map(|(count, before)| whole(count - before)).collect();
            let mut point = json!({
                "attributes": attributes(labels),
                "startTimeUnixNano": times.start,
                "timeUnixNano": times.now,
                "count": whole(of("_count").next().map_or(0.0, |sample| sample.value)),
                "bucketCounts": counts,
                "explicitBounds": bounds,
            });
            if let Some(sum) = of("_sum").next() {
                point["sum"] = json!(sum.value);
            }
            point
        })
        .collect()
}

/// A count, as JSON carries 64 bits: in text.
fn whole(count: f64) -> String {
    format!("{:.0}", count.max(0.0))
}
