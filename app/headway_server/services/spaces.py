"""A study's search space: its versions, the next one, and what of the data it can use."""

from __future__ import annotations

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway.wire.space_versions import DataUse, SetAside, SpacePut, SpaceVersion, SpaceView
from headway_server.domain.errors import OutOfBounds
from headway_server.domain.parameters import range_of
from headway_server.domain.readings import Readings, placed
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study, check_definition
from headway_server.services.leases import complete_if_spent
from headway_server.services.preconditions import require_if_match, require_match
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork

MOST_NAMED = 20
"""Results set aside that an answer names."""


def read_space(database: Database, name: str, version: int | None = None) -> SpaceView:
    """The present space of a study, or an earlier one; and what of the data the present one can use.

    Raises:
        NotFound: no such study, or no such version of its space.
    """

    def work(uow: UnitOfWork) -> SpaceView:
        study = uow.studies.get(name)
        return _view(uow, study, study.space_version if version is None else version)

    return database.read(work)


def change_space(database: Database, name: str, change: SpacePut, if_match: str | None) -> SpaceView:
    """Put the next version of a study's space in force. Where it is so already, nothing is checked.

    Trials under lease go on under their own version. A queued one moves to the new version where its point
    is one of it, and is lost where it is not: nobody is sent outside the space any more.

    Raises:
        NotFound: no such study.
        PreconditionRequired, StaleEtag: If-Match is missing, or names another version.
        InvalidSpace, ConstraintsInfeasible, InvalidFidelity: the space makes no sense for this study.
        UnknownParameter, OutOfBounds: a default is none.
    """
    seen = require_if_match(if_match, f"the space of {name!r}", f"/v1/studies/{name}/space")

    def work(uow: UnitOfWork) -> tuple[int, ...] | None:
        study = uow.studies.lock(name)
        if (study.id, study.space_version) != (read.id, read.space_version):
            return None  # the defaults and the fidelity were checked against another
        present = uow.spaces.versions(study)[-1]
        if change.space == study.definition.space and defaults.items() <= present.defaults.items():
            return ()
        require_match(seen, study.space_etag, f"the space of {name!r}")
        uow.spaces.change(study, change.space, defaults, uow.now)
        uow.events.record(study, "space.changed", uow.now, version=study.space_version)
        withdrawn = _move_queued(uow, study, uow.spaces.readings(study))
        complete_if_spent(uow, study)
        return withdrawn

    while True:
        read = database.read(lambda uow: uow.studies.get(name))
        space = check_definition(read.definition.model_copy(update={"space": change.space}))
        defaults = _checked_defaults(space, change.defaults)
        withdrawn = database.write(work)
        if withdrawn is not None:
            return read_space(database, name).model_copy(update={"withdrawn": withdrawn})


def _checked_defaults(space: SearchSpace, given: Params) -> Params:
    """The defaults in their parameters' own types. Numbers may lie outside: so may what was measured."""
    space.check_names(given, "/defaults")
    checked: Params = {}
    wrong: list[FieldError] = []
    for name, value in given.items():
        read = placed(space.by_name[name], value)
        if read is None:
            message = f"{name} = {value!r} is no value that earlier results can have had."
            hint = f"Give {range_of(space.by_name[name])}."
            wrong.append(FieldError(pointer=f"/defaults/{name}", message=message, hint=hint))
        else:
            checked[name] = read
    if wrong:
        raise OutOfBounds.over(wrong)
    return checked


def _move_queued(uow: UnitOfWork, study: Study, readings: Readings) -> tuple[int, ...]:
    """Queued trials, to the new version; the numbers of those that it has no place for."""
    withdrawn: list[int] = []
    for trial in uow.trials.all_queued(study):
        if trial.params is None:  # its point is computed when it is asked for
            continue
        was = trial.params
        reading = readings.read(was, trial.space_version)
        if reading.params is not None and reading.valid:
            trial.move(reading.params, study.space_version, uow.now)
            uow.events.record(study, "trial.moved", uow.now, trial=trial.number, was=was)
        else:
            trial.withdraw(uow.now)
            withdrawn.append(trial.number)
            uow.events.record(study, "trial.withdrawn", uow.now, trial=trial.number, why=reading.why)
    return tuple(withdrawn)


def _view(uow: UnitOfWork, study: Study, version: int) -> SpaceView:
    one = uow.spaces.get(study, version)
    return SpaceView(
        version=version,
        space=one.space,
        defaults=one.defaults,
        created_at=one.created_at,
        actor=one.actor,
        etag=study.space_etag,
        versions=tuple(SpaceVersion.model_validate(row) for row in uow.spaces.versions(study)),
        data=_use(uow, study),
    )


def _use(uow: UnitOfWork, study: Study) -> DataUse:
    readings = uow.spaces.readings(study)
    usable = outside = 0
    aside: list[SetAside] = []
    for datum in uow.trials.data_after(study, 0):
        reading = readings.read(datum.params, datum.space_version)
        if reading.params is None:
            aside.append(SetAside(trial=datum.trial, why=reading.why))
        else:
            usable += 1
            outside += not reading.valid
    return DataUse(usable=usable, outside=outside, set_aside=len(aside), why=tuple(aside[:MOST_NAMED]))
