import numpy as np
import pytest
import torch

from headway_workers.rewarded_soups.text.generation import roll_out, uniforms, write
from headway_workers.rewarded_soups.text.policy import WINDOW, policy_of
from headway_workers.rewarded_soups.text.reading import Alone, Beside

TEMPERATURE = 0.8


def written_with_whole_windows(policy, numbers, boundary, reference):
    """One text at a time, one whole window a symbol."""
    texts, likelihoods, divergences = [], [], []
    for row in numbers:
        symbols, likelihood, divergence = [boundary], 0.0, 0.0
        for u in row:
            window = torch.tensor([([0] * WINDOW + symbols)[-WINDOW:]])
            with torch.no_grad():
                log_p, log_q = (
                    torch.log_softmax(one(window)[0, 1:].double() / TEMPERATURE, 0).numpy()
                    for one in (policy, reference)
                )
            divergence += float(np.exp(log_p) @ (log_p - log_q))
            chosen = int(np.argmax(np.cumsum(np.exp(log_p)) > u))
            likelihood += log_p[chosen]
            symbols.append(chosen + 1)
            if symbols[-1] == boundary:
                break
        texts.append(symbols[1:])
        likelihoods.append(likelihood)
        divergences.append(divergence)
    return texts, likelihoods, divergences


@pytest.mark.parametrize("changed", [("output",), ("output", "rnn_2"), ("output", "rnn_2", "rnn_1")])
def test_texts_are_those_of_whole_windows(start, device, changed):
    parameters, alphabet = start
    random = torch.Generator().manual_seed(1)
    other = {
        name: one + 0.02 * torch.randn(one.shape, generator=random) * name.startswith(changed)
        for name, one in parameters.items()
    }
    numbers = uniforms(6, 5, length=WINDOW)
    texts, likelihoods, divergences = written_with_whole_windows(
        policy_of(other), numbers, alphabet.boundary, policy_of(parameters)
    )
    reader = Beside(policy_of(other, device), policy_of(parameters, device), temperature=TEMPERATURE)
    ours = write(reader, numbers, alphabet.boundary)
    assert [row[:length] for row, length in zip(ours.symbols.tolist(), map(len, texts), strict=True)] == texts
    assert ours.drawn.tolist() == list(map(len, texts))
    assert ours.log_likelihood.tolist() == pytest.approx(likelihoods, rel=1e-4)
    assert ours.divergence.tolist() == pytest.approx(divergences, rel=1e-3)


def test_ended_texts_are_silent(start):
    parameters, alphabet = start
    # With the boundary as likely as not, many texts end at once.
    eager = {**parameters, "output.bias": parameters["output.bias"].clone()}
    eager["output.bias"][alphabet.boundary] += 12.0
    written = write(Alone(policy_of(eager), temperature=1.0), uniforms(50, 1), alphabet.boundary)
    assert (written.drawn < 5).any()
    for symbols, drawn in zip(written.symbols.tolist(), written.drawn.int().tolist(), strict=True):
        assert alphabet.boundary not in symbols[: drawn - 1]
        assert set(symbols[drawn:]) <= {0}
    assert all(0 not in s[:d] for s, d in zip(written.symbols.tolist(), written.drawn.int(), strict=True))


def test_parts_do_not_change_the_texts(start, monkeypatch):
    parameters, alphabet = start
    numbers = uniforms(20, 2, length=8)
    reader = Alone(policy_of(parameters), temperature=1.0)
    whole = write(reader, numbers, alphabet.boundary)
    monkeypatch.setattr("headway_workers.rewarded_soups.text.generation.TOGETHER", 7)
    assert torch.equal(write(reader, numbers, alphabet.boundary).symbols, whole.symbols)


def test_gradient_of_the_log_likelihood_is_its_slope(start):
    parameters, alphabet = start
    numbers = uniforms(3, 4, length=5)
    policy = policy_of(parameters).double()
    reference = policy_of({**parameters, "output.bias": parameters["output.bias"] * 1.1}).double()

    def total():
        written = roll_out(Beside(policy, reference, temperature=1.0), numbers, alphabet.boundary)
        return (written.log_likelihood + written.divergence).sum()

    total().backward()
    weight = policy.rnn_1.weight_hh_l0
    steepest = np.unravel_index(int(weight.grad.abs().argmax()), weight.shape)
    slope, at, h = weight.grad[steepest].item(), weight.data[steepest].item(), 1e-5
    ends = []
    for moved in (at + h, at - h):  # so little that no text changes
        weight.data[steepest] = moved
        ends.append(total().item())
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5)


def test_texts_that_outgrow_the_window_are_refused(start):
    parameters, alphabet = start
    with pytest.raises(ValueError, match="Texts of 41 symbols"):
        roll_out(Alone(policy_of(parameters), temperature=1.0), uniforms(1, 0, length=41), alphabet.boundary)
