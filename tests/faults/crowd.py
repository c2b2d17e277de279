"""Workers that nobody should rely on, as a process of their own; whoever starts it may kill it.

    python -m tests.faults.crowd URL STUDY LOG [--threads N] [--seed S] [--clock-off SECONDS]

Each thread works the study to its end through the client. Now and then it drops a trial without a word, or
goes on working after its lease has lapsed. LOG gets a line "NUMBER VALUE" after each answer to a result: what
was acknowledged, and so must never be lost. Values are unique.
"""

import argparse
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DROPPED, OVERDUE = 0.02, 0.01
"""Shares of the trials that are dropped, and that are reported after their lease."""

MEAN_S = 3.0
"""How long an evaluation takes, at most twice that, seconds."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("study")
    parser.add_argument("log", type=Path)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clock-off", type=float, default=0.0)
    parser.add_argument("--patience", type=float, default=120.0)
    options = parser.parse_args()
    if options.clock_off:
        right = time.time
        time.time = lambda: right() + options.clock_off
    log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with ThreadPoolExecutor(options.threads) as threads:
        work = [threads.submit(worker, options, log, index) for index in range(options.threads)]
        for done in work:
            done.result()


def worker(options: argparse.Namespace, log: int, index: int) -> None:
    from headway import Client

    draw = random.Random(f"{options.seed}:{index}:{os.getpid()}")
    name = f"crowd-{options.seed}-{index}"
    spool = options.log.with_suffix(f".spool-{options.seed}-{index}")
    with Client(options.url, patience_s=options.patience, spool_directory=spool) as client:
        study = client.study(options.study)
        lease_s = study.view().definition.policy.lease_s
        while True:
            given = study.suggest(worker=name)
            if given.status == "done":
                return
            if given.status == "wait":
                time.sleep(given.retry_after_s or 0.5)
                continue
            for trial in given:
                time.sleep(min(draw.expovariate(1.0 / MEAN_S), 2.0 * MEAN_S))
                luck = draw.random()
                if luck < DROPPED:
                    continue
                if luck < DROPPED + OVERDUE:
                    time.sleep(1.5 * lease_s)
                value = draw.random()
                if trial.finish(value) is not None:
                    os.write(log, f"{trial.number} {value!r}\n".encode())


if __name__ == "__main__":
    main()
