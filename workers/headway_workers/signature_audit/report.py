"""The report of an audit: HTML to read, JSON to compute with."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from headway_workers.signature_audit.audit import Finding
from headway_workers.style import INK, LIGHT_BLUE, RED, plain

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Signature audit: {{ source }}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;color:#1f2933;max-width:60rem;
margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.25rem .9rem .25rem 0;
border-bottom:1px solid #e4e8ec;vertical-align:top}img{max-width:100%}.verdict{font-weight:600}</style>
<h1>Signature audit</h1>
<p>From {{ source }}, at level {{ alpha }}. A claim is <em>supported</em> if it stands against random genes
and against permuted outcomes (and the Benjamini–Hochberg value of several hypotheses), <em>not supported</em>
if it stands against none, else <em>uncertain</em>. The random-gene p is a percentile among genes, which
are not
exchangeable, and no sampling p-value (Goeman &amp; Bühlmann 2007).</p>
{% for one in findings %}<section><h2>{{ one.name }}</h2><p>{{ one.claim }}</p>
<p class="verdict">Verdict: {{ one.verdict }}. {{ one.reason }}</p>
<img alt="{{ one.statistic }} of {{ one.name }} against its null"
src="data:image/png;base64,{{ pictures[loop.index0] }}">
<table>
<tr><th>statistic</th><td>{{ one.statistic }} = {{ "%.4g"|format(one.observed) }}, {{ one.direction }}, n =
{{ one.samples }}</td></tr>
<tr><th>nominal p</th><td>
{{ "%.4g"|format(one.p_nominal) }} (textbook, two-sided; no part of the verdict)</td></tr>
<tr><th>random-gene p</th><td>
{{ "%.4g"|format(one.p_random_gene) }} ± {{ "%.2g"|format(one.mc_se_random_gene) }}
({{ one.null_values }} sets of {{ one.genes }} genes out of {{ one.universe }})</td></tr>
<tr><th>matched random-gene p</th><td>{% if one.p_matched is none %}none: no set drawn from its strata came
near its correlation{% else %}{{ "%.4g"|format(one.p_matched) }} ± {{ "%.2g"|format(one.mc_se_matched) }}
({{ one.matched_sets }} {{ "genes" if one.genes == 1 else "sets" }} of like mean, variance and
correlation; its smallest stratum has {{ one.smallest_stratum }} genes; no part of the verdict)
{% endif %}</td></tr>
<tr><th>search-aware p</th><td>{{ "%.4g"|format(one.p_search) }} ± {{ "%.2g"|format(one.mc_se_search) }}
(largest of {{ one.searched|length }} tried, on permuted outcomes; {{ one.search_design }})</td></tr>
<tr><th>smallest attainable p</th><td>{{ "%.4g"|format(one.min_attainable_p) }}</td></tr>
{% if one.q_bh is not none %}<tr><th>Benjamini–Hochberg q</th><td>{{ "%.4g"|format(one.q_bh) }}</td></tr>
{% endif %}
<tr><th>what was searched</th><td>{% for name, value in one.searched.items() %}{{ name }}:
{{ "%.4g"|format(value) }}{{ "" if loop.last else "; " }}{% endfor %}</td></tr>
</table></section>{% endfor %}</html>
"""


def as_data(findings: Sequence[Finding], *, source: str, alpha: float) -> dict[str, Any]:
    """What the JSON holds; every p beside its error and what it could have been."""
    return {"source": source, "alpha": alpha, "findings": [_as_data(one) for one in findings]}


def write(findings: Sequence[Finding], html: Path, *, source: str, alpha: float) -> tuple[Path, Path]:
    """The HTML, pictures inside, and the JSON of the same name beside it; their paths."""
    data = as_data(findings, source=source, alpha=alpha)
    html.parent.mkdir(parents=True, exist_ok=True)
    beside = html.with_suffix(".json")
    beside.write_text(
        json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    page = Environment(autoescape=True).from_string(_PAGE)
    html.write_text(page.render(pictures=[_picture(one) for one in findings], **data), encoding="utf-8")
    return html, beside


def draw_null(axes: Axes, finding: Finding) -> None:
    """The statistic as a line through the histogram of its random-gene null."""
    plain(axes)
    axes.hist(finding.null, bins=min(40, max(5, len(np.unique(finding.null)))), color=LIGHT_BLUE)
    label = f"{finding.name}: {finding.observed:.3g}"
    axes.axvline(finding.observed, color=RED, lw=2, label=label)
    if finding.direction == "two-sided":
        axes.axvline(2.0 * finding.centre - finding.observed, color=RED, lw=1, ls="--", label="as extreme")
    sets = "single genes" if finding.genes == 1 else f"random sets of {finding.genes} genes"
    axes.set_xlabel(f"{finding.statistic}, n = {finding.samples}")
    axes.set_ylabel(sets)
    axes.margins(y=0.3)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper right")


def _as_data(one: Finding) -> dict[str, Any]:
    return {
        "name": one.name,
        "claim": one.claim,
        "verdict": one.verdict,
        "reason": one.reason,
        "statistic": one.statistic,
        "observed": one.observed,
        "direction": one.direction,
        "samples": one.samples,
        "genes": one.genes,
        "universe": one.universe,
        "p_nominal": one.p_nominal,
        "p_random_gene": one.random_gene.p,
        "mc_se_random_gene": one.random_gene.mc_se,
        "p_matched": one.matched and one.matched.p,
        "mc_se_matched": one.matched and one.matched.mc_se,
        "min_attainable_p_matched": one.matched and one.matched.attainable,
        "matched_sets": one.matched_sets,
        "smallest_stratum": one.smallest_stratum,
        "p_search": one.search.p,
        "mc_se_search": one.search.mc_se,
        "search_design": "fixed_path",
        "min_attainable_p": one.min_attainable_p,
        "q_bh": one.q_bh,
        "searched": dict(one.searched),
        "null_values": len(one.null),
        "null_quantiles": {str(q): float(np.quantile(one.null, q)) for q in (0.025, 0.05, 0.5, 0.95, 0.975)},
    }


def _picture(one: Finding) -> str:
    figure = Figure(figsize=(8, 3.2), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    draw_null(figure.subplots(), one)
    file = BytesIO()
    figure.savefig(file, format="png")
    return base64.b64encode(file.getvalue()).decode()
