"""Audits of campaigns: what they freeze, and how they move on."""

import pytest

from headway.wire.amendments import TrialPatch
from headway.wire.campaign_audit import AuditRequest
from headway.wire.space import Float, Int, Space
from headway.wire.study import EarlyStopping, Fidelity, Objective, Policy, StudyPatch
from headway.wire.trial import SuggestRequest
from headway_server.domain.errors import (
    EngineUnavailable,
    IllegalTransition,
    NotFound,
    StudyDeleted,
)
from headway_server.services import audit_progress, campaign_audit, studies, trials
from headway_server.services.amending import amend_trial
from headway_server.services.audit_progress import move_on
from headway_server.services.change_study import change
from headway_server.services.delete_study import delete
from headway_server.services.suggest import suggest
from headway_server.storage.database import Database
from tests.services.audits import FEW, Laboratory, begin, noise, ten_trials


@pytest.fixture
def lab(database, engine):
    return Laboratory(database, engine)


@pytest.fixture
def campaign(define, lab):
    return ten_trials(define, lab)


def whole(database, name="s"):
    """All that is known of a study, but for the moment of its last event."""
    return studies.read(database, name), trials.page(database, name, None, 100)


def test_the_best_trials_and_a_control_are_frozen_with_their_selection_values(campaign, database):
    report, begun = begin(database)
    assert begun
    assert [(p.role, p.trial, p.selection_value) for p in report.points[:3]] == [
        ("incumbent", 7, 1.0),
        ("runner-up", 2, 2.0),
        ("runner-up", 9, 3.0),
    ]
    control = report.points[3]
    assert control.role == "control"
    assert control.trial != 7
    assert control.selection_value == 1.0
    assert control.observed == trials.read(database, "s", control.trial).value
    assert (report.search.trials, report.search.completed) == (10, 10)
    assert report.trials_left == 4 * 10 + 2 * (10 + 10)


def test_every_trial_but_the_incumbent_may_be_the_control(campaign, database, lab):
    drawn = set()
    for seed in range(60):
        study = database.read(lambda uow: uow.studies.get("s"))
        frozen = database.read(
            lambda uow, s=study, k=seed: campaign_audit._freeze(uow, s, AuditRequest(seed=k))
        )
        drawn.add(frozen.points[-1].trial)
    assert drawn == {1, 2, 3, 4, 5, 6, 8, 9, 10}


def test_the_same_request_about_the_same_data_is_the_same_audit(campaign, database, lab):
    first, begun = begin(database)
    again, begun_again = begin(database)
    assert (begun, begun_again) == (True, False)
    assert again == first
    with pytest.raises(IllegalTransition, match="optional stopping"):
        begin(database, seed=1)
    lab.serve("s", noise)
    assert begin(database)[0].number == 1
    second, begun = begin(database, seed=1)
    assert (second.number, second.audits, begun) == (2, 2, True)
    assert campaign_audit.read(database, "s", 1).number == 1
    with pytest.raises(NotFound, match="no audit 3"):
        campaign_audit.read(database, "s", 3)


def test_other_data_are_another_audit(campaign, database, lab):
    lab.audit("s", noise, **FEW)
    amend_trial(database, "s", 7, TrialPatch(excluded=True, reason="spilt"))
    report, begun = begin(database)
    assert (report.number, begun) == (2, True)
    assert report.points[0].trial == 2


def test_nothing_touches_the_audited_study(campaign, database, lab):
    view, page = whole(database)
    lab.audit("s", noise, **FEW)
    after, page_after = whole(database)
    assert page_after == page
    assert after == view.model_copy(update={"updated_at": after.updated_at})


def test_companions_are_left_out_of_the_list_unless_asked_for(campaign, database, lab):
    lab.audit("s", noise, **FEW)
    assert [one.name for one in studies.page(database, None, 100).studies] == ["s"]
    shown = studies.page(database, None, 100, audits=True).studies
    assert [one.name for one in shown] == [
        "s",
        "s.audit-1.null-1",
        "s.audit-1.null-1.rep",
        "s.audit-1.null-2",
        "s.audit-1.null-2.rep",
        "s.audit-1.replicates",
    ]
    assert {one.audit_of for one in shown[1:]} == {"s"}


