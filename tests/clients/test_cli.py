import csv
import io
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

import headway
from headway.cli import main as main_module
from headway.cli import program as program_module
from headway.cli.main import SUMMARIES, main
from headway.cli.program import Program, ProgramFailed, UnknownPlaceholder, read_result
from headway.wire.trial import MeasuredValue
from tests.clients.worker import work


@pytest.fixture
def cli(server_url, tmp_path):
    def invoke(*arguments, url=server_url):
        environment = {"HEADWAY_URL": url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment)

    return invoke


@pytest.fixture
def study(server_url, name, tmp_path):
    space = {"lr": headway.Float(1e-4, 1, log=True), "opt": ["adam", "sgd"], "bias": bool}
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        yield client.create_study(name, space, minimize="loss", budget=3)


def python(code):
    return ["--", sys.executable, "-c", code]


def test_studies_are_listed_for_people_and_for_programs(cli, study):
    assert study.name in cli("studies").output
    assert study.name in [one["name"] for one in json.loads(cli("studies", "--format", "json").output)]


def test_show_tells_where_a_study_stands(cli, study):
    text = cli("show", study.name).output
    assert "minimize loss" in text
    assert "3 of 3 left" in text
    assert "0.0001 to 1, log" in text
    study.suggest()[0].finish(0.5)
    assert "best: loss = 0.5 at lr=" in cli("show", study.name).output
    assert json.loads(cli("show", study.name, "--format", "json").output)["trials"]["completed"] == 1


def test_trials_are_taken_as_csv_and_reported_by_hand(cli, study):
    taken = cli("suggest", study.name, "-n", 2, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(taken.output)))
    assert [row["number"] for row in rows] == ["1", "2"]
    assert {row["bias"] for row in rows} <= {"true", "false"}
    done = cli("finish", study.name, 1, "--token", rows[0]["token"], "--value", 0.5, "--std-error", 0.1)
    assert done.output == "trial 1 completed; a new best; budget: 1 left\n"
    again = cli("finish", study.name, 1, "--token", rows[0]["token"], "--value", 0.5, "--std-error", 0.1)
    assert "it was here already" in again.output
    failed = cli(
        "finish", study.name, 2, "--token", rows[1]["token"], "--outcome", "failed", "--message", "m"
    )
    assert failed.output.startswith("trial 2 failed")


def test_trials_are_taken_as_json_and_as_a_table(cli, study):
    assert json.loads(cli("suggest", study.name, "--format", "json").output)[0]["lease"]["token"]
    assert "token" in cli("suggest", study.name).output


def test_values_are_fixed_in_their_own_types(cli, study):
    taken = cli(
        "suggest",
        study.name,
        "--fix",
        "opt=sgd",
        "--fix",
        "bias=true",
        "--context",
        "lr=0.01",
        "--format",
        "json",
    )
    (trial,) = json.loads(taken.output)
    assert trial["params"] == {"lr": 0.01, "opt": "sgd", "bias": True}
    assert trial["origin"]["fixed"] == {"opt": "sgd", "bias": True}
    assert trial["origin"]["context"] == {"lr": 0.01}
    assert "'magic'" in cli("suggest", study.name, "--fix", "opt=magic").output
    assert "no NAME=VALUE" in cli("suggest", study.name, "--fix", "opt").output


@pytest.fixture
def tree(server_url, name, tmp_path):
    space = {
        "size": headway.Ordinal(("1", "10", 100)),
        "width": headway.Float(0, 1, step=0.25),
        "momentum": headway.Float(0, 1, when=headway.When("size", ("1", 100))),
    }
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        yield client.create_study(name, space, budget=6, constraints=["width <= 0.5"])


