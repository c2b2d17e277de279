"""Matrix completion by gradient descent on the factors (arXiv 2508.09685)."""
