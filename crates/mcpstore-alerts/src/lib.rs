//! Who is told of an alert, and how: sinks, templates, retries in order.
