"""Notes added to the noise floor, as integers: two ways of doing it, the same samples.

On a processor new memory and thread hand-overs cost more than the sums do: so one row is mixed in a buffer that stays
in the cache, by one thread, and written once. On an accelerator the whole batch is a gather and an add.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators.bank import NoteBank
from generators.noise import NoiseTape

FULL_SCALE = 32768


@dataclass(frozen=True)
class Placement:
    """What sounds in each of n clips. Integer tensors on one device.

    notes: the note's number in the bank, int64 [n]. sounding: in which steps it is struck, bool [n, steps].
    delays: samples by which it is late in each step, int64 [n, steps]. noise: (level, offset) of the noise floor on its
    tape, int64 [n] each, or None for silence.
    """

    notes: Tensor
    sounding: Tensor
    delays: Tensor
    noise: tuple[Tensor, Tensor] | None


def mix_rows(placement: Placement, bank: NoteBank, tape: NoiseTape, lead_in: int, clips: NDArray[Any]) -> None:
    """Fill `clips` row by row, on the processor.

    lead_in: samples before the first step. clips: [n, samples], int16, or float32 with full scale 1.0.
    """
    notes, noise = bank.samples.numpy(), tape.samples.numpy()
    delays, sounding = placement.delays.numpy(), placement.sounding.numpy()
    onsets = lead_in + np.arange(delays.shape[1]) * bank.slot + delays
    note_starts = (bank.lead + placement.notes * bank.slot).tolist()
    noise_starts = None if placement.noise is None else (placement.noise[0] * tape.length + placement.noise[1]).tolist()
    mixed = np.empty(clips.shape[1], np.int16)
    for row, start in enumerate(note_starts):
        mixed[:] = 0 if noise_starts is None else noise[noise_starts[row] : noise_starts[row] + len(mixed)]
        note = notes[start : start + bank.slot - bank.lead]
        for onset in onsets[row, sounding[row]].tolist():
            mixed[onset : onset + len(note)] += note
        if clips.dtype == np.int16:
            clips[row] = mixed
        else:
            np.multiply(mixed, np.float32(1 / FULL_SCALE), out=clips[row])


def mix_batch(placement: Placement, bank: NoteBank, tape: NoiseTape, lead_in: int, n_samples: int) -> Tensor:
    """All clips at once, on the device where placement, bank and tape are: int16 [n, n_samples]."""
    n = len(placement.notes)
    if placement.noise is None:
        clips = torch.zeros(n, n_samples, dtype=torch.int16, device=placement.notes.device)
    else:
        clips = tape.read(*placement.noise, n_samples)
    notes = torch.where(placement.sounding, placement.notes[:, None], bank.n_notes)
    clips[:, lead_in:] += bank.slots(notes, placement.delays).view(n, -1)
    return clips