def test_a_tree_of_parameters_is_shown_and_handed_out(cli, tree):
    shown = cli("show", tree.name).output
    for said in ("1 < 10 < 100", "0 to 1, step 0.25", "size = 1 or 100", "constraint: width <= 0.5"):
        assert said in shown
    given = json.loads(cli("suggest", tree.name, "--fix", "size=10", "--format", "json").output)
    assert given[0]["params"].keys() == {"size", "width"}
    assert given[0]["params"]["size"] == "10"
    taken = cli("suggest", tree.name, "-n", 5, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(taken.output)))
    assert all((row["momentum"] == "") == (row["size"] == "10") for row in rows)
    assert {float(row["width"]) for row in rows} <= {0.0, 0.25, 0.5}


def test_an_inactive_parameter_is_empty_text():
    assert Program(("--momentum={momentum}", "{x}"), ("loss",)).arguments({"x": 1}) == ["--momentum=", "1"]


def test_suggest_tells_wait_from_done_by_its_status(cli, study):
    taken = list(study.suggest(3))
    waiting = cli("suggest", study.name)
    assert (waiting.exit_code, "leases_outstanding" in waiting.output) == (2, True)
    for trial in taken:
        trial.finish(1.0)
    assert cli("suggest", study.name).exit_code == 3


def test_a_worker_resumes_its_trial_and_gives_it_back(cli, study):
    (mine,) = study.suggest(worker="w")
    resumed = cli("suggest", study.name, "--worker", "w", "--resume", "--format", "csv")
    assert mine.token in resumed.output
    assert resumed.exit_code == 0
    shown = cli("release", study.name, mine.number, "--token", mine.token)
    assert shown.output == f"trial {mine.number} was given back; it is queued\n"
    (again,) = study.suggest()
    assert (again.number, again.params, again.attempt) == (mine.number, mine.params, 2)
    late = cli("release", study.name, again.number, "--token", "1.nobody")
    assert (late.exit_code, "1.nobody" in late.output) == (1, True)


def test_finish_without_a_value_asks_for_one(cli, study):
    assert "--value" in cli("finish", study.name, 1, "--token", "t").output


def test_error_is_a_sentence_with_its_link_and_no_traceback(cli):
    shown = cli("show", "no-such-study")
    assert shown.exit_code == 1
    assert shown.output.startswith("Error: There is no study 'no-such-study'.")
    assert "/problems#not-found" in shown.output


def test_absent_server_is_named_with_the_remedy(cli, monkeypatch):
    monkeypatch.setattr("headway.cli.session.AT_A_PROMPT_S", 0.0)
    shown = cli("studies", url="http://127.0.0.1:1")
    assert (shown.exit_code, "headway serve" in shown.output) == (1, True)


def test_url_that_is_none_is_refused(cli):
    assert "is not the URL of a server" in cli("--url", "localhost:1", "studies").output


def test_any_program_is_an_objective(cli, study, tmp_path):
    seen = tmp_path / "seen"
    code = (
        "import os, sys, json\n"
        "assert sys.argv[2] == os.environ['HEADWAY_PARAM_OPT'] and os.environ['HEADWAY_SEED'].isdigit()\n"
        "open(sys.argv[3], 'a').write(os.environ['HEADWAY_TRIAL'])\n"
        "print('epoch 1')\n"
        "print(json.dumps({'value': float(sys.argv[1]), 'std_error': 0.1}))\n"
        "print('bye')\n"
    )
    ran = cli("run", study.name, *python(code), "{lr}", "{opt}", seen)
    assert ran.exit_code == 0, ran.output
    assert "3 trials were completed here" in ran.output
    assert seen.read_text() == "123"
    assert [trial.value for trial in study.history()] == [trial.params["lr"] for trial in study.history()]
    assert study.trial(1).std_error == 0.1


def test_failing_program_is_a_failed_trial_with_the_end_of_its_errors(cli, study):
    code = "import os, sys; sys.exit('out of memory') if os.environ['HEADWAY_TRIAL'] == '1' else print(2)"
    assert cli("run", study.name, *python(code)).exit_code == 0
    assert [trial.state for trial in study.history()] == ["failed", "completed", "completed"]
    told = study.trial(1).observations[0].message
    assert "status 1" in told
    assert "out of memory" in told


