"""A study as its reader sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from pydantic import ValidationError

from headway import calls
from headway.best import BestTrial, Front
from headway.errors import ValidationFailed
from headway.results import Link
from headway.wire.base import ParamValue
from headway.wire.events import EventView
from headway.wire.explanation import ExplainRequest, Explanation
from headway.wire.measurement import MeasurementView
from headway.wire.model import ModelSummary
from headway.wire.plot import Plot, PlotKind
from headway.wire.space_versions import SpaceView
from headway.wire.study import Convergence, Interval, StudyDefinition, StudyView
from headway.wire.trial import (
    TrialState,
    TrialView,
)
from headway.wire.trial_filter import TrialFilter


class StudyReader:
    """What can be read of one study."""

    def __init__(self, link: Link, name: str, *, view: StudyView | None = None) -> None:
        self.name = name
        self._link = link
        self._first_view = view

    def __repr__(self) -> str:
        return f"<Study {self.name} on {self._link.connection.base_url}>"

    @cached_property
    def definition(self) -> StudyDefinition:
        """What defines the study. Read once: only its space can change, by `change_space`."""
        return (self._first_view or self.view()).definition

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return tuple(objective.name for objective in self.definition.objectives)

    def view(self) -> StudyView:
        """The study as the server has it now."""
        return self._link.ask(calls.read_study(self.name))

    def best(self) -> BestTrial | Front | None:
        """The best completed trial and the model's belief there; the front, where there are several
        objectives. None until a trial has completed that keeps the outcome constraints, at the target
        fidelity.
        """
        answer, objective = self._link.ask(calls.read_best(self.name)), self.objectives[0]
        if answer.front:
            trials = tuple(BestTrial(objective=objective, **dict(one)) for one in answer.front)
            return Front(trials, self.objectives)
        return None if answer.best is None else BestTrial(objective=objective, **dict(answer.best))

    def convergence(self) -> Convergence:
        """The incumbent's value, or the volume that the front dominates, after every completed trial."""
        return self._link.ask(calls.read_convergence(self.name))

    def model(self) -> ModelSummary:
        """What the model has learnt."""
        return self._link.ask(calls.read_model(self.name))

    def predict(self, points: Sequence[Mapping[str, ParamValue]]) -> tuple[Interval, ...]:
        """The posterior of the objective at each point, in order; up to 5,000 points."""
        plain = tuple(dict(point) for point in points)
        return self._link.ask(calls.predict(self.name, plain)).predictions

    def explain(
        self,
        trial: int | None = None,
        *,
        params: Mapping[str, ParamValue] | None = None,
        nearest: int = 5,
        alternatives: int = 3,
    ) -> Explanation:
        """Why a trial is where it is, or what the model thinks of any point: its score taken apart, the
        measured points that speak for it, and what else could have been chosen.

        Args:
            trial: its number.
            params: a point, in place of a trial.
            nearest: how many measured points to name, at most 50.
            alternatives: how many other points to name, at most 10.

        Raises:
            ValidationFailed: neither a trial nor a point is named, or both.
            EngineUnavailable: there are too few results for a model.
        """
        try:
            request = ExplainRequest(
                trial=trial,
                params=None if params is None else dict(params),
                nearest=nearest,
                alternatives=alternatives,
            )
        except ValidationError as error:
            raise ValidationFailed.before_sending("The question", error) from error
        return self._link.ask(calls.explain(self.name, request))

    def export(self, layout: calls.ExportFormat = "json") -> bytes:
        """The study's data as a file: `csv` and `parquet` have a row a trial, `ndjson` a line a trial with
        its history; `json` is all of it, and `Client.import_study` makes a study of it again.

        Raises:
            NotAcceptable: the server can't write Parquet.
        """
        return self._link.ask(calls.export(self.name, layout)).content

    def trial(self, number: int) -> TrialView:
        """One trial with its attempts and results."""
        return self._link.ask(calls.read_trial(self.name, number))

    def measurements(self, number: int) -> Iterator[MeasurementView]:
        """What a trial reported while it ran, by attempt and step."""
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_measurements(self.name, number, cursor))
            yield from page.measurements
            cursor = page.next_cursor
            if cursor is None:
                return

    def history(
        self,
        state: TrialState | None = None,
        *,
        worker: str | None = None,
        policy: str | None = None,
        updated_after: datetime | None = None,
        tag: str | None = None,
        excluded: bool | None = None,
    ) -> Iterator[TrialView]:
        """Every trial by number, with its receipt, attempts and results; or those that the filters let
        through, as `wire.trial_filter.TrialFilter` says.
        """
        chosen = TrialFilter(state, worker, policy, updated_after, tag, excluded)
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_trials(self.name, cursor, chosen))
            yield from page.trials
            cursor = page.next_cursor
            if cursor is None:
                return

    def events(self, after: int = 0) -> Iterator[EventView]:
        """What happened to the study, in order, after the event of this number, up to now."""
        cursor: str | None = str(after)
        while cursor is not None:
            page = self._link.ask(calls.list_events(self.name, cursor))
            yield from page.events
            cursor = page.next_cursor

    def plot(self, kind: PlotKind, max_points: int = 2000) -> Plot:
        """The columns that a plot is drawn from.

        Args:
            kind: `history`, `front` (of several objectives) or `parallel`.
            max_points: the most entries of a column (2 to 20,000); the best results are among them.
        """
        return self._link.ask(calls.read_plot(self.name, kind, max_points))

    def columns(
        self,
        state: TrialState | None = None,
        *,
        worker: str | None = None,
        policy: str | None = None,
        updated_after: datetime | None = None,
        tag: str | None = None,
        excluded: bool | None = None,
        fields: Sequence[str] = (),
        max_points: int | None = None,
    ) -> dict[str, list[object]]:
        """Every trial as columns of one length, as a data frame takes them; None where not known.

        Args:
            state: of this state only.
            worker: to which this worker made an attempt.
            policy: whose receipt names this one: `sobol`, `ucb`, `import` …
            updated_after: changed since.
            tag: with this tag.
            excluded: True: whose results count no more; False: the others.
            fields: columns beside `number`, such as `value`, `params.NAME`, `metrics.NAME`, `policy`; the
                state, the values and the parameters where none is named.
            max_points: an overview in one request, of at most so many entries (2 to 20,000): every incumbent
                is among them, and the lowest and highest of the rest.

        Raises:
            ValidationFailed: there is no column of this name.
        """
        chosen = TrialFilter(state, worker, policy, updated_after, tag, excluded)
        columns: dict[str, list[object]] = {}
        cursor: str | None = None
        while True:
            call = calls.list_columns(self.name, cursor, chosen, fields=fields, max_points=max_points)
            page = self._link.ask(call)
            for name, values in page.columns.items():
                columns.setdefault(name, []).extend(values)
            cursor = page.next_cursor
            if cursor is None:
                return columns

    def space(self, version: int | None = None) -> SpaceView:
        """The search space, the present one or an earlier version; all versions; and what of the data the
        present one can use.

        Raises:
            NotFound: there is no such version.
        """
        return self._link.ask(calls.read_space(self.name, version))
