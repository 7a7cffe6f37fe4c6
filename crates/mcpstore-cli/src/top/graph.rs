//! The dependencies as an overlay: services by layer, with their states, and who goes down with the selected one.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore::types::DepKind;
use mcpstore::{ServiceName, ServiceState};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::app::App;
use super::model::TopModel;
use super::paint::{Paint, rule};
use super::view::counted;
use crate::output::state_cell;

/// Before the names of a layer.
const INDENT: &str = "         ";

/// The overlay in at most `room` lines; what does not fit is scrolled to the selected service.
pub(super) fn lines(app: &App, width: usize, room: usize) -> Vec<Line<'static>> {
    let paint = Paint::new(app.color);
    let selected = app.selected.as_ref();
    let impact = selected.map(|name| Impact::of(&app.model, name)).unwrap_or_default();
    let mut lines = Vec::new();
    let mut at_line = 0;
    for (number, layer) in (1..).zip(layers(&app.model)) {
        let mut line = Line::raw(format!("{:<width$}", format!("layer {number}"), width = INDENT.len()));
        for name in layer {
            let state = app.model.report_of(&name).map_or(ServiceState::Unknown, |service| service.state);
            let chosen = selected == Some(&name);
            let mark = impact.mark(&name, chosen);
            // The word of a state is in the table; here its glyph, which is no colour either.
            let cell = state_cell(state.as_str());
            let glyph = cell.split(' ').next().unwrap_or("?").to_owned();
            let mut style = paint.state(state);
            if chosen {
                style = style.add_modifier(Modifier::REVERSED);
            }
            let span = Span::styled(format!("{mark}{glyph} {name}"), style);
            if line.width() + span.width() + 2 > width && line.spans.len() > 1 {
                lines.push(std::mem::replace(&mut line, Line::raw(INDENT)));
            }
            if chosen {
                at_line = lines.len();
            }
            line.push_span(span);
            line.push_span(Span::raw("  "));
        }
        lines.push(line);
    }
    let mut out = vec![rule("who depends on whom: a layer needs only those above it", width, paint.head())];
    let foot = foot(&app.model, selected, &impact);
    let room = room.saturating_sub(out.len() + foot.len());
    // The selected service in the middle, as far as there is something around it.
    let from = at_line.saturating_sub(room / 2).min(lines.len().saturating_sub(room));
    out.extend(lines.into_iter().skip(from).take(room));
    out.extend(foot);
    out
}

fn foot(model: &TopModel, selected: Option<&ServiceName>, impact: &Impact) -> Vec<Line<'static>> {
    let legend = "✓ running  … starting  ↓ stopping  ■ stopped  · not started  ✗ error  ? unknown";
    let Some(name) = selected else { return vec![Line::raw(legend)] };
    let depends_on = model.facts_of(name).map(|facts| facts.depends_on.as_slice()).unwrap_or_default();
    // What only goes down with another, or against it, is no need.
    let needs = depends_on.iter().filter(|dependency| dependency.kind.orders());
    let needs: Vec<&str> = needs.map(|dependency| dependency.on.as_str()).collect();
    let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
    let falls = match (impact.falls.len(), impact.suffers.len()) {
        (0, 0) => "nobody needs it".to_owned(),
        (falls, 0) => format!("{} be without it (*)", counted(falls, "service cannot", "services cannot")),
        (falls, suffers) => {
            let falls = counted(falls, "service cannot", "services cannot");
            format!("{falls} be without it (*), {} without it (~)", counted(suffers, "runs on", "run on"))
        }
    };
    vec![Line::raw(legend), Line::raw(format!("{name} needs {needs}")), Line::raw(falls)]
}

/// Who would notice that a service is down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Impact {
    /// Who cannot be without it, directly or through others.
    falls: BTreeSet<ServiceName>,
    /// Who wants it, or one of those, and runs on without it.
    suffers: BTreeSet<ServiceName>,
}

impl Impact {
    fn of(model: &TopModel, name: &ServiceName) -> Self {
        let mut found = Self::default();
        let mut todo = vec![name.clone()];
        while let Some(down) = todo.pop() {
            for facts in &model.facts {
                for dependency in facts.depends_on.iter().filter(|dependency| dependency.on == down) {
                    match dependency.kind {
                        DepKind::Requires | DepKind::BindsTo => {
                            if facts.service != *name && found.falls.insert(facts.service.clone()) {
                                todo.push(facts.service.clone());
                            }
                        }
                        DepKind::Wants => drop(found.suffers.insert(facts.service.clone())),
                        DepKind::PartOf | DepKind::After | DepKind::Conflicts => {}
                    }
                }
            }
        }
        found.suffers.retain(|service| !found.falls.contains(service) && service != name);
        found
    }

    fn mark(&self, name: &ServiceName, chosen: bool) -> char {
        match (chosen, self.falls.contains(name), self.suffers.contains(name)) {
            (true, _, _) => '>',
            (_, true, _) => '*',
            (_, _, true) => '~',
            _ => ' ',
        }
    }
}

/// The services by layer: one above everything it depends on. In each layer as they were registered.
fn layers(model: &TopModel) -> Vec<Vec<ServiceName>> {
    let names: Vec<&ServiceName> = model.report.services.iter().map(|service| &service.service).collect();
    let needs: BTreeMap<&ServiceName, Vec<&ServiceName>> = model
        .facts
        .iter()
        .map(|facts| {
            let edges = facts.depends_on.iter().filter(|dependency| dependency.kind.orders());
            (&facts.service, edges.map(|dependency| &dependency.on).collect())
        })
        .collect();
    let mut depth: BTreeMap<&ServiceName, usize> = names.iter().map(|name| (*name, 0)).collect();
    // A graph without cycles settles in as many rounds as it is deep; the manager takes no other.
    for _ in 0..names.len() {
        let mut settled = true;
        for name in &names {
            let above = needs.get(name).into_iter().flatten().filter_map(|on| depth.get(on)).max();
            let above = above.map_or(0, |deepest| deepest + 1);
            if depth.get(name).is_some_and(|known| *known != above) {
                depth.insert(name, above);
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    let mut layers: BTreeMap<usize, Vec<ServiceName>> = BTreeMap::new();
    for name in names {
        layers.entry(depth.get(name).copied().unwrap_or(0)).or_default().push(name.clone());
    }
    layers.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{few, name};
    use super::*;

    #[test]
    fn layers_and_impact() {
        let model = few();
        let words = |layers: Vec<Vec<ServiceName>>| -> Vec<String> {
            layers.iter().map(|layer| layer.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(",")).collect()
        };
        assert_eq!(words(layers(&model)), ["filesystem", "search", "browser"]);
        let impact = Impact::of(&model, &name("filesystem"));
        assert_eq!(impact.falls.into_iter().collect::<Vec<_>>(), [name("search")]);
        assert_eq!(impact.suffers.into_iter().collect::<Vec<_>>(), [name("browser")], "it wants search");
        assert_eq!(Impact::of(&model, &name("browser")), Impact::default());
    }

    #[test]
    fn a_cycle_ends_too() {
        let mut model = few();
        let back = model.facts[2].service.clone();
        model.facts[0].depends_on.push(mcpstore::Dependency::requires(back));
        assert_eq!(layers(&model).iter().map(Vec::len).sum::<usize>(), 3);
    }
}
