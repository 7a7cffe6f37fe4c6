//! Secrets in a list of arguments: one may say what the next one is.

use super::header;
use super::keys::is_secret_name;
use super::shapes::{self, Found, Looks, is_plain};

/// Every secret in the arguments, with the number of its argument, in order. `None` is one that is no text.
pub(crate) fn find<'a>(args: impl IntoIterator<Item = Option<&'a str>>) -> Vec<(usize, Found)> {
    let mut out = Vec::new();
    let mut before: Option<&str> = None;
    for (nth, arg) in args.into_iter().enumerate() {
        let flag = std::mem::replace(&mut before, arg).filter(|flag| flag.starts_with('-') && !flag.contains('='));
        let Some(text) = arg else { continue };
        let flag = flag.filter(|_| !text.starts_with('-'));
        if let Some(flag) = flag.filter(|flag| is_secret_name(flag) && is_plain(text)) {
            out.push((nth, Found { range: 0..text.len(), looks: Looks::After(flag.to_owned()) }));
        } else if let Some(found) = header::in_arg(text, flag.is_some_and(header::is_flag)) {
            out.push((nth, found));
        } else {
            out.extend(shapes::find(text).into_iter().map(|found| (nth, found)));
        }
    }
    out
}
