"""Campaigns of the workloads on the running service, beside random search with the same budget."""
