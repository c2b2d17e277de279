"""Several objectives, outcome constraints and fidelities, from the user's side."""

import json

import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import InvalidFidelity, InvalidOutcomeConstraint, ValidationFailed

SPACE = {"x": headway.Float(0, 1), "epochs": headway.Int(1, 9)}


def test_the_best_of_several_objectives_is_a_front_that_reads_well(client, name):
    study = client.create_study(
        name, SPACE, minimize="loss", maximize="gain", outcome_constraints=["size <= 3"], budget=4
    )
    assert study.objectives == ("gain", "loss")
    assert study.best() is None
    results = [(1.0, 1.0, 1.0), (2.0, 2.0, 3.0), (1.0, 2.0, 1.0), (9.0, 0.0, 4.0)]
    for trial, (gain, loss, size) in zip(study.trials(), results, strict=True):
        with trial:
            trial.finish({"gain": gain, "loss": (loss, 0.1), "size": size})
    front = study.best()
    assert isinstance(front, headway.Front)
    assert [trial.trial for trial in front] == [2, 1]
    assert len(front) == 2
    assert front[1].metrics == {"gain": 1.0, "loss": 1.0, "size": 1.0}
    lines = str(front).splitlines()
    assert lines[0] == "a front of 2 over gain, loss:"
    assert lines[1].startswith("  gain = 2, loss = 2 at x=0.")
    assert lines[1].endswith("(trial 2)")
    assert study.columns()["metrics.size"] == [1.0, 3.0, 1.0, 4.0]
    assert [point.counts for point in study.convergence().points] == [True, True, True, False]


def test_a_result_that_lacks_a_constrained_metric_is_refused_by_name(client, name):
    study = client.create_study(name, SPACE, outcome_constraints=["latency <= 50"], budget=2)
    (trial,) = study.suggest()
    with pytest.raises(ValidationFailed, match="'latency'"):
        trial.finish(1.0)
    trial.finish({"value": 1.0, "latency": 49.0})
    assert study.best().metrics["latency"] == 49.0


def test_what_makes_no_sense_is_refused_with_its_own_error(client, name):
    with pytest.raises(InvalidOutcomeConstraint, match="latency < 50"):
        client.create_study(name, SPACE, outcome_constraints=["latency < 50"])
    with pytest.raises(InvalidFidelity, match="epoch"):
        client.create_study(name, SPACE, fidelity="epoch")


def test_the_decorator_takes_them_too(client, name):
    @headway.study(
        name,
        minimize=["loss", "size"],
        outcome_constraints=["size <= 1"],
        budget=2,
        client=client,
        x=headway.Float(0, 1),
    )
    def measure(x):
        return {"loss": x, "size": 1 - x}

    assert measure.work() == 2
    assert len(measure.study.best()) == 2
    cheaper = headway.study(
        f"{name}-f", fidelity=headway.Fidelity(parameter="epochs"), budget=1, client=client, space=SPACE
    )(lambda x, epochs: x / epochs)
    assert cheaper.study.definition.fidelity.parameter == "epochs"


def test_the_command_line_shows_a_front_and_takes_metrics_by_name(server_url, name, tmp_path):
    def cli(*arguments):
        environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment)

    with headway.Client(server_url, spool_directory=tmp_path) as client:
        client.create_study(name, SPACE, minimize=["a", "b"], outcome_constraints=["c <= 1"], budget=2)
    given = json.loads(cli("suggest", name, "--format", "json").output)[0]
    finish = ("finish", name, given["number"], "--token", given["lease"]["token"])
    assert "write NAME=NUMBER" in cli(*finish, "--metric", "a=low").output
    assert "write NAME=NUMBER" in cli(*finish, "--metric", "=1").output
    assert "'c'" in cli(*finish, "--metric", "a=1", "--metric", "b=2").output
    done = cli(*finish, "--metric", "a=1", "--metric", "b=2", "--metric", "c=0.5")
    assert "a new best" in done.output
    shown = cli("show", name).output
    assert "minimize a, minimize b with c <= 1" in shown
    assert "best: a front of 1 over a, b:" in shown


def test_a_result_comes_in_parts(client, name):
    study = client.create_study(
        name, {"x": headway.Float(0, 1)}, maximize=["yield", "purity"], minimize=[], budget=1
    )
    (trial,) = study.suggest()
    with trial:
        assert trial.finish({"yield": 0.5}, final=False).trial_state == "leased"
    assert study.trial(1).state == "leased", "the block's end reports nothing"
    trial.finish({"purity": (0.75, 0.1)})
    shown = study.trial(1)
    assert shown.state == "completed"
    assert {key: one.value for key, one in shown.metrics.items()} == {"yield": 0.5, "purity": 0.75}
