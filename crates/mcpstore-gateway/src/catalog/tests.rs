//! Catalogs of a few services, looked at from outside.
