"""A small variational autoencoder of aligned sequences, in torch, on any device."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot

from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array

BATCH = 128
BATCHES = 4
"""Steps an epoch, at least: distinct sequences are few, their weights are drawn from."""
IMPORTANCE = 64
"""Samples of the bound that stands for the density."""


class TimeIsUp(Exception):
    """The deadline passed during training."""


@dataclass(frozen=True)
class Recipe:
    """What a campaign chooses."""

    latent: int
    width: int
    learning_rate: float
    epochs: int
    beta_kl: float
    """Weight of the divergence from the prior."""


class _Network(nn.Module):
    def __init__(self, sites: int, letters: int, recipe: Recipe) -> None:
        super().__init__()
        self.sites, self.letters = sites, letters
        self.encoder = nn.Sequential(
            nn.Linear(sites * letters, recipe.width), nn.ReLU(), nn.Linear(recipe.width, 2 * recipe.latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(recipe.latent, recipe.width), nn.ReLU(), nn.Linear(recipe.width, sites * letters)
        )

    def terms(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log q(x|z), z, and the encoder's (mean, log sd), for noise (…, N, latent)."""
        moments = self.encoder(one_hot(x, self.letters).to(noise.dtype).flatten(1))
        mean, log_sd = moments.chunk(2, dim=1)
        z = mean + noise * log_sd.exp()
        logits = self.decoder(z).unflatten(-1, (self.sites, self.letters))
        target = x.expand(*logits.shape[:-1]).unsqueeze(-1)
        return log_softmax(logits, -1).gather(-1, target).squeeze(-1).sum(-1), z, moments


@dataclass(frozen=True)
class Autoencoder:
    """A trained network."""

    network: _Network
    device: str
    latent: int
    seed: int

    @classmethod
    def fit(
        cls,
        sample: Sample,
        recipe: Recipe,
        *,
        seed: int,
        device: str = "cpu",
        late: Callable[[], bool] = lambda: False,
    ) -> Autoencoder:
        """Adam on the evidence lower bound, batches drawn by the sequences' weights.

        Weights, batches and noise come from CPU generators, so that a device changes rounding alone.

        Raises:
            TimeIsUp: `late` said so between two epochs.
            FloatingPointError: training left the finite numbers.
            ValueError: a sequence has gaps.
        """
        if (sample.x < 0).any():
            raise ValueError("The autoencoder reads sequences without gaps; drop the columns or rows first.")
        random = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _Network(sample.x.shape[1], sample.letters, recipe)
        network = network.to(device)
        x, weights = torch.from_numpy(sample.x).to(device), torch.from_numpy(sample.weights)
        optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        steps = max(BATCHES, -(-len(x) // BATCH))
        for _ in range(recipe.epochs):
            if late():
                raise TimeIsUp
            for _ in range(steps):
                chosen = torch.multinomial(weights, BATCH, replacement=True, generator=random)
                noise = torch.randn(BATCH, recipe.latent, generator=random).to(device)
                likelihood, _, moments = network.terms(x[chosen.to(device)], noise)
                mean, log_sd = moments.chunk(2, dim=1)
                surplus = ((mean**2 + (2 * log_sd).exp() - 1.0) / 2.0 - log_sd).sum(1)
                loss = (recipe.beta_kl * surplus - likelihood).mean()
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError("The autoencoder's training left the finite numbers.")
        return cls(network.eval(), device, recipe.latent, seed)

    @torch.no_grad()
    def log_density(self, x: Sequences) -> Array:
        """The importance-weighted bound on log q with 64 samples, (N,); never above it in expectation."""
        random = torch.Generator().manual_seed(self.seed + 1)
        # The same noise for all sequences: their differences, which rank mutants, are less noisy.
        noise = torch.randn(IMPORTANCE, 1, self.latent, generator=random).to(self.device)
        found = []
        for part in np.array_split(x, max(1, len(x) // 512)):
            at = torch.from_numpy(part).to(self.device)
            likelihood, z, moments = self.network.terms(at, noise)
            _, log_sd = moments.chunk(2, dim=1)
            log_ratio = ((noise**2 - z**2) / 2.0 + log_sd).sum(-1)
            found.append(torch.logsumexp(likelihood + log_ratio, 0) - math.log(IMPORTANCE))
        density: Array = torch.cat(found).double().cpu().numpy()
        return density
