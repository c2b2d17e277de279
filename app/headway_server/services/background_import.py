"""A module that takes long to import, imported beside the answers."""

from __future__ import annotations

import importlib
import threading
import time

PATIENCE_S = 20.0
"""From the start of the import on, a question waits so long at most: less than the API waits for the engine
by default. Torch takes 4 s from a warm disk, and more than a minute from a cold one under load."""


class BackgroundImport:
    """One module, imported in a thread once it is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._thread: threading.Thread | None = None
        self._began = 0.0

    def start(self) -> None:
        """Begin, unless that has happened before."""
        if self._thread is None:
            self._began = time.monotonic()
            self._thread = threading.Thread(
                target=importlib.import_module, args=(self._module,), name="import", daemon=True
            )
            self._thread.start()

    def ready(self) -> bool:
        """Whether it has come to its end; waits for that within the patience. An import that failed is ready:
        whoever needs the module meets the error.
        """
        if self._thread is None:
            raise AssertionError(f"the import of {self._module} has not been started")
        self._thread.join(max(0.0, self._began + PATIENCE_S - time.monotonic()))
        return not self._thread.is_alive()
