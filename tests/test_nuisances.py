"""Nuisances: named, switched one by one, and in the range and unit that they state."""

import numpy as np
import pytest
import torch

import generators
from generators.nuisances import Nuisance, Range, chosen
from generators.phrases import NUISANCES
from generators.steady import STARTS
from generators.synth import _variant

KNOWN = (Nuisance("phase", (Range("phase", "degrees", 0, 360),)), Nuisance("noise_floor", (), default=False))
ONE_NOTE = {
    "phrases": [[12, 0, 5, 0]],
    "tones": [[12, 0, 5]],
    "syntone": [[0, 0, 9]],
    "syntone-bandlimited": [[0, 0, 9]],
}


def range_of(name, quantity):
    listed = {nuisance.name: nuisance for nuisance in generators.load(name).nuisance_list}
    return next(r for nuisance in listed.values() for r in nuisance.ranges if r.quantity == quantity)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (True, {"phase"}),
        (False, set()),
        ((), set()),
        (["noise_floor"], {"noise_floor"}),
        ({"phase", "noise_floor"}, {"phase", "noise_floor"}),
    ],
)
def test_nuisances_are_switched_by_name(asked, expected):
    assert chosen(asked, KNOWN) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["phas"], "no nuisance 'phas'; did you mean 'phase'[?] There are: phase, noise_floor"),
        (["reverb"], "no nuisance 'reverb'. There are: phase, noise_floor"),
        ("phase", "nuisances is 'phase'; expected True, False or a collection of phase, noise_floor"),
    ],
)
def test_unknown_nuisances_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        chosen(asked, KNOWN)


def test_a_space_says_what_it_has():
    with pytest.raises(ValueError, match=r"no nuisance 'detune'.*There are: variant, onset_jitter, noise_floor"):
        generators.load("phrases", nuisances=["detune"])
    units = {(r.quantity, r.unit) for nuisance in generators.load("tones").nuisance_list for r in nuisance.ranges}
    assert {("phase", "degrees"), ("detune", "cents"), ("attack", "ms"), ("white noise", "dBFS rms")} < units


@pytest.mark.parametrize("name", ONE_NOTE)
def test_the_noise_floor_is_as_loud_as_it_says_and_nothing_more(name):
    stated, levels = range_of(name, "white noise"), np.repeat(ONE_NOTE[name], 60, axis=0)
    plain = generators.load(name, nuisances=False).render(levels, np.arange(60))
    noisy = generators.load(name, nuisances=["noise_floor"]).render(levels, np.arange(60))
    heard = 10 * np.log10(((noisy - plain) ** 2).mean(1).numpy())
    assert heard.min() == pytest.approx(stated.low, abs=0.5)  # rounding to 16 bits adds 0.3 dB at -90
    assert heard.max() == pytest.approx(stated.high, abs=0.1)
    assert len(np.unique(np.rint(heard))) == 7


@pytest.mark.parametrize("name", ["phrases", "tones"])
def test_onset_jitter_delays_by_what_it_says_and_nothing_more(name):
    stated, levels = range_of(name, "delay of each onset"), np.repeat(ONE_NOTE[name], 400, axis=0)
    plain = generators.load(name, nuisances=False).render_int16(levels[:1], [0])[0]
    late = generators.load(name, nuisances=["onset_jitter"]).render_int16(levels, np.arange(400))
    first = int((plain != 0).int().argmax())
    delays = (late != 0).int().argmax(1).numpy() - first
    assert stated.low == 0 <= delays.min() < 3
    assert 158 <= delays.max() <= stated.high / 1_000 * 16_000 == 160
    note = plain[first : first + 3_000]
    assert all(torch.equal(clip[first + d : first + d + 3_000], note) for clip, d in zip(late, delays, strict=True))


def test_variants_stay_in_their_ranges_and_reach_their_ends():
    phase, detune, attack = NUISANCES[0].ranges
    drawn = np.array([_variant(number, variant) for number in range(24) for variant in range(1, 16)])
    for values, stated in zip(drawn.T, (phase, detune, attack), strict=True):
        low, high = (np.deg2rad(end) if stated is phase else end for end in (stated.low, stated.high))
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high


@pytest.mark.parametrize("name", ["syntone", "syntone-bandlimited"])
def test_phase_starts_later_in_the_waveform_and_nothing_more(name):
    stated = range_of(name, "start of the waveform")
    assert stated.high / 1_000 * 16_000 == pytest.approx(STARTS - 1)
    levels = np.repeat([[2, 7, 19]], 3_000, axis=0)
    plain = generators.load(name, nuisances=False).render_int16(levels[:1], [0])[0]
    moved = generators.load(name, nuisances=["phase"]).render_int16(levels, np.arange(3_000))
    windows = {clip[:60].numpy().tobytes(): start for start, clip in enumerate(plain.unfold(0, 10_000, 1)[:STARTS])}
    starts = np.array([windows[clip[:60].numpy().tobytes()] for clip in moved])
    assert all(torch.equal(clip[:10_000], plain[s : s + 10_000]) for clip, s in zip(moved, starts, strict=True))
    assert starts.min() < 5
    assert starts.max() > STARTS - 6
    assert len(np.unique(starts)) > 0.9 * STARTS


def test_syntone_is_as_published_unless_asked():
    published = generators.load("syntone", nuisances=False)
    levels = published.space.sample(20, np.random.default_rng(0))
    clips = published.render_int16(levels, np.arange(20))
    assert torch.equal(generators.load("syntone").render_int16(levels, np.arange(20) + 99), clips)
    every = generators.load("syntone", nuisances=["phase", "noise_floor"])
    assert not torch.equal(every.render_int16(levels, np.arange(20)), clips)
