"""Many runs in several processes: kept as they finish, gone on with after a stop, and one Parquet file."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import headway_server.engine
from headway_workers.async_bo.measures import MEASURES
from headway_workers.async_bo.run import run
from headway_workers.async_bo.setting import Setting

LOG = Path(".headway") / "async-bo.jsonl"
"""Where the runs behind the claims and the figure are kept, as the demo keeps its study."""


@dataclass(frozen=True)
class Record:
    """What is kept of a run."""

    setting: Setting
    engine: str
    """Digest of the engine's source: another engine makes other runs."""
    regret: tuple[float, ...]
    """Simple regret by the number of results."""
    measures: Mapping[str, float]
    """`MEASURES`."""
    seconds: float
    """Processor time of the method."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Record:
        """What `to_json` wrote."""
        flat = json.loads(line)
        return cls(**flat | {"setting": Setting(**flat["setting"]), "regret": tuple(flat["regret"])})


@cache
def engine() -> str:
    """Digest of the engine's source, as it is when it is first asked for."""
    digest = hashlib.sha256()
    for source in sorted(Path(headway_server.engine.__path__[0]).rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def recorded(setting: Setting) -> Record:
    """Run it."""
    trace = run(setting)
    measures = {name: measure(trace) for name, measure in MEASURES.items()}
    return Record(setting, engine(), tuple(trace.regret().tolist()), measures, trace.seconds)


def all_recorded(
    settings: Sequence[Setting], jobs: int, log: Path | None = None
) -> Iterator[tuple[int, Record]]:
    """How many there are, and each record, as it is known; those in the log, of this engine, first.

    Each process computes in one thread. Where `log` is given, records are appended to it line by line.
    """
    wanted = {_key(setting): setting for setting in settings}
    done = 0
    for record in logged(settings, log) if log is not None else ():
        del wanted[_key(record.setting)]
        done += 1
        yield done, record
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for future in as_completed([pool.submit(recorded, setting) for setting in wanted.values()]):
            record = future.result()
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
                with log.open("a") as lines:
                    lines.write(record.to_json() + "\n")
            done += 1
            yield done, record


def logged(settings: Iterable[Setting], log: Path) -> list[Record]:
    """Those of the settings that are in the log, as this engine ran them."""
    wanted = {_key(setting) for setting in settings}
    found = {_key(one.setting): one for one in read(log) if one.engine == engine()}
    return [one for key, one in found.items() if key in wanted]


def read(log: Path) -> list[Record]:
    """What was logged; a last line that a kill cut off is left aside."""
    if not log.exists():
        return []
    lines = log.read_text().split("\n")
    return [Record.from_json(line) for line in lines[:-1] if line]


def write_parquet(path: Path, records: Iterable[Record]) -> None:
    """One row a run, with its setting, the engine's digest and the measures; regrets in single precision."""
    import pyarrow as pa
    from pyarrow import parquet

    ordered = sorted(records, key=lambda record: _key(record.setting))
    columns = {name: [asdict(one.setting)[name] for one in ordered] for name in asdict(ordered[0].setting)}
    columns["options"] = [json.dumps(one) for one in columns["options"]]
    table = {
        **columns,
        "engine": [one.engine for one in ordered],
        **{name: [one.measures[name] for one in ordered] for name in MEASURES},
        "seconds": pa.array([one.seconds for one in ordered], pa.float32()),
        "regret": pa.array([list(one.regret) for one in ordered], pa.list_(pa.float32())),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(table), path, compression="zstd")


def _key(setting: Setting) -> str:
    return json.dumps(asdict(setting), sort_keys=True)
