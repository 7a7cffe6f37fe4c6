//! What happened, on disk: an append-only log that survives a kill at any instant.
