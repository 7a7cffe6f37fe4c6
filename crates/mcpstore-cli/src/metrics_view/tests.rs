//! Metrics as people read them. `UPDATE_EXPECT=1` writes the texts anew.

use expect_test::expect_file;

use super::*;
use crate::top::fixture::{calls, few};
use crate::views_doc::View;

fn report() -> MetricsReport {
    let mut report = few().report;
    for (nth, service) in report.services.iter_mut().enumerate() {
        let whole =
            |window: u64| Availability { window_seconds: window, ratio: Some(0.9995), wanted_seconds: window as f64 };
        let partly = Availability { window_seconds: 86_400, ratio: Some(0.25), wanted_seconds: 12_020.0 };
        service.availability = vec![whole(300), whole(3_600), partly];
        service.state_seconds = BTreeMap::from([
            (ServiceState::Starting, 2.5),
            (ServiceState::Running, 12_013.0),
            (ServiceState::Error, 0.0),
        ]);
        if nth == 2 {
            service.availability = vec![Availability { window_seconds: 300, ratio: None, wanted_seconds: 0.0 }];
            service.checks = CheckReport::default();
            service.start_seconds = None;
        }
    }
    report.services[0].tools.insert("evil\u{1b}[2J\u{202e}".to_owned(), calls(7, 7, 0.2));
    report.services[0].tools.insert(ServiceReport::OTHER_TOOLS.to_owned(), calls(90_000, 0, 3.0));
    report
}

/// What the docs show.
pub(crate) fn views() -> Vec<View> {
    let report = report();
    let one = metrics_text(&report.services[1], None, &Term::PLAIN);
    let all = metrics_overview(&report, &Term::PLAIN);
    vec![
        View::console("metrics-one", "mcpstore metrics search", &one),
        View::console("metrics", "mcpstore metrics", &all),
    ]
}

#[test]
fn one_service() {
    let report = report();
    let text: Vec<String> = report
        .services
        .iter()
        .zip([None, Some(600.0), None])
        .map(|(service, window)| metrics_text(service, window, &Term::PLAIN))
        .collect();
    let text = text.join("\n");
    expect_file!["snapshots/one.txt"].assert_eq(&text);
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn all_services() {
    let text = metrics_overview(&report(), &Term::PLAIN);
    expect_file!["snapshots/all.txt"].assert_eq(&text);
    let narrow = Term { tty: true, color: false, width: Some(80) };
    let text = metrics_overview(&report(), &narrow);
    assert!(text.contains("filesystem") && text.contains("✓ running"), "{text}");
}
