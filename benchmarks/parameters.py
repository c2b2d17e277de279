"""A search space in a form that every system's adapter can read: numpy and the standard library only."""

from __future__ import annotations

from dataclasses import dataclass

Value = float | int | str | bool
Point = dict[str, Value]


@dataclass(frozen=True)
class Real:
    """A real number in [low, high]."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Whole:
    """A whole number in [low, high], both ends included."""

    name: str
    low: int
    high: int


@dataclass(frozen=True)
class Choice:
    """One of several strings without an order."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Flag:
    """True or False."""

    name: str


Parameter = Real | Whole | Choice | Flag
