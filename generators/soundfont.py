"""`soundfont`: `phrases` on eight General MIDI instruments, sampled once by FluidSynth. 9,216 combinations, 2 seconds.

In the soundfont that pretty_midi carries, TimGM6mb, these eight are told apart at every pitch by the mean levels of
their harmonics, are in tune within 15 cents, have their fundamental at every pitch, and start fast enough for librosa
to hear each note once. Any other soundfont can be given by its path; nobody has measured how they fare in it.

The sound is what FluidSynth makes at 16 kHz. It does not filter a sample that it plays faster than it was recorded, so
bright instruments alias a little, as they do wherever FluidSynth plays them. How a note comes out is up to FluidSynth's
version and to the soundfont: so the version of the space ends in the first digits of the SHA-256 of all notes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from generators import cache, fluid
from generators.bank import NoteBank
from generators.clips import NOISE_FLOOR, NOISE_RANGE, ONSET_JITTER, VARIANT, NoteClips, Sound, noise_tape
from generators.factors import Factor, FactorSpace
from generators.hashing import hashed_below
from generators.loudness import energy_at, k_weighted_energy
from generators.nuisances import Nuisance, Range
from generators.phrases import LAYOUT, MAX_JITTER, N_VARIANTS, RHYTHMS, SAMPLE_RATE, STEP
from generators.phrases import SPACE as PHRASES

VERSION = "1"  # of what is done here; a clip's samples are named by `Soundfont.version`
# General MIDI's names and its numbers less one.
INSTRUMENTS = {
    "Music Box": 10,
    "Fretless Bass": 35,
    "Slap Bass 1": 36,
    "Cello": 42,
    "Contrabass": 43,
    "Pizzicato Strings": 45,
    "Tuba": 58,
    "Synth Brass 1": 62,
}
LENGTH = STEP - MAX_JITTER
# Most of these instruments sound on until they are stopped. Within 20 ms, as `phrases` stops notes that have decayed,
# librosa hears many a stop as one more onset; within 60 ms none.
FADE_S = 0.06
DETUNE_CENTS = (-10, 10)
ATTACK_MS = (0, 8)  # of a rise on top of the instrument's own; a plain note has none

SPACE = FactorSpace(
    (
        PHRASES.factors[0],
        Factor("timbre", "", tuple(INSTRUMENTS), ordinal=False),
        *PHRASES.factors[2:],
    )
)
NUISANCES = (
    Nuisance(VARIANT, (Range("detune", "cents", *DETUNE_CENTS), Range("attack", "ms", *ATTACK_MS))),
    Nuisance(ONSET_JITTER, (Range("delay of each onset", "ms", 0, MAX_JITTER / SAMPLE_RATE * 1_000),)),
    Nuisance(NOISE_FLOOR, (NOISE_RANGE,)),
)
SHAPE = (len(INSTRUMENTS), len(PHRASES.factors[0].values), N_VARIANTS, len(PHRASES.factors[2].values))


class Soundfont(NoteClips):
    """The generator of the space `soundfont`. Nuisances: variant (detune, attack), onset jitter, noise floor."""

    def __init__(
        self,
        nuisances: bool | Collection[str] = True,
        device: torch.device | str = "cpu",
        soundfont: str | Path | None = None,
    ) -> None:
        """nuisances: which are on; see `NoteClips`. soundfont: an .sf2 file; by default the one of pretty_midi.

        Raises ValueError, in one line, where the soundfont is missing or no soundfont, or lacks an instrument, and
        where FluidSynth, pyfluidsynth or pretty_midi is not installed.
        """
        path = fluid.default_soundfont() if soundfont is None else Path(soundfont).expanduser()
        bank, digest = _bank(path, Recipe(fluid.check_soundfont(path), fluid.version()))
        sound = Sound(SPACE, LAYOUT, bank, noise_tape(), NUISANCES)
        super().__init__("soundfont", f"{VERSION}+{digest[:12]}", sound, nuisances, device)


@dataclass(frozen=True)
class Recipe:
    """All that decides the notes; whatever changes them is a field here."""

    soundfont_sha256: str
    synthesiser: str
    version: str = VERSION
    settings: tuple[tuple[str, float | int], ...] = tuple(fluid.SETTINGS.items())
    velocity: int = fluid.VELOCITY
    sample_rate: int = SAMPLE_RATE
    programs: tuple[int, ...] = tuple(INSTRUMENTS.values())
    pitches_midi: tuple[float | str, ...] = PHRASES.factors[0].values
    loudnesses_lufs: tuple[float | str, ...] = PHRASES.factors[2].values
    variants: tuple[int, tuple[int, int], tuple[int, int]] = (N_VARIANTS, DETUNE_CENTS, ATTACK_MS)
    lengths: tuple[float, ...] = (STEP, MAX_JITTER, LAYOUT.n_samples, RHYTHMS[0].count("x"), FADE_S)

    @property
    def key(self) -> str:
        """A file's name: 'soundfont-' and 32 hexadecimal digits."""
        return f"soundfont-{hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]}"


