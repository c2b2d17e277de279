"""Pages of studies with several objectives and with outcome constraints."""

import itertools

import pytest

from headway.wire.study import Convergence, ConvergencePoint, Objective
from headway_server.services.plots import front_of
from headway_server.web.front_plot import front_plot
from headway_server.web.incumbent_plot import incumbent_plot


def work(http, name, results):
    for metrics in results:
        (trial,) = http.post(f"/v1/studies/{name}/trials:suggest", json={}).json()["trials"]
        body = {"lease_token": trial["lease"]["token"], "metrics": metrics}
        assert http.post(f"/v1/studies/{name}/trials/{trial['number']}:finish", json=body).status_code == 200


def test_a_front_is_shown_as_a_picture_and_as_a_table(http, study):
    objectives = [{"name": "loss"}, {"name": "<gain>", "goal": "maximize"}]
    http.post("/v1/studies", json=study | {"name": "two", "objectives": objectives})
    assert "No result counts yet" in http.get("/studies/two").text
    work(http, "two", [{"loss": 1, "<gain>": 1}, {"loss": 2, "<gain>": 2.5}, {"loss": 3, "<gain>": 2}])
    page = http.get("/studies/two").text
    assert page.count('<circle class="front"') == 2
    assert page.count('<circle class="counts"') == 1
    assert 'id="front-trials"' in page
    assert 'Front: <span class="value">2</span> <small>hypervolume' in page
    assert "<gain>" not in page
    assert page.count('<td class="n">2.5</td>') == 2  # in the front's table and among the trials
    assert 'id="incumbent"' not in page


def test_three_objectives_have_a_table_only(http, study):
    body = study | {"name": "three", "objectives": [{"name": name} for name in "abc"]}
    http.post("/v1/studies", json=body)
    work(http, "three", [{"a": 1, "b": 2, "c": 3}])
    page = http.get("/studies/three").text
    assert 'id="front-trials"' in page
    assert "<svg" not in page


def test_results_that_break_a_constraint_are_drawn_hollow_and_are_no_incumbent(http, study):
    http.post("/v1/studies", json=study | {"name": "bounded", "outcome_constraints": ["size <= 1"]})
    work(http, "bounded", [{"yield": 9, "size": 2}])
    page = http.get("/studies/bounded").text
    assert "with <b>size &lt;= 1</b>" in page
    assert page.count('<circle class="infeasible"') == 1
    assert "Incumbent</h2>" in page
    work(http, "bounded", [{"yield": 4, "size": 1}])
    assert '<span class="value">4</span> <small>trial 2</small>' in http.get("/studies/bounded").text


def two(values, goals=("minimize", "minimize"), counts=None):
    points = [
        ConvergencePoint(
            trial=k,
            value=a,
            best=None,
            at="2026-01-01T00:00:00Z",
            metrics={"a": a, "b": b},
            counts=counts is None or counts[k],
        )
        for k, (a, b) in enumerate(values)
    ]
    objectives = tuple(Objective(name=name, goal=goal) for name, goal in zip("ab", goals, strict=True))
    return Convergence(objective=objectives[0], objectives=objectives, points=tuple(points))


def test_without_results_or_with_other_numbers_of_objectives_there_is_no_picture():
    assert front_plot(two([])) is None
    one = two([(1.0, 2.0)])
    assert front_plot(one.model_copy(update={"objectives": one.objectives[:1]})) is None


@pytest.mark.parametrize("goals", list(itertools.product(("minimize", "maximize"), repeat=2)))
@pytest.mark.parametrize(
    "values",
    [
        [(1.0, 1.0)],
        [(2.0, 2.0)] * 3,
        [(0.0, 1e300), (-1e300, 0.0), (1.0, 2.0)],
        [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)],
    ],
)
def test_everything_stays_inside_the_picture(values, goals):
    plot = front_plot(two(values, goals))
    assert len(plot.dots) == len(values)
    assert all(0 <= dot.x <= plot.width and 0 <= dot.y <= plot.height for dot in plot.dots)
    assert plot.steps.startswith("M")
    assert sum(dot.kind == "front" for dot in plot.dots) == len(front_of(two(values, goals)))


def test_the_border_leaves_a_point_on_the_side_that_it_dominates():
    falling, rising = [(1.0, 3.0), (3.0, 1.0)], [(1.0, 1.0), (3.0, 3.0)]
    for goals, values, first in (
        (("minimize", "minimize"), falling, "H"),
        (("maximize", "maximize"), falling, "V"),
        (("minimize", "maximize"), rising, "H"),
        (("maximize", "minimize"), rising, "V"),
    ):
        steps = front_plot(two(values, goals)).steps
        assert steps.lstrip("M0123456789.,")[0] == first


def test_what_does_not_count_is_not_on_the_front():
    seen = two([(1.0, 1.0), (2.0, 2.0)], counts=[False, True])
    assert [point.trial for point in front_of(seen)] == [1]
    assert [dot.kind for dot in front_plot(seen).dots] == ["infeasible", "front"]


def test_the_incumbents_steps_begin_with_the_first_result_that_counts():
    points = tuple(
        ConvergencePoint(trial=k, value=v, best=b, at="2026-01-01T00:00:00Z", counts=b is not None)
        for k, (v, b) in enumerate([(1.0, None), (3.0, 3.0), (2.0, 2.0)])
    )
    seen = Convergence(objective=Objective(), points=points)
    plot = incumbent_plot(seen)
    assert plot.steps.startswith(f"M{plot.dots[1][0]},{plot.dots[1][1]}")
    assert incumbent_plot(seen.model_copy(update={"points": points[:1]})).steps == ""
