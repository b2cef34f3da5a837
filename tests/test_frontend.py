import math

import pytest
import torch

from baselines.frontend import FLOOR_DB, FrontEndSettings, LogMel

SETTINGS = FrontEndSettings(sample_rate=16_000, n_samples=32_000)
LOBE_DB = 10 * math.log10(1.5)  # a Hann window spreads a sine over three bins, whose powers sum to 1 + 2 / 4


@pytest.fixture(scope="module")
def front_end():
    return LogMel(SETTINGS)


def sines(hertz, amplitude=1.0):
    time_s = torch.arange(SETTINGS.n_samples, dtype=torch.float64) / SETTINGS.sample_rate
    return (amplitude * torch.sin(2 * math.pi * torch.as_tensor(hertz).double()[:, None] * time_s)).float()


def test_shape(front_end):
    decibels = front_end(torch.zeros(3, SETTINGS.n_samples))
    assert decibels.shape == (3, SETTINGS.n_frames, SETTINGS.n_mels) == (3, 32, 64)
    assert decibels.dtype == torch.float32
    assert SETTINGS.frame_s == pytest.approx(SETTINGS.n_samples / SETTINGS.sample_rate / SETTINGS.n_frames)


def test_a_full_scale_sine_at_the_centre_of_a_band_reads_zero_decibels_there(front_end):
    """Within the 1.76 dB of the window's lobe, and no band reads more than its own."""
    decibels = front_end(sines(front_end.centres_hz()))[:, 4:28]
    own = torch.diagonal(decibels.mean(1))
    assert (own > 0).all()
    assert (own < LOBE_DB + 0.01).all()
    assert torch.equal(decibels.mean(1).argmax(1), torch.arange(SETTINGS.n_mels))


def test_centres_lie_where_the_mel_scale_puts_them(front_end):
    def mel(hertz):  # O'Shaughnessy 1987, the HTK formula
        return 2595 * torch.log10(1 + hertz.double() / 700)

    ends = mel(torch.tensor([SETTINGS.f_min, SETTINGS.sample_rate / 2]))
    expected = torch.linspace(*ends.tolist(), SETTINGS.n_mels + 2, dtype=torch.float64)[1:-1]
    hertz = 700 * (10 ** (expected / 2595) - 1)
    assert (front_end.centres_hz() - hertz).abs().max() <= SETTINGS.sample_rate / SETTINGS.n_fft


def test_silence_is_the_floor_and_nothing_is_under_it(front_end):
    assert torch.allclose(front_end(torch.zeros(1, SETTINGS.n_samples)), torch.tensor(FLOOR_DB), atol=1e-3)
    noise = torch.randn(2, SETTINGS.n_samples, generator=torch.Generator().manual_seed(0))
    assert (front_end(1e-4 * noise) >= FLOOR_DB - 1e-3).all()


@pytest.mark.parametrize("amplitude", [0.01, 0.1, 0.5])
def test_twice_the_amplitude_is_six_decibels_more(front_end, amplitude):
    band = 20
    hertz = front_end.centres_hz()[band : band + 1]
    single, double = (front_end(sines(hertz, a))[0, 4:28, band] for a in (amplitude, 2 * amplitude))
    assert (double - single).mean().item() == pytest.approx(20 * math.log10(2), abs=0.01)


@pytest.mark.parametrize("frame", [0, 1, 7, 16, 31])
def test_a_click_in_the_middle_of_a_hop_is_loudest_in_that_frame(front_end, frame):
    audio = torch.zeros(1, SETTINGS.n_samples)
    audio[0, frame * SETTINGS.hop + SETTINGS.hop // 2] = 1.0
    levels = front_end(audio)[0].mean(1)
    assert levels.argmax().item() == frame
    before, after = levels[max(frame - 1, 0)], levels[min(frame + 1, 31)]
    if 0 < frame < 31:
        assert before.item() == pytest.approx(after.item(), abs=0.1)  # the frame is centred on its hop


def test_a_clip_reads_the_same_in_any_batch(front_end):
    audio = 0.1 * torch.randn(9, SETTINGS.n_samples, generator=torch.Generator().manual_seed(0))
    together = front_end(audio)
    alone = torch.cat([front_end(clip[None]) for clip in audio])
    assert torch.allclose(together, alone, atol=1e-4)
    assert torch.allclose(front_end(audio.flip(0)).flip(0), together, atol=1e-4)


def test_loudness_is_kept_not_normalised_away(front_end):
    hertz = front_end.centres_hz()[[20]]
    loud, quiet = (front_end(sines(hertz, a)).mean().item() for a in (1.0, 0.01))
    assert loud > quiet + 1
