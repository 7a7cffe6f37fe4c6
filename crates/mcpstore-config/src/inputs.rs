//! `inputs`: what users are asked for, as VS Code has it.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{entry, get};
use crate::tree::{Node, Value};
use crate::values::{nonempty, text, wrong_type};
use crate::words::INPUT;
use crate::{Code, Place};

/// The inputs of a config, by id; of an id that several texts have the last one counts.
pub(crate) type Inputs = BTreeMap<String, Input>;

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// What it is for.
    pub(crate) description: Option<String>,
    /// What counts when nobody gives a value.
    pub(crate) default: Option<String>,
    /// Where it is declared.
    pub(crate) place: Place,
}

/// Reads the list of inputs of one text.
pub(crate) fn read(cx: &mut Context<'_>, value: &Value<'_>, out: &mut Inputs) {
    let Node::List(list) = &value.node else {
        if !value.is_null() {
            wrong_type(
                cx,
                "inputs",
                value,
                "a list of objects",
                Some("write [{ \"id\": \"key\", \"type\": \"promptString\" }]"),
            );
        }
        return;
    };
    for element in list {
        let Node::Object(object) = &element.node else {
            wrong_type(cx, "an element of inputs", element, "an object", None);
            continue;
        };
        let fields = entry(cx, object, &INPUT);
        let Some(id) = get(&fields, "id") else {
            let diagnostic = cx.error_at(element, Code::Empty, "this input has no `id`");
            cx.push(diagnostic.with_help("write { \"id\": \"key\", \"type\": \"promptString\" }"));
            continue;
        };
        let Some(id_text) = nonempty(cx, "inputs.id", id.value).map(str::to_owned) else { continue };
        let place = cx.place(id.value.at);
        let mut read = |key: &str| get(&fields, key).and_then(|field| text(cx, key, field.value)).map(str::to_owned);
        let input = Input { description: read("description"), default: read("default"), place };
        if let Some(earlier) = out.get(&id_text).filter(|earlier| earlier.place.source == place.source) {
            let message = format!("input `{}` is declared twice; the last one counts", shown(&id_text));
            let diagnostic = Diagnostic::warning(Code::DuplicateKey, message).with_place(place);
            cx.push(diagnostic.with_related(earlier.place, "this one is ignored"));
        }
        out.insert(id_text, input);
    }
}
