"""A worker's loop against the real application, over a way that breaks."""

import json
import logging
import math
import threading

import pytest

import headway
from headway.errors import (
    IllegalTransition,
    NotFinite,
    NotFound,
    ObjectiveKeepsFailing,
    StaleEtag,
    StudyDeleted,
    ValidationFailed,
)
from headway.spool import Spool
from headway.studies import HOPELESS_AFTER
from headway.wire.trial import FinishRequest
from tests.clients.worker import AWAY, IMPATIENT, states, work


def observation(study, number=1):
    return study.trial(number).observations[-1]


def test_loop_works_a_study_to_its_end(study):
    numbers = []
    for trial in study.trials():
        with trial:
            trial.finish((trial.params["x"] - 0.3) ** 2)
        numbers.append(trial.number)
    assert numbers == [1, 2, 3, 4]
    assert states(study) == ["completed"] * 4


def test_best_reads_well(study):
    for trial in study.trials():
        with trial:
            trial.finish(trial.number + 0.5, std_error=0.25)
    assert str(study.best()).startswith("loss = 1.5 ± 0.25 at x=0.")
    assert "(trial 1" in str(study.best())


def test_nothing_completed_has_no_best(study):
    assert study.best() is None


def test_columns_have_every_trial(study):
    study.suggest(3)
    columns = study.columns()
    assert columns["number"] == [1, 2, 3]
    assert len(columns["params.x"]) == 3
    some = study.columns("leased", policy="sobol", fields=["worker", "params.x"], max_points=2)
    assert some == {"number": [1, 3], "worker": [None, None], "params.x": columns["params.x"][::2]}


def test_events_and_plots_are_read(study):
    study.suggest(3)[2].finish(0.5)
    types = [event.type for event in study.events()]
    assert types == ["study.created", *["trial.leased"] * 3, "trial.completed", "best.improved"]
    assert [event.seq for event in study.events(after=4)] == [5, 6]
    assert list(study.events(after=6)) == []
    drawn = study.plot("history", max_points=10)
    assert (drawn.total, drawn.columns["trial"], drawn.columns["best"]) == (1, [3], [0.5])


def test_trials_and_points_are_explained(study):
    for trial in study.trials():
        with trial:
            trial.finish((trial.params["x"] - 0.3) ** 2)
    told = study.explain(2, nearest=2, alternatives=1)
    assert (told.trial, told.params) == (2, study.trial(2).params)
    assert told.nearest[0].trial == 2
    assert study.explain(params={"x": 0.5}).receipt is None
    with pytest.raises(ValidationFailed, match="one of the two"):
        study.explain()
    with pytest.raises(ValidationFailed):
        study.explain(2, nearest=1000)


def test_history_is_filtered(study):
    held = study.suggest(3, worker="w")
    held[1].finish(1.0)
    last = study.trial(3).updated_at
    assert [trial.number for trial in study.history("leased", worker="w", policy="sobol")] == [1, 3]
    assert [trial.number for trial in study.history(worker="v")] == []
    assert [trial.number for trial in study.history(updated_after=last)] == [2]


def test_convergence_model_and_predictions_are_read(study):
    for trial in study.trials():
        with trial:
            trial.finish(trial.params["x"])
    assert len(study.convergence().points) == 4
    assert study.model().n_observed == 4
    assert [one.low < one.mean < one.high for one in study.predict([{"x": 0.1}, {"x": 0.9}])] == [True, True]


def test_exception_is_reported_logged_and_ends_only_its_trial(study, caplog):
    for trial in study.trials():
        with trial:
            if trial.number == 2:
                raise RuntimeError("boiled over")
            trial.finish(1.0)
    assert states(study) == ["completed", "failed", "completed", "completed"]
    told = observation(study, 2)
    assert told.reason == "RuntimeError"
    assert told.message.startswith("RuntimeError: boiled over\n\nTraceback")
    assert "boiled over" in caplog.text


def test_exception_after_the_report_changes_nothing(study):
    trial = next(study.trials())
    with trial:
        trial.finish(1.0)
        raise RuntimeError("the plot failed")
    assert states(study)[0] == "completed"


