import h5py
import numpy as np
import pytest
import torch

from headway_workers.rewarded_soups.text import fetch, policy, reactions
from headway_workers.rewarded_soups.text.comparison import Comparison, Plan
from headway_workers.rewarded_soups.text.reinforce import Recipe


@pytest.fixture(scope="session", params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> str:
    """Every device that this machine has."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def start(networks):
    """The pretrained policy's parameters and alphabet."""
    return policy.pretrained()


@pytest.fixture(scope="session")
def reaction_model(networks, device):
    return reactions.pretrained(device)


@pytest.fixture(scope="session")
def stored(networks):
    """The data sets of both archives' weight files, by path, as Keras stored them."""

    def read(source):
        folder = fetch.cache_folder()
        weights, _ = fetch.contents(source, fetch.archive(source, folder))
        path = folder / f"{source.name}.hdf5"
        fetch.write_whole(path, weights)
        found = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        path.unlink()
        return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}

    return {source.name: read(source) for source in (fetch.POLICY, fetch.REACTIONS)}


@pytest.fixture(scope="session")
def plan():
    """The cheapest comparison whose hypervolumes are not zero."""
    return Plan("haha-sentiment", Recipe(batch=3, trainable="head"), steps=1, texts=120)


@pytest.fixture(scope="session")
def comparison(start, plan, tmp_path_factory):
    """A soup beside MORL's runs."""
    return Comparison.of(plan, tmp_path_factory.mktemp("fine-tunes"))
