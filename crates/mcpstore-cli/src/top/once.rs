//! The table as plain text: every column, nothing shortened, a service a line.

use super::columns::Column;
use super::model::TopModel;
use super::order::{Sort, rows};
use super::paint::state_words;

/// The table. Its columns are as wide as what is in them.
pub(super) fn table(model: &TopModel, sort: Sort, reverse: bool) -> String {
    let services = &model.report.services;
    let mut cells: Vec<Vec<String>> = vec![["SERVICE", "STATE"].into_iter().map(str::to_owned).collect()];
    cells[0].extend(Column::ALL.iter().map(|column| column.head().to_owned()));
    for at in rows(services, "", sort, reverse) {
        let service = &services[at];
        let mut row = vec![service.service.to_string(), state_words(service.state)];
        row.extend(Column::ALL.iter().map(|column| column.cell(service)));
        cells.push(row);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..Column::ALL.len() + 2).map(width).collect();
    let mut out = String::new();
    for row in &cells {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            // The first two are words, as are some of the others.
            let word = column.checked_sub(2).is_none_or(|at| Column::ALL[at].is_word());
            line.push_str(&if word { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The names alone, one a line.
pub(super) fn names(model: &TopModel, sort: Sort, reverse: bool) -> String {
    let services = &model.report.services;
    rows(services, "", sort, reverse).iter().map(|at| format!("{}\n", services[*at].service)).collect()
}
