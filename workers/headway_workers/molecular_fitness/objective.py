"""The objective molecular-fitness: two goals of one density, which conflict."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Categorical, Float, Int, When
from headway.wire.study import Objective as Goal
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)
from headway_workers.molecular_fitness.bear import by_marginal_likelihood
from headway_workers.molecular_fitness.families import (
    FAMILIES,
    Density,
    NotConverged,
    Settings,
    fitted,
)
from headway_workers.molecular_fitness.landscapes import (
    Sequences,
    all_sequences,
    divergence,
    log_boltzmann,
)
from headway_workers.molecular_fitness.problem import BETA, LEAVES, LETTERS, SITES, Problem
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.scores import acceptance, spearman
from headway_workers.molecular_fitness.swi import SiteWise
from headway_workers.molecular_fitness.vae import Recipe, TimeIsUp

RUNGS = (300, 1_000, 3_000, 10_000)
PSEUDOCOUNT = 0.5
"""Of the model embedded in the posterior over the true density."""
DRAWS = 40
"""From the posterior over the true density, whose scores the fit's is compared with."""

_SWI, _PLM, _BEAR, _LAGGED, _VAE = (
    When("family", families)
    for families in (
        ("swi", "bear_on_swi"),
        ("potts_plm",),
        ("bear", "bear_on_swi"),
        ("bear", "ar_linear"),
        ("vae",),
    )
)


class MolecularFitness(Objective):
    """Spearman's ρ with fitness, and the log-likelihood of held-out sequences, of a fitted density.

    The problem's seed draws a landscape and the leaves of a phylogeny; the evaluation's draws the
    autoencoder's weights and batches, and the posterior's draws, and nothing else. Tuning ρ on an assay is
    supervised, so the audit's assay mutates the other half of the sites, and its leaves are others.
    One core: 0.4 to 5 s, the autoencoder up to a minute.
    """

    name = "molecular-fitness"
    summary = "Rank correlation with fitness against held-out likelihood of models of evolved sequences."
    parameters = (
        Categorical(FAMILIES, name="family"),
        Float(0.5, 1.0, name="reweight_theta"),
        Float(1e-3, 10.0, log=True, when=_SWI, name="pseudocount"),
        Float(1e-5, 1.0, log=True, when=_PLM, name="plm_l2"),
        Float(1e-4, 1e3, log=True, when=_BEAR, name="h"),
        Int(1, 13, when=_LAGGED, name="lag"),
        Int(2, 32, log=True, when=_VAE, name="latent"),
        Int(16, 512, log=True, when=_VAE, name="width"),
        Float(1e-4, 1e-2, log=True, when=_VAE, name="learning_rate"),
        Int(5, 200, log=True, when=_VAE, name="epochs"),
        Float(0.1, 4.0, log=True, when=_VAE, name="beta_kl"),
    )
    goals = (
        Goal(name="fitness_spearman", goal="maximize"),
        Goal(name="held_out_log_likelihood", goal="maximize"),
    )
    outcome_constraints = ("n_unique >= 2",)
    fidelity = FidelityAxis("sequences", 100, LEAVES)

    def __init__(self, problem_seed: int = 0) -> None:
        self.problem_seed = problem_seed

    @cached_property
    def problem(self) -> Problem:
        """The instance that the problem's seed draws."""
        return Problem.of(self.problem_seed)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Fit on 300, 1,000, 3,000 … of the first `fidelity` sequences; a rung's value is ρ."""
        settings, theta = settings_of(params), float(params["reweight_theta"])
        most = fidelity or LEAVES
        late = partial(overdue, deadline)
        for size in (*(rung for rung in RUNGS if rung < most), most):
            if late():
                return Evaluation(status="timeout", reason=f"Time was up before the fit on {size} sequences.")
            sample = Sample.of(self.problem.leaves[:size], LETTERS, theta)
            try:
                model = fitted(settings, sample, seed=seed, device=device, late=late)
            except TimeIsUp:
                return Evaluation(status="timeout", reason=f"Time was up in the fit on {size} sequences.")
            except FloatingPointError as error:
                return Evaluation(status="diverged", reason=str(error))
            except NotConverged as error:
                return Evaluation(status="solver_failed", reason=f"{error} It had {size} sequences.")
            assay = self.problem.assay
            rho = float(spearman(model.log_density(assay.x), assay.fitness))
            report(size, rho)
        return self._evaluation(model, settings, sample, size=most, rho=rho, seed=seed)

    def _evaluation(
        self, model: Density, settings: Settings, sample: Sample, *, size: int, rho: float, seed: int
    ) -> Evaluation:
        problem = self.problem
        audit = problem.assay_audit
        unweighted = Sample.of(problem.leaves[:size], LETTERS)
        posterior = by_marginal_likelihood(unweighted, SiteWise.fit(unweighted, PSEUDOCOUNT), (SITES,))
        draws = posterior.draws(problem.assay.x, DRAWS, np.random.default_rng([seed, 61]))
        metrics = {
            "beats_true_density": Metric(
                acceptance(rho, spearman(draws, problem.assay.fitness)), "selection"
            ),
            "fitness_spearman_other_sites": Metric(
                float(spearman(model.log_density(audit.x), audit.fitness)), "audit"
            ),
            "log_likelihood_other_leaves": Metric(per_residue(model, problem.held_out_audit), "audit"),
            "n_effective": Metric(sample.effective),
        }
        if settings.family != "vae":
            # Of the autoencoder there is only a bound, which is no density to take a divergence of.
            everything = all_sequences(SITES, LETTERS)
            log_q, target = model.log_density(everything), log_boltzmann(problem.landscape, BETA)
            metrics["kl_from_stationary"] = Metric(divergence(target, log_q))
            metrics["kl_to_stationary"] = Metric(divergence(log_q, target))
        return Evaluation(
            objectives={
                "fitness_spearman": rho,
                "held_out_log_likelihood": per_residue(model, problem.held_out),
            },
            constraints={"n_unique": float(len(sample.x))},
            metrics=metrics,
        )


def per_residue(model: Density, x: Sequences) -> float:
    """Mean log-likelihood per residue, nats."""
    distinct, counts = np.unique(x, axis=0, return_counts=True)
    return float(counts @ model.log_density(distinct)) / x.size


def settings_of(params: Params) -> Settings:
    """The fit that a point of the space stands for."""
    family = next(name for name in FAMILIES if name == params["family"])
    match family:
        case "swi":
            return Settings(family, pseudocount=float(params["pseudocount"]))
        case "potts_plm":
            return Settings(family, plm_l2=float(params["plm_l2"]))
        case "bear":
            return Settings(family, h=float(params["h"]), lag=int(params["lag"]))
        case "bear_on_swi":
            return Settings(family, pseudocount=float(params["pseudocount"]), h=float(params["h"]))
        case "ar_linear":
            return Settings(family, lag=int(params["lag"]))
        case "vae":
            recipe = Recipe(
                latent=int(params["latent"]),
                width=int(params["width"]),
                learning_rate=float(params["learning_rate"]),
                epochs=int(params["epochs"]),
                beta_kl=float(params["beta_kl"]),
            )
            return Settings(family, recipe=recipe)
