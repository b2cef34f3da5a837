"""What every space promises: the same 16-bit samples whatever the batch, the order, the threads and the device."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import generators
from generators import mixing, steady
from generators.hashing import hash64, hashed_below

# (space, version, with every nuisance or none): sha256 of `render_int16` over the clips of `pinned_clips`,
# little-endian. A change of what a clip sounds like bumps the version and adds a line; a line that is here stays.
PINNED = {
    ("phrases", "1", True): "cd00dbb3a702241592cc7491f4f1c2aaa61c96117b87086350aaf18d8590dd67",
    ("phrases", "1", False): "e195c0eb475151f21095e85639f031d12e722ee4ec0978ceef38a53c47bba6e1",
    ("tones", "1", True): "accc2adb9ee2dde16fa01113d68810c1b155a57470ce77b73635b9bbbeb23242",
    ("tones", "1", False): "185e5eff564238894e0fb38d901470666e998bd62aa4e381e9210173978255c8",
    ("syntone", "1", True): "9ea80688d965fce806180d61fb9f37defef95fdc05aec58a15a5a3a4b9790de8",
    ("syntone", "1", False): "a17a382fa4e73a2d53ec5bde11bc959f9f173ece467bdb1e47a0f30fcf8d3e04",
    ("syntone-bandlimited", "1", True): "6c22925a361c0c582dc49a8a4ede99b48386fe458070b98e23ecaf29cc0fe309",
    ("syntone-bandlimited", "1", False): "9a9318b59a280a6471c91082d5a6837f63242204a95e710d1c7daa5dda18f5e5",
}

# Steps through the grid that meet every level of every factor. `soundfont` needs a system library: its tests are apart.
STRIDES = {"phrases": 31, "tones": 7, "syntone": 19, "syntone-bandlimited": 19}


def with_nuisances(name, all_or_none):
    """The generator of a space with every nuisance that it has, or with none."""
    return generators.load(name, [nuisance.name for nuisance in generators.load(name).nuisance_list] * all_or_none)


def pinned_clips(name):
    """Combinations with all levels of all factors, seeds of both signs and all sizes."""
    levels = generators.space(name).grid()[:: STRIDES[name]]
    return levels, (np.arange(len(levels)) - 100) * 0x1F3_5A7B_9D2C_461  # wraps


def sha256(clips):
    return hashlib.sha256(clips.numpy().astype("<i2").tobytes()).hexdigest()


def mixed_at_once(generator, levels, seeds):
    """Clips in the way that accelerators take, whatever the device."""
    if isinstance(generator, steady.SteadyTones):
        return steady.mix_batch(generator.waves, generator._cut(levels, seeds))
    sound = generator.sound
    placement = generator._placement(levels, seeds)
    return mixing.mix_batch(placement, sound.bank, sound.tape, sound.layout.lead_in, generator.n_samples)


@pytest.fixture(
    scope="module",
    params=[(name, on) for name in STRIDES for on in (True, False)],
    ids=lambda param: f"{param[0]}, {'nuisances' if param[1] else 'plain'}",
)
def made(request):
    """A generator, and the clips that are pinned."""
    name, on = request.param
    generator = with_nuisances(name, on)
    levels, seeds = pinned_clips(name)
    clips = generator.render_int16(levels, seeds)
    return SimpleNamespace(generator=generator, on=on, levels=levels, seeds=seeds, clips=clips)


def test_clips_are_the_published_ones(made):
    space = made.generator.space
    assert all(len(np.unique(made.levels[:, column])) == n for column, n in enumerate(space.n_levels))
    assert (np.unique(np.sign(made.seeds)) == [-1, 0, 1]).all()
    assert sha256(made.clips) == PINNED[made.generator.name, made.generator.version, made.on]


def test_generators_keep_their_protocol(made):
    generator, loaded = made.generator, generators.load(made.generator.name)
    assert (loaded.name, loaded.version, loaded.space) == (generator.name, generator.version, generator.space)
    assert generators.space(generator.name) is generator.space
    assert generator.nuisances == {nuisance.name for nuisance in generator.nuisance_list if made.on}
    assert loaded.nuisances == {nuisance.name for nuisance in generator.nuisance_list if nuisance.default}
    clips = loaded.to("cpu").render(loaded.space.grid()[:3], np.arange(3))
    assert clips.shape == (3, loaded.n_samples)
    assert clips.dtype == torch.float32
    assert clips.is_contiguous()


def test_values_are_16_bit_ones(made):
    audio = made.generator.render(made.levels, made.seeds)
    assert made.clips.dtype == torch.int16
    assert torch.equal(audio * 32768, made.clips.to(torch.float32))
    assert -1 <= audio.min() < audio.max() < 1


@pytest.mark.parametrize("size", [1, 7, 64])
def test_samples_are_the_same_at_any_batch_size(made, size):
    n = 70
    parts = [
        made.generator.render_int16(made.levels[i : min(i + size, n)], made.seeds[i : min(i + size, n)])
        for i in range(0, n, size)
    ]
    assert torch.equal(torch.cat(parts), made.clips[:n])


def test_samples_are_the_same_in_any_order(made):
    order = np.random.default_rng(0).permutation(len(made.levels))
    assert torch.equal(made.generator.render_int16(made.levels[order], made.seeds[order]), made.clips[order])


def test_a_row_depends_on_that_row_alone(made):
    others_levels, others_seeds = made.generator.space.sample(40, np.random.default_rng(1)), np.arange(40)
    for row in (0, 17, 39):
        mixed_levels, mixed_seeds = others_levels.copy(), others_seeds.copy()
        mixed_levels[row], mixed_seeds[row] = made.levels[row], made.seeds[row]
        assert torch.equal(made.generator.render_int16(mixed_levels, mixed_seeds)[row], made.clips[row])


def test_the_same_row_twice_gives_the_same_clip_twice(made):
    clips = made.generator.render_int16(np.repeat(made.levels[60:61], 3, axis=0), [9, 9, 9])
    assert torch.equal(clips[0], clips[1])
    assert torch.equal(clips[0], clips[2])


def test_accelerators_get_the_samples_that_processors_get(made):
    """The way of mixing that accelerators take, run here."""
    assert torch.equal(mixed_at_once(made.generator, made.levels, made.seeds), made.clips)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_samples_are_the_same_on_every_device(made, device):
    there = made.generator.to(device)
    assert there.nuisances == made.generator.nuisances
    assert torch.equal(there.render_int16(made.levels, made.seeds).cpu(), made.clips)
    assert torch.equal(there.render(made.levels, made.seeds).cpu() * 32768, made.clips.float())


def test_samples_are_the_same_at_any_thread_count():
    """In a process of its own, which builds its banks with three threads. `tones` is made as `phrases` is."""
    names = [name for name in STRIDES if name != "tones"]
    code = (
        "from test_generators import pinned_clips, sha256, torch, with_nuisances\n"
        f"for name in {names}:\n"
        "    for threads in (3, 1, 2):\n"
        "        torch.set_num_threads(threads)\n"
        "        print(sha256(with_nuisances(name, True).render_int16(*pinned_clips(name))))"
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
    assert done.stdout.split() == [PINNED[name, "1", True] for name in names for _ in range(3)]


def test_no_clips_are_no_mistake(made):
    levels = np.zeros((0, len(made.generator.space.factors)), int)
    assert made.generator.render(levels, np.zeros(0, int)).shape == (0, made.generator.n_samples)


def test_the_seed_decides_the_nuisances_and_nothing_else(made):
    levels = made.levels[:100]
    one, other = (made.generator.render_int16(levels, np.arange(100) + start) for start in (0, 12_345))
    same = (one == other).all(1)
    assert not same.any() if made.on else same.all()


def test_different_seeds_give_different_clips(made):
    clips = made.generator.render_int16(np.repeat(made.levels[60:61], 200, axis=0), np.arange(200))
    assert len(torch.unique(clips, dim=0)) == (200 if made.on else 1)


def test_every_level_gives_a_clip_of_its_own(made):
    space = made.generator.space
    for column, n_levels in enumerate(space.n_levels):
        levels = np.repeat(made.levels[60:61], n_levels, axis=0)
        levels[:, column] = np.arange(n_levels)
        clips = made.generator.render_int16(levels, np.full(n_levels, 8))
        assert len(torch.unique(clips, dim=0)) == n_levels, space.names[column]


def test_levels_out_of_range_or_shape_are_refused(made):
    space = made.generator.space
    n_factors = len(space.factors)
    for column, (name, n_levels) in enumerate(zip(space.names, space.n_levels, strict=True)):
        for level in (-1, n_levels):
            levels = np.zeros((2, n_factors), int)
            levels[1, column] = level
            with pytest.raises(ValueError, match=f"row 1: {name} is {level}; expected 0 to {n_levels - 1}"):
                made.generator.render(levels, [0, 1])
    factors = rf"levels must be \[clip, {n_factors}\] \({', '.join(space.names)}\); got \(1, {n_factors - 1}\)"
    with pytest.raises(ValueError, match=factors):
        made.generator.render(np.zeros((1, n_factors - 1), int), [0])
    with pytest.raises(ValueError, match="levels must be integers; got float64"):
        made.generator.render(np.zeros((1, n_factors)), [0])


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([0, 1], r"seeds must be integers \[1\], one a clip; got int64 \[2\]"),
        (0, r"seeds must be integers \[1\], one a clip; got int64 \[\]"),
        ([0.5], r"seeds must be integers \[1\], one a clip; got float64 \[1\]"),
        (np.array([2**63], np.uint64), "seeds must fit 64 signed bits; got 9223372036854775808"),
    ],
)
def test_bad_seeds_are_refused(made, seeds, message):
    with pytest.raises(ValueError, match=message):
        made.generator.render_int16(made.levels[:1], seeds)


def test_what_loads_is_what_is_listed():
    assert list(generators.SPACES) == [*STRIDES, "soundfont"]
    for name in STRIDES:
        assert generators.load(name).name == name


@pytest.mark.parametrize("ask", [generators.load, generators.space])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("phases", "no space 'phases'; did you mean 'phrases'[?] There are: phrases, tones, syntone, .*soundfont$"),
        ("syntone-bandlimit", "did you mean 'syntone-bandlimited'[?]"),
        ("xyz", "no space 'xyz'. There are: phrases, tones"),
    ],
)
def test_unknown_spaces_are_answered_with_the_nearest(ask, name, message):
    with pytest.raises(ValueError, match=message):
        ask(name)


def test_options_that_a_space_lacks_are_refused():
    assert generators.load("tones", device="cpu").device.type == "cpu"
    with pytest.raises(ValueError, match="space 'tones' has no option 'soundfont'; it has: device"):
        generators.load("tones", soundfont="piano.sf2")


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
