import numpy as np
import pytest

from headway_workers.async_bo import checks
from headway_workers.async_bo.claims import above, below, claims, interval, settings
from headway_workers.async_bo.figure import draw_records
from headway_workers.async_bo.measures import MEASURES
from headway_workers.async_bo.objective import AsyncBo
from headway_workers.async_bo.records import Record, all_recorded, read, recorded, write_parquet
from headway_workers.async_bo.setting import Setting

PARAMS = {"strategy": "ucb", "root_beta": 1.0, "n_initial": 5}


@pytest.mark.parametrize(
    "check",
    [checks.mean_duration, checks.minimum_of_a_draw, checks.sequential_run_has_nothing_in_flight],
)
def test_the_simulation_is_what_it_says(check):
    assert check().passed


def test_draws_have_the_priors_covariance():
    assert checks.covariance_of_draws(1_500).passed


def test_a_verdict_follows_the_interval():
    rng = np.random.default_rng(0)
    small, large = 0.01 * rng.standard_normal((12, 3)), 0.5 + 0.01 * rng.standard_normal((12, 3))
    wide = 3.0 * rng.standard_normal((12, 3))
    assert [below("", one, 0.1).verdict for one in (small, large, wide)] == [
        "supported",
        "not supported",
        "inconclusive",
    ]
    assert [above("", one, 0.1).verdict for one in (small, large)] == ["not supported", "supported"]


def test_the_interval_is_the_bootstraps_over_seeds():
    values = np.random.default_rng(1).standard_normal((40, 3))
    effect, low, high = interval(values)
    error = values.mean(axis=1).std() / np.sqrt(40)
    assert effect == pytest.approx(values.mean())
    assert (high - low) == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_one_seed_decides_nothing():
    assert below("", np.full((1, 3), -5.0), 0.1).verdict == "inconclusive"


def invented(setting):
    """A record with measures that depend on the method alone."""
    worse = {"thompson": 1.0}.get(setting.method, 0.0) + (setting.updates == "own")
    noise = 0.01 * np.random.default_rng([setting.seed, len(setting.method)]).standard_normal()
    return Record(setting, "", (1.0, 0.5), dict.fromkeys(MEASURES, worse + noise), 0.1)


def test_every_claim_gets_a_verdict_from_its_own_runs():
    found = {claim.name: claim.verdict for claim in claims([invented(one) for one in settings(seeds=6)])}
    assert len(found) == 13
    assert [found[name] for name in found if name.startswith("thompson is no worse")] == ["not supported"]
    assert [found[name] for name in found if name.startswith("ucb is no worse than purpose")] == ["supported"]
    assert [verdict for name, verdict in found.items() if "without intermediate" in name] == ["supported"] * 2


def test_missing_runs_are_no_evidence():
    with pytest.raises(ValueError, match="runs of"):
        list(claims([invented(one) for one in settings(seeds=3)[:-1]]))


def test_the_figure_takes_them_all(tmp_path):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    draw_records(figure, [invented(one) for one in settings(seeds=2)])
    figure.savefig(tmp_path / "figure.png")
    assert len(figure.axes) == 7


def test_runs_are_kept_and_gone_on_with(tmp_path):
    log = tmp_path / "new" / "log.jsonl"
    few = [Setting("gp2", "sobol", 2, seed, budget=5) for seed in range(3)]
    first = [record for _, record in all_recorded(few[:2], 1, log)]
    with log.open("a") as lines:
        lines.write(first[0].to_json()[:40])  # a kill in the middle of a line
    log.write_text(log.read_text().rpartition("\n")[0] + "\n")
    made = [record.setting.seed for _, record in all_recorded(few, 1, log)]
    assert sorted(made) == [0, 1, 2]
    assert len(read(log)) == 3
    write_parquet(tmp_path / "runs.parquet", read(log))
    from pyarrow import parquet

    table = parquet.read_table(tmp_path / "runs.parquet").to_pydict()
    assert table["seed"] == [0, 1, 2]
    assert table["regret"][0] == pytest.approx(recorded(few[0]).regret, rel=1e-6)
    assert len(set(table["engine"])) == 1


@pytest.mark.long
def test_the_objective_is_repeatable_noisy_and_audited_elsewhere():
    objective = AsyncBo(evaluations=15)
    rungs = {}
    found = objective.evaluate(PARAMS, seed=2, report=lambda step, partial: rungs.update({step: partial}))
    assert found == AsyncBo(evaluations=15).evaluate(PARAMS, seed=2)
    assert found.objectives["log_regret"] == rungs[8]
    assert found.noise["log_regret"] > 0
    assert found.metrics["log_regret_elsewhere"].role == "audit"
    assert "log_regret_elsewhere" not in objective.evaluate(PARAMS, seed=2, fidelity=1).metrics


def test_a_passed_deadline_is_a_timeout():
    assert AsyncBo().evaluate(PARAMS, deadline=0.0).status == "timeout"
