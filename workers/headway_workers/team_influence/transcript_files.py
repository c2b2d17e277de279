"""Transcripts as a folder of four CSV files; the format is in docs/workloads/team_influence.md.

    members.csv     team, member, confidence
    answers.csv     team, question, member, correct
    messages.csv    team, question, member, second, text
    influence.csv   team, report, member, accorded_to, percent

Teams and members are names; questions and reports count from 1, and report k is made after the k-th of
equal blocks of questions.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import DataUnavailable
from headway_workers.team_influence.transcripts import Message, Transcripts

COLUMNS = {
    "members.csv": ("team", "member", "confidence"),
    "answers.csv": ("team", "question", "member", "correct"),
    "messages.csv": ("team", "question", "member", "second", "text"),
    "influence.csv": ("team", "report", "member", "accorded_to", "percent"),
}

SUM_TOLERANCE = 2.0
"""By how many percent a row may miss 100: members round."""


class TranscriptError(DataUnavailable):
    """A file of transcripts can't be used; says where, what is there, and what should be."""


def read(folder: Path) -> Transcripts:
    """Read a folder of transcripts. Rows of influence are normalised to 1.

    Raises:
        TranscriptError: naming file, line, column, value and remedy.
    """
    roster = _Roster.read(folder)
    answers = _Cells(folder / "answers.csv", roster, "question")
    for row in answers.rows():
        answers.put(row, (row.member(),), row.choice("correct", ("0", "1")) == "1")
    influence = _Cells(folder / "influence.csv", roster, "report")
    for row in influence.rows():
        pair = (row.member(), row.member("accorded_to"))
        influence.put(row, pair, row.number("percent", 0.0, 100.0))
    right, percent = answers.filled(1), influence.filled(2)
    questions, reports = right.shape[1], percent.shape[1]
    if questions % reports:
        raise TranscriptError(
            f"{folder}: {questions} questions don't divide into {reports} reports. Give one report for "
            "every block of as many questions."
        )
    sums = percent.sum(axis=-1, keepdims=True)
    for team, report, member in np.argwhere(np.abs(sums[..., 0] - 100.0) > SUM_TOLERANCE)[:1]:
        name, of = roster.teams[team], roster.members[team]
        raise TranscriptError(
            f"{folder / 'influence.csv'}: member {of[member]!r} of team {name!r} divides "
            f"{sums[team, report, member, 0]:g} % in report {report + 1}. Each member divides 100 %."
        )
    messages = list(_messages(folder / "messages.csv", roster, questions))
    return Transcripts(percent / sums, right > 0.5, roster.confidence, messages)


def write(transcripts: Transcripts, folder: Path) -> None:
    """Write transcripts as `read` takes them; teams are called t1, t2, … and members m1, m2, …."""
    folder.mkdir(parents=True, exist_ok=True)
    T, R, n, _ = transcripts.influence.shape
    teams, members = range(T), range(n)
    _write(
        folder / "members.csv",
        (
            (f"t{t + 1}", f"m{i + 1}", f"{transcripts.confidence[t, i]:.4f}")
            for t, i in product(teams, members)
        ),
    )
    questions = range(transcripts.answers.shape[1])
    _write(
        folder / "answers.csv",
        (
            (f"t{t + 1}", q + 1, f"m{i + 1}", int(transcripts.answers[t, q, i]))
            for t, q, i in product(teams, questions, members)
        ),
    )
    _write(
        folder / "messages.csv",
        (
            (f"t{m.team + 1}", m.question + 1, f"m{m.member + 1}", m.second, m.text)
            for m in transcripts.messages
        ),
    )
    _write(
        folder / "influence.csv",
        (
            (f"t{t + 1}", k + 1, f"m{i + 1}", f"m{j + 1}", f"{100.0 * transcripts.influence[t, k, i, j]:.6g}")
            for t, k, i, j in product(teams, range(R), members, members)
        ),
    )


