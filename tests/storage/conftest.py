"""Here a test may change the schema, or the database itself: each has one of its own."""

import pytest


@pytest.fixture
def postgres_database(fresh_postgres_database):
    """A migrated database that goes with the test."""
    return fresh_postgres_database
