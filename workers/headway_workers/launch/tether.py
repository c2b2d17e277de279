"""Run a module as `python -m` would, and end with the parent: `python -m headway_workers.launch.tether`.

The parent holds the other end of this process's standard input and never writes to it. When the parent
is gone, however it went, the kernel closes that end, and the read here returns. This works on Linux and
macOS alike, needs no signal from a parent that may have been killed, and covers kill -9.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 10.0
"""How long the module may take to end after SIGTERM once the parent is gone."""


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def main() -> None:
    """Run the module that the first argument names, with the other arguments as its own."""
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
