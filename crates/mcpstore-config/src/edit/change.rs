//! What can be changed.

use crate::Plain;

/// One change of the entries of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Adds an entry behind the last one. An error when one of that name is there.
    Insert {
        /// Its name.
        key: &'a str,
        /// What it holds. In a list, `name` is added as its first member.
        value: &'a Plain,
    },
    /// Writes an entry anew, in its place; comments in it go. An error when it is not there.
    Replace {
        /// Its name.
        key: &'a str,
        /// What it holds from now on.
        value: &'a Plain,
    },
    /// Takes an entry out. An error when it is not there.
    Remove {
        /// Its name.
        key: &'a str,
    },
    /// Writes one field of an entry. Objects on the way to it are made; the entry must be there.
    Set {
        /// The name of the entry.
        key: &'a str,
        /// The way from the entry to the field. Empty: the entry itself, as with `Replace`.
        path: &'a [&'a str],
        /// What the field holds from now on. Null takes it out of a TOML text, which knows no null.
        value: &'a Plain,
    },
    /// Takes one field out of an entry. No change when the field is not there; the entry must be there, unless `path` is
    /// empty.
    Unset {
        /// The name of the entry.
        key: &'a str,
        /// The way from the entry to the field. Empty: the entry itself.
        path: &'a [&'a str],
    },
}

impl Change<'_> {
    /// The entry it is about.
    pub(super) const fn key(&self) -> &str {
        match self {
            Self::Insert { key, .. }
            | Self::Replace { key, .. }
            | Self::Remove { key }
            | Self::Set { key, .. }
            | Self::Unset { key, .. } => key,
        }
    }

    /// Which changes may be made in the same pass: those that add, those that take out, those within entries.
    pub(super) const fn pass(&self) -> u8 {
        match self {
            Self::Insert { .. } => 0,
            Self::Remove { .. } | Self::Unset { path: [], .. } => 1,
            Self::Replace { .. } | Self::Set { .. } | Self::Unset { .. } => 2,
        }
    }
}
