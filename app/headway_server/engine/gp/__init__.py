"""The exact Gaussian process: its kernel, its posterior, and closed forms over it."""
