"""The comparison's tables, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.statistics import FLOOR, Rank, Summary


def regret_table(rows: Iterable[Summary], names: Sequence[str], problems: Sequence[str]) -> str:
    """Medians with quartiles, one line a problem; the best median of a line is bold.

    A noisy problem has a second line: the true regret of the point with the best observed value.
    """
    by = {(row.problem, row.system): row for row in rows}
    held = [name for name in names if any(system == name for _, system in by)]
    lines = [f"| | {' | '.join(held)} |", "|---" * (len(held) + 1) + "|"]
    for problem in problems:
        cells = [by.get((problem, name)) for name in held]
        present = [cell for cell in cells if cell is not None]
        if not present:
            continue
        best = min(max(cell.median, FLOOR) for cell in present)
        lines.append(f"| {problem} | {' | '.join(_cell(cell, best) for cell in cells)} |")
        if any(cell.incumbent is not None for cell in present):
            texts = ["" if c is None or c.incumbent is None else _short(c.incumbent) for c in cells]
            lines.append(f"| {problem}, best observed | {' | '.join(texts)} |")
    counts = [[row.seeds for row in by.values() if row.system == name] for name in held]
    spread = [f"{min(c)}" if min(c) == max(c) else f"{min(c)} to {max(c)}" for c in counts]
    lines.append(f"| seeds | {' | '.join(spread)} |")
    seconds = [
        sorted(row.seconds for row in by.values() if row.system == name and row.seconds is not None)
        for name in held
    ]
    texts = [_short(values[len(values) // 2]) if values else "" for values in seconds]
    lines.append(f"| processor seconds a run | {' | '.join(texts)} |")
    return "\n".join(lines)


def rank_table(title: str, ranks: Sequence[Rank]) -> str:
    """Mean ranks with 95 % intervals, best first."""
    lines = [
        f"{title} (problems: {ranks[0].problems}; intervals of 95 % by bootstrap over seeds):",
        "",
        "| system | mean rank, final regret | mean rank, area under log regret |",
        "|---|---|---|",
    ]
    lines += [f"| {rank.system} | {rank.final} | {rank.area} |" for rank in ranks]
    return "\n".join(lines)


def _cell(row: Summary | None, best: float) -> str:
    if row is None:
        return ""
    text = _short(row.median)
    text = f"**{text}**" if max(row.median, FLOOR) <= best else text
    return f"{text} ({_short(row.lower)} to {_short(row.upper)})" if row.seeds > 2 else text


def _short(value: float) -> str:
    """Two digits, or as many as a whole number has."""
    if value <= FLOOR:
        return f"< {FLOOR:g}"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"
