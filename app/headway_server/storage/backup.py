"""The whole database into a file, and out of it again, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    TableClause,
    Text,
    column,
    delete,
    exists,
    func,
    insert,
    inspect,
    literal,
    select,
    table,
    text,
    true,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

from headway_server.domain.errors import DatabaseNotEmpty, DatabaseUnavailable, SchemaMismatch
from headway_server.storage.backup_file import (
    BackupWriter,
    Header,
    Kind,
    TableHeader,
    Value,
    read_lines,
    verify,
    written,
)
from headway_server.storage.column_types import UtcDateTime
from headway_server.storage.database import Database
from headway_server.storage.schema import (
    known_revision,
    known_revisions,
    present_revision,
    schema_transaction,
)
from headway_server.storage.tables import metadata
from headway_server.storage.unit_of_work import UnitOfWork

ROWS_AT_ONCE = 1000

_TYPES: dict[Kind, TypeEngine[Any]] = {
    "integer": BigInteger(),
    "number": Float(53),
    "text": Text(),
    "boolean": Boolean(),
    "moment": UtcDateTime(),
}


def back_up(database: Database, path: Path) -> dict[str, int]:
    """Write all that the database holds at one moment; servers may go on working. Rows by table.

    The file holds lease tokens, and hashes of keys: only its owner may read it.

    Raises:
        DatabaseUnavailable: the database is away; there is no file then.
    """

    def work(uow: UnitOfWork) -> dict[str, int]:
        with written(path) as file:
            file.header(Header(schema_=known_revision(), made_at=uow.now, made_by=version("headway")))
            for one in metadata.sorted_tables:
                _write(uow.session.connection(), one, file)
            return file.end()

    return database.snapshot(work)


def restore(database: Database, path: Path, *, replace: bool = False) -> dict[str, int]:
    """Make the database what it was when the backup was made, in one transaction. Rows by table.

    The tables are made as the backup's schema has them, filled, and brought to this version's: a backup
    outlives the version that made it. Servers must not run meanwhile: they remember what was there.

    Args:
        database: a new one, or one without anything in it.
        path: the backup.
        replace: whether it may hold something, all of which is deleted.

    Raises:
        InvalidBackup: the file is damaged.
        SchemaMismatch: the file, or the database, was made by a newer version, or is somebody else's.
        DatabaseNotEmpty: there is something in it.
        DatabaseUnavailable: it is away, or somebody uses what is to be replaced.
    """
    header, counts = verify(path)
    if header.schema_ not in known_revisions():
        raise SchemaMismatch(
            f"{path} is at schema {header.schema_}, which this version does not know: headway "
            f"{header.made_by} made it. Install that version; this one knows up to {known_revision()}."
        )
    if database.sqlite_path is not None:
        database.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _bring_back(database, header, path, replace=replace)
    except OperationalError as error:
        raise DatabaseUnavailable(
            f"The database did not answer in time: {error.orig}. Nothing was changed. Stop the servers that "
            "use it, and say it again."
        ) from error
    return counts


def _bring_back(database: Database, header: Header, path: Path, *, replace: bool) -> None:
    present = present_revision(database)
    with schema_transaction(database) as schema:
        connection = schema.connection
        tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
        _require_ours(present, tables)
        ours = [one for one in metadata.sorted_tables if one.name in tables]
        if not replace and any(_holds_something(connection, one) for one in ours):
            raise DatabaseNotEmpty(
                "The database has something in it. Restore into a new one, or say --replace: what it holds "
                "now is deleted then."
            )
        _empty(connection, ours)
        schema.downgrade("base")
        schema.upgrade(header.schema_)
        filled = _fill(connection, path)
        schema.upgrade("head")
        for one in filled:
            _continue_after(connection, one)


def _write(connection: Connection, source: Table, file: BackupWriter) -> None:
    kinds = {one.name: _kind(one) for one in source.columns}
    key = source.autoincrement_column
    file.table(
        TableHeader(
            table=source.name,
            columns=kinds,
            key=None if key is None else key.name,
            last_id=0 if key is None else _last_id(connection, key),
        )
    )
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(_plain(source.name, kinds)))
    for row in rows:
        file.row(row)


def _plain(name: str, kinds: dict[str, Kind]) -> TableClause:
    """A table whose values are as they lie there: JSON as text, whatever it means to this version."""
    return table(name, *(column(one, _TYPES[kind]) for one, kind in kinds.items()))


def _kind(one: Column[object]) -> Kind:
    if isinstance(one.type, UtcDateTime):
        return "moment"
    if isinstance(one.type, Boolean):
        return "boolean"
    if isinstance(one.type, Integer):
        return "integer"
    return "number" if isinstance(one.type, Float) else "text"


def _last_id(connection: Connection, key: Column[int]) -> int:
    """The last id that was given; those of deleted rows count."""
    if connection.dialect.name == "sqlite":
        if not key.table.dialect_options["sqlite"]["autoincrement"]:
            return connection.scalar(select(func.coalesce(func.max(key), 0))) or 0
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.scalar(query, {"name": key.table.name}) or 0
    query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)")
    return connection.scalar(query, {"table": key.table.name, "column": key.name}) or 0


def _require_ours(present: str | None, tables: set[str]) -> None:
    """Refuse a database that this version can't empty, because it does not know what is in it."""
    if (present is None and tables) or (present is not None and present not in known_revisions()):
        raise SchemaMismatch(
            f"The database is at schema {present or 'none'} and has tables, which this version "
            "does not know. Restore into a new database."
        )


def _holds_something(connection: Connection, one: Table) -> bool:
    # Every database has the project `default` from its first day.
    of_somebody = one.c.name != "default" if one.name == "projects" else true()
    return bool(connection.scalar(select(exists(select(literal(1)).select_from(one).where(of_somebody)))))


def _empty(connection: Connection, tables: Sequence[Table]) -> None:
    for one in reversed(tables):
        connection.execute(delete(one))


def _fill(connection: Connection, path: Path) -> list[TableHeader]:
    """Insert every row; the tables that they are in."""
    filled: list[TableHeader] = []
    rows: list[dict[str, Value]] = []

    def send() -> None:
        if rows:
            connection.execute(insert(_plain(filled[-1].table, filled[-1].columns)), rows)
            rows.clear()

    for line in read_lines(path):
        if isinstance(line, TableHeader):
            send()
            filled.append(line)
            connection.execute(delete(table(line.table)))  # a migration may have put the first rows there
        elif isinstance(line, list):
            rows.append(dict(zip(filled[-1].columns, line, strict=True)))
            if len(rows) == ROWS_AT_ONCE:
                send()
    send()
    return filled


def _continue_after(connection: Connection, one: TableHeader) -> None:
    """Let the database give the ids after the last one."""
    if one.key is None or one.last_id == 0:
        return
    if connection.dialect.name != "sqlite":
        query = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        connection.execute(query, {"table": one.table, "column": one.key, "last": one.last_id})
    elif metadata.tables[one.table].dialect_options["sqlite"]["autoincrement"]:
        sequences = table("sqlite_sequence", column("name"), column("seq"))
        connection.execute(delete(sequences).where(sequences.c.name == one.table))
        connection.execute(insert(sequences).values(name=one.table, seq=one.last_id))