def test_replicates_take_turns_and_have_seeds_that_nothing_had(campaign, database, lab):
    report, _ = begin(database)
    move_on(database)
    replicates = trials.page(database, "s.audit-1.replicates", None, 100).trials
    points = [point.params for point in report.points]
    assert [trial.params for trial in replicates] == points * 10
    assert {trial.origin.policy for trial in replicates} == {"replicate"}
    seen = {trial.seed for trial in trials.page(database, "s", None, 100).trials}
    assert len(seen | {trial.seed for trial in replicates}) == 10 + 40


def test_the_random_searches_are_like_the_campaign_but_for_strategy_and_seed(define, database, lab):
    policy = Policy(early_stopping=EarlyStopping(), max_retries=1)
    define(
        budget=6,
        policy=policy,
        objectives=(Objective(name="value", goal="maximize"),),
        outcome_constraints=("cost <= 3",),
        strategy="thompson",
        n_initial=4,
    )
    lab.work("s", lambda params, seed: {"value": noise(params, seed), "cost": 1.0})
    begin(database)
    move_on(database)
    mine = studies.read(database, "s").definition
    first, second = (studies.read(database, f"s.audit-1.null-{k}").definition for k in (1, 2))
    for one in (first, second):
        differing = {f for f in type(mine).model_fields if getattr(one, f) != getattr(mine, f)}
        assert differing == {"name", "strategy", "seed", "n_initial", "notes"}
        assert one.strategy == "random"
    assert len({mine.seed, first.seed, second.seed}) == 3
    assert studies.read(database, "s.audit-1.replicates").definition.policy == policy.model_copy(
        update={"early_stopping": None}
    )


def test_what_a_random_search_found_is_replicated_once_it_is_over(campaign, database, lab):
    begin(database)
    assert move_on(database) == 3
    assert move_on(database) == 0
    lab.work("s.audit-1.null-2", noise, most=9)
    assert move_on(database) == 0
    lab.work("s.audit-1.null-2", noise)
    assert move_on(database) == 1
    found = campaign_audit.read(database, "s").null_campaigns[1]
    assert (found.over, found.replicates.planned, found.replicates.n) == (True, 10, 0)
    best = min(trials.page(database, "s.audit-1.null-2", None, 100).trials, key=lambda one: one.value)
    assert (found.trial, found.selection_value) == (best.number, best.value)
    again = trials.page(database, "s.audit-1.null-2.rep", None, 100).trials
    assert [one.params for one in again] == [best.params] * 10


def test_nothing_is_tested_before_the_end(campaign, database, lab):
    begin(database)
    move_on(database)
    lab.work("s.audit-1.replicates", noise)
    report = campaign_audit.read(database, "s")
    assert report.points[0].replicates.n == 10
    assert report.points[0].winners_curse is not None
    assert (report.null, report.verdict, report.better_than_control) == (None, None, None)
    assert [point.versus_incumbent for point in report.points] == [None] * 4
    assert [task.left for task in report.tasks] == [10, 10]
    complete = lab.serve("s", noise)
    assert complete.trials_left == 0
    assert complete.tasks == ()
    assert None not in (complete.null, complete.verdict, complete.better_than_control)


class Killed(BaseException):
    """The server's end."""


