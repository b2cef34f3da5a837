import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import generators
from generators.hashing import hash64, hashed_below
from generators.mixing import mix_batch
from generators.phrases import LEAD_IN, N_SAMPLES, SPACE, Phrases

# (space, version): sha256 of `render_int16` over the clips of `pinned_clips`, little-endian. A change of what a clip
# sounds like bumps the version and adds a line; a line that is here never changes.
PINNED = {
    ("phrases", "1", True): "cd00dbb3a702241592cc7491f4f1c2aaa61c96117b87086350aaf18d8590dd67",
    ("phrases", "1", False): "e195c0eb475151f21095e85639f031d12e722ee4ec0978ceef38a53c47bba6e1",
}


def pinned_clips():
    """Every 31st combination: all levels of all factors, 298 clips, seeds of both signs and all sizes."""
    levels = SPACE.grid()[::31]
    return levels, (np.arange(len(levels)) - 100) * 0x1F3_5A7B_9D2C_461


def sha256(clips):
    return hashlib.sha256(clips.numpy().astype("<i2").tobytes()).hexdigest()


@pytest.fixture(scope="module", params=[True, False], ids=["nuisances", "plain"])
def phrases(request):
    return Phrases(nuisances=request.param)


@pytest.fixture(scope="module")
def rendered(phrases):
    levels, seeds = pinned_clips()
    return levels, seeds, phrases.render_int16(levels, seeds)


def test_clips_are_the_published_ones(phrases, rendered):
    levels, _, clips = rendered
    assert all(len(np.unique(levels[:, column])) == n for column, n in enumerate(SPACE.n_levels))
    assert sha256(clips) == PINNED[phrases.name, phrases.version, bool(phrases.nuisances)]


def test_generator_keeps_its_protocol(phrases):
    loaded = generators.load("phrases")
    assert (loaded.name, loaded.version, loaded.space) == ("phrases", phrases.version, SPACE)
    clips = loaded.to("cpu").render(SPACE.grid()[:3], np.arange(3))
    assert clips.shape == (3, loaded.n_samples) == (3, 2 * loaded.sample_rate)
    assert clips.dtype == torch.float32
    assert clips.is_contiguous()


def test_values_are_16_bit_ones(phrases, rendered):
    levels, seeds, clips = rendered
    audio = phrases.render(levels, seeds)
    assert clips.dtype == torch.int16
    assert torch.equal(audio * 32768, clips.to(torch.float32))
    assert audio.abs().max() < 1


@pytest.mark.parametrize("size", [1, 7, 64])
def test_samples_are_the_same_at_any_batch_size(phrases, rendered, size):
    levels, seeds, clips = rendered
    n = 70
    parts = [phrases.render_int16(levels[i : min(i + size, n)], seeds[i : min(i + size, n)]) for i in range(0, n, size)]
    assert torch.equal(torch.cat(parts), clips[:n])


def test_samples_are_the_same_in_any_order(phrases, rendered):
    levels, seeds, clips = rendered
    order = np.random.default_rng(0).permutation(len(levels))
    assert torch.equal(phrases.render_int16(levels[order], seeds[order]), clips[order])


def test_a_row_depends_on_that_row_alone(phrases, rendered):
    levels, seeds, clips = (part[:40] for part in rendered)
    others_levels, others_seeds = SPACE.sample(40, np.random.default_rng(1)), np.arange(40)
    for row in (0, 17, 39):
        mixed_levels, mixed_seeds = others_levels.copy(), others_seeds.copy()
        mixed_levels[row], mixed_seeds[row] = levels[row], seeds[row]
        assert torch.equal(phrases.render_int16(mixed_levels, mixed_seeds)[row], clips[row])


def test_the_same_row_twice_gives_the_same_clip_twice(phrases):
    clips = phrases.render_int16([[3, 4, 5, 6]] * 3, [9, 9, 9])
    assert torch.equal(clips[0], clips[1])
    assert torch.equal(clips[0], clips[2])


