"""What the report plays is what it says: measured with the front end, and read back from the files."""

import io

import numpy as np
import pytest
import soundfile
from reported import board, keep

from benchmark.features import _SEED_OF_ROLE
from benchmark.report.contents import tables_of
from benchmark.report.folder import Folder
from benchmark.report.listening import TEST_SEEDS, Listening
from benchmark.report.sound import flac, open_space, spectrogram
from benchmark.report.space_page import MOST_LEVELS, space_page
from benchmark.swap_examples import FILE, SwapExamples, from_arrays


@pytest.fixture(scope="module")
def space():
    return open_space("phrases", True)


@pytest.fixture
def made(tmp_path):
    (tmp_path / "report" / "media").mkdir(parents=True)
    return Folder(tmp_path / "report")


def test_a_player_plays_the_very_samples(space):
    clip = space.render(np.array([[3, 2, 4, 1]]), np.array([5]))[0]
    played, rate = soundfile.read(io.BytesIO(flac(clip, space.sample_rate)), dtype="int16")
    assert rate == 16_000
    assert np.array_equal(played, clip)


def test_features_made_audible_have_the_same_features(space):
    levels = space.generator.space.sample(6, np.random.default_rng(1))
    decibels = space.decibels(space.render(levels, np.arange(6)))
    for features in decibels:
        again = space.decibels(space.heard(features)[None])[0]
        loud = features > -60
        assert np.sqrt(np.mean((again - features)[loud] ** 2)) < 4  # decibels; Griffin and Lim find 1 to 3
        # An attack of the sound stays in its frame: half a hop off, and these would be nearest to a neighbour.
        shifts = [np.abs(again[1:-1] - features[1 + step : len(features) - 1 + step]).mean() for step in (-1, 0, 1)]
        assert np.argmin(shifts) == 1
    assert not space.heard(np.full_like(features, -80)).any()
    with pytest.raises(ValueError, match=r"features are \(3, 64\); 'phrases' has \(32, 64\)"):
        space.heard(features[:3])


def test_a_spectrogram_is_a_picture_of_its_features(space):
    import matplotlib.image

    picture = matplotlib.image.imread(io.BytesIO(spectrogram(np.full((32, 64), -80.0))))
    assert picture.shape[:2] == (192, 192)
    assert picture[..., :3].max() < 0.05
    low = np.full((32, 64), -80.0)
    low[:, 0] = -10
    picture = matplotlib.image.imread(io.BytesIO(spectrogram(low)))[..., 0]
    assert picture[-1].min() > 0.9  # the lowest band is at the bottom
    assert picture[0].max() < 0.05


def test_test_clips_are_rendered_with_their_own_seeds():
    assert _SEED_OF_ROLE["test"] == TEST_SEEDS


def test_swaps_are_heard_where_features_are_kept_and_inputs_where_not(made, tmp_path):
    run, artefacts = board()[0], tmp_path / "artefacts"
    place = keep(artefacts, run)
    (table,) = tables_of([run])
    heard = Listening(made).of(table, table.rows[0], artefacts)
    assert heard["why"] is None
    titles = ["input a", "input b", "reconstruction of a", "swap: shared of b, the rest of a", "exact target"]
    assert [[panel["title"] for panel in example] for example in heard["examples"]] == [titles] * 2
    assert all((made.path / panel["sound"]).is_file() for example in heard["examples"] for panel in example)
    (place / FILE).unlink()
    inputs = Listening(made).of(table, table.rows[0], artefacts)
    assert "were not kept as numbers" in inputs["why"]
    # The same pairs of the same clips, rendered again: the files are named by what is in them.
    for full, some in zip(heard["examples"], inputs["examples"], strict=False):
        assert [panel["sound"] for panel in some] == [full[i]["sound"] for i in (0, 1, 4)]


def test_what_cannot_be_rendered_says_why(made, tmp_path):
    run = board()[0].model_copy(update={"space_version": "99"})
    (table,) = tables_of([run])
    assert "of version 99 of the sounds" in Listening(made).of(table, table.rows[0], tmp_path)["why"]
    (table,) = tables_of([run.model_copy(update={"task": "nothing/timbre"})])
    assert "has no sounds 'nothing'" in Listening(made).of(table, table.rows[0], tmp_path)["why"]


def test_one_factor_moves_on_the_page_of_a_space(made):
    shown = space_page("phrases", made)
    assert [len(factor["steps"]) for factor in shown["factors"]] == [24, 8, 6, 8]
    loud = {}
    for factor in shown["factors"]:
        clips = [soundfile.read(made.path / step["sound"])[0] for step in factor["steps"]]
        assert len({step["sound"] for step in factor["steps"]}) == len(clips)
        loud[factor["name"]] = [10 * np.log10(np.mean(np.square(clip))) for clip in clips]
    assert np.allclose(np.diff(loud["loudness"]), 4, atol=0.3)  # steps of 4 dB
    assert np.ptp(loud["rhythm"]) < 0.5


def test_a_factor_of_many_levels_has_some_of_them_with_both_ends(made):
    shown = {factor["name"]: factor for factor in space_page("syntone", made)["factors"]}
    assert shown["frequency"]["n_levels"] == 400
    assert len(shown["frequency"]["steps"]) == MOST_LEVELS
    assert [shown["frequency"]["steps"][end]["text"] for end in (0, -1)] == ["440 Hz", "8000 Hz"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"swap": np.full((2, 32, 64), np.nan)}, "swap has numbers that are not finite"),
        ({"swap": np.zeros((2, 3, 64))}, "swap is .2, 3, 64. and reconstruction"),
        ({"levels_b": np.zeros((3, 4), int)}, "levels_b is int64"),
        ({"seeds_a": np.zeros(2)}, "seeds_a is float64"),
    ],
)
def test_examples_that_are_not_whole_are_refused(changes, message):
    levels, seeds, features = np.zeros((2, 4), int), np.zeros(2, int), np.zeros((2, 32, 64))
    names = ("levels_a", "levels_b", "levels_target", "seeds_a", "seeds_b", "seeds_target")
    arrays = {name: levels if name.startswith("levels") else seeds for name in names}
    whole = {"block": np.array("shared"), **arrays, "reconstruction": features, "swap": features}
    assert from_arrays(whole).block == "shared"
    with pytest.raises(ValueError, match=message):
        from_arrays({**whole, **changes})
    with pytest.raises(ValueError, match="has no block"):
        from_arrays({})


def test_examples_are_read_as_they_were_written(tmp_path):
    levels, seeds = np.arange(8).reshape(2, 4), np.arange(2)
    features = np.linspace(-80, 0, 2 * 32 * 64).reshape(2, 32, 64)
    SwapExamples("shared", levels, levels, levels, seeds, seeds, seeds, features, -features).write(tmp_path / FILE)
    with np.load(tmp_path / FILE) as arrays:
        again = from_arrays(dict(arrays))
    assert np.array_equal(again.levels_a, levels)
    assert np.allclose(again.reconstruction, features, atol=0.04)  # float16
