"""The HTTP API: routers of a few lines, and one shape for every error."""
