"""What must hold after a study was worked through faults."""

import sys
from collections import Counter
from pathlib import Path

from headway import Client, Study


def acknowledged(log: Path) -> list[tuple[int, float]]:
    """Trial and value of every result that the server said it had. A line that a kill cut off is no one's."""
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [(int(number), float(value)) for number, value in (line.split() for line in lines)]


def assert_nothing_lost(study: Study, budget: int, log: Path) -> None:
    """Every acknowledged result is there, none twice; every trial of the budget is done, and no other."""
    trials = list(study.history())
    assert [trial.number for trial in trials] == list(range(1, budget + 1))
    assert Counter(trial.state for trial in trials) == {"completed": budget}
    kept = [
        (trial.number, observation.metrics[study.definition.objectives[0].name].value)
        for trial in trials
        for observation in trial.observations
    ]
    assert not [twice for twice, count in Counter(kept).items() if count > 1]
    told = acknowledged(log)
    assert len(told) >= budget // 2
    assert not set(told) - set(kept)
    assert all(trial.origin is not None for trial in trials)


def main(url: str, study: str, budget: str, log: str) -> None:
    """For a server that only another network namespace reaches."""
    with Client(url) as client:
        assert_nothing_lost(client.study(study), int(budget), Path(log))


if __name__ == "__main__":
    main(*sys.argv[1:])
