"""An audit as a user writes it: a TOML file of data, gene lists and hypotheses.

TOML and not YAML: Python reads it by itself, and PyYAML is no dependency of headway. The format is
described in docs/workloads/signature_audit.md. The three kinds of hypothesis are those of the radiation
study; their gene lists are the user's, because the paper's abstract does not name them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from headway_workers.signature_audit.audit import Direction, Finding, Signature, audited, judged
from headway_workers.signature_audit.expression import Expression, Series, SeriesError, by_gene
from headway_workers.signature_audit.geo_files import read_platform, read_series_matrix, read_soft
from headway_workers.signature_audit.outcomes import Correlated, Outcome, Survived
from headway_workers.signature_audit.survival import Array, Survival

_MISSING = object()


@dataclass(frozen=True)
class Table:
    """A table of the file, that says which field is wrong."""

    where: str
    content: Mapping[str, Any]

    def get(self, key: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
        """A field of that type.

        Raises:
            SeriesError: it is absent without a default, or of another type.
        """
        value = self.content.get(key, default)
        if value is _MISSING:
            raise SeriesError(f"{self.where}: {key} is missing; add it.")
        if value is not default and not isinstance(value, kind):
            raise SeriesError(f"{self.where}: {key} = {value!r} has the wrong type; see the format's page.")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: Any = _MISSING) -> Any:
        """A field with one of these values.

        Raises:
            SeriesError: it has another.
        """
        if (value := self.get(key, str, default)) not in choices:
            raise SeriesError(f"{self.where}: {key} = {value!r}; give one of {', '.join(choices)}.")
        return value


@dataclass(frozen=True)
class Audit:
    """A parsed file. `read` makes one."""

    path: Path
    content: Mapping[str, Any]
    _loaded: dict[str, tuple[Series, Expression]] = field(default_factory=dict)

    @cached_property
    def alpha(self) -> float:
        """The level of every verdict."""
        alpha = float(self._table("audit").get("alpha", (int, float), 0.05))
        if not 0.0 < alpha < 1.0:
            raise SeriesError(f"{self.path}: audit.alpha = {alpha}; give a level between 0 and 1.")
        return alpha

    def findings(self, *, device: str = "cpu") -> list[Finding]:
        """Every hypothesis, judged.

        Raises:
            SeriesError: naming the table, the field, the value and the remedy.
        """
        hypotheses = self.content.get("hypothesis", [])
        if not hypotheses:
            raise SeriesError(f"{self.path}: there is no [[hypothesis]]; add at least one.")
        return judged([self._finding(one, n, device) for n, one in enumerate(hypotheses, 1)], self.alpha)

    def _table(self, name: str) -> Table:
        return Table(f"{self.path}: [{name}]", self.content.get(name, {}))

    def _genes(self, table: Table, key: str) -> list[str]:
        name = table.get(key, str)
        lists = self._table("gene_lists")
        genes: list[str] = lists.get(name, list)
        return [str(gene) for gene in genes]

    def _data(self, name: str) -> tuple[Series, Expression]:
        if name not in self._loaded:
            tables = self.content.get("data", {})
            if name not in tables:
                raise SeriesError(f"{self.path}: there is no [data.{name}]; add it or correct the name.")
            self._loaded[name] = _read_data(Table(f"{self.path}: [data.{name}]", tables[name]), self.path)
        return self._loaded[name]

    def _finding(self, content: Mapping[str, Any], number: int, device: str) -> Finding:
        table = Table(f"{self.path}: [[hypothesis]] {number}", content)
        kind = table.choice("kind", ("contrast-correlation", "gene-module", "survival"))
        series, expression = self._data(table.get("data", str))
        build = {
            "contrast-correlation": self._contrast,
            "gene-module": self._module,
            "survival": self._survival,
        }
        values, outcome, tried, excluded = build[kind](table, series, expression)
        settings = self._table("audit")
        direction: Direction = table.choice("direction", ("two-sided", "greater", "less"), "two-sided")
        return audited(
            table.get("name", str),
            table.get("claim", str),
            values,
            outcome,
            tried,
            direction=direction,
            excluded=excluded,
            draws=int(settings.get("draws", int, 2_000)),
            seed=int(settings.get("seed", int, 0)),
            device=device,
        )

    def _lists(self, table: Table, expression: Expression) -> dict[str, Signature]:
        """The signature, and what else was tried."""
        names = [table.get("signature", str), *table.get("also_tried", list, [])]
        signs = table.get("signs", list, None)
        found = {}
        for place, name in enumerate(names):
            genes = self._genes(Table(table.where, {"name": name}), "name")
            places = expression.places(genes, f"{table.where}: {name}")
            own = signs if signs is not None and place == 0 else [1.0] * len(genes)
            if len(own) != len(genes) or any(sign not in {-1, 1} for sign in own):
                raise SeriesError(
                    f"{table.where}: signs has {own}; give 1 or -1 for each of {len(genes)} genes."
                )
            found[name] = Signature(places, [float(sign) for sign in own])
        return found

    def _contrast(
        self, table: Table, series: Series, expression: Expression
    ) -> tuple[Array, Outcome, dict[str, Signature], list[int]]:
        """H1: treated minus control in every unit, a score of one list against that of another."""
        units = series.column(table.get("unit", str))
        condition = series.column(table.get("condition", str))
        treated, control = table.get("treated", str), table.get("control", str)
        rows = []
        for unit in sorted(set(units)):
            means = []
            for level in (treated, control):
                at = [
                    i
                    for i, (u, c) in enumerate(zip(units, condition, strict=True))
                    if (u, c) == (unit, level)
                ]
                if not at:
                    raise SeriesError(f"{table.where}: unit {unit!r} has no sample with condition {level!r}.")
                means.append(expression.values[at].mean(axis=0))
            rows.append(means[0] - means[1])
        if len(rows) < 3:
            raise SeriesError(f"{table.where}: {len(rows)} units; a rank correlation needs at least 3.")
        delta = np.array(rows)
        other = expression.places(self._genes(table, "against"), f"{table.where}: against")
        outcome = Correlated(delta[:, other].mean(axis=1), "spearman")
        return delta, outcome, self._lists(table, expression), other

    def _module(
        self, table: Table, series: Series, expression: Expression
    ) -> tuple[Array, Outcome, dict[str, Signature], list[int]]:
        """H2: one gene against the mean z of a module's rising genes less that of its falling ones."""
        del series
        most = table.get("n_module_genes", int, None)
        up, down = (
            expression.places(self._genes(table, key)[:most], f"{table.where}: {key}")
            if key in table.content
            else []
            for key in ("module_up", "module_down")
        )
        if not up and not down:
            raise SeriesError(f"{table.where}: give module_up, module_down or both.")
        X = expression.values
        Z = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        score = sum(
            (sign * Z[:, part].mean(axis=1) for sign, part in ((1.0, up), (-1.0, down)) if part),
            np.zeros(len(Z)),
        )
        genes = [table.get("gene", str), *table.get("also_tried", list, [])]
        places = expression.places(genes, f"{table.where}: gene")
        if shared := set(places) & {*up, *down}:
            names = ", ".join(expression.genes[place] for place in sorted(shared))
            raise SeriesError(
                f"{table.where}: {names} is in the module that it is held against; remove it there."
            )
        tried = {gene: Signature([place], [1.0]) for gene, place in zip(genes, places, strict=True)}
        return X, Correlated(score, "pearson"), tried, [*up, *down]

    def _survival(
        self, table: Table, series: Series, expression: Expression
    ) -> tuple[Array, Outcome, dict[str, Signature], list[int]]:
        """H3: a signature against the time to an endpoint."""
        raw_time, raw_event = (series.column(table.get(key, str)) for key in ("time", "event"))
        followed = [bool(t and e) for t, e in zip(raw_time, raw_event, strict=True)]
        try:
            time = np.array([float(value) for value, kept in zip(raw_time, followed, strict=True) if kept])
            codes = [int(float(value)) for value, kept in zip(raw_event, followed, strict=True) if kept]
        except ValueError as error:
            raise SeriesError(f"{table.where}: time or event holds no number ({error}).") from None
        if set(codes) - {0, 1}:
            raise SeriesError(f"{table.where}: event holds {sorted(set(codes))}; code it 1 = yes, 0 = no.")
        try:
            survival = Survival(time, np.array(codes, dtype=bool))
        except ValueError as error:
            raise SeriesError(f"{table.where}: {error}") from None
        return expression.values[followed], Survived(survival), self._lists(table, expression), []


def read(path: Path) -> Audit:
    """The audit in a file; its data are read when its findings are asked for.

    Raises:
        SeriesError: the file is absent or no TOML.
    """
    try:
        return Audit(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SeriesError(
            f"{path}: can't be read: {error.strerror}. Give the path of an audit's file."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SeriesError(f"{path}: no TOML: {error}. Correct that line.") from None


def _read_data(table: Table, path: Path) -> tuple[Series, Expression]:
    column = table.get("symbol_column", str)
    if "soft" in table.content:
        series = read_soft(path.parent / table.get("soft", str))
        if column not in series.platform:
            raise SeriesError(
                f"{table.where}: symbol_column = {column!r} not in {', '.join(series.platform)}."
            )
        symbols = series.platform[column]
    else:
        series = read_series_matrix(path.parent / table.get("series_matrix", str))
        symbols = read_platform(path.parent / table.get("platform", str), column)
    collapse = table.choice("collapse", ("max_mean", "mean"), "max_mean")
    return series, by_gene(series, symbols, collapse)
