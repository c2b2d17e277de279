"""Prints the packages that extras of the project ask for, so that an image installs them before its source.

    python requirements.py server otel > requirements.txt

An extra may name others of the project, as headway[…].
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """The project's own requirements and those of these extras, each once, in order."""
    optional = project["optional-dependencies"]
    found: list[str] = list(project["dependencies"])
    waiting = list(extras)
    while waiting:
        for line in optional[waiting.pop(0)]:
            nested = re.fullmatch(rf"{project['name']}\[(.+)]", line)
            waiting += [name.strip() for name in nested[1].split(",")] if nested else []
            found += [] if nested else [line]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    told = tomllib.loads((Path.cwd() / "pyproject.toml").read_text())
    sys.stdout.write("\n".join(requirements(told["project"], sys.argv[1:])) + "\n")
