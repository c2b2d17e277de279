"""Statistics that several workloads share, one subject a file."""