def test_accelerators_get_the_samples_that_processors_get(phrases, rendered):
    """The way of mixing that accelerators take, run here."""
    levels, seeds, clips = rendered
    placement = phrases._placement(levels, seeds)
    assert torch.equal(mix_batch(placement, phrases.sound.bank, phrases.sound.tape, LEAD_IN, N_SAMPLES), clips)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_samples_are_the_same_on_every_device(phrases, rendered, device):
    levels, seeds, clips = rendered
    assert torch.equal(phrases.to(device).render_int16(levels, seeds).cpu(), clips)
    assert torch.equal(phrases.to(device).render(levels, seeds).cpu() * 32768, clips.float())


def test_samples_are_the_same_at_any_thread_count():
    """In a process of its own, which builds its bank with three threads."""
    code = (
        "from test_generators import Phrases, pinned_clips, sha256, torch\n"
        "for threads in (3, 1, 2):\n"
        "    torch.set_num_threads(threads)\n"
        "    print(sha256(Phrases().render_int16(*pinned_clips())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=dict(os.environ, OMP_NUM_THREADS="3", OPENBLAS_NUM_THREADS="3", MKL_NUM_THREADS="3"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [PINNED["phrases", "1", True]] * 3


def test_no_clips_are_no_mistake(phrases):
    assert phrases.render(np.zeros((0, 4), int), np.zeros(0, int)).shape == (0, N_SAMPLES)


def test_without_nuisances_the_seed_decides_nothing():
    plain = Phrases(nuisances=False)
    levels = SPACE.grid()[::301]
    assert torch.equal(
        plain.render_int16(levels, np.arange(len(levels))), plain.render_int16(levels, np.arange(len(levels)) + 12345)
    )


def test_different_seeds_give_different_clips():
    levels = np.tile([[5, 3, 2, 4]], (200, 1))
    clips = Phrases().render_int16(levels, np.arange(200))
    assert len(torch.unique(clips, dim=0)) == 200


@pytest.mark.parametrize("column", range(4))
def test_every_level_gives_a_clip_of_its_own(phrases, column):
    levels = np.tile([[5, 3, 2, 4]], (SPACE.n_levels[column], 1))
    levels[:, column] = np.arange(len(levels))
    clips = phrases.render_int16(levels, np.full(len(levels), 8))
    assert len(torch.unique(clips, dim=0)) == len(levels)


@pytest.mark.parametrize(
    ("levels", "seeds", "message"),
    [
        ([[24, 0, 0, 0]], [0], "row 0: pitch is 24; expected 0 to 23"),
        ([[0, 0, 0, 0], [0, 0, -1, 0]], [0, 1], "row 1: loudness is -1; expected 0 to 5"),
        ([[0, 0, 0]], [0], r"levels must be \[clip, 4\] \(pitch, timbre, loudness, rhythm\); got \(1, 3\)"),
        ([[0.0, 0, 0, 0]], [0], "levels must be integers; got float64"),
        ([[0, 0, 0, 0]], [0, 1], r"seeds must be integers \[1\], one a clip; got int64 \[2\]"),
        ([[0, 0, 0, 0]], 0, r"seeds must be integers \[1\], one a clip; got int64 \[\]"),
        ([[0, 0, 0, 0]], [0.5], r"seeds must be integers \[1\], one a clip; got float64 \[1\]"),
        ([[0, 0, 0, 0]], np.array([2**63], np.uint64), "seeds must fit 64 signed bits; got 9223372036854775808"),
    ],
)
def test_bad_levels_and_seeds_are_refused(levels, seeds, message):
    with pytest.raises(ValueError, match=message):
        Phrases().render(levels, seeds)


def test_hash_is_splitmix64():
    """The first outputs of Vigna's splitmix64.c for the seed 1234567."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    seed = torch.tensor([1234567])
    assert [int(hash64(seed, stream)) % 2**64 for stream in range(5)] == known


def test_nuisances_are_uniform_and_unlike_from_stream_to_stream():
    seeds = torch.arange(50_000)
    draws = np.stack([hashed_below(seeds, stream, 161).numpy() for stream in (1, 2, 3, 10, 11, 17)])
    for draw in draws:
        counts = np.bincount(draw, minlength=161)
        assert len(counts) == 161
        assert ((counts - 50_000 / 161) ** 2 / (50_000 / 161)).sum() < 160 + 5 * np.sqrt(2 * 160)
    assert np.abs(np.corrcoef(draws) - np.eye(6)).max() < 5 / np.sqrt(50_000)
    assert np.abs(np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]) < 5 / np.sqrt(50_000)
