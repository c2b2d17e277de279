"""`headway figure`: what an objective's room draws of its experiment."""

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from headway_workers import registry
from headway_workers.commands import figure

WITH_TESTS_OF_ITS_OWN = {"async-bo", "image-inpainting", "matrix-completion", "rewarded-soups"}
"""Minutes at their own size: their rooms' tests draw less of them."""


def test_every_objective_names_a_picture_that_can_be_loaded_or_none():
    drawn = {name for name in registry.names() if registry.figure(name) is not None}
    assert WITH_TESTS_OF_ITS_OWN < drawn < set(registry.names())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["molecular-fitness", "relu-jumps", "signature-audit", "soup-preference", "team-influence"]
)
def test_picture_is_drawn_in_colours(name, tmp_path):
    path = tmp_path / f"{name}.png"
    done = CliRunner().invoke(figure, [name, "--output", str(path)], catch_exceptions=False)
    assert (done.exit_code, done.output.strip()) == (0, str(path))
    pixels = imread(path)[:, :, :3]
    assert pixels.shape[1] == 1760
    colourful = np.ptp(pixels, axis=2) > 0.2
    assert colourful.mean() > 0.001


def test_without_a_picture_the_command_says_what_draws_one(tmp_path):
    done = CliRunner().invoke(figure, ["digits-svm", "--output", str(tmp_path / "none.png")])
    assert done.exit_code == 1
    assert "headway demo --study digits-svm" in done.output
    assert not list(tmp_path.iterdir())
