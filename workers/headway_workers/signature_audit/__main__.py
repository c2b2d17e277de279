"""The search-aware p of a campaign of signature-audit, by running it again on permuted outcomes.

    python -m headway_workers.signature_audit [--re-runs 99] [--budget 60] [--workers 4] [--output null.json]

On a simulated cohort, or on the one of SurvSet that HEADWAY_SIGNATURE_COHORT names. Prints the campaign's
best C, T* of every re-run, and both p-values.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import click
from threadpoolctl import threadpool_limits

from headway_server.domain.study import STRATEGY_NAMES
from headway_workers.signature_audit.campaign_null import Plan, SearchNull, search_null
from headway_workers.signature_audit.objective import from_environment


def main() -> None:
    """Entry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--re-runs", type=int, default=99, help="R: no p is below 1/(R + 1)")
    parser.add_argument("--strategy", choices=sorted(STRATEGY_NAMES), default=Plan.strategy)
    parser.add_argument("--budget", type=int, default=Plan.budget, help="trials of each campaign")
    parser.add_argument("--workers", type=int, default=Plan.workers, help="trials at once")
    parser.add_argument("--seed", type=int, default=0, help="of the campaign")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, help="where the figures go as JSON")
    options = parser.parse_args()
    plan = Plan(options.strategy, options.budget, options.workers, options.seed)
    with threadpool_limits(1):
        found = search_null(
            from_environment(),
            plan,
            options.re_runs,
            device=options.device,
            told=lambda number, best: click.echo(f"re-run {number}: {best:.4f}"),
        )
    click.echo(f"best C {found.best:.4f} of {plan.budget} trials, {found.infeasible} of them infeasible")
    for name, p in (("p_search", found.search), ("p fixed_path", found.fixed_path)):
        click.echo(f"{name} {p.p:.4g} ± {p.mc_se:.2g} (smallest attainable {p.attainable:.4g})")
    if options.output:
        options.output.write_text(json.dumps(_as_data(found, plan), indent=2) + "\n", encoding="utf-8")


def _as_data(found: SearchNull, plan: Plan) -> dict[str, object]:
    return {
        "strategy": plan.strategy,
        "budget": plan.budget,
        "workers": plan.workers,
        "seed": plan.seed,
        "best": found.best,
        "at": found.at,
        "infeasible": found.infeasible,
        "p_search": asdict(found.search),
        "re_runs": found.re_runs.tolist(),
        "p_fixed_path": asdict(found.fixed_path),
        "replays": found.replays.tolist(),
    }


if __name__ == "__main__":
    main()
