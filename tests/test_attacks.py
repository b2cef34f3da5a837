"""Attacks on the ranked scores: every trick that a method might be tempted by, and what it gains by it."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

import generators
from benchmark.metrics.information import entropy
from benchmark.oracles import oracle
from benchmark.score import Codes, score

SPACE = generators.space("phrases")
BLOCKS = {"shared": {"timbre"}, "private": {"pitch", "loudness", "rhythm"}}
ORDER = np.random.default_rng(0).permutation(SPACE.size)
NEGLIGIBLE = 0.01
OWN = ("pitch", "loudness", "rhythm")


def clips(n):
    """Levels of n probe and n test clips, no combination in both."""
    return SPACE.levels_at(ORDER[:n]), SPACE.levels_at(ORDER[n : 2 * n])


def own_rng(levels):
    """A generator that no other set of clips shares."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(levels).tobytes()))


def scored(encode, n=1152, seed=0):
    probe, test = clips(n)
    rows = score(BLOCKS, SPACE.names, SPACE.n_levels, Codes(probe, encode(probe)), Codes(test, encode(test)), seed)
    return {(row.metric, row.block, row.factor): row.value for row in rows}


def headline(scores):
    return np.array([scores[name, None, None] for name in ("preservation", "disentanglement", "balance")])


def known(name, style="one_hot"):
    return lambda levels: oracle(name, style)(levels, SPACE.names, SPACE.n_levels, BLOCKS, 0)


def one_hot(levels, *names):
    columns = [SPACE.column(name) for name in names]
    return np.hstack([np.eye(SPACE.n_levels[column])[levels[:, column]] for column in columns])