def test_a_server_that_is_killed_between_any_two_steps_leaves_nothing_to_mend(
    campaign, database, lab, monkeypatch
):
    """Each step is a transaction of its own. Here the process ends after every one of them, and as well
    within each, before it is committed; the next one goes on.
    """
    begin(database)
    step, ends = audit_progress._step, 0

    def ending_within(audit_id, study_id, uow):
        if step(audit_id, study_id, uow):
            raise Killed  # nothing of it is committed
        return False

    def ending_after(audit_id, study_id, uow):
        if not done:
            done.append(step(audit_id, study_id, uow))
            return done[0]
        raise Killed

    while (report := campaign_audit.read(database, "s")).state != "complete":
        before = studies.page(database, None, 100, audits=True).studies
        for ending in (ending_within, ending_after):
            done = []
            monkeypatch.setattr(audit_progress, "_step", ending)
            try:
                move_on(database)
            except Killed:
                ends += 1
            if ending is ending_within:
                assert studies.page(database, None, 100, audits=True).studies == before
        for task in report.tasks:
            lab.work(task.study, noise)
    assert ends >= 10
    assert len(studies.page(database, None, 100, audits=True).studies) == 1 + 1 + 2 * 2
    assert [point.replicates.n for point in report.points] == [10] * 4
    assert [one.replicates.n for one in report.null_campaigns] == [10, 10]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_replica_leaves_alone_what_another_one_moves_on(campaign, database):
    other = Database(database.url)
    begin(database)

    def hold(uow):
        uow.studies.lock("s")
        assert move_on(other) == 0

    database.write(hold)
    assert move_on(other) == 3
    other.dispose()


def test_failed_trials_are_part_of_the_search_and_failed_replicates_are_told(define, database, lab):
    define(budget=8)
    lab.work("s", lambda params, seed: None if params["x"] < 0.0035 else noise(params, seed))
    broken = []

    def sometimes(params, seed):
        broken.append(seed)
        return None if len(broken) % 4 == 0 else noise(params, seed)

    report = lab.audit("s", sometimes, **FEW)
    assert (report.search.trials, report.search.completed, report.search.failed) == (8, 5, 3)
    assert report.search.worker_s > 0
    for campaign in report.null_campaigns:
        assert campaign.search.trials == 8
        assert campaign.search.completed + campaign.search.failed == 8
    assert sum(point.replicates.failed for point in report.points) == 10
    assert all(point.replicates.n + point.replicates.failed == 10 for point in report.points)


def test_a_random_search_that_finds_nothing_is_as_bad_as_can_be(campaign, database, lab):
    begin(database)
    move_on(database)
    lab.work("s.audit-1.null-1", lambda *_: None)
    report = lab.serve("s", noise)
    assert report.null_campaigns[0].trial is None
    assert report.null_campaigns[0].replicates is None
    assert report.null.campaigns == 2
    assert report.null.at_least_as_good <= 1


def test_only_what_keeps_the_constraints_at_the_target_is_frozen(define, database, lab):
    define(
        budget=9,
        space=Space(parameters=(Float(0, 1, name="x"), Int(1, 4, name="epochs"))),
        fidelity=Fidelity(parameter="epochs"),
        outcome_constraints=("cost <= 3",),
    )

    def measure(params, seed):
        return {"value": params["x"] - params["epochs"], "cost": 9.0 if seed in expensive else 1.0}

    given = suggest(database, lab.engine, "s", SuggestRequest(count=9, fixed={"epochs": 4})).response.trials
    low = {trial.number for trial in given[:3]}
    expensive = {given[0].seed, given[3].seed}
    for trial in given:
        lab.report("s", trial, measure(trial.params, trial.seed))
    report, _ = begin(database)
    assert low
    assert report.points[0].trial == 2
    assert 4 not in {point.trial for point in report.points}
    move_on(database)
    points = [one.params for one in trials.page(database, "s.audit-1.null-1", None, 100).trials]
    assert len(points) == 9
    assert {point["epochs"] for point in points} == {4}
    assert len({point["x"] for point in points}) == 9


def test_random_searches_have_the_cost_of_a_campaign_with_cheap_looks(define, database, lab):
    define(
        budget=12,
        space=Space(parameters=(Float(0, 1, name="x"), Int(1, 4, name="epochs"))),
        fidelity=Fidelity(parameter="epochs"),
    )
    for epochs, count in ((1, 8), (4, 4)):
        request = SuggestRequest(count=count, fixed={"epochs": epochs})
        for trial in suggest(database, lab.engine, "s", request).response.trials:
            lab.report("s", trial, noise(trial.params, trial.seed))
    begin(database)
    move_on(database)
    assert studies.read(database, "s.audit-1.null-1").budget == (8 * 1 + 4 * 4) // 4