def test_exception_in_a_trial_taken_by_hand_is_reported_and_raised(study):
    with pytest.raises(RuntimeError), study.suggest()[0]:
        raise RuntimeError("boiled over")
    assert states(study) == ["failed"]


def test_infeasible_point_is_reported_as_one(study):
    with next(study.trials()):
        raise headway.Infeasible("boils")
    assert (states(study)[0], observation(study).message) == ("infeasible", "boils")


def test_block_without_a_result_is_a_failed_trial(study):
    with next(study.trials()):
        pass
    assert observation(study).reason == "no-result"


def test_long_traceback_is_cut_to_what_the_server_takes(study):
    with next(study.trials()):
        raise RuntimeError("x" * 50_000)
    assert len(observation(study).message) <= 10_000


def test_value_that_is_not_finite_is_refused_by_name_and_the_trial_has_failed(study):
    with next(study.trials()) as trial:
        trial.finish(math.nan)
    told = observation(study)
    assert told.outcome == "failed"
    assert told.reason == "NotFinite"
    assert "loss has value = nan" in told.message


def test_refused_value_can_be_corrected(study):
    with study.suggest()[0] as trial:
        with pytest.raises(NotFinite):
            trial.finish(math.inf)
        trial.finish(1e6)
    assert states(study) == ["completed"]


def test_second_result_is_refused(study):
    trial = study.suggest()[0]
    trial.finish(1.0)
    with pytest.raises(IllegalTransition):
        trial.finish(2.0)


def test_keyboard_interrupt_gives_the_trial_back(study):
    with pytest.raises(KeyboardInterrupt), next(study.trials()):
        raise KeyboardInterrupt
    assert states(study) == ["queued"]


def test_worker_whose_trials_all_fail_stops_before_the_budget_is_gone(client, name):
    study = client.create_study(name, {"x": headway.Float(0, 1)}, budget=100)

    def misspelt(trial):
        raise NameError("typo")

    with pytest.raises(ObjectiveKeepsFailing, match="NameError") as caught:
        work(study, misspelt)
    assert states(study) == ["failed"] * HOPELESS_AFTER
    assert isinstance(caught.value.__cause__, NameError)


def test_unknown_study_shows_at_the_first_call(client):
    with pytest.raises(NotFound):
        next(client.study("nothing-of-this-name").trials())


def test_study_is_joined_by_the_same_definition(client, name):
    space = {"x": headway.Float(0, 1)}
    client.create_study(name, space, budget=3)
    assert client.create_study(name, space, budget=3).definition.budget == 3
    with pytest.raises(headway.errors.DefinitionConflict):
        client.create_study(name, space, budget=4)
    assert name in [view.name for view in client.studies()]


def test_lost_answer_to_suggest_does_not_lose_a_trial(study, faulty):
    faulty.spoil(":suggest", "lose the answer")
    assert [trial.number for trial in study.suggest(1)] == [1]
    assert states(study) == ["leased"]


def test_rows_whose_answer_was_lost_are_imported_once(study, faulty):
    faulty.spoil("observations:batch", "lose the answer")
    answer = study.import_results([{"x": 0.5, "loss": 1.0}])
    assert answer.imported == 1
    assert len(faulty.sent("observations:batch")) == 2
    assert study.view().trials.completed == 1


def test_lost_answer_to_finish_is_not_told_twice(study, faulty):
    faulty.spoil(":finish", "lose the answer")
    answer = study.suggest()[0].finish(1.0)
    assert answer.duplicate
    assert len(study.trial(1).observations) == 1


@IMPATIENT
def test_result_waits_on_disk_while_the_server_is_away_and_goes_out_later(study, faulty, tmp_path):
    trial = study.suggest()[0]
    faulty.spoil(":finish", *[AWAY] * 30)
    assert trial.finish(0.5) is None
    assert trial.outcome == "completed"
    assert list((tmp_path / "spool").iterdir())
    faulty._faults.clear()
    study.view()
    assert (states(study), study.best().value) == (["completed"], 0.5)
    assert not list((tmp_path / "spool").iterdir())


@IMPATIENT
def test_result_that_fits_nowhere_is_in_the_log_and_the_failure_is_raised(study, faulty, tmp_path, caplog):
    (tmp_path / "spool").write_text("a file where the directory should be")
    trial = study.suggest()[0]
    faulty.spoil(":finish", *[AWAY] * 99)
    with pytest.raises(headway.ConnectionFailed):
        trial.finish(0.515625)
    assert "0.515625" in caplog.text


