"""The six fitted families behind one interface: a sample and settings in, a density out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from headway_workers.molecular_fitness.autoregressive import LinearAutoregressive, Uniform
from headway_workers.molecular_fitness.bear import Bear
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.potts_plm import PottsModel
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.swi import SiteWise
from headway_workers.molecular_fitness.trees import Array
from headway_workers.molecular_fitness.vae import Autoencoder, Recipe

Family = Literal["swi", "potts_plm", "bear", "bear_on_swi", "ar_linear", "vae"]
FAMILIES: tuple[Family, ...] = ("swi", "potts_plm", "bear", "bear_on_swi", "ar_linear", "vae")


class Density(Protocol):
    """A fitted model."""

    def log_density(self, x: Sequences) -> Array:
        """Log q of each sequence, (N,), nats; of the autoencoder a lower bound."""
        ...


@dataclass(frozen=True)
class Settings:
    """A family with what it needs; the others' settings are not read."""

    family: Family
    pseudocount: float = 0.5
    """swi, bear_on_swi."""
    plm_l2: float = 1e-2
    h: float = 1.0
    """bear, bear_on_swi."""
    lag: int = 5
    """bear, ar_linear."""
    recipe: Recipe | None = None
    """vae."""


class NotConverged(Exception):
    """A fit's optimiser gave up; says which."""


def fitted(
    settings: Settings,
    sample: Sample,
    *,
    seed: int = 0,
    device: str = "cpu",
    late: Callable[[], bool] = lambda: False,
) -> Density:
    """Fit a family to a sample of sequences of one length.

    `bear_on_swi` has the whole prefix as context, which tells the site, so that its embedded model is
    exactly the site-wise one: h → 0 is `swi`, a large h the table of what was seen.

    Raises:
        NotConverged: L-BFGS stopped before its gradient was small.
        TimeIsUp: `late` said so while the autoencoder was trained.
        FloatingPointError: the autoencoder's training diverged.
    """
    match settings.family:
        case "swi":
            return SiteWise.fit(sample, settings.pseudocount)
        case "bear":
            return Bear.fit(sample, Uniform(sample.letters), settings.lag, settings.h)
        case "bear_on_swi":
            base = SiteWise.fit(sample, settings.pseudocount)
            return Bear.fit(sample, base, sample.x.shape[1], settings.h)
        case "vae":
            assert settings.recipe is not None
            return Autoencoder.fit(sample, settings.recipe, seed=seed, device=device, late=late)
        case "potts_plm":
            potts = PottsModel.fit(sample, settings.plm_l2)
            return _held(potts, converged=potts.converged, name="pseudo-likelihood")
        case "ar_linear":
            linear = LinearAutoregressive.fit(sample, settings.lag)
            return _held(linear, converged=linear.converged, name="linear autoregressive")


def _held(model: Density, *, converged: bool, name: str) -> Density:
    if not converged:
        raise NotConverged(f"The {name} fit did not converge.")
    return model
