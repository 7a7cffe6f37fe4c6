//! What mcpstore shows over HTTP: metrics, health.
