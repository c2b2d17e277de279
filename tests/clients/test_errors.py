import pickle

import pytest

from headway import errors
from headway.calls import problem_of
from headway.errors import BY_SLUG, ApiError, HeadwayError, NotFinite, ValidationFailed, error_of
from headway.wire.problem import FieldError, Problem
from headway_server.domain import errors as domain

AT_START_UP = {
    *("schema-mismatch", "device-unavailable", "no-key"),
    *("invalid-backup", "database-not-empty"),
}
"""Never over HTTP."""


def server_slugs(branch):
    found = {branch.slug} if "slug" in vars(branch) else set()
    return found.union(*(server_slugs(child) for child in branch.__subclasses__()))


def problem(code="not-finite", **changes):
    return Problem(type="x", title="t", status=422, detail="yield is nan.", code=code, **changes)


def test_every_slug_that_travels_has_its_exception_and_no_other():
    assert set(BY_SLUG) == server_slugs(domain.HeadwayError) - AT_START_UP


def test_exceptions_have_the_names_of_the_servers():
    for slug, error in BY_SLUG.items():
        assert error.__name__ in {one.__name__ for one in vars(domain).values() if hasattr(one, "slug")}, slug


def test_tree_in_the_docstring_names_every_class():
    missing = {
        one.__name__
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, HeadwayError) and one.__name__ not in errors.__doc__
    }
    assert not missing


def test_problem_becomes_the_exception_of_its_slug():
    assert type(error_of(problem())) is NotFinite


def test_unknown_slug_becomes_api_error_itself():
    assert type(error_of(problem("invented-later"))) is ApiError


def test_message_has_detail_every_field_with_its_hint_and_the_link():
    fields = [FieldError(pointer=f"/metrics/{n}", message=f"{n} is bad.", hint="Mend it.") for n in "ab"]
    text = str(error_of(problem(errors=fields, docs="http://h/problems#not-finite")))
    assert text.splitlines() == [
        "yield is nan.",
        "  /metrics/a: a is bad. Mend it.",
        "  /metrics/b: b is bad. Mend it.",
        "  see http://h/problems#not-finite",
    ]


def test_field_that_the_detail_quotes_already_is_not_repeated():
    field = FieldError(pointer="/metrics/yield", message="yield is nan.", hint="Send a number.")
    assert str(error_of(problem(errors=[field]))) == "yield is nan."


def test_link_is_made_absolute():
    body = problem(docs="/problems#not-finite").model_dump_json().encode()
    assert problem_of("http://h:1", 422, body).problem.docs == "http://h:1/problems#not-finite"


def test_bare_error_of_a_proxy_is_told_as_one():
    error = problem_of("http://h", 502, b"<html>")
    assert type(error) is ApiError
    assert error.server_is_away
    assert "502 Bad Gateway" in str(error)


def test_survives_pickling():
    again = pickle.loads(pickle.dumps(error_of(problem())))
    assert type(again) is NotFinite
    assert again.problem == problem()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_server_is_away_where_the_fault_is_not_the_requests(status):
    assert error_of(problem().model_copy(update={"status": status})).server_is_away


def test_definition_that_is_not_valid_is_refused_before_sending(client):
    with pytest.raises(ValidationFailed, match="/budget") as caught:
        client.create_study("s", {"x": [1, 2]}, budget=0)
    assert caught.value.problem.code == "validation"
