"""The score of a clip: notes, times, volume and instrument, in memory and in a file."""

import numpy as np
import pretty_midi
import pytest

import generators
from generators import score_midi, soundfont, tones
from generators.phrases import LAYOUT, RHYTHMS, SPACE

LEAD_IN_S, STEP_S, NOTE_S = 0.1, 0.2375, 0.2275


def score(levels, space=SPACE, layout=LAYOUT):
    return score_midi.midi(space, layout, levels)


@pytest.mark.parametrize("rhythm", range(8))
def test_notes_are_those_of_the_clip(rhythm):
    (instrument,) = score([7, 3, 2, rhythm]).instruments
    assert [note.pitch for note in instrument.notes] == [55] * 4
    starts = [LEAD_IN_S + STEP_S * step for step in range(8) if RHYTHMS[rhythm][step] == "x"]
    assert [note.start for note in instrument.notes] == pytest.approx(starts, abs=1e-9)
    assert [note.end - note.start for note in instrument.notes] == pytest.approx([NOTE_S] * 4, abs=1e-9)
    assert {note.velocity for note in instrument.notes} == {100}
    assert instrument.name == "sawtooth"
    assert pretty_midi.program_to_instrument_name(instrument.program) == "Lead 2 (sawtooth)"


def test_loudness_is_told_and_not_played():
    scores = score([[7, 3, level, 0] for level in range(6)])
    told = [[(text.text, text.time) for text in one.text_events] for one in scores]
    assert told == [[(f"{lufs} LUFS", 0.0)] for lufs in range(-46, -22, 4)]
    assert len({str(one.instruments[0].notes) for one in scores}) == 1
    assert not any(one.instruments[0].control_changes for one in scores)


@pytest.mark.parametrize(
    ("space", "layout", "levels"),
    [
        (SPACE, LAYOUT, [23, 0, 5, 6]),
        (soundfont.SPACE, LAYOUT, [0, 7, 0, 7]),
        (tones.SPACE, tones.LAYOUT, [3, 2, 1]),
    ],
    ids=["phrases", "soundfont", "tones"],
)
def test_a_file_keeps_everything(space, layout, levels, tmp_path):
    written = score(levels, space, layout)
    written.write(str(tmp_path / "clip.mid"))
    read = pretty_midi.PrettyMIDI(str(tmp_path / "clip.mid"))
    (before,), (after,) = written.instruments, read.instruments
    assert (before.program, before.name, before.is_drum) == (after.program, after.name, after.is_drum)
    assert [note.pitch for note in before.notes] == [note.pitch for note in after.notes]
    for moment in ("start", "end"):
        before_s, after_s = ([getattr(note, moment) for note in one.notes] for one in (before, after))
        assert before_s == pytest.approx(after_s, abs=1e-6), "a time is no whole number of ticks"
    assert [str(text) for text in written.text_events] == [str(text) for text in read.text_events]


def test_a_tone_is_one_note_as_long_as_the_clip():
    (note,) = score([0, 0, 0], tones.SPACE, tones.LAYOUT).instruments[0].notes
    assert (note.pitch, note.start, note.end) == (48, 0.1, pytest.approx(0.99))


@pytest.mark.parametrize("space", [SPACE, soundfont.SPACE], ids=["phrases", "soundfont"])
def test_every_timbre_has_an_instrument_of_its_own(space):
    instruments = [score([0, timbre, 0, 0], space).instruments[0] for timbre in range(8)]
    assert [instrument.name for instrument in instruments] == list(space.factors[1].values)
    assert len({instrument.program for instrument in instruments}) == 8


def test_sampled_instruments_are_their_own():
    programs = [score([0, timbre, 0, 0], soundfont.SPACE).instruments[0].program for timbre in range(8)]
    assert programs == list(soundfont.INSTRUMENTS.values())


def test_one_row_is_one_score_and_several_rows_are_several():
    assert [one.instruments[0].notes[0].pitch for one in score(np.array([[0, 0, 0, 0], [5, 0, 0, 0]]))] == [48, 53]
    assert score(np.zeros((0, 4), int)) == []
    assert isinstance(score(np.zeros(4, int)), pretty_midi.PrettyMIDI)


@pytest.mark.parametrize("name", ["phrases", "tones"])
def test_a_generator_gives_the_score_of_a_clip(name):
    generator = generators.load(name)
    levels = [5, 4, 3, 2][: len(generator.space.names)]
    (instrument,) = generator.midi(levels).instruments
    assert (instrument.notes[0].pitch, instrument.name) == (53, "buzz")
    seconds = generator.n_samples / generator.sample_rate
    assert instrument.get_end_time() < seconds


def test_notes_start_where_the_clip_sounds():
    generator = generators.load("phrases", nuisances=False)
    levels = [5, 4, 5, 6]
    clip = generator.render([levels], [0])[0].numpy()
    for note in generator.midi(levels).instruments[0].notes:
        first = round(note.start * generator.sample_rate)
        assert not clip[first - 150 : first + 1].any()
        assert clip[first + 1 : first + 20].any()
        last = round(note.end * generator.sample_rate)
        assert clip[last - 30 : last].any()
        assert not clip[last : last + 150].any()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([24, 0, 0, 0], "row 0: pitch is 24; expected 0 to 23"),
        ([0, 0, 0], r"levels must be \[clip, 4\]"),
        ([0.0, 0, 0, 0], "levels must be integers; got float64"),
        (3, r"levels must be \[clip, 4\]"),
    ],
)
def test_levels_that_are_none_are_refused(levels, message):
    with pytest.raises(ValueError, match=message):
        score(levels)