def _write(path: Path, rows: Iterator[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS[path.name])
        writer.writerows(rows)


@dataclass(frozen=True)
class _Row:
    """A line of a file, whose fields are read with what they must be."""

    path: Path
    line: int
    values: Mapping[str, str]
    roster: _Roster | None = None

    def wrong(self, column: str, remedy: str) -> TranscriptError:
        shown = self.values[column]
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        return TranscriptError(f"{self.path}, line {self.line}, column {column!r}: {shown!r}. {remedy}")

    def text(self, column: str) -> str:
        if not self.values[column].strip():
            raise self.wrong(column, "Give a name.")
        return self.values[column].strip()

    def number(self, column: str, low: float, high: float) -> float:
        remedy = f"Give a number from {low:g} to {high:g}."
        try:
            value = float(self.values[column])
        except ValueError:
            raise self.wrong(column, remedy) from None
        if not (isfinite(value) and low <= value <= high):
            raise self.wrong(column, remedy)
        return value

    def count(self, column: str, most: int) -> int:
        """A whole number from 1, as an index from 0."""
        remedy = f"Give a whole number from 1 to {most}."
        try:
            value = int(self.values[column])
        except ValueError:
            raise self.wrong(column, remedy) from None
        if not 1 <= value <= most:
            raise self.wrong(column, remedy)
        return value - 1

    def choice(self, column: str, choices: Sequence[str]) -> str:
        if self.values[column].strip() not in choices:
            raise self.wrong(column, f"Give {' or '.join(choices)}.")
        return self.values[column].strip()

    def team(self) -> int:
        assert self.roster is not None
        name = self.text("team")
        if name not in self.roster.teams:
            raise self.wrong("team", "Add the team to members.csv, or remove the line.")
        return self.roster.teams.index(name)

    def member(self, column: str = "member") -> int:
        assert self.roster is not None
        members = self.roster.members[self.team()]
        name = self.text(column)
        if name not in members:
            raise self.wrong(column, f"Name a member of the team: {', '.join(members)}.")
        return members.index(name)


MOST = 10_000
"""Questions, and reports, at most."""


def _rows(path: Path, roster: _Roster | None = None) -> Iterator[_Row]:
    wanted = COLUMNS[path.name]
    if not path.is_file():
        raise TranscriptError(f"{path}: there is no such file. Give one with columns {', '.join(wanted)}.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="…", restval=None)
        try:
            header = reader.fieldnames or ()
            if lacking := [column for column in wanted if column not in header]:
                raise TranscriptError(
                    f"{path}, line 1: there is no column {lacking[0]!r}. The first line names the columns "
                    f"{', '.join(wanted)}."
                )
            for values in reader:
                if None in values.values() or "…" in values:
                    raise TranscriptError(
                        f"{path}, line {reader.line_num}: not {len(header)} fields as in line 1. Give all of "
                        'them, and put "quotes" around a text with a comma.'
                    )
                yield _Row(path, reader.line_num, values, roster)
        except UnicodeDecodeError as error:
            raise TranscriptError(f"{path}: not UTF-8 ({error.reason}). Save it as UTF-8.") from None
        except csv.Error as error:
            raise TranscriptError(f"{path}, line {reader.line_num}: no CSV ({error}). Quote it.") from None


@dataclass(frozen=True)
class _Roster:
    """Who is in which team."""

    teams: list[str]
    members: list[list[str]]
    confidence: NDArray[np.float64]

    @classmethod
    def read(cls, folder: Path) -> _Roster:
        path = folder / "members.csv"
        found: dict[str, dict[str, float]] = {}
        for row in _rows(path):
            team = found.setdefault(row.text("team"), {})
            if row.text("member") in team:
                raise row.wrong("member", "The team has this member already. Remove the line.")
            team[row.text("member")] = row.number("confidence", -10.0, 10.0)
        sizes = {len(team) for team in found.values()}
        if len(found) < 2 or min(sizes) < 2:
            raise TranscriptError(f"{path}: give at least two teams of at least two members.")
        if len(sizes) > 1:
            first = len(next(iter(found.values())))
            odd = next(name for name, team in found.items() if len(team) != first)
            raise TranscriptError(
                f"{path}: team {odd!r} has {len(found[odd])} members, the first one {first}. Give teams of "
                "one size."
            )
        confidence = np.array([list(team.values()) for team in found.values()])
        return cls(list(found), [list(team) for team in found.values()], confidence)


class _Cells:
    """Values of a file by team, by question or report, and by members: each must be there once."""

    def __init__(self, path: Path, roster: _Roster, counted: str) -> None:
        self.path, self.roster, self.counted = path, roster, counted
        self.values: dict[tuple[int, ...], float] = {}

    def rows(self) -> Iterator[_Row]:
        return _rows(self.path, self.roster)

    def put(self, row: _Row, members: tuple[int, ...], value: float) -> None:
        cell = (row.team(), row.count(self.counted, MOST), *members)
        if cell in self.values:
            raise row.wrong(self.counted, f"This team, {self.counted} and member stand in an earlier line.")
        self.values[cell] = value

    def filled(self, axes: int) -> NDArray[np.float64]:
        """Shape (T, questions or reports, n, …), with so many axes of members."""
        if not self.values:
            raise TranscriptError(f"{self.path}: there is nothing below line 1.")
        n = len(self.roster.members[0])
        shape = (len(self.roster.teams), 1 + max(cell[1] for cell in self.values), *[n] * axes)
        for cell in product(*map(range, shape)):
            if cell not in self.values:
                team, count, *members = cell
                who = " → ".join(repr(self.roster.members[team][one]) for one in members)
                lacking = f"{self.counted} {count + 1} of {who}"
                raise TranscriptError(
                    f"{self.path}: team {self.roster.teams[team]!r} lacks {lacking}. Add the line, or "
                    "remove the team from all files."
                )
        table = np.empty(shape)
        for cell, value in self.values.items():
            table[cell] = value
        return table


def _messages(path: Path, roster: _Roster, questions: int) -> Iterator[Message]:
    for row in _rows(path, roster):
        yield Message(
            team=row.team(),
            question=row.count("question", questions),
            member=row.member(),
            second=row.number("second", 0.0, 1e6),
            text=row.values["text"],
        )
