import numpy as np
import pytest
from matplotlib.figure import Figure

from headway_workers.rewarded_soups import figure
from headway_workers.rewarded_soups.text.comparison import POLICIES


@pytest.mark.slow
def test_picture_has_soups_morl_and_the_first_texts_of_each_soup(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr(figure.Comparison, "of", lambda _: comparison)
    drawn = Figure()
    figure.draw(drawn)
    front, texts = drawn.axes
    assert [one.get_label() for one in front.containers] == [
        "soups, λ = 0 to 1",
        "MORL, 1 steps each",
        "pretrained",
    ]
    means = [one.values.mean(axis=0) for one in comparison.soups]
    np.testing.assert_allclose(front.lines[0].get_xydata(), means)
    assert len(texts.texts) == POLICIES * (1 + figure.EXAMPLES)
    drawn.savefig(tmp_path / "soups.png")  # every text can be set


def test_what_the_font_lacks_and_what_would_be_mathematics_is_printed_plainly():
    assert figure._printable("a $5 \U0001f600\n") == r"a \$5 ··"
