"""The pages: what they show, and that nothing a user typed becomes markup."""

import pytest

from headway.wire.study import Convergence, ConvergencePoint, Objective
from headway_server.web.incumbent_plot import MAX_DOTS, incumbent_plot


def test_without_studies_the_page_says_how_to_get_one(http):
    page = http.get("/")
    assert page.status_code == 200
    assert "headway demo" in page.text


def test_studies_are_listed_with_their_state(http, study):
    page = http.get("/").text
    assert 'href="/studies/s"' in page
    assert "running" in page
    assert "maximize yield" in page


def test_many_studies_come_page_by_page(http, study):
    for k in range(60):
        http.post("/v1/studies", json=study | {"name": f"many-{k:02}"})
    assert "many-49" in http.get("/").text
    assert "many-50" not in http.get("/").text
    assert "many-50" in http.get("/", params={"after": "many-49"}).text


def test_a_study_shows_its_incumbent_its_workers_and_its_trials(http, study):
    for value in (1.0, 3.0, 2.0):
        trial = http.post("/v1/studies/s/trials:suggest", json={"worker": "bench-7"}).json()["trials"][0]
        body = {"lease_token": trial["lease"]["token"], "metrics": {"yield": value}}
        http.post(f"/v1/studies/s/trials/{trial['number']}:finish", json=body)
    http.post("/v1/studies/s/trials:suggest", json={"worker": "bench-8"})
    page = http.get("/studies/s").text
    assert '<span class="value">3</span> <small>trial 2</small>' in page
    assert page.count("<circle") == 3
    assert 'class="steps"' in page
    assert "<td>bench-8</td>" in page
    assert page.count('class="state completed"') == 3
    assert 'data-events="/v1/studies/s/events"' in page


def test_an_unknown_study_is_a_problem(http):
    assert http.get("/studies/nope").json()["code"] == "not-found"


def test_what_users_typed_is_text(http, study):
    evil = "<script>alert(1)</script>"
    space = {"parameters": [{"name": "p", "type": "categorical", "choices": [evil]}]}
    http.post("/v1/studies", json=study | {"name": "evil", "space": space})
    http.post("/v1/studies/evil/trials:suggest", json={"worker": evil})
    page = http.get("/studies/evil").text
    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page


def test_pages_carry_a_strict_policy_and_no_inline_script(http, study):
    page = http.get("/studies/s")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert page.text.count("<script") == page.text.count('<script src="/static/')
    assert "style=" not in page.text
    for asset in ("/static/live.js", "/static/style.css", "/static/icon.svg", "/favicon.ico"):
        assert http.get(asset).status_code == 200


def test_every_problem_has_its_section(http):
    page = http.get("/problems").text
    for slug in ("lease-superseded", "out-of-bounds", "definition-conflict", "internal"):
        assert f'id="{slug}"' in page


def test_the_api_is_described_without_anything_from_elsewhere(http):
    document = http.get("/openapi.json").json()
    page = http.get("/docs/api")
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    for name in document["components"]["schemas"]:
        assert f'<details id="{name}">' in page.text
    assert "https://" not in page.text.partition("<h1>Messages")[0]
    assert "unsafe" not in page.headers["content-security-policy"]


def points(values, goal="minimize"):
    best, series = None, []
    for k, value in enumerate(values, start=1):
        better = best is None or (value > best if goal == "maximize" else value < best)
        best = value if better else best
        series.append(ConvergencePoint(trial=k, value=value, best=best, at="2026-01-01T00:00:00Z"))
    return Convergence(objective=Objective(goal=goal), points=tuple(series))


def test_no_results_no_plot():
    assert incumbent_plot(points([])) is None


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [0.0, 0.0], [3.0, 1.0, 2.0], [1e300, -1e300, 0.0]])
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_everything_stays_inside_the_picture(values, goal):
    plot = incumbent_plot(points(values, goal))
    assert len(plot.dots) == len(values)
    assert all(0 <= x <= plot.width and 0 <= y <= plot.height for x, y, _ in plot.dots)
    assert plot.steps.startswith("M")


def test_better_is_up_when_maximising_and_down_when_minimising():
    for goal in ("minimize", "maximize"):
        first, second = incumbent_plot(points([1.0, 2.0], goal)).dots
        assert second[1] < first[1]


def test_one_wild_value_does_not_flatten_the_rest():
    plot = incumbent_plot(points([*range(20, 0, -1), 1e9]))
    heights = {y for _, y, _ in plot.dots}
    assert len(heights) > 15


def test_long_studies_are_thinned_but_the_incumbent_is_exact():
    plot = incumbent_plot(points([float(k) for k in range(5000, 0, -1)]))
    assert len(plot.dots) <= MAX_DOTS
    assert plot.steps.count("V") == 4999
