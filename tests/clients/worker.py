"""What the tests of several files do with a study."""

import httpx

AWAY = httpx.ConnectError("refused")


def states(study):
    """The states of its trials, by number."""
    return [trial.state for trial in study.history()]


def work(study, objective):
    """A worker's loop."""
    for trial in study.trials():
        with trial:
            trial.finish(objective(trial))
