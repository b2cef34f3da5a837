"""Regression probes: real-valued targets read from a code, fitted on probe clips and read on test clips.

Every target gets the best, by squared error on held-back probe clips (a fifth, seeded), of: its mean; a ridge
regression at four penalties; a perceptron of two hidden layers with a straight path beside them, at one of ten stops.
Test clips decide nothing. The procedure is the same for every method, block and target. The held-back clips are not
fitted afterwards: a second training would double the cost.

The answer is the same to the last digit given (arrays, seed) on one CPU: one thread, seeded draws.

What it cannot see: a relation that 576 steps on the fitted clips do not learn counts as absent.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmark.metrics.threads import one_thread

Array = NDArray[np.float64]

HELD_BACK = 0.2  # of the rows
PENALTIES = (1e-4, 1e-2, 1.0, 1e2)  # per fitted row, of inputs of variance 1
HIDDEN = 192
LEARNING_RATE = 1e-2
DECAY = 0.1  # per unit of learning rate (AdamW)
BATCH = 160
STEPS = 576  # 40 passes over 2,304 clips
ROUNDS = 10  # at the end of each the perceptron may be stopped


def held_back(n_clips: int, seed: int) -> NDArray[np.bool_]:
    """Which probe clips are held back: bool [n_clips], a fifth of them."""
    held = np.zeros(n_clips, bool)
    held[np.random.default_rng(seed).permutation(n_clips)[: max(1, round(HELD_BACK * n_clips))]] = True
    return held


def regress(inputs: Array, targets: Array, held: NDArray[np.bool_], asked: Array, seed: int) -> Array:
    """Targets of the rows asked, each target by the regression that held-back rows chose.

    inputs: [n, d], variance about 1. targets: [n, t], any unit; those of more variance weigh more while the perceptron
        trains. held: bool [n], the rows that choose and are not fitted. asked: [m, d].
    Returns float64 [m, t].
    """
    if not targets.shape[1]:
        return np.zeros((len(asked), 0))
    fitted = ~held
    mean = targets[fitted].mean(axis=0)
    scale = float(np.sqrt(np.mean((targets[fitted] - mean) ** 2))) or 1.0
    told, least = np.zeros((len(asked), targets.shape[1])), np.mean((targets[held] - mean) ** 2, axis=0) / scale**2
    if inputs.shape[1]:
        goal = (targets - mean) / scale
        both = np.vstack([inputs[held], asked])
        with one_thread(), torch.enable_grad():
            for answers in _answers(inputs[fitted], goal[fitted], both, seed):
                errors = np.mean((answers[: held.sum()] - goal[held]) ** 2, axis=0)
                better = errors < least
                told[:, better], least[better] = answers[held.sum() :, better], errors[better]
    return np.asarray(told * scale + mean)


def _answers(inputs: Array, targets: Array, asked: Array, seed: int) -> Iterator[Array]:
    """What each candidate says of the rows asked: [m, t] in float64."""
    centre = inputs.mean(axis=0)
    values, basis = np.linalg.eigh((inputs - centre).T @ (inputs - centre) / len(inputs))
    slopes = basis.T @ ((inputs - centre).T @ targets) / len(inputs)
    for penalty in PENALTIES:
        yield (asked - centre) @ basis @ (slopes / (values[:, None] + penalty))
    yield from _perceptron(inputs, targets, asked, seed)


def _perceptron(inputs: Array, targets: Array, asked: Array, seed: int) -> Iterator[Array]:
    draw = torch.Generator().manual_seed(seed)
    codes, goal, wanted = (torch.from_numpy(one).float() for one in (inputs, targets, asked))
    layers = _layers(codes.shape[1], goal.shape[1], draw)
    biases = [bias for _, bias in layers]
    # Not decayed: on a code that is linear plus noise the perceptron is then no worse than ridge.
    straight = torch.zeros(codes.shape[1], goal.shape[1], requires_grad=True)
    decayed = {"params": [weight for weight, _ in layers], "weight_decay": DECAY}
    optimiser = torch.optim.AdamW([decayed, {"params": [straight, *biases], "weight_decay": 0.0}], fused=True)
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        batch = torch.randint(len(codes), (BATCH,), generator=draw)
        optimiser.zero_grad()
        told = _through(layers, straight, codes[batch])
        (functional.mse_loss(told, goal[batch], reduction="sum") / BATCH).backward()
        optimiser.step()
        if (step + 1) * ROUNDS // STEPS > step * ROUNDS // STEPS:
            with torch.no_grad():
                yield _through(layers, straight, wanted).double().numpy()


def _layers(width: int, outputs: int, draw: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    layers = []
    for fan_in, fan_out, gain in ((width, HIDDEN, 1.0), (HIDDEN, HIDDEN, 1.0), (HIDDEN, outputs, 0.1)):
        weight = torch.randn(fan_in, fan_out, generator=draw) * (2 / fan_in) ** 0.5 * gain
        layers.append((weight.requires_grad_(), torch.zeros(fan_out, requires_grad=True)))
    return layers


def _through(layers: list[tuple[Tensor, Tensor]], straight: Tensor, inputs: Tensor) -> Tensor:
    hidden = inputs
    for i, (weight, bias) in enumerate(layers):
        hidden = torch.addmm(bias, functional.gelu(hidden) if i else hidden, weight)
    return hidden + inputs @ straight
