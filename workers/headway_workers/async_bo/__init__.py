"""Asynchronous Bayesian optimisation on a simulated clock: the core paper's claims, on this very engine."""
