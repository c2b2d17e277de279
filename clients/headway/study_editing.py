"""A study in the hands of its editor: what is changed about it, and data that no worker brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal
from uuid import uuid4

from pydantic import ValidationError

from headway import calls
from headway.batches import Rows, requests_of, sum_of
from headway.errors import StudyDeleted, ValidationFailed
from headway.spaces import ParameterLike, space_of
from headway.study_reading import StudyReader
from headway.values import Number, Value, metrics_of
from headway.wire.amendments import TrialPatch
from headway.wire.base import ParamValue
from headway.wire.manual import TrialCreate
from headway.wire.observations import ImportResponse
from headway.wire.space import Space
from headway.wire.space_versions import SpacePut, SpaceView
from headway.wire.study import StudyPatch, StudyState, StudyView
from headway.wire.trial import (
    TrialView,
)


class StudyEditor(StudyReader):
    """What can be changed about one study, beside all that can be read."""

    def pause(self) -> StudyView:
        """Hand nothing out until `resume()`: workers wait, and what is under way goes on."""
        return self.change(state="paused")

    def resume(self) -> StudyView:
        """Hand out trials again.

        Raises:
            IllegalTransition: the budget is spent; raise it with `change(budget=…)`.
        """
        return self.change(state="running")

    def close(self) -> StudyView:
        """Hand nothing out any more: workers are told that the study is done. Results are still taken."""
        return self.change(state="completed")

    def delete(self, *, etag: str | None = None) -> None:
        """Delete the study with all its data. For 30 days its name stays taken, its workers are told to stop,
        and whatever asks for it gets `StudyDeleted`. One that is deleted already is none to complain about.

        Args:
            etag: delete it only if `view().etag` is still this; None: whatever it is.

        Raises:
            StaleEtag: it has another ETag: somebody has changed it since.
        """
        with suppress(StudyDeleted):  # an answer may be lost on its way, and the call repeated
            self._link.ask(calls.delete_study(self.name, etag))

    def change(
        self,
        *,
        state: StudyState | None = None,
        budget: int | None = None,
        notes: str | None = None,
        etag: str | None = None,
    ) -> StudyView:
        """Set the study's state, budget or notes; None: as it is.

        Args:
            state: `running`, `paused`, `completed` or `archived`.
            budget: how many trials may be handed out in all; not fewer than have been.
            notes: replace the ones that it has.
            etag: change it only if `view().etag` is still this; None: whatever it is.

        Raises:
            StaleEtag: it has another ETag: somebody has changed it since.
            ValidationFailed: the budget is less than what has been handed out.
        """
        try:
            patch = StudyPatch.model_validate({"state": state, "budget": budget, "notes": notes})
        except ValidationError as error:
            raise ValidationFailed.before_sending("The change to the study", error) from error
        return self._link.ask(calls.change_study(self.name, patch, etag))

    def change_space(
        self,
        space: Mapping[str, ParameterLike] | Space,
        *,
        constraints: Sequence[str] = (),
        defaults: Mapping[str, ParamValue] | None = None,
        etag: str | None = None,
    ) -> SpaceView:
        """Put the next version of the search space in force. Results stay: the model uses what it can read.

        Args:
            space: parameter → what `Client.create_study` takes; or a whole space.
            constraints: linear ones, as expressions.
            defaults: for results that lack a parameter, the value that it had then.
            etag: change it only if `space().etag` is still this; None: whatever it is.

        Raises:
            StaleEtag: it has another ETag: somebody has changed it since.
            InvalidRequest: the space or a default is not valid; the message names each field.
        """
        try:
            whole = space if isinstance(space, Space) else space_of(space, constraints)
            change = SpacePut(space=whole, defaults=dict(defaults or {}))
        except ValidationError as error:
            raise ValidationFailed.before_sending("The search space", error) from error
        view = self._link.ask(calls.change_space(self.name, change, etag))
        self._first_view = None
        self.__dict__.pop("definition", None)
        return view

    def import_results(self, rows: Rows, *, dry_run: bool = False) -> ImportResponse:
        """Hand in results that were measured elsewhere, up to 5,000 a request. They cost no budget.

        Args:
            rows: records (mappings) or columns (a mapping of lists, a data frame), with a value for each
                parameter and each objective; `metric.std_error`, `outcome` (infeasible, failed), `reason`,
                `message` and `client_id` where there is something to say. Other columns are metrics, too.
                A row without a `client_id` gets one made of its content, so that a second import of it
                changes nothing; equal rows of one call count as replicates.
            dry_run: say what would become of each row, and change nothing.

        Raises:
            ValidationFailed, TypeError: a row can't be read, or is no mapping; nothing was sent.
            ConnectionFailed, ApiError: the requests before the failing one are imported; repeat the call.
        """
        definition = self.view().definition
        requests = requests_of(rows, definition, dry_run=dry_run)
        return sum_of([self._link.ask(calls.import_rows(self.name, one)) for one in requests])

    def enqueue(
        self,
        params: Mapping[str, ParamValue],
        *,
        note: str = "",
        tags: Sequence[str] = (),
        client_id: str | None = None,
    ) -> TrialView:
        """Queue a point of your own: the next worker that asks gets it, before the model is asked. It costs a
        place in the budget.

        Args:
            params: a value for each parameter.
            note: for people.
            tags: of the trial.
            client_id: your name for it: a second call under it finds the same trial. None: a new one.

        Raises:
            InvalidRequest: the point is none of the space; the message names each field.
            IllegalTransition: the budget is spent, or the study is closed.
            RowConflict: the `client_id` is another trial's.
        """
        return self._create(params=params, note=note, tags=tags, client_id=client_id)

    def record(
        self,
        params: Mapping[str, ParamValue],
        value: Value | None = None,
        std_error: Number | None = None,
        *,
        outcome: Literal["completed", "infeasible", "failed"] = "completed",
        message: str | None = None,
        note: str = "",
        tags: Sequence[str] = (),
        client_id: str | None = None,
    ) -> TrialView:
        """Hand in one result that was measured elsewhere; `import_results` takes tables. It costs no budget.

        Args:
            params: a value for each parameter.
            value: what was measured, as `Trial.finish` takes it.
            std_error: of the value.
            outcome: `infeasible` or `failed` where there is no value.
            message: why.
            note: for people.
            tags: of the trial.
            client_id: your name for it: a second call under it finds the same trial. None: a new one.

        Raises:
            InvalidRequest: the point is none of the space, or the metrics are not the study's.
            RowConflict: the `client_id` is another trial's.
            TypeError, ValueError: the value is none.
        """
        metrics = {} if value is None else metrics_of(value, self.objectives, std_error)
        return self._create(
            params=params,
            metrics=metrics,
            outcome=outcome,
            message=message,
            note=note,
            tags=tags,
            client_id=client_id,
        )

    def _create(self, **fields: object) -> TrialView:
        # A name of its own, where the caller gives none: the request may have to be sent again.
        named = fields | {"client_id": fields["client_id"] or str(uuid4())}
        try:
            trial = TrialCreate.model_validate(named)
        except ValidationError as error:
            raise ValidationFailed.before_sending("The trial", error) from error
        return self._link.ask(calls.create_trial(self.name, trial))

    def change_trial(
        self,
        number: int,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        excluded: bool | None = None,
        value: Value | None = None,
        std_error: Number | None = None,
        attempt: int | None = None,
        reason: str | None = None,
    ) -> TrialView:
        """Note, tag, exclude or correct a trial; None: as it is. Its history keeps what was there.

        Args:
            number: the trial's.
            note: for people.
            tags: in place of those that it has.
            excluded: True: its results count no more, neither as data nor as the best; it keeps its number
                and its place in the budget.
            value: what should have been reported, as `Trial.finish` takes it.
            std_error: of the value.
            attempt: whose result is corrected; None: the one that stands for the trial.
            reason: why; needed for a correction and for an exclusion.

        Raises:
            ValidationFailed: there is no reason.
            IllegalTransition: there is no value to correct.
            TypeError, ValueError: the value is none.
        """
        named = {"note": note, "tags": tags, "excluded": excluded, "attempt": attempt, "reason": reason}
        metrics = None if value is None else metrics_of(value, self.objectives, std_error)
        try:
            patch = TrialPatch.model_validate({**named, "metrics": metrics})
        except ValidationError as error:
            raise ValidationFailed.before_sending("The change to the trial", error) from error
        return self._link.ask(calls.change_trial(self.name, number, patch))
