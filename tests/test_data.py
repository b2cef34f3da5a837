"""Data sets: each clip the same whoever asks, and what a pairing promises."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import generators
from generators.data import Clips, Views, chosen_rows
from generators.pairs import AUGMENT, IDENTICAL, INDEPENDENT, Pairing
from generators.splits import iid

TONES = generators.load("tones")
SPACE = TONES.space
SHARED = Pairing(frozenset({"timbre", "loudness"}))


@pytest.fixture(scope="module", params=["clips", "views", "augment"])
def dataset(request):
    if request.param == "clips":
        return Clips(TONES, "validation", draws=2, seed=5)
    return Views(TONES, SHARED if request.param == "views" else AUGMENT, "validation", views=3, seed=5)


def stacked(items):
    return [torch.stack(parts) for parts in zip(*items, strict=True)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_items_in_batches_whoever_loads_them(dataset, workers):
    context = {"multiprocessing_context": "fork"} if workers else {}
    batches = list(DataLoader(dataset, batch_size=32, num_workers=workers, **context))
    audio, levels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert (audio.dtype, levels.dtype) == (torch.float32, torch.int64)
    assert len(audio) == len(levels) == len(dataset)
    one_by_one = stacked([dataset[i] for i in range(40)])
    assert torch.equal(audio[:40], one_by_one[0])
    assert torch.equal(levels[:40], one_by_one[1])


def test_an_item_is_the_same_in_any_batch_and_counted_from_the_end(dataset):
    order = np.random.default_rng(0).permutation(len(dataset))[:50].tolist()
    audio, levels = stacked(dataset.__getitems__(order))
    for place in (0, 13, 49):
        alone = dataset[order[place] - len(dataset)]
        assert torch.equal(alone[0], audio[place])
        assert torch.equal(alone[1], levels[place])


def test_a_loop_over_a_data_set_ends(dataset):
    assert sum(1 for _ in zip(dataset, range(len(dataset)), strict=False)) == len(dataset)
    for index in (len(dataset), -len(dataset) - 1):
        with pytest.raises(IndexError, match=f"item {index} of a data set of {len(dataset)}"):
            dataset[index]


def test_clips_are_the_rows_of_their_role_each_draw_another():
    data = Clips(TONES, "test", draws=3)
    rows = iid(SPACE)["test"]
    audio, levels = stacked(data.__getitems__(range(len(data))))
    assert torch.equal(levels, torch.from_numpy(SPACE.levels_at(np.tile(rows, 3))))
    assert len(torch.unique(audio, dim=0)) == len(data) == 3 * len(rows)
    assert audio.shape == (len(data), TONES.n_samples)


def test_clips_are_what_the_generator_renders():
    plain = generators.load("tones", nuisances=False)
    audio, levels = stacked(Clips(plain, np.arange(0, 1_152, 100)).__getitems__(range(12)))
    assert torch.equal(levels, torch.from_numpy(SPACE.grid()[::100]))
    assert torch.equal(audio, plain.render(levels.numpy(), np.zeros(12, int)))


def test_rows_and_seeds_make_clips_of_their_own():
    """A row that comes twice, as in a correlated split, the same place in another role, and another seed."""
    twice, _ = stacked(Clips(TONES, [7, 7, 7]).__getitems__(range(3)))
    assert len(torch.unique(twice, dim=0)) == 3
    assert not torch.equal(Clips(TONES, [7], seed=1)[0][0], twice[0])
    silent = generators.load("tones", nuisances=["noise_floor"])
    floors = [Clips(silent, [row])[0][0][:1_600] for row in (7, 8)]  # before the note
    assert not torch.equal(*floors)


@pytest.mark.parametrize("space", ["phrases", "syntone-bandlimited"])
def test_every_space_is_a_data_set(space):
    generator = generators.load(space)
    audio, levels = Clips(generator)[3]
    assert audio.shape == (generator.n_samples,)
    assert generator.space.combinations(levels[None].numpy())[0] == iid(generator.space)["train"][3]


def test_splits_are_written_as_they_are():
    rows = chosen_rows(SPACE, "train", "extrapolate(pitch,0.25)")
    assert SPACE.levels_at(rows)[:, 0].max() == 17
    assert len(Clips(TONES, "train", "extrapolate(pitch,0.25)")) == len(rows)


def test_views_share_what_the_pairing_says_and_nothing_else():
    data = Views(TONES, SHARED, "train", views=4, draws=3)
    levels = torch.stack([item[1] for item in data.__getitems__(range(len(data)))]).numpy()
    assert levels.shape == (len(data), 4, 3)
    rows = iid(SPACE)["train"]
    for column, name in enumerate(SPACE.names):
        agree = (levels[:, 0, column] == levels[:, 1, column]).mean()
        if name in SHARED.shared:
            assert (levels[:, :, column] == levels[:, :1, column]).all()
        else:
            groups = SPACE.combinations(SPACE.levels_at(rows), sorted(SHARED.shared))
            _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
            by_chance = (1 / counts[group]).mean()  # every pitch comes once in a group
            assert agree == pytest.approx(by_chance, abs=5 * np.sqrt(by_chance / len(data)))
    assert np.isin(SPACE.combinations(levels.reshape(-1, 3)), rows).all()
    assert torch.equal(torch.from_numpy(levels[: len(rows), 0, 1:]), torch.from_numpy(SPACE.levels_at(rows)[:, 1:])), (
        "an example is a value of the shared factors, as frequent as it is in the rows"
    )


def test_views_are_clips_of_their_own():
    audio, levels = stacked(Views(TONES, Pairing(frozenset(SPACE.names)), "test").__getitems__(range(100)))
    assert torch.equal(levels[:, 0], levels[:, 1])
    assert len(torch.unique(audio.view(200, -1), dim=0)) == 200


def test_diagnostic_pairings():
    identical, _ = stacked(Views(TONES, IDENTICAL, "test", views=2).__getitems__(range(50)))
    assert torch.equal(identical[:, 0], identical[:, 1])
    assert len(torch.unique(identical[:, 0], dim=0)) == 50
    augmented, levels = stacked(Views(TONES, AUGMENT, "test", views=2).__getitems__(range(50)))
    assert torch.equal(levels[:, 0], levels[:, 1])
    assert len(torch.unique(augmented.view(100, -1), dim=0)) == 100
    _, independent = stacked(Views(TONES, INDEPENDENT, "train", draws=4).__getitems__(range(1_800)))
    for column, n_levels in enumerate(SPACE.n_levels):
        agree = (independent[:, 0, column] == independent[:, 1, column]).double().mean()
        assert float(agree) == pytest.approx(1 / n_levels, abs=5 * np.sqrt(1 / n_levels / 1_800))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": "dev"}, "no role 'dev'; there are: train, validation, probe, test"),
        ({"split": "iit"}, "no split 'iit'"),
        ({"rows": []}, r"rows must be a role or integers \[n\], at least one; got float64 \[0\]"),
        ({"rows": [0.5]}, r"rows must be a role or integers \[n\], at least one; got float64 \[1\]"),
        ({"rows": [[1]]}, r"got int64 \[1, 1\]"),
        ({"rows": [1, 1_152]}, "row 1152 is none of the grid's; expected 0 to 1151"),
        ({"rows": [-1]}, "row -1 is none of the grid's"),
        ({"draws": 0}, "0 draws of each row; expected one or more"),
        ({"seed": 2**63}, "does not fit 64 signed bits"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Clips(TONES, **arguments)
    with pytest.raises(ValueError, match=message):
        Views(TONES, SHARED, **arguments)


def test_bad_views_are_refused():
    with pytest.raises(ValueError, match="no factor 'rhythm' in this space; it has pitch, timbre, loudness"):
        Views(TONES, Pairing(frozenset({"rhythm"})))
    with pytest.raises(ValueError, match="an example of 1 views; expected two or more"):
        Views(TONES, SHARED, views=1)
