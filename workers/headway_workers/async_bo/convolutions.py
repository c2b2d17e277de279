"""A convolutional network of six layers: validation error by nine hyperparameters of its training.

The nine (learning rate, momentum, batch size, six numbers of filters from 16 to 256) and the 20 epochs are
those of the code that the core paper's authors released; what is said of neither there, the ranges of the
first three and the layers' details, is our choice.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from headway.wire.base import Params
from headway.wire.space import Float, Int, Parameter
from headway_workers.async_bo.images import CLASSES, Images

EPOCHS = 20
LAYERS = 6
POOLED = (1, 3)
"""After these layers the sides are halved; after the last one the mean over the image is taken."""
EVALUATED = 1_000
"""Validation images at a time."""


def parameters() -> tuple[Parameter, ...]:
    """The nine."""
    return (
        Float(1e-3, 1.0, log=True, name="learning_rate"),
        Float(0.0, 0.99, name="momentum"),
        Int(16, 512, log=True, name="batch_size"),
        *(Int(16, 256, log=True, name=f"filters{k}") for k in range(1, LAYERS + 1)),
    )


def network(channels: int, filters: tuple[int, ...], generator: torch.Generator) -> nn.Sequential:
    """3 × 3 convolutions with ReLU, weights as He et al. 2015 draw them, and a linear classifier."""
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(pairwise((channels, *filters))):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if k in POOLED else []
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(filters[-1], CLASSES))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
        else:
            nn.init.zeros_(parameter)
    return model


def error(params: Params, images: Images, seed: int, *, epochs: int = EPOCHS, device: str = "cpu") -> float:
    """Share of the validation images that are misclassified after stochastic gradient descent.

    Weights and the order of images are drawn by the seed on the processor, whatever the device. A network
    that has diverged answers with one class.
    """
    generator = torch.Generator().manual_seed(seed)
    filters = tuple(int(params[f"filters{k}"]) for k in range(1, LAYERS + 1))
    model = network(images.training.shape[1], filters, generator).to(device)
    x, y = (torch.from_numpy(part).to(device) for part in (images.training, images.training_labels))
    descent = torch.optim.SGD(
        model.parameters(), lr=float(params["learning_rate"]), momentum=float(params["momentum"])
    )
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator).to(device)
        for batch in torch.split(order, int(params["batch_size"])):
            descent.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            descent.step()
    with torch.inference_mode():
        blocks = torch.split(torch.from_numpy(images.validation), EVALUATED)
        predicted = torch.cat([model(block.to(device)).argmax(dim=1).cpu() for block in blocks])
    return float(np.mean(predicted.numpy() != images.validation_labels))