def test_misspelt_placeholder_is_found_before_anything_runs(cli, study):
    ran = cli("run", study.name, "--", "train", "{lrr}")
    assert ran.exit_code == 2
    assert "the study has bias, lr, opt" in ran.output
    assert list(study.history()) == []


def test_sigterm_ends_the_program_and_gives_its_trial_back(study, server_url, tmp_path):
    code = "import time; print('working', flush=True); [time.sleep(0.02) for _ in range(9999)]"
    with subprocess.Popen(
        [sys.executable, "-m", "headway", "run", study.name, *python(code)],
        env=os.environ | {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as run:
        assert run.stdout.readline() == b"working\n"
        run.send_signal(signal.SIGTERM)
        assert run.wait(10) == 143
    assert study.trial(1).state == "queued"


def test_sigterm_as_the_program_starts_ends_it_too(study, monkeypatch):
    class Interrupted(program_module._Tail):
        def __init__(self, *streams):
            os.kill(os.getpid(), signal.SIGTERM)
            super().__init__(*streams)

    monkeypatch.setattr(program_module, "_Tail", Interrupted)
    program = Program((sys.executable, "-c", "import time; time.sleep(600)"), study.objectives)
    with pytest.raises(SystemExit):
        work(study, program.evaluate)
    assert study.trial(1).state == "queued"


def test_placeholders_are_filled_and_doubled_braces_stay():
    program = Program(("a={lr}", "{opt}{bias}", "{{lr}}", '{"lr": 1}', "{lr}"), ("loss",))
    params = {"lr": 1e-05, "opt": "adam", "bias": True}
    assert program.arguments(params) == ["a=1e-05", "adamtrue", "{lr}", '{"lr": 1}', "1e-05"]


def test_unknown_placeholder_is_refused():
    with pytest.raises(UnknownPlaceholder, match=r"\{x\} is no parameter"):
        Program(("{x}",), ("loss",)).check(["lr"])


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        (["0.5"], 0.5),
        (["1", "0.5", "done", "[1]", "true", '"text"'], 0.5),
        (['{"value": 2}'], MeasuredValue(value=2)),
        (['{"loss": 2, "acc": 0.5, "epoch": "last"}'], {"loss": 2, "acc": 0.5}),
        (['{"loss": 2, "std_error": 0.1}'], {"loss": MeasuredValue(value=2, std_error=0.1)}),
        (['{"loss": {"value": 2, "std_error": 0.1}}'], {"loss": MeasuredValue(value=2, std_error=0.1)}),
    ],
    ids=repr,
)
def test_last_line_of_json_is_the_result(lines, result):
    assert read_result(lines, ("loss",)) == result


@pytest.mark.parametrize("lines", [[], ["done"], ['{"acc": 1}']], ids=repr)
def test_output_without_a_result_is_refused_with_the_form(lines):
    with pytest.raises(ProgramFailed, match='"value"'):
        read_result(lines, ("loss",))


def register(monkeypatch, name, module, command):
    class Registered(EntryPoint):
        def load(self):
            return command() if callable(command) and not isinstance(command, click.Command) else command

    monkeypatch.setattr(
        main_module, "entry_points", lambda **_: [Registered(name, module, "headway.commands")]
    )


def lacking(module):
    def fail():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return fail


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("headway_server.commands", "Error: headway serve needs the server: pip install 'headway[server]'\n"),
        (
            "headway_workers.commands",
            "Error: headway serve needs the workers: pip install 'headway[workers]'\n",
        ),
        ("plugin.commands", "Error: headway serve needs the module uvicorn, which is not installed.\n"),
    ],
)
def test_missing_extra_is_one_line_with_the_remedy(monkeypatch, cli, module, line):
    register(monkeypatch, "serve", f"{module}:serve", lacking("uvicorn"))
    assert (cli("serve").output, cli("serve").exit_code) == (line, 1)
    register(monkeypatch, "serve", f"{module}:serve", click.Command("serve", callback=lacking("uvicorn")))
    assert (cli("serve").output, cli("serve").exit_code) == (line, 1)


