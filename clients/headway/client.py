"""The client: where the server is, and which studies it has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from headway import calls
from headway.connection import Connection
from headway.patience import Patience
from headway.projects import Project, create_project, list_projects, read_audit
from headway.results import Link
from headway.spaces import Names, ParameterLike, define_study
from headway.spool import Spool
from headway.studies import Study
from headway.wire.access import AuditEntry, ProjectView
from headway.wire.limits import Limits
from headway.wire.study import Fidelity, Objective, Policy, StudyDefinition, StudyView
from headway.wire.workers import WorkerView

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8765"


class Client:
    """Talks to one headway server; thread-safe, and a context manager.

    Every call is repeated while the server can't be reached, answers 429, 502, 503 or 504, for up to
    `patience_s` seconds in all. Repeats are safe: each call carries one idempotency key. Nothing is sent
    before the first call.

    Args:
        url: the server; HEADWAY_URL, or http://127.0.0.1:8765, by default.
        api_key: sent as a bearer token; HEADWAY_API_KEY, or what the file named by HEADWAY_API_KEY_FILE
            holds, by default.
        project: which project is meant, for a key of the whole installation; HEADWAY_PROJECT by default. Any
            other key is of one project, which it implies.
        patience_s: seconds; HEADWAY_PATIENCE_S, or 60, by default. 0: one try.
        spool_directory: where results wait while the server is away; HEADWAY_SPOOL_DIR, or
            ~/.headway/spool, by default.
        transport: replaces the network, e.g. in tests.

    Raises:
        ValueError: the URL is not http:// or https://, HEADWAY_PATIENCE_S is no number, or there is nothing
            in HEADWAY_API_KEY_FILE.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        project: str | None = None,
        patience_s: float | None = None,
        spool_directory: str | Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        url = url or os.environ.get("HEADWAY_URL") or DEFAULT_URL
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is not the URL of a server. Say e.g. {DEFAULT_URL}.")
        if api_key is None:
            api_key = os.environ.get("HEADWAY_API_KEY") or _key_in_file()
        if project is None:
            project = os.environ.get("HEADWAY_PROJECT")
        connection = Connection(
            url,
            api_key=api_key or None,
            project=project or None,
            patience=Patience(total_s=_patience_s() if patience_s is None else patience_s),
            transport=transport,
        )
        directory = None if spool_directory is None else Path(spool_directory)
        self._link = Link(connection, Spool(connection.base_url, directory))

    @classmethod
    def local(cls, path: str | Path | None = None, *, patience_s: float | None = None) -> Self:
        """The same API in this process on a SQLite file, without a server. Close it, or use `with`.

        Args:
            path: the file, made where it is missing; .headway/headway.db by default.
            patience_s: as for a server.

        Raises:
            LocalServerFailed: the server is not installed, or the file has another schema.
        """
        from headway.local import LocalTransport, load_application

        file = Path(path or ".headway/headway.db").absolute()
        transport = LocalTransport(load_application(str(file)))
        return cls(
            "http://headway.local",
            api_key="",  # those of the environment are for a server
            project="",
            patience_s=patience_s,
            spool_directory=file.parent / f"{file.name}.spool",
            transport=transport,
        )

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._link.connection.base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.url}>"

    def close(self) -> None:
        """Close the connections; a local server shuts down."""
        self._link.close()

    def study(self, name: str) -> Study:
        """A handle on a study. Nothing is asked yet; a name that does not exist shows at the first call."""
        return Study(self._link, name)

    def create_study(
        self,
        name: str,
        space: Mapping[str, ParameterLike],
        *,
        maximize: Names = None,
        minimize: Names = None,
        constraints: Sequence[str] = (),
        objectives: Sequence[Objective] | None = None,
        outcome_constraints: Sequence[str] = (),
        fidelity: Fidelity | str | None = None,
        budget: int | None = None,
        strategy: str | None = None,
        seed: int = 0,
        n_initial: int | None = None,
        policy: Policy | None = None,
        notes: str = "",
    ) -> Study:
        """Create a study, or join the one that the same definition made before.

        Args:
            name: 1 to 64 letters, digits, dots, underscores and hyphens.
            space: parameter → Float, Int, Ordinal, Categorical, Boolean, Simplex, choices, or `bool`.
            maximize: the objective's name, or several names.
            minimize: likewise. With neither, `value` is minimised.
            objectives: in place of these two, objectives in an order of their own.
            constraints: linear ones, as expressions: "x1 + 2*x2 <= 3" (see `wire.space.Space`).
            outcome_constraints: bounds on measured metrics, e.g. "latency <= 50".
            fidelity: a parameter that buys accuracy for cost, by name or as `headway.Fidelity`.
            budget: how many trials are handed out in all; no limit by default.
            strategy: how suggestions are made; the server's default.
            seed: of every random draw of the study.
            n_initial: length of the Sobol start.
            policy: leases, retries, parallelism.
            notes: for people.

        Raises:
            DefinitionConflict: the name is taken by a study with another definition.
            InvalidRequest: the definition is not valid; the message names each field.
        """
        return self.define(
            define_study(
                name,
                space,
                maximize=maximize,
                minimize=minimize,
                constraints=constraints,
                objectives=objectives,
                outcome_constraints=outcome_constraints,
                fidelity=fidelity,
                budget=budget,
                strategy=strategy,
                seed=seed,
                n_initial=n_initial,
                policy=policy,
                notes=notes,
            )
        )

    def define(self, definition: StudyDefinition) -> Study:
        """`create_study` with a ready definition."""
        return Study(self._link, definition.name, view=self._link.ask(calls.create_study(definition)))

    def import_study(self, document: bytes | str, name: str | None = None) -> Study:
        """A study from what `Study.export` gave as JSON: with its trials, results and events, but without the
        leases, which stay with the server that gave them. A second import finds the first one's study.

        Args:
            document: the file's content.
            name: in place of the study's own.

        Raises:
            DefinitionConflict: the name is taken by another study.
            InvalidArchive: the document was changed, or cut.
        """
        content = document.encode() if isinstance(document, str) else document
        view = self._link.ask(calls.import_study(content, name))
        return Study(self._link, view.name, view=view)

    def studies(self, *, audits: bool = False) -> Iterator[StudyView]:
        """Every study, by name; with `audits` also those that were made for audits."""
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_studies(cursor, audits=audits))
            yield from page.studies
            cursor = page.next_cursor
            if cursor is None:
                return

    def projects(self) -> Iterator[ProjectView]:
        """The projects that the key may know of, by name. Takes an admin's key."""
        return list_projects(self._link)

    def project(self, name: str) -> Project:
        """A handle on a project and its keys. Nothing is asked yet."""
        return Project(self._link, name)

    def create_project(self, name: str, *, notes: str = "") -> Project:
        """Make a project, or get the one of the same name and notes. Takes an admin's key of the whole
        installation.

        Raises:
            ProjectConflict: the name is taken by a project with other notes.
        """
        return create_project(self._link, name, notes)

    def workers(self, *, seen_within_s: float = 24 * 3600) -> Iterator[WorkerView]:
        """Who works on the project's studies, by name; those seen within so many seconds."""
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_workers(cursor, seen_within_s))
            yield from page.workers
            if (cursor := page.next_cursor) is None:
                return

    def limits(self) -> Limits:
        """How much of everything the server takes, and how often this key may ask."""
        return self._link.ask(calls.read_limits())

    def changes(self, study: str | None = None) -> Iterator[AuditEntry]:
        """Who changed what, the newest first; of one study, or of everything that the key may see. Takes an
        admin's key.
        """
        return read_audit(self._link, study)


def _key_in_file() -> str | None:
    """The key in the file that HEADWAY_API_KEY_FILE names, as containers are handed their secrets."""
    named = os.environ.get("HEADWAY_API_KEY_FILE")
    if not named:
        return None
    try:
        key = Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"HEADWAY_API_KEY_FILE={named!r} can't be read: {error.strerror}.") from error
    if not key:
        raise ValueError(f"HEADWAY_API_KEY_FILE={named!r} is empty. Put the key there.")
    return key


def _patience_s() -> float:
    text = os.environ.get("HEADWAY_PATIENCE_S")
    if not text:
        return Patience().total_s
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"HEADWAY_PATIENCE_S is {text!r}: say a number of seconds.") from error
