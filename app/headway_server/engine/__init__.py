"""The numerics of headway: an exact Gaussian process per study. Its only door is `Optimizer`."""
