"""Finished runs as one Parquet file, small enough to be kept in the repository."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.units import Run, Unit


def write(path: Path, runs: Iterable[Run]) -> None:
    """Sorted by unit; regrets in single precision."""
    import pyarrow as pa
    from pyarrow import parquet

    ordered = sorted(
        runs,
        key=lambda r: (r.unit.problem, r.unit.workers, r.unit.law, r.unit.system, r.unit.seed),
    )
    curve = pa.list_(pa.float32())
    columns = {
        "system": pa.array([r.unit.system for r in ordered]),
        "problem": pa.array([r.unit.problem for r in ordered]),
        "workers": pa.array([r.unit.workers for r in ordered], pa.int8()),
        "law": pa.array([r.unit.law for r in ordered]),
        "seed": pa.array([r.unit.seed for r in ordered], pa.int16()),
        "version": pa.array([r.version for r in ordered]),
        "regret": pa.array([r.regret for r in ordered], curve),
        "incumbent_regret": pa.array([r.incumbent_regret for r in ordered], curve),
        "seconds": pa.array([r.seconds for r in ordered], pa.float32()),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, compression="zstd", compression_level=19)


def read(path: Path) -> list[Run]:
    """What `write` wrote; nothing where there is no file."""
    if not path.exists():
        return []
    from pyarrow import parquet

    return [
        Run(
            Unit(row["system"], row["problem"], row["workers"], row["law"], row["seed"]),
            row["version"],
            row["regret"],
            row["incumbent_regret"],
            row["seconds"],
        )
        for row in parquet.read_table(path).to_pylist()
    ]


def newest(runs: Iterable[Run]) -> list[Run]:
    """The last run of each unit."""
    return list({run.unit: run for run in runs}.values())
