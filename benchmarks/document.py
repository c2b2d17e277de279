"""Puts the tables that a command prints into docs/benchmarks.md, between the marks of their section."""

from __future__ import annotations

from pathlib import Path

from benchmarks.systems import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"


def insert(section: str, text: str, document: Path = DOCUMENT) -> None:
    """Replace what stands between `<!-- SECTION -->` and `<!-- end of SECTION -->`.

    Raises:
        ValueError: where the document has no such section.
    """
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{document} has no section {section!r}: add {begin} and {end}.")
    document.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")