def test_missing_module_of_our_own_is_a_bug_and_shows(monkeypatch, cli):
    register(monkeypatch, "serve", "headway_server.commands:serve", lacking("headway_server.gone"))
    assert isinstance(cli("serve").exception, ModuleNotFoundError)


def test_unknown_command_is_a_usage_error(cli):
    assert "No such command 'nonsense'" in cli("nonsense").output


def test_every_registered_command_has_its_summary():
    assert main_module._registered().keys() == SUMMARIES.keys()


def test_summaries_are_those_of_the_commands():
    for name, entry in main_module._registered().items():
        assert entry.load().get_short_help_str(limit=200) == SUMMARIES[name]


def test_a_study_is_paused_resumed_and_closed(cli, study):
    assert "paused" in cli("pause", study.name).output
    assert study.suggest().reason == "paused"
    assert "running" in cli("resume", study.name).output
    assert len(study.suggest()) == 1
    assert "completed; 1 trials are leased" in cli("close", study.name).output
    assert (study.suggest().status, study.suggest().reason) == ("done", "closed")


def test_a_study_is_changed_only_as_it_was_seen(study):
    etag = study.view().etag
    view = study.change(budget=7, notes="seen", etag=etag)
    assert (view.budget, view.definition.notes) == (7, "seen")
    with pytest.raises(headway.errors.StaleEtag):
        study.change(budget=8, etag=etag)
    with pytest.raises(headway.errors.ValidationFailed, match="budget"):
        study.change(budget=0)


def test_a_study_is_deleted_when_the_question_is_answered_with_yes(server_url, study, tmp_path):
    study.suggest()
    environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
    kept = CliRunner().invoke(main, ["delete", study.name], env=environment, input="n\n")
    assert "with its 1 trials (1 leased)?" in kept.output
    assert kept.exit_code == 1
    assert study.view().state == "running"
    gone = CliRunner().invoke(main, ["delete", "--yes", study.name], env=environment)
    assert "deleted; its name is free again in 30 days" in gone.output
    again = CliRunner().invoke(main, ["delete", "--yes", study.name], env=environment)
    assert again.exit_code == 1
    assert "was deleted on" in again.output


def test_workers_are_listed_for_people_and_for_programs(cli, study):
    assert "Nobody with a name has been seen" in cli("workers", "--hours", "1e-9").output
    name = f"worker of {study.name}"
    study.suggest(worker=name)[0].fail("boiled over\nat noon", "Boom")
    held = study.suggest(worker=name)[0]
    (line,) = [line for line in cli("workers").output.splitlines() if name in line]
    assert f"{study.name}/{held.number} " in line
    assert "yes" in line
    assert line.rstrip().endswith(f"{study.name}/1: boiled over")
    (view,) = [one for one in json.loads(cli("workers", "--format", "json").output) if one["worker"] == name]
    assert view["alive"] is True
    assert (view["attempts"], view["finished"], view["finished_last_h"]) == (2, 1, 1)


def test_a_trial_is_explained_for_people_and_for_programs(cli, study):
    for _ in range(3):
        trial = study.suggest()[0]
        trial.finish(trial.params["lr"])
    text = cli("explain", study.name, 2).output
    assert text.startswith(f"trial 2: lr={study.trial(2).params['lr']:.6g}")
    assert "made by sobol" in text
    assert "the present model (version" in text
    assert "log expected improvement" in text
    assert "nearest measured points:" in text
    told = json.loads(cli("explain", study.name, 2, "--format", "json").output)
    assert told["trial"] == 2
    assert len(told["nearest"]) == 3
    assert "has no trial 9" in cli("explain", study.name, 9).output
