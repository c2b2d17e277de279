"""How much the best of several noisy values promises too much (Smith & Winkler 2006)."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm


def expected_maximum(n: int) -> float:
    """E[max of n independent N(0, 1)] = ∫ x n φ(x) Φ(x)ⁿ⁻¹ dx, by quadrature.

    In units of the noise's standard deviation it is the bias of the best of n equal arms.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"The maximum of n = {n} values does not exist: n is at least 1.")

    def density(x: float) -> float:
        return float(x * n * np.exp(norm.logpdf(x) + (n - 1) * norm.logcdf(x)))

    return float(quad(density, -10.0, 12.0, epsabs=1e-11, limit=200)[0])
