"""One of the workers: takes part in study after study, so that its imports are paid once.

python -m benchmarks.campaigns.worker URL OBJECTIVE WORKER STUDY [STUDY …]
"""

from __future__ import annotations

import sys

from headway_workers.agent import work


def main() -> None:
    """Entry."""
    url, objective, worker, *studies = sys.argv[1:]
    for study in studies:
        work(objective, study=study, url=url, worker=worker)


if __name__ == "__main__":
    main()
