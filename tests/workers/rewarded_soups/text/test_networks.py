import numpy as np
import pytest
import torch

from headway_workers.rewarded_soups.text import checks
from headway_workers.rewarded_soups.text.policy import WINDOW, policy_of
from tests.workers.rewarded_soups.text import keras_reference

TEXTS = ("What did you learn in 2017?", "a", "", "“Ω” ｆｕｌｌ width, and a text longer than forty symbols")


def windows_of(alphabet, text):
    symbols = alphabet.encode(text)[:-1]
    return [([0] * WINDOW + symbols[:end])[-WINDOW:] for end in range(1, len(symbols) + 1)]


def test_policy_agrees_with_keras_arithmetic(start, stored, device):
    parameters, alphabet = start
    windows = [window for text in TEXTS for window in windows_of(alphabet, text)[::7]]
    with torch.no_grad():
        logits = policy_of(parameters, device)(torch.tensor(windows, device=device))
    ours = torch.log_softmax(logits.double(), 1).cpu().numpy()
    theirs = np.array([keras_reference.next_symbol(stored["textgenrnn"], window) for window in windows])
    assert np.exp(theirs).sum(1) == pytest.approx(1.0)
    # Relative to the spread of a row: single precision through forty steps of two layers.
    assert np.abs(ours - theirs).max() < 1e-5 * np.ptp(theirs)
    assert np.abs(np.exp(ours) - np.exp(theirs)).max() < 1e-5


def test_reactions_agree_with_keras_arithmetic(reaction_model, stored):
    texts = ["this is so sad, rest in peace", "lol this is hilarious", "x" * 200, "", "unknown ǝ symbols ω"]
    numbers = reaction_model.numbers
    symbols = [[numbers[one] for one in text if one in numbers][-140:] for text in texts]
    theirs = [keras_reference.reactions(stored["reactionrnn"], [0] * (140 - len(s)) + s) for s in symbols]
    ours = reaction_model(texts).cpu().numpy()
    assert ours == pytest.approx(np.array(theirs), abs=1e-5)


def test_reaction_of_a_text_does_not_depend_on_its_neighbours(reaction_model):
    alone = torch.cat([reaction_model([text]) for text in TEXTS])
    assert torch.allclose(alone, reaction_model(TEXTS), atol=1e-5)


def test_networks_say_what_is_known_of_them(start):
    assert [check for check in checks.networks() if not check.passed] == []


def test_windows_behind_kept_pads_are_the_whole_windows(start, device):
    parameters, alphabet = start
    policy = policy_of(parameters, device)
    with torch.no_grad():
        pads = policy.pads()
        for text in TEXTS:
            symbols = alphabet.encode(text)[:-1]
            for end, window in enumerate(windows_of(alphabet, text)[:WINDOW], start=1):
                short = policy.after_pads(torch.tensor(symbols[:end], device=device)[:, None], pads)
                whole = policy(torch.tensor([window], device=device))
                assert torch.allclose(short, whole, atol=2e-4, rtol=1e-5), (text, end)


def test_a_carried_state_is_another_network(start):
    """Why windows are exact: the state behind 7 pads is not that behind 8."""
    parameters, _ = start
    pads = policy_of(parameters).pads()
    assert (pads.first[8][0] - pads.first[7][0]).abs().max() > 0.1


def test_gradient_behind_kept_pads_is_that_of_whole_windows(start):
    parameters, alphabet = start
    text = torch.tensor([alphabet.encode("Why are")[:-1], alphabet.encode("My dog ")[:-1]]).T
    windows = torch.nn.functional.pad(text.T, (WINDOW - len(text), 0))
    gradients = []
    for whole in (True, False):
        policy = policy_of(parameters).double()
        logits = policy(windows) if whole else policy.after_pads(text, policy.pads())
        torch.log_softmax(logits, 1)[:, 70].sum().backward()
        gradients.append({name: one.grad for name, one in policy.named_parameters()})
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-9, atol=1e-12), name


def test_alphabet_reads_what_it_writes(start):
    _, alphabet = start
    assert alphabet.decode(alphabet.encode("Ask Reddit!")[1:]) == "Ask Reddit!"
    assert alphabet.encode("\N{SNOWMAN WITHOUT SNOW}") == [alphabet.boundary] * 2
