"""A study's results with the posterior over them, metric by metric."""