@lru_cache(maxsize=2)  # 140 MB each
def _bank(path: Path, recipe: Recipe) -> tuple[NoteBank, str]:
    """The bank, from the cache or from FluidSynth, and the SHA-256 of its notes."""
    notes, digest = cache.samples_of(recipe.key, prod(SHAPE) * LENGTH, lambda: sample_notes(path).reshape(-1))
    return NoteBank.from_notes(torch.from_numpy(notes.reshape(*SHAPE, LENGTH)), STEP, SAMPLE_RATE), digest


def sample_notes(soundfont: Path) -> NDArray[np.int16]:
    """Every note, played by FluidSynth: int16 [timbre, pitch, variant, loudness, LENGTH].

    Raises ValueError naming the instrument that is missing, silent at some pitch, or would clip at the loudest level.
    """
    levels = np.array([float(level) for level in SPACE.factors[2].values])
    amplitudes = np.sqrt(energy_at(levels, LAYOUT.n_samples) / RHYTHMS[0].count("x"))
    notes = np.empty((*SHAPE, LENGTH), np.int16)
    with fluid.player(soundfont, SAMPLE_RATE) as player:
        for timbre, (name, program) in enumerate(INSTRUMENTS.items()):
            if not player.choose(program):
                raise ValueError(f"the soundfont {soundfont} has no {name}, programme {program + 1} of General MIDI")
            for number, pitch in enumerate(SPACE.factors[0].values):
                who = f"{name} at MIDI {pitch:g} in the soundfont {soundfont}"
                waves = _waves(player, timbre, number, int(pitch))
                notes[timbre, number] = _to_int16(waves[:, None] * amplitudes[:, None], who)
    return notes


def _waves(player: fluid.Player, timbre: int, number: int, pitch_midi: int) -> NDArray[np.float64]:
    """All variants of a note, of K-weighted energy 1: float64 [variant, LENGTH]. Silent ones stay silent."""
    waves = np.empty((N_VARIANTS, LENGTH))
    for variant in range(N_VARIANTS):
        cents, attack_ms = _variant(timbre * 100 + number, variant)
        waves[variant] = player.note(pitch_midi, cents, LENGTH) * _edges(attack_ms)
    energies = k_weighted_energy(waves, SAMPLE_RATE)[:, None]
    return np.divide(waves, np.sqrt(energies), out=np.zeros_like(waves), where=energies > 0)


def _variant(note: int, variant: int) -> tuple[float, float]:
    """Detune in cents, attack in milliseconds. Variant 0 is plain.

    Detunes lie on a grid, not at random: FluidSynth rounds them to cents, and two would fall together.
    """
    if variant == 0:
        return 0.0, 0.0
    uniform = float(hashed_below(torch.tensor([note * 1_000 + variant]), 12, 1 << 30)) / (1 << 30)
    (low, high), (first, last) = DETUNE_CENTS, ATTACK_MS
    return low + (high - low) * (variant - 0.5) / (N_VARIANTS - 1), first + (last - first) * uniform


def _edges(attack_ms: float) -> NDArray[np.float64]:
    """Raised-cosine rise, if there is any, and raised-cosine end: float64 [LENGTH]."""
    position = np.arange(LENGTH)
    end = np.sin(np.pi / 2 * np.clip((LENGTH - 1 - position) / (FADE_S * SAMPLE_RATE), 0, 1)) ** 2
    attack = attack_ms / 1000 * SAMPLE_RATE
    return end * np.sin(np.pi / 2 * np.clip(position / attack, 0, 1)) ** 2 if attack else end


def _to_int16(audio: NDArray[np.float64], who: str) -> NDArray[np.float64]:
    """Full scale 1.0 rounded to 16 bits. Raises ValueError where all is silent or a peak passes -0.5 dBFS."""
    peaks = np.abs(audio).max(-1)
    if not peaks.all():
        raise ValueError(f"{who} is silent: give another soundfont")
    if peaks.max() > 10 ** (-0.5 / 20):
        decibels = 20 * np.log10(peaks.max())
        raise ValueError(f"{who} would peak at {decibels:.2f} dBFS, above -0.5: give another soundfont")
    return np.rint(audio * 32768)
