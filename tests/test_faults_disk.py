"""A disk that is full, and one that is only to be read: one line that says where, and nothing half-written."""

import os
import subprocess
import sys
from contextlib import contextmanager

from faults import (
    ALONE,
    PLUGIN,
    TWO,
    artefacts,
    assert_as,
    learner,
    run,
    undisturbed,
    write_learner,
)
from plugins import files_in


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


@contextmanager
def small_disk(folder):
    """A disk of its own, of memory."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def done_in_a_namespace(request):
    """Who is not root and may mount nothing runs the test once more where they may; whether that was done."""
    if os.geteuid() == 0:
        return False
    test = f"{request.path}::{request.node.name}"
    subprocess.run(["unshare", "--map-root-user", "--mount", sys.executable, "-m", "pytest", test], check=True)
    return True


def test_a_full_disk_is_told_and_with_room_made_the_same_command_completes(request, tmp_path, tmp_path_factory):
    if done_in_a_namespace(request):
        return
    expected = undisturbed(tmp_path_factory.getbasetemp())
    folder = tmp_path / "runs"
    with small_disk(folder):
        write_learner(folder)
        (folder / "talker.py").write_text(PLUGIN.format(name="Talker", body="print('much ' * 2_000)"))
        mount("-o", "remount,size=40k", folder)
        full = run(folder, *learner(0), *ALONE)
        reason = f"cannot write {artefacts(folder)} (No space left on device); nothing was stored"
        assert (full.status, full.told) == (1, f"error: learner on phrases/timbre, seed 0: {reason}\n"), full.all
        assert_nothing_half(folder)

        talk = run(folder, "--plugin", "talker.py", "--method", "talker", "--seeds", "0", "1", *TWO)
        assert (talk.status, talk.told) == (1, ""), talk.all
        for seed in (0, 1):
            reason = f"cannot write {artefacts(folder, seed, 'talker')} (No space left on device); nothing was stored"
            assert f"  talker on phrases/timbre, seed {seed}: {reason}\n    log: " in talk.said, talk.all
        assert_nothing_half(folder)

        mount("-o", "remount,size=64m", folder)
        completed = run(folder, *learner(0), *ALONE)
        assert (completed.status, completed.told) == (0, ""), completed.all
        assert_as(expected, folder, 0)
        mount("-o", "remount,ro", folder)
        refused = run(folder, *learner(0, 1), *ALONE)
        told = "error: cannot write in results (Read-only file system); choose another folder\n"
        assert (refused.status, refused.told) == (2, told), refused.all
        assert "training" not in refused.said
        there = run(folder, *learner(0), *ALONE)  # what was done can be looked at
        assert (there.status, there.told) == (0, ""), there.all


def assert_nothing_half(folder):
    """What an unfinished run goes on from may be there; nothing else."""
    left = [name for name in files_in(folder) if (folder / name).is_file() and "__pycache__" not in name]
    plain = [name for name in left if ".unfinished/" not in name]
    assert [name for name in plain if not name.endswith((".py", ".yaml"))] == []
    assert [name for name in left if name.endswith(".tmp")] == []
