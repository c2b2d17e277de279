"""Makes the database's password, unless there is one, and writes it as the server and PostgreSQL read it.

python make_secrets.py DIRECTORY
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from secrets import token_urlsafe


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def main(directory: Path) -> None:
    """As above."""
    password = directory / "postgres.password"
    if not password.exists():
        write(password, token_urlsafe(32))
    write(directory / "pgpass", f"*:*:headway:headway:{password.read_text()}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
