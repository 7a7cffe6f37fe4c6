//! What holds of every catalog.
