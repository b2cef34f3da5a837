import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from benchmark.plots import OUTLINE, SwapExample, heat_map, swap_figure

OWNERS = {"shared": ["timbre"], "private": ["pitch", "rhythm"]}
MEL_HZ = np.linspace(50, 7900, 32)


def aligned():
    factors = [factor for owned in OWNERS.values() for factor in owned]
    cells = {(block, factor): float(factor in owned) for block, owned in OWNERS.items() for factor in factors}
    return cells | {("all", factor): 1.0 for factor in factors}


def pixels_like(path, colour):
    picture = imread(path)[:, :, :3]
    return np.argwhere(np.abs(picture - np.array(to_rgb(colour))).max(axis=2) < 0.02)


def example(**changes):
    level = np.random.default_rng(0).uniform(-70, 0, (32, 40))
    panels = dict.fromkeys(("input_a", "input_b", "reconstruction_a", "swap", "target"), level)
    values = {"factors_a": {"timbre": "saw", "pitch": "C4"}, "factors_b": {"timbre": "sine", "pitch": "E4"}}
    return SwapExample(**{**panels, **values, "shared": {"timbre"}, **changes})


def test_heat_map_outlines_the_owned_cells_and_darkens_by_value(tmp_path):
    heat_map(aligned(), OWNERS, "aligned", tmp_path / "aligned.png")
    outlines = pixels_like(tmp_path / "aligned.png", OUTLINE)
    dark, light = mpl.colormaps["Blues"]([1.0, 0.0])[:, :3]
    darkest, lightest = pixels_like(tmp_path / "aligned.png", dark), pixels_like(tmp_path / "aligned.png", light)
    # shared owns the first column of three, private the others: the outlines go from the upper left to the lower right.
    middle = (outlines[:, 0].min() + outlines[:, 0].max()) / 2
    upper, lower = outlines[outlines[:, 0] < middle], outlines[outlines[:, 0] > middle]
    assert upper[:, 1].max() < lower[:, 1].min()
    # Dark: three own cells and the three of all. Light: three cells. The outlines and the numbers take a little.
    assert 1.6 < len(darkest) / len(lightest) < 2.4


def test_heat_map_works_without_a_row_of_all_and_names_a_missing_cell(tmp_path):
    cells = {key: value for key, value in aligned().items() if key[0] != "all"}
    heat_map(cells, OWNERS, "a title so long that it cannot stand on one line above a small map", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 0
    del cells["private", "rhythm"]
    with pytest.raises(KeyError, match=r"'private', 'rhythm'"):
        heat_map(cells, OWNERS, "", tmp_path / "b.png")


def test_the_target_takes_the_shared_factors_from_b():
    lines = [line.split() for line in example().label.splitlines()]
    assert lines == [["a", "b", "target"], ["timbre*", "saw", "sine", "sine"], ["pitch", "C4", "E4", "C4"]]


def test_swap_figure_has_one_colour_scale(tmp_path):
    quiet, loud = np.full((32, 40), -60.0), np.full((32, 40), 0.0)
    swap_figure([example(input_a=quiet, target=loud)] * 2, MEL_HZ, 0.01, tmp_path / "swap.png")
    darkest, brightest = mpl.colormaps["magma"]([10 / 70, 1.0])[:, :3]
    quiet_at, loud_at = (pixels_like(tmp_path / "swap.png", colour) for colour in (darkest, brightest))
    assert len(quiet_at) > 10_000
    assert len(loud_at) > 10_000
    assert np.median(quiet_at[:, 1]) < np.median(loud_at[:, 1])


def test_swap_figure_refuses_what_it_cannot_draw(tmp_path):
    with pytest.raises(ValueError, match="no examples"):
        swap_figure([], MEL_HZ, 0.01, tmp_path / "swap.png")
    with pytest.raises(ValueError, match=r"\(40, 32\), and mel_hz names 32 bands; give \[mel, frame\]"):
        swap_figure([example(swap=np.zeros((40, 32)))], MEL_HZ, 0.01, tmp_path / "swap.png")


def test_no_pyplot_and_no_torch():
    code = "import sys, benchmark.plots; sys.exit('matplotlib.pyplot' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
