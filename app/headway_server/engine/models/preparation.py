"""The posteriors under a new fit, built away from the questions that the old ones go on answering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headway_server.engine.fits.task import Fitted
from headway_server.engine.models.model import Model
from headway_server.engine.models.observations import Observations
from headway_server.engine.placement import Placement


@dataclass(frozen=True)
class Prepared:
    """A model of the first objective, and of every other metric."""

    first: Model
    others: Mapping[str, Model]

    @classmethod
    def of(cls, fitted: Fitted, where: Placement) -> Prepared:
        """Models under a fit that found something, still without posteriors."""
        others = {name: Model.under(one, where) for name, one in fitted.others.items()}
        return cls(Model.under(fitted, where), others)


@dataclass(frozen=True)
class Preparation:
    """A snapshot of everything that the posteriors under a fit need. `run` may be called in any thread or
    process; it shares nothing.
    """

    fitted: Fitted
    first: Observations
    others: Mapping[str, Observations]
    where: Placement
    begun: Prepared | None = None
    """What an earlier one has built, to be brought up to this snapshot."""

    def run(self) -> Prepared:
        """Build them. A matrix without a Cholesky factor is a model without a posterior, no exception."""
        prepared = self.begun or Prepared.of(self.fitted, self.where)
        prepared.first.extend(self.first)
        for name, model in prepared.others.items():
            model.extend(self.others[name])
        return prepared
