"""Files that were damaged: told in a line, made anew, to the same last bit."""

import json
import os
import re
import shutil
from pathlib import Path

from faults import ALONE, TWO, artefacts, assert_as, assert_clean, learner, place, run, undisturbed, write_learner


def cut(file):
    """The second half is lost."""
    _rewrite(file, file.read_bytes()[: file.stat().st_size // 2])


def flip(file):
    """A bit in the middle is another."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    _rewrite(file, content)


def _rewrite(file, content):
    file.unlink()  # other names of it stay as they are
    file.write_bytes(content)


def edit(file):
    """Somebody gave it another seed."""
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seed": 7}))


def copied_run(source, folder, seed):
    for of in (place, artefacts):
        of(folder, seed).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(place(source, seed), place(folder, seed))
    shutil.copytree(artefacts(source, seed), artefacts(folder, seed))


def damaged_cache(folder):
    """Make a cache as the session's, but for a bit of the targets of swaps, which are soon made anew."""
    shutil.copytree(os.environ["DTONES_CACHE"], folder, copy_function=os.link)
    for file in list(folder.glob("features/*/shared.target.npy")):  # of all tasks that there are by now
        flip(file)


def test_damaged_checkpoints_results_and_features_are_told_and_made_anew(tmp_path, tmp_path_factory):
    expected, folder = undisturbed(tmp_path_factory.getbasetemp()), write_learner(tmp_path / "runs")
    for seed, damage in ((2, cut), (3, edit)):
        copied_run(expected, folder, seed)
        damage(place(folder, seed))
    # A run whose damaged result was not made anew, for it was killed: the others are told of all the same.
    killed = run(folder, *learner(0, 1, 2), *TWO, "--checkpoint-every", "0.000001", FAULT="step 31")
    assert (killed.status, killed.told) == (1, ""), killed.all
    assert "3 failed; the same command tries them again" in killed.said
    checkpoints = sorted(folder.glob("artefacts/.unfinished/*/checkpoint.safetensors"))
    for checkpoint, damage in zip(checkpoints, (cut, flip, lambda file: file.write_bytes(b"")), strict=True):
        damage(checkpoint)
    damaged_cache(tmp_path / "cache")
    mended = run(folder, *learner(0, 1, 2, 3), *ALONE, DTONES_CACHE=str(tmp_path / "cache"))
    assert mended.status == 0, mended.all
    lines = mended.said.splitlines()
    for seed, what in ((2, "the whole file: Invalid JSON"), (3, "the whole file: Value error, id: it is not of this")):
        start = f"damaged, to be made anew: {place(Path(), seed)}: {what}"
        assert len([line for line in lines if line.startswith(start)]) == 1, mended.all
    for checkpoint in checkpoints:
        start = f"checkpoint {checkpoint} is not used, training begins anew: "
        assert len([line for line in lines if line.startswith(start)]) == 1, mended.all
    entry = rf"{tmp_path}/cache/features/\w+"
    told = rf"note: {entry} is damaged \(shared.target.npy is not what was written\); making it anew\n"
    assert re.fullmatch(told, mended.told), mended.told
    for seed in range(4):
        assert_as(expected, folder, seed)
    assert_clean(folder)