def rotation(width, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def bent(inputs, width, noise, seed, rng):
    """What an encoder of middling quality gives: random features of its inputs, bent, in noise."""
    weights = np.random.default_rng(seed).normal(size=(inputs.shape[1], width))
    return np.tanh(1.5 * inputs @ weights) + noise * rng.normal(size=(len(inputs), width))


def realistic(levels):
    """Two blocks 16 wide that hold most of their own factors, and a little of each other's."""
    rng = own_rng(levels)
    shared = np.hstack([one_hot(levels, "timbre"), 0.2 * one_hot(levels, "rhythm")])
    private = np.hstack([one_hot(levels, "pitch", "loudness", "rhythm"), 0.3 * one_hot(levels, "timbre")])
    return {"shared": bent(shared, 16, 0.3, 1, rng), "private": bent(private, 16, 0.3, 2, rng)}


def changed(**of_block):
    """The realistic encoder with some blocks changed: block -> function of both blocks."""

    def encode(levels):
        codes = realistic(levels)
        return codes | {name: change(codes) for name, change in of_block.items()}

    return encode


@pytest.fixture(scope="module")
def honest():
    """The scores of the realistic encoder, with room above and below each of the three."""
    found = headline(scored(realistic))
    assert (found > 0.3).all()
    assert (found < 0.95).all()
    return found


# What does not change what a block tells must not change its scores.
HARMLESS = {
    "huge and tiny": changed(
        shared=lambda codes: 1e-12 * codes["shared"], private=lambda codes: 1e12 * codes["private"]
    ),
    "moved, with constants beside": changed(
        shared=lambda codes: codes["shared"] + 1e3,
        private=lambda codes: np.hstack([codes["private"], np.full((len(codes["private"]), 40), 7.0)]),
    ),
    "duplicated": changed(private=lambda codes: np.tile(codes["private"], 3)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_tells_nothing_new_moves_nothing(name, honest):
    assert headline(scored(HARMLESS[name])) == pytest.approx(honest, abs=NEGLIGIBLE)


@pytest.fixture(scope="module")
def full_size():
    """At the quick preset's size, where the promises are made, by four probe seeds: [seed, score]."""
    return np.array([headline(scored(realistic, n=2304, seed=seed)) for seed in range(4)])


def test_other_probe_seeds_move_the_scores_by_little(full_size):
    assert np.ptp(full_size, axis=0).max() < NEGLIGIBLE


# Amplitudes a thousandfold apart; from ten thousand on whitening drops the faintest direction, whatever it holds.
@pytest.mark.parametrize("mix", [rotation(16, 3), np.diag(np.logspace(-1.5, 1.5, 16))], ids=["rotated", "rescaled"])
def test_a_rotation_or_rescaling_inside_a_block_does_not_matter(mix, full_size):
    found = headline(scored(changed(private=lambda codes: codes["private"] @ mix), n=2304))
    assert found == pytest.approx(full_size[0], abs=NEGLIGIBLE)


def test_a_whisper_in_the_wrong_block_is_heard(honest):
    """Timbre at a hundredth of the amplitude, in dimensions of its own that are rotated among the others."""

    def whispering(levels):
        codes = realistic(levels)
        private = np.hstack([codes["private"], 0.01 * one_hot(levels, "timbre")])
        return codes | {"private": private @ rotation(24, 4)}

    found = scored(whispering)
    assert found["information", "private", "timbre"] > 0.9
    assert headline(found)[1:] == pytest.approx(0, abs=0.1)


def test_a_shared_block_that_copies_everything_gains_nothing(honest):
    found = headline(scored(changed(shared=lambda codes: np.hstack([codes["shared"], codes["private"]]))))
    assert found[2] < honest[2] / 2


def test_everything_in_one_block_is_worth_nothing():
    still = changed(
        private=lambda codes: np.hstack([codes["shared"], codes["private"]]), shared=lambda codes: 0 * codes["shared"]
    )
    assert headline(scored(still))[1:].tolist() == [0, 0]


def test_a_rotation_across_blocks_matters(honest):
    def across(levels):
        codes = realistic(levels)
        mixed = np.hstack([codes["shared"], codes["private"]]) @ rotation(32, 5)
        return {"shared": mixed[:, :16], "private": mixed[:, 16:]}

    found = headline(scored(across))
    assert found[0] == pytest.approx(honest[0], abs=0.02)
    assert found[2] < honest[2] / 2


def test_forgetting_does_not_pay():
    """Pitch in both blocks; then deleted from its own block, or from both: B stays where it was."""

    def keeping(shared, private):
        return scored(lambda levels: {"shared": one_hot(levels, *shared), "private": one_hot(levels, *private)})

    copied = headline(keeping(["timbre", "pitch"], ["pitch", "loudness", "rhythm"]))
    misplaced = headline(keeping(["timbre", "pitch"], ["loudness", "rhythm"]))
    forgotten = headline(keeping(["timbre"], ["loudness", "rhythm"]))
    left = np.sqrt(2 / 3)
    assert [found[2] for found in (copied, misplaced, forgotten)] == pytest.approx([left] * 3, abs=NEGLIGIBLE)
    # D alone can be bought by forgetting, and costs P: keep of the private block falls to 2/3.
    assert copied[1] == pytest.approx(left, abs=NEGLIGIBLE)
    assert forgotten[:2] == pytest.approx([(1 + 2 / 3) / 2, 1], abs=NEGLIGIBLE)


@pytest.mark.parametrize("dtype", [bool, np.int64])
def test_sparse_and_integer_codes_are_read_as_any_other(dtype):
    found = headline(
        scored(lambda levels: {name: codes.astype(dtype) for name, codes in known("aligned")(levels).items()})
    )
    assert found == pytest.approx([1, 1, 1], abs=NEGLIGIBLE)


def test_numbering_everything_in_one_integer_gains_nothing():
    """Every factor in the digits of one number, in each block: whatever can be read is read in both."""

    def numbered(levels):
        number = SPACE.combinations(levels)[:, None]
        return {"shared": number, "private": number}

    assert headline(scored(numbered))[1:].tolist() == [0, 0]


def test_one_clips_embedding_for_all_reads_nothing():
    """Of every clip; and, worse, of the test clips alone, after probe clips that were embedded well."""

    def one_clips(levels):
        return {name: code[:1].repeat(len(levels), axis=0) for name, code in realistic(levels).items()}

    assert headline(scored(one_clips)).tolist() == [0, 0, 0]
    probe, test = clips(1152)
    told, asked = Codes(probe, realistic(probe)), Codes(test, one_clips(test))
    with pytest.raises(ValueError, match="'shared', factor 'timbre': probe clips that no probe had seen read"):
        score(BLOCKS, SPACE.names, SPACE.n_levels, told, asked, 0)
    # Where settings are chosen, an encoder was trained on the probe clips and may well read them better.
    rows = score(BLOCKS, SPACE.names, SPACE.n_levels, replace(told, trained=True), asked, 0)
    assert next(row.value for row in rows if row.metric == "preservation") == 0


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_a_code_that_shifts_test_clips_against_probe_clips_is_refused(share):
    """It would hide a copy of timbre in `private`: what is known of it from probe clips is wrong on test clips."""
    column = SPACE.column("timbre")

    def copied(levels, shifted):
        seen = levels.copy()
        seen[shifted, column] = (seen[shifted, column] + 1) % SPACE.n_levels[column]
        return {"shared": one_hot(levels, "timbre"), "private": one_hot(seen, *SPACE.names)}

    probe, test = clips(1152)
    still = Codes(probe, copied(probe, np.zeros(0, int)))
    shifted = np.flatnonzero(np.random.default_rng(0).uniform(size=len(test)) < share)
    with pytest.raises(ValueError, match=r"block 'private', factor 'timbre': .* must depend on the clip alone"):
        score(BLOCKS, SPACE.names, SPACE.n_levels, still, Codes(test, copied(test, shifted)), 0)


@pytest.mark.parametrize("amplitude", [1e-3, 3e-5, 1e-20])
def test_a_small_copy_is_found_at_any_scale_of_its_columns(amplitude):
    def small_copy(levels):
        private = np.hstack([one_hot(levels, *OWN), amplitude * one_hot(levels, "timbre")])
        return {"shared": one_hot(levels, "timbre"), "private": private}

    assert headline(scored(small_copy))[2] < 2 * NEGLIGIBLE


def test_a_small_copy_that_is_rotated_is_found_to_a_hundred_thousandth():
    def small_copy(levels):
        code = np.hstack([one_hot(levels, *OWN), 1e-5 * one_hot(levels, "timbre")])
        return {"shared": one_hot(levels, "timbre"), "private": code @ rotation(code.shape[1], 1)}

    assert headline(scored(small_copy))[2] < 2 * NEGLIGIBLE


def blown_up(share, factor, own=1.0, mix=False):
    """Everything in place, and a copy of timbre beside it, which some clips have many times as large as others."""

    def encode(levels):
        rng = own_rng(levels)
        copy = one_hot(levels, "timbre") + 0.05 * rng.normal(size=(len(levels), 8))
        copy *= np.where(rng.uniform(size=len(levels)) < share, factor, 1.0)[:, None]
        private = np.hstack([own * one_hot(levels, *OWN), copy])
        private = private @ rotation(private.shape[1], 5) if mix else private
        return {"shared": one_hot(levels, "timbre"), "private": private.astype(np.float32)}

    return encode


@pytest.mark.parametrize(
    "encode",
    [
        blown_up(0.01, 1e6),
        blown_up(0.03, 200),
        blown_up(0.3, 1e6),
        blown_up(0.01, 1e12),
        blown_up(0.01, 1e6, mix=True),
        blown_up(0.3, 1e6, mix=True),
        blown_up(0.01, 1e9, own=1e3, mix=True),
    ],
    ids=["a few", "a little", "many", "very", "mixed", "many mixed", "mixed with what is larger"],
)
def test_clips_blown_up_hide_nothing_that_the_others_hold(encode):
    """Without the second view of `tails.py` the first reads 0 of timbre, and B is 1."""
    found = scored(encode)
    assert found["information", "private", "timbre"] > 0.97
    assert headline(found)[2] < 0.2  # a gap of .02 beside one of 1 is .14


@pytest.mark.parametrize("factor", [1e4, 1e9])
def test_an_honest_code_keeps_its_scores_where_a_few_clips_are_far_out(factor, honest):
    def spiked(levels):
        scale = np.where(own_rng(levels).uniform(size=len(levels)) < 1e-3, factor, 1.0)[:, None]
        return {name: (scale * codes).astype(np.float32) for name, codes in realistic(levels).items()}

    assert headline(scored(spiked)) == pytest.approx(honest, abs=NEGLIGIBLE)


def test_an_embedding_as_wide_as_the_input_is_refused():
    features = np.zeros((1152, 32 * 64))
    with pytest.raises(ValueError, match=r"block 'shared' is 2048 wide and can't be ranked: at most 128"):
        scored(changed(shared=lambda codes: features))


def spoilt(row, value):
    def change(codes):
        code = codes["private"].copy()
        code[row, 3] = value
        return code

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoilt(7, np.nan), "block 'private': row 7 holds NaN or infinity"),
        (spoilt(1151, -np.inf), "block 'private': row 1151 holds NaN or infinity"),
        (lambda codes: codes["private"][:-2], "block 'private' has 1150 rows for 1152 clips, so row 1150"),
        (lambda codes: codes["private"][:, 0], r"block 'private' has shape \(1152,\), so row 0"),
        (lambda codes: codes["private"].astype(str), "block 'private' holds <U.*: row 0"),
        (lambda codes: codes["private"] * 1j, "block 'private' holds complex128: row 0"),
        (lambda codes: [*codes["private"][:-1], [1.0]], "block 'private': rows of different lengths; row 1151"),
        (lambda codes: None, r"block 'private' has shape \(\), so row 0"),
    ],
)
def test_what_is_no_embedding_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        scored(changed(private=change))


def test_the_space_is_the_one_of_the_board():
    """Every entropy is positive on 1,152 clips, and the test clips hold no combination of the probe clips."""
    probe, test = clips(1152)
    assert not set(map(tuple, probe)) & set(map(tuple, test))
    assert min(entropy(test[:, i]) for i in range(test.shape[1])) > np.log(5.9)
