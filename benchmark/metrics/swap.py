"""Swap fidelity: the private part of clip a decoded with the shared part of clip b, against the clip they should make.

Only controlled synthesis has that clip: the target, rendered with b's shared factors and everything else of a's.

    fidelity = 1 - MSE(swapped, target) / min(MSE(a, target), MSE(b, target))

a and b are the true features of the two clips. 1: exact. 0: as far from the target as the nearer of the two clips that
went in, that is, as bad as not swapping at all; a method that hands back one of its inputs reads 0 or less. Chance (a
decoder that always answers the mean spectrum) is negative, and so is a blurred decoder, without bound. Neither end
depends on the method, so **a bad decoder cannot gain by being bad**: this is the number to compare methods by.

    relative = (MSE(nearer, target) - MSE(swapped, target)) / (MSE(nearer, target) - MSE(own, target)), within [0, 1]

own is the method's reconstruction of the true target clip. 1: swapped as well as its decoder reconstructs; 0: as bad as
not swapping, and also where the decoder reconstructs no better than that. It says whether the swap or the decoder is
to blame for a low fidelity, and **can be gamed**: a decoder that ignores the private block gives the same answer
swapped or not and reads 1, if that answer beats not swapping. Never rank by it.

What neither can see: which factors went wrong (a bin counts by its energy), and whether blocks that no decoder reads
hold more. Both are means over pairs: a method may swap some factors' levels well and others badly.
Cost: a hundredth of a second for 256 pairs, beside rendering the targets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Swap:
    """fidelity: up to 1, 0 is not swapping; relative: in [0, 1]. errors: the mean squared errors they are made of."""

    fidelity: float
    relative: float
    errors: dict[str, float]


def swap_fidelity(
    swapped: ArrayLike, target: ArrayLike, private_from: ArrayLike, shared_from: ArrayLike, reconstructed: ArrayLike
) -> Swap:
    """How near decoded swaps come to the exactly rendered ones.

    All five [pair, ...bins], one shape and unit: what the method decodes from private(a) and shared(b); the rendered
    target; the true features of a; those of b; the method's reconstruction of the true target clip.
    Every pair must differ in a shared and in a private factor, or there is nothing to swap.
    Raises ValueError when shapes differ, a value is not finite, or a target is the same as clip a or clip b.
    """
    shape = np.shape(target)
    true = _checked("target", target, shape)
    named = {"swapped": swapped, "a": private_from, "b": shared_from, "own": reconstructed}
    told = {name: _checked(name, values, shape) for name, values in named.items()}
    for name in ("a", "b"):
        same = np.flatnonzero((told[name] == true).all(axis=1))
        if same.size:
            raise ValueError(f"pair {same[0]}: the target is clip {name} itself; swap clips that differ in both blocks")
    errors = {name: float(np.mean((values - true) ** 2)) for name, values in told.items()}
    worst = min(errors["a"], errors["b"])
    room = worst - errors["own"]
    relative = float(np.clip((worst - errors["swapped"]) / room, 0.0, 1.0)) if room > 0 else 0.0
    return Swap(1.0 - errors["swapped"] / worst, relative, errors)


def _checked(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape or array.ndim < 2 or not len(array):
        raise ValueError(f"'{name}' is {array.shape} and the target {shape}; expected one shape, [pair, ...bins]")
    flat = array.reshape(len(array), -1)
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if bad.size:
        raise ValueError(f"'{name}' of pair {bad[0]} holds NaN or infinity; expected finite numbers")
    return flat
