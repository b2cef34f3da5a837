"""A process that is killed at any moment: the same command goes on, to the same last bit, and nothing is left over."""

import os
import random
import signal
import time

import psutil
import pytest
from faults import (
    ALONE,
    TWO,
    artefacts,
    assert_as,
    assert_clean,
    counted,
    finish,
    learner,
    place,
    run,
    start,
    undisturbed,
    write_learner,
)
from plugins import files_in

INTERRUPTED = "interrupted: finished runs are stored, and the same command goes on from there\n"


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return undisturbed(tmp_path_factory.getbasetemp())


def test_killed_in_training_in_a_checkpoint_in_artefacts_and_in_a_result(expected, tmp_path):
    """One run, killed five times on its way, each time further on, at last when its result was stored already."""
    folder = write_learner(tmp_path / "runs")
    command = (*learner(0), *ALONE, "--checkpoint-every", "0.000001")
    step = random.randrange(2, 40)
    faults = (f"step {step}", "at checkpoint.safetensors 7", "at seed0 1", "at seed0.json 1")
    gone_on = [None, step, step + 6, 60]
    for fault, first in zip(faults, gone_on, strict=True):
        killed = run(folder, *command, FAULT=fault)
        assert killed.status == -signal.SIGKILL, (fault, killed.all)
        assert first is None or f"training goes on from step {first}, by the checkpoint " in killed.said, fault
        assert not place(folder).exists(), fault
    assert artefacts(folder).exists()
    killed = run(folder, *command, FAULT="at checkpoint.safetensors 1")  # when it is to be removed, after all
    assert (killed.status, place(folder).exists()) == (-signal.SIGKILL, True), killed.all
    completed = run(folder, *command)
    assert (completed.status, completed.told) == (0, ""), completed.all
    assert "learner on phrases/timbre, seed 0: there already, " in completed.said
    assert_as(expected, folder, 0)
    assert_clean(folder)


def test_an_interrupt_and_a_kill_of_many_runs_lose_nothing(expected, tmp_path):
    """First ^C, which a terminal sends to all processes; then SIGKILL of the command, whose workers must notice."""
    folder = write_learner(tmp_path / "runs")
    command, count = (*learner(0, 1, 2, 3), *TWO, "--checkpoint-every", "0.000001"), folder / "count"
    for ending, n_stored in (("interrupted", 1), ("killed", 2)):
        process = start(folder, *command, FAULT="slow 0.05", COUNT=str(count))
        workers = begun(process, lambda n=n_stored: len(stored(folder)) >= n)
        kept = stored(folder)
        if ending == "interrupted":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        ended = finish(process)
        assert psutil.wait_procs(workers, timeout=10)[1] == [], ending
        if ending == "interrupted":
            assert (ended.status, ended.told) == (130, INTERRUPTED), ended.all
        assert stored(folder).items() >= kept.items()
    completed = run(folder, *command, COUNT=str(count))
    assert (completed.status, completed.told) == (0, ""), completed.all
    for seed in range(4):
        assert_as(expected, folder, seed)
    assert_clean(folder)
    assert len(counted(count)) <= 8  # two at once, of which one at least had ended, were begun again, twice


def stored(folder):
    """The files of results, by seed."""
    return {seed: place(folder, seed).read_bytes() for seed in range(4) if place(folder, seed).exists()}


def begun(process, done):
    """Wait until something is done while a command goes on; the processes that it has."""
    deadline = time.monotonic() + 200
    while not done():
        assert process.poll() is None, finish(process).all
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return psutil.Process(process.pid).children(recursive=True)


def test_an_interrupt_while_the_workers_start_is_one_line(tmp_path):
    folder = write_learner(tmp_path / "runs")
    process = start(folder, *learner(0, 1), *TWO)
    begun(process, lambda: len(workers_of(process)) == 2)
    time.sleep(0.2)  # they are busy importing
    os.killpg(process.pid, signal.SIGINT)
    ended = finish(process)
    assert (ended.status, ended.told) == (130, INTERRUPTED), ended.all
    assert [name for name in files_in(folder) if "__pycache__" not in name] == ["learner.py"]


def test_workers_that_are_all_killed_before_they_have_a_run_are_replaced(expected, tmp_path):
    folder = write_learner(tmp_path / "runs")
    process = start(folder, *learner(0, 1), *TWO)
    begun(process, lambda: len(workers_of(process)) == 2)
    for worker in workers_of(process):
        worker.kill()
    completed = finish(process)
    assert (completed.status, completed.told) == (0, ""), completed.all
    for seed in (0, 1):
        assert_as(expected, folder, seed)
    assert_clean(folder)


def workers_of(process):
    return [child for child in psutil.Process(process.pid).children() if "spawn_main" in _command_of(child)]


def _command_of(process):
    """Its command line; empty where it ended just now: other children come and go while the workers start."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie's too
        return ""
