"""Interpolating weights that were fine-tuned for different rewards (Ramé et al., NeurIPS 2023)."""
