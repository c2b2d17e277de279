"""Measures one system at one size in a process of its own, pinned to a core, and prints the row as JSON.

python -m benchmarks.latency.worker SYSTEM N D REPEATS [--fit]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from benchmarks.latency.workload import pin


def main() -> None:
    """Measure and print; what libraries print goes to the standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system")
    parser.add_argument("n", type=int)
    parser.add_argument("d", type=int)
    parser.add_argument("repeats", type=int)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    pin()
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if options.system.startswith("headway/"):
        from benchmarks.latency import ours

        row = ours.measure(options.system, options.n, options.d, options.repeats, fit=options.fit)
    else:
        from benchmarks.latency import peers

        row = peers.measure(options.system, options.n, options.d, options.repeats)
    answer.write(json.dumps(asdict(row)) + "\n")
    answer.close()


if __name__ == "__main__":
    main()
