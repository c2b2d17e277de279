"""Saddle-to-saddle training of two-layer ReLU networks on orthogonal data (arXiv 2605.27097, 2502.16977)."""
