"""Randomness that is a function of its place: an integer hash, the same on every machine and device.

Source of the mixing steps: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64).
"""

from __future__ import annotations

from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
# As signed 64-bit numbers: torch has no arithmetic on unsigned ones.
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _signed(x: int) -> int:
    """The low 64 bits of an integer, read as two's complement."""
    x &= (1 << 64) - 1
    return x - (1 << 64) if x >> 63 else x


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical shift: torch's own repeats the sign bit."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def hash64(seeds: Tensor, stream: int) -> Tensor:
    """A well-mixed 64-bit number for each seed, one sequence a stream. int64 -> int64, same shape; wraps on purpose."""
    x = seeds + _signed(_GOLDEN * (stream + 1))
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def hashed_below(seeds: Tensor, stream: int, bound: int) -> Tensor:
    """An integer in [0, bound) for each seed. int64 -> int64. The bias of the modulus is under bound / 2**62."""
    return _shift_right(hash64(seeds, stream), 2) % bound
