"""Points for one study, chosen one after the other from one reading of its rows."""

from __future__ import annotations

from collections.abc import Callable

from headway_server.domain.held import Held
from headway_server.services.engine_port import Point
from headway_server.services.warm import News, Warm, point_in_flight
from headway_server.storage.rows import InFlight

BOTORCH_AWAY = "BoTorch, which this strategy asks, is still being imported"


class Round:
    """Answers those who ask for points of a study at once: the rows are read once for all of them, and each
    point is chosen knowing those before it.

    Args:
        warm: the study's posterior, up to date.
        news: the rows that it was brought up to date with.
        botorch_ready: whether a strategy that asks BoTorch may.
    """

    def __init__(self, warm: Warm, news: News, botorch_ready: Callable[[], bool]) -> None:
        self._warm = warm
        self._space_version = news.study.space_version
        self._botorch_ready = botorch_ready
        optimizer = warm.optimizer
        self._here = (optimizer.model_version, optimizer.n_observed)
        self._in_flight: dict[int, InFlight] = {}
        answered = warm.answered
        warm.answered = {}
        for trial in news.in_flight:
            if trial.params is not None:
                self._in_flight[trial.number] = trial
            elif trial.number in answered:
                self._remember(answered[trial.number])

    def points(self, numbers: list[int], held: Held) -> list[Point]:
        """A point for each of these reserved trial numbers, in order, with the values held."""
        for number in numbers:  # asked for again: what was answered before is no other trial's
            self._in_flight.pop(number, None)
        return [self._point(number, held) for number in numbers]

    def _point(self, number: int, held: Held) -> Point:
        warm, optimizer = self._warm, self._warm.optimizer
        known = [(trial, point_in_flight(warm, trial)) for trial in self._in_flight.values()]
        pending = [params for _, params in known if params is not None]
        given_out = [params for trial, params in known if params is not None and self._is_of_here(trial)]
        waits = optimizer.asks_botorch and not optimizer.starts(number)
        unready = None if not waits or self._botorch_ready() else BOTORCH_AWAY
        suggestion = optimizer.ask(pending, number=number, given_out=given_out, held=held, unready=unready)
        point = Point(
            number=number,
            params=suggestion.params,
            origin=suggestion.receipt,
            seen_seq=warm.seen_seq,
            space_version=self._space_version,
        )
        self._remember(point)
        return point

    def _remember(self, point: Point) -> None:
        """Its row will have the point once it is handed out; until then, only this process knows it."""
        self._warm.answered[point.number] = point
        self._in_flight[point.number] = InFlight(
            point.number, point.params, point.origin, point.space_version
        )

    def _is_of_here(self, trial: InFlight) -> bool:
        made = trial.origin
        return made is not None and (made.model_version, made.n_observed) == self._here
