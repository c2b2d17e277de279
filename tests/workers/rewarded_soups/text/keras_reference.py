"""Both networks in NumPy, double precision, one text at a time, straight from the stored Keras arrays.

After Keras: `keras.engine.saving._convert_rnn_weights` (what cuDNN's layout is), its LSTM and GRU cells, and
textgenrnn's AttentionWeightedAverage.
"""

import numpy as np


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def _as_keras(stored, layer):
    """Kernel, recurrent kernel and bias of an LSTM from those of a CuDNNLSTM."""
    kernel, recurrent, bias = (
        stored[f"{layer}/{layer}/{name}:0"] for name in ("kernel", "recurrent_kernel", "bias")
    )
    return (
        np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, 4)]),
        np.hstack([k.T for k in np.hsplit(recurrent, 4)]),
        sum(np.split(bias, 2)),
    )


def _lstm(inputs, kernel, recurrent, bias):
    units = recurrent.shape[0]
    h = c = np.zeros(units)
    outputs = []
    for x in inputs:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def next_symbol(stored, window):
    """Log-probabilities of the symbol after a window of 40."""
    embedded = stored["embedding/embedding/embeddings:0"][window]
    first = _lstm(embedded, *_as_keras(stored, "rnn_1"))
    second = _lstm(first, *_as_keras(stored, "rnn_2"))
    outputs = np.hstack([embedded, first, second])
    logits = (outputs @ stored["attention/attention/attention_W:0"])[:, 0]
    weights = np.exp(logits - logits.max())
    mean = weights @ outputs / weights.sum()
    scores = mean @ stored["output/output/kernel:0"] + stored["output/output/bias:0"]
    return scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())


def reactions(stored, symbols):
    """Shares of the five reactions for 140 symbols."""
    kernel, recurrent, bias = (
        np.hsplit(stored[f"rnn/rnn/{name}"], 3) for name in ("kernel", "recurrent_kernel", "bias")
    )
    h = np.zeros(256)
    for x in stored["embedding/embedding/embeddings"][symbols]:
        z, r = (
            np.clip(0.2 * (x @ kernel[gate] + h @ recurrent[gate] + bias[gate]) + 0.5, 0.0, 1.0)
            for gate in (0, 1)
        )
        h = z * h + (1.0 - z) * np.tanh(x @ kernel[2] + (r * h) @ recurrent[2] + bias[2])
    positive = np.maximum(h @ stored["output/output/kernel"] + stored["output/output/bias"], 0.0)
    return positive / positive.sum()
