"""headway: asynchronous Bayesian optimisation, from the worker's side.

import headway

@headway.study("reactor-yield", maximize="yield", budget=200,
               temperature=headway.Float(20, 120), solvent=["MeCN", "THF"])
def measure(temperature, solvent):
    return run_experiment(temperature, solvent)

measure.work()  # start this same file on 50 machines
"""

from headway import errors
from headway.audits import Audit
from headway.best import BestTrial, Front
from headway.client import Client
from headway.errors import ApiError, ConnectionFailed, HeadwayError, Infeasible, Stop
from headway.measure import Measure, study
from headway.studies import Study, Suggestions
from headway.trials import Trial
from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, Simplex, When
from headway.wire.study import EarlyStopping, Fidelity, FidelityCost, Objective, Policy

__all__ = [
    "ApiError",
    "Audit",
    "BestTrial",
    "Boolean",
    "Categorical",
    "Client",
    "ConnectionFailed",
    "EarlyStopping",
    "Fidelity",
    "FidelityCost",
    "Float",
    "Front",
    "HeadwayError",
    "Infeasible",
    "Int",
    "Measure",
    "Objective",
    "Ordinal",
    "Policy",
    "Simplex",
    "Stop",
    "Study",
    "Suggestions",
    "Trial",
    "When",
    "errors",
    "study",
]