def test_random_searches_that_are_there_are_reused(campaign, define, database, lab):
    for name, seed in (("r1", 1), ("r2", 2)):
        define(name, budget=10, strategy="random", seed=seed)
        lab.work(name, noise)
    report = lab.audit("s", noise, null_campaigns=3, reuse=("r1", "r2"))
    assert [(one.study, one.reused) for one in report.null_campaigns] == [
        ("r1", True),
        ("r2", True),
        ("s.audit-1.null-3", False),
    ]
    assert [one.replicates.n for one in report.null_campaigns] == [10, 10, 10]


def test_a_name_that_is_taken_is_avoided(campaign, define, database, lab):
    define("s.audit-1.replicates", budget=1)
    lab.audit("s", noise, **FEW)
    assert studies.read(database, "s.audit-1.replicates").audit_of is None
    assert studies.read(database, "s.audit-1.replicates.2").audit_of == "s"


def test_studies_with_long_names_have_companions_too(define, database, lab):
    for end in "ab":
        define("n" * 63 + end, budget=4)
        lab.work("n" * 63 + end, noise)
        assert lab.audit("n" * 63 + end, noise, **FEW).state == "complete"
    names = [one.name for one in studies.page(database, None, 100, audits=True).studies]
    assert len(names) == len(set(names)) == 2 * 6


def test_a_companion_that_is_ended_early_leaves_the_verdict_open(campaign, database, lab):
    begin(database)
    move_on(database)
    change(database, "s.audit-1.null-1", StudyPatch(state="completed"), "*")
    report = lab.serve("s", noise)
    assert report.verdict.improvement == "uncertain"
    assert "cut short" in report.verdict.reason


def test_a_companion_that_is_deleted_leaves_the_verdict_open(campaign, database, lab):
    begin(database)
    move_on(database)
    delete(database, "s.audit-1.null-1", "*")
    report = lab.serve("s", noise)
    assert report.null.campaigns == 1
    assert report.verdict.improvement == "uncertain"


def test_what_was_made_for_an_audit_is_deleted_with_the_study(campaign, database, lab):
    begin(database)
    move_on(database)
    delete(database, "s", "*")
    assert move_on(database) == 0
    assert studies.page(database, None, 100, audits=True).studies == ()
    with pytest.raises(StudyDeleted):
        studies.read(database, "s.audit-1.replicates")


def test_what_the_model_believed_is_kept_beside_what_was_selected_and_measured(define, lab, database, engine):
    ten_trials(define, lab)
    begin(database)
    report = lab.serve("s", noise)
    assert {point.shrunk.mean for point in report.points} == {1.0}  # SpreadEngine's, everywhere
    assert all(point.shrunk.mean != point.selection_value for point in report.points[1:3])
    assert all(point.replicates.mean != point.shrunk.mean for point in report.points)


@pytest.mark.parametrize("away", [True, False])
def test_an_audit_begins_without_a_model(define, lab, database, engine, monkeypatch, away):
    def predict(study, points):
        if away:
            raise EngineUnavailable("It is away.")

    ten_trials(define, lab)
    monkeypatch.setattr(engine, "predict", predict)
    report, begun = begin(database, engine=engine)
    assert begun
    assert [point.shrunk for point in report.points] == [None] * len(report.points)


def test_a_models_change_of_mind_makes_no_second_audit(define, lab, database, engine, monkeypatch):
    ten_trials(define, lab)
    first, _ = begin(database, engine=engine)
    monkeypatch.setattr(engine, "predict", lambda _study, _points: None)
    again, begun = begin(database, engine=engine)
    assert not begun
    assert again.points == first.points
