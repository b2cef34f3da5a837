"""Exports for tests: `tones`, made once in this process, and the command as a user runs it."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from generators.dataset import export, plan

COMMAND = [sys.executable, "-m", "generators.dataset"]


def wanted(space="tones", form="parquet", split="iid", clips_a_file=100, **nuisances):
    """A plan with its generator."""
    generator = plan.sound(space)
    of = plan.Plan(
        space=space,
        version=generator.version,
        split=split,
        nuisances=nuisances or dict.fromkeys(("train", "validation", "probe", "test"), 1),
        format=form,
        clips_a_file=clips_a_file,
    )
    return export.Export(of, generator, plan.clips_of(of), plan.made_by(generator))


def run(*arguments, cwd, timeout=120, **options):
    """`python -m generators.dataset arguments` in a folder; the finished process, with its output as text."""
    line = [*COMMAND, *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False, **options)


def killed(line, folder: Path, seconds):
    """Begin a command, and kill it so many seconds after its folder is there."""
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not folder.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def tree(folder: Path):
    """Every file of a folder, by its path: its hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
