"""What the tests of several files do with a study."""

import httpx
import pytest

AWAY = httpx.ConnectError("refused")
IMPATIENT = pytest.mark.parametrize("patience_s", [0.3], ids=["impatient"])


def states(study):
    """The states of its trials, by number."""
    return [trial.state for trial in study.history()]


def work(study, objective):
    """A worker's loop."""
    for trial in study.trials():
        with trial:
            trial.finish(objective(trial))
