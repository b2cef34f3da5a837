"""However many machines share an export, and however often it is cut short: the same bytes."""

import random
import shutil
import subprocess
import sys
import time

import pytest
from exported import COMMAND, killed, tree, wanted
from test_faults_disk import done_in_a_namespace, mount, small_disk

from generators.dataset import disk, manifest, plan, read
from generators.dataset.export import export
from generators.dataset.lines import UsageError
from generators.dataset.merge import merge
from generators.dataset.rendering import batches, encoded
from generators.dataset.work import PREFIX

PART = {"probe": 1, "test": 1}  # 576 clips, 6 files


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed export."""
    folder = tmp_path_factory.mktemp("whole") / "tones"
    export(wanted(**PART), folder)
    return folder


@pytest.mark.parametrize("machines", [1, 3, 7])
def test_shards_merge_to_the_same_bytes(whole, tmp_path, machines):
    folders = [tmp_path / f"machine{i}" for i in range(machines)]
    for number, folder in enumerate(folders, start=1):
        export(wanted(**PART), folder, (number, machines))
        if machines > 1:
            assert not (folder / manifest.NAME).exists()
    if machines > 1:
        merge(folders[::-1], tmp_path / "merged")
        assert tree(tmp_path / "merged") == tree(whole)
        merge(folders, tmp_path / "merged")  # once more, over what is there
    assert tree(tmp_path / "merged" if machines > 1 else folders[0]) == tree(whole)


@pytest.mark.parametrize("form", ["parquet", "wav"])
def test_machines_may_share_one_folder(tmp_path, form):
    made = wanted(form=form, clips_a_file=50, validation=1)
    for number in (2, 1):
        export(made, tmp_path / "shared", (number, 2))
        export(made, tmp_path / "shared", (number, 2))  # what is there is not made again
    merge([tmp_path / "shared"], tmp_path / "shared")
    export(made, tmp_path / "alone")
    assert tree(tmp_path / "shared") == tree(tmp_path / "alone")


def test_files_of_other_sizes_hold_the_same_clips(whole, tmp_path):
    export(wanted(clips_a_file=77, **PART), tmp_path / "out")

    def clips(folder):
        return {
            name: clip.tobytes()
            for one in read(folder, "test")
            for name, clip in zip(one.ids, one.samples, strict=True)
        }

    assert clips(whole) == clips(tmp_path / "out")


def test_a_missing_shard_a_damaged_one_and_one_of_another_plan_are_told(tmp_path):
    folders = [tmp_path / str(i) for i in range(3)]
    for number, folder in enumerate(folders, start=1):
        export(wanted(**PART), folder, (number, 3))
    with pytest.raises(
        UsageError, match=r"2 of 6 files are in no shard \(probe-00001-of-00003 first\); there are 1/3, 3/3"
    ):
        merge([folders[0], folders[2]], tmp_path / "out")
    damaged = next((folders[1] / "data").iterdir())
    damaged.write_bytes(damaged.read_bytes()[1:])
    with pytest.raises(UsageError, match=r"parquet: it is \d+ bytes, not \d+; export that shard again"):
        merge(folders, tmp_path / "out")
    shutil.rmtree(folders[1])
    export(wanted(clips_a_file=99, **PART), folders[1], (2, 3))
    with pytest.raises(UsageError, match=r"the shards in .* and .* differ in plan"):
        merge(folders, tmp_path / "out2")
    (folders[1] / "shard-2-of-3.json").write_text("{}")
    with pytest.raises(UsageError, match=r"is no shard's list: it lacks a part"):
        merge(folders, tmp_path / "out2")
    assert not (tmp_path / "out" / manifest.NAME).exists()


def test_a_folder_of_something_else_is_left_alone(whole, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds other files \(thesis.txt\); choose an empty folder"):
        export(wanted(**PART), tmp_path)
    with pytest.raises(
        UsageError, match=r"holds another export, by `python -m generators.dataset export --space tones"
    ):
        export(wanted(test=1), whole)
    export(wanted(test=1), tmp_path / "half", (1, 2))
    (tmp_path / "half" / PREFIX).mkdir()
    (tmp_path / "half" / PREFIX / "journal").write_text('{"digest": "x", "command": "another"}\n')
    with pytest.raises(UsageError, match="holds an unfinished export by `another`"):
        export(wanted(test=1), tmp_path / "half")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("shard", [(1, 1), (1, 2), (2, 2), (2, 3)])
def test_an_export_is_not_mixed_with_shards_of_another(tmp_path, shard):
    export(wanted(test=1), tmp_path / "out", (2, 2))
    before = tree(tmp_path / "out")
    with pytest.raises(UsageError, match="holds a shard of another export, or of other versions; choose another --out"):
        export(wanted(probe=1), tmp_path / "out", shard)
    assert tree(tmp_path / "out") == before


def test_an_export_is_not_mixed_with_an_unfinished_shard_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr("generators.dataset.files.write_unit", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(wanted(test=1), tmp_path / "out", (2, 2))
    monkeypatch.undo()
    for shard in ((1, 2), (1, 1)):
        with pytest.raises(UsageError, match=r"holds an unfinished export by .* --nuisances test=1"):
            export(wanted(probe=1), tmp_path / "out", shard)
    assert not (tmp_path / "out" / "data").exists()


@pytest.mark.parametrize("form", ["parquet", "wav"])
def test_an_interrupted_export_goes_on_to_the_same_bytes(tmp_path, monkeypatch, form):
    """Interrupted at every 41st clip, its journal cut in the middle of a line once."""
    from generators.dataset import files

    made, undisturbed = wanted(form=form, clips_a_file=30, validation=1), tmp_path / "undisturbed"
    export(made, undisturbed)
    count, times = 0, 0

    def cut_short(*arguments):
        nonlocal count
        count += 1
        if count % 41 == 0:
            raise KeyboardInterrupt
        return encoded(*arguments)

    monkeypatch.setattr("generators.dataset.export._make_room", lambda *arguments: None)
    monkeypatch.setattr(files.rendering, "encoded", cut_short)
    while True:
        try:
            export(made, tmp_path / "cut")
            break
        except KeyboardInterrupt:
            times += 1
            journal = tmp_path / "cut" / PREFIX / "journal"
            if times == 2:
                journal.write_bytes(journal.read_bytes()[:-20])
    assert times >= 2
    assert tree(tmp_path / "cut") == tree(undisturbed)


def test_killed_at_random_moments_it_makes_the_same_bytes(whole, tmp_path):
    line = [*COMMAND, "export", "--space", "tones", "--nuisances", "probe=1,test=1", "--clips-a-file", "100"]
    line += ["--out", str(tmp_path / "out")]
    chance = random.Random(time.time_ns())
    for _ in range(2):
        killed(line, tmp_path / "out", chance.uniform(0, 0.3))
        assert not (tmp_path / "out" / manifest.NAME).exists() or tree(tmp_path / "out").items() >= tree(whole).items()
    assert subprocess.run(line, capture_output=True, check=False).returncode == 0
    assert tree(tmp_path / "out") == tree(whole)


def test_two_at_once_in_one_folder_are_refused(tmp_path):
    from filelock import FileLock

    (tmp_path / "out" / PREFIX).mkdir(parents=True)
    with FileLock(tmp_path / "out" / PREFIX / "lock"), pytest.raises(UsageError, match="another process exports to"):
        export(wanted(test=1), tmp_path / "out")


@pytest.mark.parametrize("form", ["parquet", "wav"])
def test_the_room_that_is_asked_for_is_enough_and_not_much_more(tmp_path, form):
    made = wanted(form=form, train=1, test=1)
    told = disk.need(made.generator, made.plan, list(made.clips.values()))
    export(made, tmp_path / "out")
    used = sum(path.stat().st_blocks * 512 for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert used < told < 1.35 * used


def test_without_the_room_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_at", lambda folder: 1_000_000)
    with pytest.raises(
        UsageError, match=r"exporting 288 clips needs about 4\.\d+ MB in .* and there are 1 MB; free 3\.\d+ MB"
    ):
        export(wanted(test=1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


BLIND = """
import sys
from generators.dataset import commands, disk
disk.check = lambda *arguments: None  # as where another program fills the disk meanwhile
sys.exit(commands.main(sys.argv[1:]))
"""


def test_a_disk_that_fills_up_is_told_and_with_room_made_it_goes_on(request, whole, tmp_path):
    if done_in_a_namespace(request):
        return
    arguments = ["export", "--space", "tones", "--nuisances", "probe=1,test=1", "--clips-a-file", "100", "--out"]
    with small_disk(tmp_path / "disk"):
        mount("-o", "remount,size=4m", tmp_path / "disk")
        place = tmp_path / "disk" / "out"
        full = subprocess.run(
            [sys.executable, "-c", BLIND, *arguments, str(place)], capture_output=True, text=True, check=False
        )
        assert full.returncode == 1
        assert f"error: no space left while writing to {place}" in full.stderr.splitlines()[-1]
        assert full.stderr.endswith("free some: the same command goes on where it was\n")
        named = {path: digest for path, digest in tree(place).items() if not path.startswith(".")}
        assert named.items() <= tree(whole).items()
        asked = subprocess.run([*COMMAND, *arguments, str(place)], capture_output=True, text=True, check=False)
        assert asked.returncode == 2
        assert "needs about" in asked.stderr
        mount("-o", "remount,size=30m", tmp_path / "disk")
        export(wanted(**PART), place)
        assert tree(place) == tree(whole)


def test_a_share_is_every_nth_file():
    made = wanted(clips_a_file=10)
    shares = [plan.share_of(made.units, (i, 3)) for i in (1, 2, 3)]
    assert sorted(unit.name for share in shares for unit in share) == sorted(unit.name for unit in made.units)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_no_more_than_a_batch_is_rendered_at_once():
    made = wanted()
    assert [len(batch.ids) for batch in batches(made.generator, made.clips["test"], 128)] == [128, 128, 32]
