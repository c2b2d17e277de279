"""Trials that are stored, each with its attempts and observations."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache

from pydantic import TypeAdapter
from sqlalchemy import Connection

from headway.wire.base import Params
from headway.wire.study import TrialCounts
from headway.wire.trial import Receipt
from headway_server.domain.errors import NotFound
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage import queries
from headway_server.storage.identity_map import ATTEMPTS, TRIALS, IdentityMap
from headway_server.storage.rows import Arrival, Datum, Incumbent, InFlight, MeasuredArrival, Waiting
from headway_server.storage.trial_loading import TrialLoader

POINT: TypeAdapter[Params] = TypeAdapter(Params)

KEYS_AT_ONCE = 1000
"""Keys looked up by one query: both databases limit how many values a query takes."""

RANKED_AT_ONCE = 64
"""Rows fetched at once where trials are gone through from the best one on."""


class TrialRepository:
    """Trials of a study, with their attempts and observations."""

    def __init__(self, connection: Connection, objects: IdentityMap) -> None:
        self._connection = connection
        self._objects = objects
        self._loader = TrialLoader(connection, objects)

    def add(self, trial: Trial) -> None:
        """Store a new trial."""
        self._objects.add(TRIALS, trial)

    def get(self, study: Study, number: int) -> Trial:
        """One trial.

        Raises:
            NotFound: the study has no trial of this number.
        """
        parameters = {"study": study.id, "number": number}
        trial = self._loader.one(queries.TRIAL, parameters)
        if trial is None:
            raise NotFound(f"Study {study.name!r} has no trial {number}; its last is {study.last_number}.")
        return trial

    def reserved(self, study: Study, numbers: Iterable[int]) -> list[Trial]:
        """Those of these trials that are still reserved, by number. Their points are not known yet, so nobody
        has tried them: there is nothing but their own rows.
        """
        parameters = {"study": study.id, "numbers": list(numbers)}
        rows = self._connection.execute(queries.TRIALS_RESERVED, parameters)
        return [self._objects.found(TRIALS, tuple(row))[0] for row in rows]

    def imported(self, study: Study, client_ids: Sequence[str]) -> dict[str, tuple[int, str | None]]:
        """Of these rows of callers, those that are here: by `client_id` the trial's number and the hash of
        the row's content; None where the trial came without a result.
        """
        found: dict[str, tuple[int, str | None]] = {}
        for start in range(0, len(client_ids), KEYS_AT_ONCE):
            keys = client_ids[start : start + KEYS_AT_ONCE]
            rows = self._connection.execute(queries.IMPORTED, {"study": study.id, "client_ids": keys})
            found |= {client_id: (number, content) for client_id, number, content in rows}
        return found

    def queued(self, study: Study, after: int, limit: int) -> Sequence[Trial]:
        """Up to `limit` trials that wait to be handed out again, with numbers above `after`, by number."""
        parameters = {"study": study.id, "after": after, "limit": limit}
        return self._loader.load(queries.TRIALS_QUEUED_AFTER, parameters)

    def all_queued(self, study: Study) -> Sequence[Trial]:
        """All trials that wait to be handed out, by number."""
        return self._loader.load(queries.TRIALS_QUEUED, {"study": study.id})

    def lapsed(self, study: Study, now: datetime) -> Sequence[Trial]:
        """Trials whose lease or reservation nobody renewed in time."""
        return self._loader.load(queries.TRIALS_LAPSED, {"study": study.id, "now": now})

    def waiting(self, study: Study, now: datetime) -> Waiting:
        """Whether there are trials to take back, or to hand out again."""
        return Waiting(*self._connection.execute(queries.WAITING, {"study": study.id, "now": now}).one())

    def held_by(self, study: Study, worker: str) -> Sequence[Trial]:
        """The trials that a worker has under lease, by number."""
        return self._loader.load(queries.TRIALS_HELD_BY, {"study": study.id, "worker": worker})

    def next_lapse(self, study: Study) -> datetime | None:
        """When the next lease of the study lapses, if nobody renews it."""
        return self._connection.scalars(queries.NEXT_LAPSE, {"study": study.id}).one_or_none()

    def counts(self, study: Study) -> TrialCounts:
        """How many trials are in each state."""
        self._objects.count_trials()
        return study.trial_counts

    def incumbent(self, study: Study) -> Incumbent | None:
        """The completed trial with the best value of the first objective, among those that keep the outcome
        constraints at the target fidelity; of equals the first.
        """
        if study.goals.plain:
            query = queries.HIGHEST if study.maximize else queries.LOWEST
            row = self._connection.execute(query, {"study": study.id}).one_or_none()
            return None if row is None else Incumbent(*row)
        with closing(self.ranked(study)) as ranked:
            return next((one for one in ranked if study.counts(one.values, one.params)), None)

    def any_as_good(self, study: Study, value: float) -> bool:
        """Whether a completed trial has this value of the only objective, or a better one."""
        query = queries.ANY_AS_HIGH if study.maximize else queries.ANY_AS_LOW
        return bool(self._connection.scalars(query, {"study": study.id, "value": value}).one())

    def ranked(self, study: Study) -> Generator[Incumbent]:
        """Completed trials, best first objective first, fetched as they are asked for. To be closed."""
        query = queries.HIGHEST_FIRST if study.maximize else queries.LOWEST_FIRST
        options = {"yield_per": RANKED_AT_ONCE}
        with self._connection.execute(query, {"study": study.id}, execution_options=options) as rows:
            for row in rows:
                yield Incumbent(*row)

    def arrivals(self, study: Study) -> list[Arrival]:
        """Every completed trial in order of arrival."""
        return [Arrival(*row) for row in self._connection.execute(queries.ARRIVALS, {"study": study.id})]

    def measured_arrivals(self, study: Study) -> list[MeasuredArrival]:
        """Every completed trial with all that was measured, in order of arrival."""
        rows = self._connection.execute(queries.MEASURED_ARRIVALS, {"study": study.id})
        return [MeasuredArrival(Incumbent(*row[:-1]), row[-1]) for row in rows]

    def data_after(self, study: Study, seq: int) -> list[Datum]:
        """What the engine has not seen: completed and infeasible observations after this sequence number,
        in order, replicates too.
        """
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return [Datum(*row) for row in self._connection.execute(queries.DATA_AFTER, parameters)]

    def count_after(self, study: Study, seq: int) -> int:
        """How many observations that the engine learns from came after this sequence number."""
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return self._connection.scalars(queries.COUNT_AFTER, parameters).one()

    def in_flight(self, study: Study) -> list[InFlight]:
        """Trials handed out, queued to be handed out again, or reserved, by number."""
        rows = self._connection.execute(queries.TRIALS_IN_FLIGHT, {"study": study.id})
        return [_in_flight(*row) for row in rows]

    def live_attempts(self, study: Study) -> list[tuple[int, Attempt]]:
        """Who is at work: trial number and attempt, oldest lease first."""
        rows = self._connection.execute(queries.LIVE_ATTEMPTS, {"study": study.id})
        return [(number, self._objects.found(ATTEMPTS, tuple(values))[0]) for number, *values in rows]


@lru_cache(maxsize=4096)
def _in_flight(number: int, params: str | None, origin: str | None, space_version: int) -> InFlight:
    """A trial in flight, from JSON. Kept: its row is read again at every suggestion until it has ended."""
    return InFlight(
        number,
        None if params is None else POINT.validate_json(params),
        None if origin is None else Receipt.model_validate_json(origin),
        space_version,
    )
