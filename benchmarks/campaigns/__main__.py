"""Every workload's campaign on the running service, beside random search with the same budget.

    python -m benchmarks.campaigns [--only relu-jumps …] [--seeds 5] [--report]

Four workers in processes of their own, the server on SQLite, one thread a process. Campaigns that are in
benchmarks/results/campaigns.json already are kept; --again runs them anew, --report only prints. With one
objective the best trials are compared by what they are worth at fresh seeds, since the best of many noisy
values is luck as well; with several, the hypervolumes above a reference that both fronts share (Ishibuchi et
al. 2011). Prints Markdown and puts it into docs/workloads.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

from benchmarks.campaigns.outcome import Outcome, table
from benchmarks.document import insert
from benchmarks.serving import serving
from benchmarks.systems import ROOT
from headway import Client, Study
from headway.best import Front as Several
from headway.wire.study import DEFAULT_STRATEGY
from headway_server.domain.goals import Goals
from headway_server.domain.pareto import Front
from headway_server.domain.space import SearchSpace
from headway_workers import registry

WORKERS = 4
STRATEGIES = (DEFAULT_STRATEGY, "random")
AGAIN, FRESH = 10, 5_000
"""Evaluations of a campaign's best point, and the first one's seed."""
RESULTS = ROOT / "benchmarks" / "results" / "campaigns.json"
DOCUMENT = ROOT / "docs" / "workloads.md"


def campaigns(name: str, missing: list[tuple[str, int]], port: int) -> Iterator[Outcome]:
    """Campaigns of one objective, in order, by the same four workers; once these rest, all measured again."""
    definition = registry.objective(name).definition()
    url = f"http://127.0.0.1:{port}"
    with Client(url) as client:
        studies = [
            client.define(
                definition.model_copy(
                    update={"name": f"{name}-{strategy}-{seed}", "strategy": strategy, "seed": seed}
                )
            )
            for strategy, seed in missing
        ]
        workers = [_worker(url, name, k, [study.name for study in studies]) for k in range(WORKERS)]
        finished = []
        try:
            for (strategy, seed), study in zip(missing, studies, strict=True):
                outcome = _awaited(study, workers, name, strategy, seed)
                finished.append((study, outcome))
                yield outcome
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
        if len(definition.objectives) == 1:
            for study, outcome in finished:
                yield replace(outcome, again=_again(study, name))


def _worker(url: str, objective: str, k: int, studies: list[str]) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("clients", "app", "workers", "."))
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.campaigns.worker", url, objective, f"worker-{k}", *studies],
        env=os.environ | {"PYTHONPATH": paths} | threads,
        cwd=ROOT,
    )


def _awaited(
    study: Study, workers: list[subprocess.Popen[bytes]], name: str, strategy: str, seed: int
) -> Outcome:
    began = time.monotonic()
    while (view := study.view()).state != "completed":
        if all(worker.poll() is not None for worker in workers):
            raise RuntimeError(f"the workers have ended, but {study.name} has not")
        time.sleep(0.5)
    goals = Goals.from_definition(view.definition, SearchSpace.from_wire(view.definition.space))
    front, counting = Front[None](), 0
    for trial in study.history():
        if trial.value is None:
            continue
        values = {metric: one.value for metric, one in trial.metrics.items()}
        if goals.feasible(values):
            counting += 1
            front.add(goals.utilities(values), None)
    seconds = time.monotonic() - began
    return Outcome(name, strategy, seed, view.budget or 0, counting, seconds, tuple(front.points))


def _again(study: Study, name: str) -> float | None:
    """Mean utility of a campaign's best point, of one objective, at seeds that no trial had."""
    best, objective = study.best(), registry.objective(name)
    if best is None or isinstance(best, Several):
        return None
    (goal,) = objective.goals
    found = [objective.evaluate(best.params, seed=FRESH + k).objectives[goal.name] for k in range(AGAIN)]
    return fmean(found) * (1.0 if goal.goal == "maximize" else -1.0)


def _measures() -> dict[str, tuple[str, float]]:
    """Objective → what its campaigns are compared by, and +1, or −1 where less of it is better."""
    found = {}
    for name in registry.names():
        goals = registry.objective(name).goals
        if len(goals) == 1:
            found[name] = (f"best {goals[0].name}", 1.0 if goals[0].goal == "maximize" else -1.0)
        else:
            found[name] = (f"hypervolume of {', '.join(goal.name for goal in goals)}", 1.0)
    return found


def _stored() -> list[Outcome]:
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return [Outcome(**row | {"front": tuple(tuple(point) for point in row["front"])}) for row in rows]


def main() -> None:
    """Measure what is missing, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=registry.names(), default=registry.names())
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="forget what is stored of these objectives")
    parser.add_argument("--report", action="store_true", help="run nothing")
    options = parser.parse_args()
    kept = [one for one in _stored() if not (options.again and one.objective in options.only)]
    outcomes = {one.key: one for one in kept}
    with tempfile.TemporaryDirectory() as folder:
        for name in () if options.report else options.only:
            wanted = [(strategy, seed) for seed in range(options.seeds) for strategy in STRATEGIES]
            missing = [one for one in wanted if (name, *one) not in outcomes]
            if not missing:
                continue
            with serving(f"sqlite:///{Path(folder) / name}.db", 1) as ports:
                for outcome in campaigns(name, missing, ports[0]):
                    outcomes[outcome.key] = outcome
                    rows = [asdict(one) for one in outcomes.values()]
                    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
                    print(f"{name} {outcome.strategy} {outcome.seed}: {outcome.seconds:.0f} s", flush=True)
    text = table(list(outcomes.values()), _measures())
    print(text)
    insert("campaigns", text, DOCUMENT)


if __name__ == "__main__":
    main()
