import io
from datetime import UTC, datetime

from rich.console import Console

from headway.wire.study import StudyView, TrialCounts
from headway.wire.trial import AttemptView, MeasuredValue, ObservationView, TrialView
from headway_workers.demo.display import LivePanel, Moment, PlainLines, display, panel, sparkline
from headway_workers.demo.record import Record
from headway_workers.digits_svm.objective import DigitsSvm
from headway_workers.launch.crew import Note

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def completed(number: int, value: float) -> TrialView:
    observation = ObservationView(
        attempt=1,
        outcome="completed",
        metrics={"error": MeasuredValue(value=value)},
        params_as_run=None,
        reason=None,
        message=None,
        late=False,
        superseded=False,
        received_at=NOW,
    )
    return TrialView(
        number=number,
        state="completed",
        params={},
        space_version=1,
        seed=0,
        value=value,
        std_error=None,
        metrics={"error": MeasuredValue(value=value)},
        origin=None,
        attempts=(),
        observations=(observation,),
        created_at=NOW,
        updated_at=NOW,
    )


def leased(number: int, worker: str) -> TrialView:
    attempt = AttemptView(
        number=1,
        worker=worker,
        leased_at=NOW,
        heartbeat_at=None,
        expires_at=NOW,
        ended_at=None,
        ended_by=None,
    )
    return completed(number, 0.0).model_copy(
        update={"state": "leased", "value": None, "observations": (), "attempts": (attempt,)}
    )


def moment(values: list[float], notes: tuple[Note, ...] = ()) -> Moment:
    view = StudyView(
        name="digits-svm",
        state="running",
        definition=DigitsSvm.definition(budget=10),
        definition_hash="",
        space_version=1,
        trials=TrialCounts(completed=len(values)),
        budget_left=10 - len(values),
        budget=10,
        etag='"1"',
        created_at=NOW,
        updated_at=NOW,
    )
    trials = tuple(completed(n, value) for n, value in enumerate(values, 1))
    return Moment(
        Record(view, (*trials, leased(99, "worker-1"))), ("worker-1", "worker-2"), notes, len(notes)
    )


def test_plain_lines_have_no_control_codes_and_say_each_incumbent_once():
    out = io.StringIO()
    with PlainLines(Console(file=out)) as lines:
        for values in ([0.5], [0.5], [0.5, 0.3], [0.5, 0.3]):
            lines.show(moment(values))
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().splitlines() == [
        "1/10 trials, best error 0.5",
        "2/10 trials, best error 0.3",
    ]


def test_plain_lines_say_a_restart_once():
    out = io.StringIO()
    note = Note(1.0, "server", "was killed by SIGKILL; starting it again")
    with PlainLines(Console(file=out)) as lines:
        for _ in range(3):
            lines.show(moment([], (note,)))
    assert out.getvalue() == "server was killed by SIGKILL; starting it again\n"


def test_output_that_is_no_terminal_gets_plain_lines():
    assert isinstance(display(Console(file=io.StringIO())), PlainLines)
    assert isinstance(display(Console(file=io.StringIO(), force_terminal=True)), LivePanel)


def test_panel_names_the_incumbent_and_who_is_busy():
    out = io.StringIO()
    Console(file=out, width=100).print(panel(moment([0.5, 0.25], (Note(1.0, "worker-2", "died"),))))
    for expected in ("2/10", "0.25", "at trial 2", "worker-1", "trial 99", "between trials", "worker-2 died"):
        assert expected in out.getvalue()


def test_panel_of_a_study_without_a_result_is_drawn():
    out = io.StringIO()
    Console(file=out, width=100).print(panel(moment([])))
    assert "0/10" in out.getvalue()


def test_sparkline_spans_from_lowest_to_highest_bar():
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert len(sparkline([0.1] * 200)) == 60


def test_sparkline_of_values_over_decades_shows_their_logarithms():
    assert sparkline([0.01, 0.1, 1.0]) == "▁▅█"
