import pytest

from headway_workers.contract import DataUnavailable
from headway_workers.rewarded_soups.text import fetch


@pytest.fixture(scope="session")
def networks():
    """The pretrained networks are at hand, or the test is skipped."""
    try:
        for source in (fetch.POLICY, fetch.REACTIONS):
            fetch.weights(source)
    except DataUnavailable as error:
        pytest.skip(str(error))
