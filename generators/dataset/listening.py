"""Whether a clip sounds as its factors and its score say: heard in the samples, without asking the generator.

What is heard is coarse, to tell a wrong label from a right one: that a note's energy is at its pitch and its
multiples, that notes sound where the score has them, and that the clip is as loud as it says within 0.5 LU (noise and
jitter move it by 0.1). `benchmark.independence` measures finely. Timbre is not heard.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from generators.loudness import k_weighted_energy, lufs

_LOUDNESS_LU = 0.5
_WIDTH = 0.017  # of a harmonic, either way: 30 cents
_HARMONIC = 0.7  # of a note's energy: so much is at its pitch; the rest is noise and the attack
# A plucked string may have more of its energy in the attack; then this much, and more than at the pitches around.
_PLUCKED, _AROUND, _MORE = 0.2, (-2, -1, 1, 2), 1.05
_STRUCK_DB = 12.0  # a note's first fifth of a second above the loudest moment of silence
_PARTIAL_DB = -40.0  # below the strongest: weaker peaks are noise or side lobes


def wrong_sound(
    samples: NDArray[np.int16], sample_rate: int, values: dict[str, float | str], midi: bytes | None
) -> str | None:
    """What a clip contradicts, in a few words; None where it fits. values: of each factor. midi: a file's bytes."""
    audio = samples / 32768.0
    if "loudness" in values:
        heard = float(lufs(k_weighted_energy(audio, sample_rate), len(audio)))
        if abs(heard - float(values["loudness"])) > _LOUDNESS_LU:
            return f"it is {heard:.1f} LUFS loud, not {values['loudness']}"
    if midi is None:
        return _wrong_tone(audio, sample_rate, values)
    return _wrong_notes(audio, sample_rate, values, midi)


def _wrong_notes(audio: NDArray, sample_rate: int, values: dict[str, float | str], midi: bytes) -> str | None:
    import pretty_midi

    try:
        score = pretty_midi.PrettyMIDI(io.BytesIO(midi))
    except (OSError, ValueError, EOFError, IndexError) as error:
        return f"its MIDI cannot be read: {error}"
    notes = [note for instrument in score.instruments for note in instrument.notes]
    if {float(note.pitch) for note in notes} != {float(values["pitch"])}:
        return f"its MIDI plays {sorted({note.pitch for note in notes})}, not {values['pitch']}"
    if "rhythm" in values and len(notes) != str(values["rhythm"]).count("x"):
        return f"its MIDI has {len(notes)} notes, its rhythm is {values['rhythm']}"
    sounding = np.zeros(len(audio), bool)
    for note in notes:
        start, end = (round(time * sample_rate) for time in (note.start, note.end))
        sounding[start : end + sample_rate // 100] = True
    silence = audio[~sounding]
    for note in notes:
        start, end = (round(time * sample_rate) for time in (note.start, note.end))
        part = audio[start:end]
        if _decibels(part) < _decibels(silence) + _STRUCK_DB:
            return f"nothing sounds at {note.start:.3f} s, where its MIDI has a note"
        if wrong := wrong_pitch(part, sample_rate, note.pitch):
            return f"the note at {note.start:.3f} s is not MIDI {note.pitch}: {wrong}"
    return None


def _wrong_tone(audio: NDArray, sample_rate: int, values: dict[str, float | str]) -> str | None:
    """Steady tones: some partial is at the frequency. Others may be below it, where they fold to."""
    if "frequency" not in values:
        return None
    hertz = float(values["frequency"])
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    place = hertz * len(audio) / sample_rate
    near = spectrum[max(0, int(place) - 3) : int(place) + 5].max()
    return None if near > spectrum.max() * 10 ** (_PARTIAL_DB / 20) else f"nothing sounds at {hertz:g} Hz"


def wrong_pitch(note: NDArray, sample_rate: int, pitch_midi: float) -> str | None:
    """What contradicts a pitch: that its fundamental is not there, or that much sounds beside its harmonics.

    The first tells a note from one an octave below, the second from any other. note: [sample].
    """
    n = 8 * len(note)
    power = np.abs(np.fft.rfft(note * np.blackman(len(note)), n)) ** 2
    hertz = np.arange(len(power)) * sample_rate / n
    narrowest = 1.2 * sample_rate / len(note)  # the window's, at low pitches

    def harmonics(pitch: float) -> tuple[float, NDArray[np.bool_], NDArray[np.bool_]]:
        """Of a pitch, the fundamental in Hz, which frequencies belong to it, and which to any of its harmonics."""
        fundamental = 440 * 2 ** ((pitch - 69) / 12)
        harmonic = np.maximum(1, np.rint(hertz / fundamental))
        near = np.abs(hertz - harmonic * fundamental) < np.maximum(harmonic * fundamental * _WIDTH, narrowest)
        return fundamental, (harmonic == 1) & near, near

    fundamental, at_first, at_any = harmonics(pitch_midi)
    first = power[at_first].max()
    below = power[(hertz > 0.3 * fundamental) & (hertz < 0.6 * fundamental)].max()
    if first < power.max() * 10 ** (_PARTIAL_DB / 10) or first < 2 * below:
        return f"no fundamental at {fundamental:.0f} Hz"
    share = power[at_any].sum() / power.sum()
    if share > _HARMONIC:
        return None
    around = max(power[harmonics(pitch_midi + step)[2]].sum() / power.sum() for step in _AROUND)
    if share > _PLUCKED and share > _MORE * around:
        return None
    return f"{1 - share:.0%} of the energy is beside the harmonics of {fundamental:.0f} Hz"


def _decibels(audio: NDArray) -> float:
    return 10 * float(np.log10(np.mean(audio**2) + 1e-12)) if len(audio) else -120.0
