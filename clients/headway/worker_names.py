"""What a worker calls itself."""

from __future__ import annotations

import os
import socket
from uuid import uuid4


def this_worker() -> str:
    """A name for this worker that no other has."""
    return f"{socket.gethostname()[:80]}-{os.getpid()}-{uuid4().hex[:6]}"
