"""The numerics of headway: an exact Gaussian process per study. Its only door is `Optimizer`."""

from headway_server.engine.fits.task import FitTask, Fitted
from headway_server.engine.models.preparation import Prepared
from headway_server.engine.optimizer import Optimizer, Suggestion
from headway_server.engine.strategies.registry import STRATEGIES
from headway_server.engine.strategies.standard import Strategy

__all__ = ["STRATEGIES", "FitTask", "Fitted", "Optimizer", "Prepared", "Strategy", "Suggestion"]
