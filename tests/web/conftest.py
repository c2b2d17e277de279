"""The pages are tested over the same application as the API."""

from tests.api.conftest import app, http, leased, study

__all__ = ["app", "http", "leased", "study"]