def test_unreadable_spool_does_not_spoil_a_call_that_went_well(study, monkeypatch, caplog):
    def unreadable(_):
        raise PermissionError("not yours")

    monkeypatch.setattr(study._link.spool, "deliver", unreadable)
    assert study.suggest()[0].finish(1.0).trial_state == "completed"
    assert "not yours" in caplog.text


def test_interrupt_while_reporting_keeps_the_result(study, faulty):
    faulty.spoil(":finish", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), study.suggest()[0] as trial:
        trial.finish(0.5)
    study.view()
    assert observation(study).metrics["loss"].value == 0.5


def wait_until(condition):
    tick = threading.Event()
    for _ in range(500):
        if condition():
            return
        tick.wait(0.01)
    pytest.fail("it did not happen within 5 s")


def test_first_heartbeat_goes_out_at_once(study, faulty):
    with study.suggest()[0] as trial:
        wait_until(lambda: faulty.sent(":heartbeat"))
        trial.finish(1.0)
    assert trial.response.late is False


def test_heartbeat_that_gets_lost_is_tolerated(study, faulty, caplog):
    caplog.set_level(logging.WARNING)
    faulty.spoil(":heartbeat", *[AWAY] * 99)
    with study.suggest()[0] as trial:
        wait_until(lambda: faulty.sent(":heartbeat"))
        assert not trial.lost
        trial.finish(1.0)
    assert states(study) == ["completed"]


def take_away(study, trial):
    """End the lease behind the trial's back."""
    release = FinishRequest(lease_token=trial.token, outcome="abandoned", reason="preempted")
    study.finish(trial.number, release)
    study.suggest()


def test_lost_lease_is_a_status_and_the_late_result_is_kept(study):
    trial = study.suggest()[0]
    take_away(study, trial)
    with trial:
        wait_until(lambda: trial.lost)
        assert trial.should_stop
        with pytest.raises(headway.Stop, match="Stop working on it"):
            trial.report(step=1, partial=0.5)
        answer = trial.finish(1.0)
    assert answer.late
    assert states(study) == ["completed"]


def test_stop_of_a_lost_trial_ends_it_quietly(study):
    trial = next(study.trials())
    take_away(study, trial)
    with trial:
        wait_until(lambda: trial.lost)
        trial.report(step=1)
    assert study.trial(1).observations == ()


def test_worker_in_another_thread_works_without_a_handler(study):
    thread = threading.Thread(target=work, args=(study, lambda _: 1.0))
    thread.start()
    thread.join()
    assert states(study) == ["completed"] * 4


def test_worker_waits_while_it_is_told_to(client, name):
    study = client.create_study(name, {"x": headway.Float(0, 1)}, budget=1)
    slept = []
    study._sleep = slept.append
    held = study.suggest()[0]
    headway.studies.HELD_MS, before = 0, headway.studies.HELD_MS
    try:
        trials = study.trials()
        threading.Timer(0.05, held.finish, (1.0,)).start()
        assert list(trials) == []
    finally:
        headway.studies.HELD_MS = before
    assert slept
    assert all(0 < pause <= 5 for pause in slept)


def test_a_deleted_study_stops_its_workers_and_keeps_what_they_measured(study, faulty, tmp_path):
    spool = Spool("http://headway.test", tmp_path / "spool")
    trial = study.suggest()[0]
    seen = study.view().etag
    study.change(notes="changed")
    with pytest.raises(StaleEtag):
        study.delete(etag=seen)
    faulty.spoil(study.name, "lose the answer")
    study.delete()  # the repeat finds it deleted
    study.delete()
    with trial:
        wait_until(lambda: trial.lost)
        assert trial.should_stop
        with pytest.raises(StudyDeleted, match="another study may import it"):
            trial.finish(0.25)
    with pytest.raises(StudyDeleted):
        next(study.trials())
    kept = [json.loads(line)["line"] for line in spool.refused_path.read_text().splitlines() if line]
    assert json.loads(kept[0])["result"]["metrics"] == {"loss": 0.25}
    assert not spool.path.exists()
