from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a worker: tests that run side by side would fight for the cores."""
    with threadpool_limits(1):
        yield
