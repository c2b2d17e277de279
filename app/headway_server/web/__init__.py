"""The pages: server-rendered, small, and live by server-sent events."""
