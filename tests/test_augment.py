import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfreqz
from scipy.stats import kstest

import generators
from generators.augment import DEFAULT, Augmentations, Band, augment, section, shifted

RATE = 16_000
OFF = Augmentations(shift_ms=(0, 0), equaliser_db=(0, 0), bands=(), gain_db=(0, 0), noise_db=None)
N = 400


@pytest.fixture(scope="module")
def clips():
    """Clips of a sine of 1 kHz, a tenth of full scale, one second."""
    wave = 0.1 * torch.sin(2 * torch.pi * 1_000 * torch.arange(RATE) / RATE)
    return wave.repeat(N, 1)


@pytest.fixture(scope="module")
def phrases():
    generator = generators.load("phrases")
    return generator.render(generator.space.sample(24, np.random.default_rng(1)), np.arange(24))


def level_db(audio):
    return 20 * torch.log10(audio.double().square().mean(-1).sqrt()).numpy()


def uniform(values, low, high):
    """Whether values are a uniform draw from a range, reaching to its ends."""
    assert values.min() >= low - 1e-3
    assert values.max() <= high + 1e-3
    return kstest(values, "uniform", (low, high - low)).pvalue > 1e-3


def test_with_everything_off_a_clip_is_what_it_was(clips, phrases):
    for audio in (clips, phrases):
        assert torch.equal(augment(audio, torch.arange(len(audio)), RATE, OFF), audio)
    flat = replace(OFF, bands=DEFAULT.bands)  # an equaliser of 0 dB
    assert torch.equal(augment(phrases, torch.arange(24), RATE, flat), phrases)


def test_gain_is_uniform_in_decibels_and_nothing_else_happens(clips):
    versions = augment(clips, torch.arange(N), RATE, replace(OFF, gain_db=(-12, 3)))
    gains = level_db(versions) - level_db(clips)
    assert uniform(gains, -12, 3)
    expected = clips * torch.from_numpy(10 ** (gains / 20))[:, None]
    assert torch.allclose(versions, expected.float(), atol=1e-6)


def test_noise_lies_so_many_decibels_under_the_clip_and_is_white(clips):
    versions = augment(clips, torch.arange(N), RATE, replace(OFF, noise_db=(20, 40)))
    noise = versions - clips
    assert uniform(level_db(clips) - level_db(noise), 20, 40)
    power = torch.fft.rfft(noise / noise.std(1, keepdim=True)).abs().square().mean(0)
    bands = power[1:-1].unfold(0, 200, 200).mean(1)  # 400 clips, 200 bins: 0.35 % from the mean
    assert (bands / bands.mean()).numpy() == pytest.approx(1, abs=0.05)
    unit = noise / noise.norm(dim=1, keepdim=True)
    alike = (unit @ unit.T)[~torch.eye(N, dtype=torch.bool)]
    assert (alike.abs() < 0.05).float().mean() > 0.99  # every row has noise of its own


def test_a_shift_moves_the_clip_and_lets_silence_in():
    ramp = torch.linspace(0.1, 0.2, RATE).repeat(N, 1)  # no sample is zero, none like another
    versions = augment(ramp, torch.arange(N), RATE, replace(OFF, shift_ms=(-50, 50)))
    later, earlier = ((versions != 0).int().argmax(1), (versions.flip(1) != 0).int().argmax(1))
    shifts = (later - earlier).numpy()
    for row in range(N):
        assert torch.equal(versions[row], torch.from_numpy(shifted(ramp[row].numpy(), int(shifts[row]))).float())
    assert uniform(shifts / RATE * 1_000, -50.04, 50.04)  # whole samples


