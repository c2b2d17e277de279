"""What the demo shows while it runs: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from headway_workers.demo.record import Record
from headway_workers.launch.crew import Note

BLOCKS = "▁▂▃▄▅▆▇█"
RATE_WINDOW = 20
"""The rate is that of the last so many results."""

NOTES_SHOWN = 4


@dataclass(frozen=True)
class Moment:
    """All that is shown at one time."""

    record: Record
    workers: tuple[str, ...]
    notes: Sequence[Note] = ()
    restarts: int = 0
    trouble: str = ""
    """Why the record may be old, where the server didn't answer."""


class Display(Protocol):
    """Something that shows moments."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, moment: Moment) -> None: ...


def display(console: Console) -> Display:
    """The display that suits where the output goes."""
    return LivePanel(console) if console.is_terminal else PlainLines(console)


class LivePanel:
    """A panel that is drawn over and over."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, moment: Moment) -> None:
        """Draw it."""
        self._live.update(panel(moment))


@dataclass
class PlainLines:
    """A line for each new incumbent, each tenth of the budget, and each note."""

    console: Console
    _said: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, moment: Moment) -> None:
        """Print what is new."""
        record = moment.record
        for note in moment.notes:
            self._once(f"note {note.at}", f"{note.name} {note.text}")
        if moment.trouble:
            self._once(f"{moment.trouble} {record.ended}", moment.trouble)
        budget = record.study.budget
        tenth = record.ended * 10 // budget if budget else record.ended // 10
        best = standing(record)
        if best:
            where = f"{record.ended}/{budget or '∞'} trials, {best}"
            if self._once(f"best {best}", where):
                self._said.add(f"tenth {tenth}")
            else:
                self._once(f"tenth {tenth}", where)

    def _once(self, key: str, line: str) -> bool:
        if key in self._said:
            return False
        self._said.add(key)
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        return True


def standing(record: Record) -> str:
    """The best so far in words; empty while no trial counts."""
    last = record.observed[-1] if record.observed else None
    if last is None or last.best is None:
        return ""
    names = [objective.name for objective in record.study.definition.objectives]
    if len(names) == 1:
        return f"best {names[0]} {last.best:.6g}"
    return f"a front of {len(last.front)} over {', '.join(names)}; best {names[0]} {last.best:.6g}"


def panel(moment: Moment) -> Panel:
    """The live panel: progress, incumbent, its curve, who is busy, and what went wrong."""
    record = moment.record
    budget = record.study.budget or max(1, record.ended)
    head = Table.grid(padding=(0, 2), expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right", no_wrap=True)
    head.add_row(
        ProgressBar(total=budget, completed=record.ended), Text(f"{record.ended}/{budget}  {_pace(record)}")
    )
    parts: list[Group | Table | Text] = [head]
    if record.observed:
        found = [seen.trial for seen in record.observed if seen.improved]
        latest = f"  at trial {found[-1]}" if found else ""
        parts.append(Text.assemble((standing(record), "bold yellow"), (latest, "dim")))
        best = [seen.best for seen in record.observed if seen.best is not None]
        parts.append(
            Text.assemble(
                ("every value   ", "dim"), (sparkline([s.value for s in record.observed]), "blue"), "\n",
                ("the incumbent ", "dim"), (sparkline(best), "yellow"),
            )
        )  # fmt: skip
    parts.extend((Text(""), _workers(moment)))
    parts.extend(
        Text(f"{time.strftime('%H:%M:%S', time.localtime(note.at))}  {note.name} {note.text}", style="red")
        for note in moment.notes[-NOTES_SHOWN:]
    )
    if moment.trouble:
        parts.append(Text(moment.trouble, style="red"))
    restarts = f", {moment.restarts} restarts" if moment.restarts else ""
    goals = ", ".join(f"{one.name} {one.goal}d" for one in record.study.definition.objectives)
    title = f"{record.study.name}: {goals}{restarts}"
    return Panel(Group(*parts), title=title, title_align="left", subtitle="Ctrl-C to stop and resume later")


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """The last `width` values as bars of eight heights, from the least to the greatest.

    Heights are logarithms where the values are positive and span a decade.
    """
    shown = values[-width:]
    if not shown:
        return ""
    if min(shown) > 0 and max(shown) > 10 * min(shown):
        shown = [math.log(value) for value in shown]
    low, high = min(shown), max(shown)
    if high == low:
        return BLOCKS[0] * len(shown)
    return "".join(BLOCKS[int((value - low) / (high - low) * (len(BLOCKS) - 1) + 0.5)] for value in shown)


def _pace(record: Record) -> str:
    recent = record.observed[-RATE_WINDOW:]
    if len(recent) < 2:
        return "–"
    rate = (len(recent) - 1) / max(1e-3, (recent[-1].at - recent[0].at).total_seconds())
    left = (record.study.budget or record.ended) - record.ended
    return f"{rate:.2g} trials/s, {left / rate:.0f} s left"


def _workers(moment: Moment) -> Table:
    table = Table.grid(padding=(0, 2))
    busy, now = moment.record.busy, datetime.now(UTC)
    for worker in moment.workers:
        if worker in busy:
            number, since = busy[worker]
            seconds = max(0.0, (now - since).total_seconds())
            table.add_row(worker, Text(f"trial {number}", style="green"), f"since {seconds:.1f} s")
        else:
            table.add_row(worker, Text("between trials", style="dim"), "")
    return table
