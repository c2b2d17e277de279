"""Every strategy, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headway_server.engine.strategies.in_flight import (
    ConstantLiar,
    HallucinatedLogEI,
    HallucinatedRandomizedUCB,
    HallucinatedUCB,
    LocalPenalisation,
    Portfolio,
    QLogNEI,
)
from headway_server.engine.strategies.standard import (
    UCB,
    LogEI,
    ModelBased,
    ModelFree,
    Random,
    RandomizedUCB,
    Sobol,
    Thompson,
)

STRATEGIES: Mapping[str, type[ModelBased | ModelFree]] = MappingProxyType(
    {
        strategy.name: strategy
        for strategy in (
            RandomizedUCB,
            UCB,
            Thompson,
            LogEI,
            HallucinatedRandomizedUCB,
            HallucinatedUCB,
            HallucinatedLogEI,
            Portfolio,
            LocalPenalisation,
            ConstantLiar,
            QLogNEI,
            Random,
            Sobol,
        )
    }
)
"""Every strategy that a study may name."""
