"""The note bank: every note that a clip can be made of, once, as 16-bit integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class NoteBank:
    """Notes by (timbre, pitch, variant, loudness), laid end to end with silence between them.

    samples: int16 [lead + (notes + 1) * slot]; note k starts at lead + k * slot, is `slot - lead` long and is followed
    by `lead` zeros; the last slot is silent. So the window of `slot` samples that starts j <= lead before note k holds
    the note delayed by j, and nothing of its neighbours.
    shape: (timbres, pitches, variants, loudnesses). sample_rate: Hz.
    """

    samples: Tensor
    shape: tuple[int, int, int, int]
    slot: int
    lead: int
    sample_rate: int

    @classmethod
    def from_notes(cls, notes: Tensor, slot: int, sample_rate: int) -> NoteBank:
        """Lay out notes, int16 [timbre, pitch, variant, loudness, sample], each in a slot of `slot` samples."""
        *shape, length = notes.shape
        lead = slot - length
        if lead < 0 or notes.dtype != torch.int16 or len(shape) != 4:
            raise ValueError(f"notes must be int16 [timbre, pitch, variant, loudness, <= {slot}]; got {notes.shape}")
        count = notes[..., 0].numel()
        # numpy's, because it asks for large pages: a third of the time for this much memory
        samples = torch.from_numpy(np.zeros(lead + (count + 1) * slot, np.int16))
        samples[lead : lead + count * slot].view(count, slot)[:, :length] = notes.reshape(count, length)
        return cls(samples, (shape[0], shape[1], shape[2], shape[3]), slot, lead, sample_rate)

    @property
    def n_notes(self) -> int:
        """How many notes there are; note number `n_notes` is the silent one."""
        timbres, pitches, variants, loudnesses = self.shape
        return timbres * pitches * variants * loudnesses

    @property
    def n_bytes(self) -> int:
        """Memory that the notes take."""
        return self.samples.numel() * self.samples.element_size()

    def index(self, timbre: Tensor, pitch: Tensor, variant: Tensor, loudness: Tensor) -> Tensor:
        """Number of each note. int64 tensors of one shape -> int64 of that shape."""
        _, pitches, variants, loudnesses = self.shape
        return ((timbre * pitches + pitch) * variants + variant) * loudnesses + loudness

    def slots(self, notes: Tensor, delays: Tensor) -> Tensor:
        """A slot for each note, the note delayed within it.

        notes, delays: int64 of one shape; delay in samples, 0 to `lead`. Returns int16 [*shape, slot].
        """
        windows = self.samples.as_strided((self.samples.numel() - self.slot + 1, self.slot), (1, 1))
        return windows[notes * self.slot + self.lead - delays]

    def to(self, device: torch.device | str) -> NoteBank:
        """The same bank on another device."""
        return NoteBank(self.samples.to(device), self.shape, self.slot, self.lead, self.sample_rate)
