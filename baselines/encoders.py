"""Encoders that somebody else trained: what the suite asks of one, and how it asks.

An encoder is any object with `sample_rate` and `embed(audio)`, of any framework, with nothing to inherit: an instance,
a module, or what a class or a function makes when it is called without arguments.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchaudio.functional import resample

from baselines.contract import ONE_BLOCK, Family
from baselines.registry import line_of, said_by

LOWEST_HZ, HIGHEST_HZ = 1_000, 192_000


class Encoder(Protocol):
    """What turns audio into codes.

    sample_rate: Hz, of the audio that it takes. It may state a `family`, as a method does.
    """

    sample_rate: int

    def embed(self, audio: NDArray[np.float32]) -> Any:
        """Codes of clips: an array [clip, d], or named blocks {name: [clip, d]}.

        d: at most 4,096; of more than 128 the first 128 principal components are scored.

        audio: float32 [clip, sample], full scale 1.0. Codes depend on the clip alone: not on the others, nor on chance.
        """
        ...


@dataclass(frozen=True, eq=False)
class Foreign:
    """An encoder in a plugin; it is made once a process, and not before it is needed: weights may be large.

    name: the method's. target: the encoder, or the class or function that makes it. path: the plugin's file.
    """

    name: str
    target: Any
    path: Path

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder itself, in eval mode where it is a torch module. Raises ValueError, naming the line.

        One that is left at its initial weights is the same in every process, if it draws them from torch.
        """
        made = self.target
        if isinstance(made, type) or (callable(made) and not hasattr(made, "embed")):
            try:
                with torch.random.fork_rng([]):
                    torch.manual_seed(0)
                    made = self.target()
            except Exception as error:  # whatever a stranger's file raises is the answer to the user's question
                where = line_of(error, self.path)
                raise ValueError(f"{self.path}: {self.name} cannot be made{where}: {said_by(error)}") from error
        if isinstance(made, nn.Module):
            made.eval()
        self._check(made)
        return cast(Encoder, made)

    @property
    def family(self) -> Family:
        """The family that it states, or `other`."""
        return cast(Family, getattr(self.encoder, "family", "other"))

    def _check(self, made: object) -> None:
        who = f"{self.path}: the encoder {self.name}"
        if not callable(getattr(made, "embed", None)):
            raise ValueError(f"{who} has no embed: write embed(audio), float32 [clip, sample] to codes [clip, d]")
        rate = getattr(made, "sample_rate", None)
        if rate is None:
            raise ValueError(f"{who} has no sample_rate: set it to that of the audio it takes, as sample_rate = 16_000")
        if isinstance(rate, bool) or not hasattr(rate, "__index__") or not LOWEST_HZ <= rate <= HIGHEST_HZ:
            raise ValueError(f"{who} has the sample_rate {rate!r}; expected an integer, {LOWEST_HZ} to {HIGHEST_HZ} Hz")
        known = [family for family in get_args(Family) if family != "oracle"]
        if getattr(made, "family", "other") not in known:
            raise ValueError(f"{who} states the family {made.family!r}; expected one of {', '.join(known)}")  # type: ignore[attr-defined]


def asked(encoder: Encoder, audio: Tensor, sample_rate: int) -> dict[str, Any]:
    """What an encoder returns for clips, by block, as tensors where they can be; one array is the block `code`.

    audio: float32 [clip, sample] at `sample_rate` Hz, which is resampled to the encoder's rate.
    """
    wanted = operator.index(encoder.sample_rate)
    heard = audio if wanted == sample_rate else resample(audio, sample_rate, wanted)
    returned = encoder.embed(np.ascontiguousarray(heard.cpu().numpy(), dtype=np.float32))
    blocks = returned if isinstance(returned, dict) else {ONE_BLOCK: returned}
    return {block: _tensor(codes) for block, codes in blocks.items()}


def _tensor(codes: Any) -> Any:
    """Codes of any framework as a tensor on the CPU; what is no array of numbers is left as it is, to be told of."""
    if isinstance(codes, Tensor):
        return codes.detach().cpu()
    if not hasattr(codes, "__array__"):
        return codes
    array = np.asarray(codes)
    # A copy, for the encoder may write over what it returned, or may not let us write.
    return torch.from_numpy(array.copy()) if array.dtype.kind in "fiu" and array.dtype.itemsize <= 8 else codes