def test_shifts_by_hand():
    clip = np.array([1.0, 2.0, 3.0])
    assert shifted(clip, 1).tolist() == [0, 1, 2]
    assert shifted(clip, -1).tolist() == [2, 3, 0]
    assert shifted(clip, 0).tolist() == [1, 2, 3]
    assert shifted(clip, 3).tolist() == shifted(clip, -3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("gain_db", [-6.0, 4.5])
@pytest.mark.parametrize(
    ("shape", "at"),
    [
        ("bell", {1: 0, 1_000: 1, 7_999: 0}),
        ("low shelf", {1: 1, 1_000: 0.5, 7_999: 0}),
        ("high shelf", {1: 0, 1_000: 0.5, 7_999: 1}),
    ],
)
def test_a_band_has_its_gain_where_it_should(shape, at, gain_db):
    """hertz: the share of the gain, in decibels, that the band has there; its centre is 1 kHz."""
    sections = section(shape, np.array([1_000.0]), np.array([gain_db]), RATE)
    _, response = sosfreqz(sections, np.array(list(at), float), fs=RATE)
    assert 20 * np.log10(np.abs(response)) == pytest.approx(np.array(list(at.values())) * gain_db, abs=0.01)
    assert (np.abs(np.roots(sections[0, 3:])) < 1).all()  # stable


def test_the_equaliser_colours_each_clip_in_its_own_way():
    click = torch.zeros(N, RATE)
    click[:, 100] = 0.5
    band = Band("bell", (300, 3_000))
    versions = augment(click, torch.arange(N), RATE, replace(OFF, bands=(band,), equaliser_db=(-6, 6)))
    response = 20 * torch.log10(torch.fft.rfft(versions).abs() / 0.5).numpy()
    gains = response[np.arange(N), np.abs(response).argmax(1)]
    assert uniform(gains, -6, 6)
    centres = np.abs(response).argmax(1)[np.abs(gains) > 1]  # one second: a bin a hertz
    assert uniform(np.log2(centres), np.log2(300) - 0.01, np.log2(3_000) + 0.01)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 24), st.randoms(use_true_random=False))
def test_a_row_depends_on_itself_alone(phrases, size, random):
    """The same bits in batches of any size and order."""
    seeds = torch.arange(24) * 7 + 3
    whole = augment(phrases, seeds, RATE)
    rows = random.sample(range(24), size)
    assert torch.equal(augment(phrases[rows], seeds[rows], RATE), whole[rows])


def test_the_seed_decides_the_version(phrases):
    same = phrases[:1].repeat(20, 1)
    versions = augment(same, torch.arange(20), RATE)
    assert len({version.numpy().tobytes() for version in versions}) == 20
    assert torch.equal(versions, augment(same, torch.arange(20), RATE))
    assert versions.dtype == torch.float32


def test_what_was_given_is_not_touched(phrases):
    before = phrases.clone()
    augment(phrases, torch.arange(24), RATE)
    assert torch.equal(phrases, before)


def test_nothing_is_clipped():
    """A loud clip turned up is turned down as a whole: still a sine."""
    wave = 0.9 * torch.sin(2 * torch.pi * 1_000 * torch.arange(RATE) / RATE).repeat(20, 1)
    versions = augment(wave, torch.arange(20), RATE, replace(OFF, gain_db=(6, 12)))
    assert versions.abs().max() == 1
    assert torch.allclose(versions, wave / 0.9, atol=1e-4)


def test_silence_stays_silent_and_no_clips_give_none():
    assert torch.equal(augment(torch.zeros(3, 2_000), torch.arange(3), RATE), torch.zeros(3, 2_000))
    assert augment(torch.zeros(0, 2_000), torch.arange(0), RATE).shape == (0, 2_000)


AUDIO, SEEDS = torch.zeros(2, 2_000), torch.arange(2)
BAD = {
    "audio must be float32 [n, samples]; got torch.float32 [2000]": (AUDIO[0], SEEDS, RATE),
    "audio must be float32 [n, samples]; got torch.float64 [2, 2000]": (AUDIO.double(), SEEDS, RATE),
    "seeds must be int64 [2]; got torch.int64 [1]": (AUDIO, SEEDS[:1], RATE),
    "seeds must be int64 [2]; got torch.float32 [2]": (AUDIO, SEEDS.float(), RATE),
    "a band at 6000 Hz; expected under half the sample rate, 4000 Hz": (AUDIO, SEEDS, 8_000),
    "a shift of 4000 samples; expected at most the 2000 of a clip": (AUDIO, SEEDS, 80_000),
}


@pytest.mark.parametrize(("says", "arguments"), BAD.items(), ids=list(BAD))
def test_bad_input_is_told_in_one_line(says, arguments):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        augment(*arguments)
