"""The folder of an unfinished run: its lock, its log, its last words."""

import os
import subprocess
import sys
import time
from pathlib import Path

from upath import UPath

from benchmark.workplace import Workplace

HOLDER = """
import sys, time
from pathlib import Path
from benchmark.workplace import Workplace
with Workplace(Path(sys.argv[1]), "one").locked(wait=False) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def holder(results):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(results)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    return process


def test_a_run_is_done_by_one_process_at_a_time_and_its_death_frees_it(tmp_path):
    process = holder(tmp_path / "results")
    try:
        with Workplace(tmp_path / "results", "one").locked(wait=False) as mine:
            assert not mine
        with Workplace(tmp_path / "results", "two").locked(wait=False) as mine:
            assert mine
    finally:
        process.kill()
        process.communicate()
    begun = time.monotonic()
    with Workplace(tmp_path / "results", "one").locked(wait=True) as mine:
        assert mine
    assert time.monotonic() - begun < 5
    assert not (tmp_path / "artefacts" / ".unfinished").exists()  # nothing was left to go on from


def test_what_there_is_to_go_on_from_stays_until_the_run_is_finished(tmp_path):
    workplace = Workplace(tmp_path / "results", "one")
    with workplace.locked(wait=False):
        workplace.checkpoint.write_bytes(b"half way")
    assert workplace.checkpoint.read_bytes() == b"half way"
    with workplace.locked(wait=False):
        workplace.clear()
    assert list((tmp_path / "artefacts").iterdir()) == []


def test_all_that_a_process_prints_is_in_the_log(tmp_path, capfd):
    workplace = Workplace(tmp_path / "results", "one")
    with workplace.locked(wait=False), workplace.logged():
        print("by Python")
        os.write(1, b"by a library\n")
        os.system("echo by a program >&2")
        print("an error", file=sys.stderr)
    print("after it")
    assert workplace.log.read_text() == "by Python\nby a library\nby a program\nan error\n"
    told = capfd.readouterr()
    assert (told.out, told.err) == ("after it\n", "")


def test_an_address_that_is_no_disk_has_a_log_and_no_lock():
    workplace = Workplace(UPath("memory://cluster/results"), "one")
    with workplace.locked(wait=False) as mine, workplace.logged():
        assert mine
        print("far away")
    assert UPath("memory://cluster/artefacts/.unfinished/one/log.txt").read_text() == "far away\n"
    workplace.clear()
    assert not workplace.log.exists()


def test_last_words_are_heard_by_the_command_that_they_are_for(tmp_path):
    for results in (tmp_path / "results", UPath("memory://words/results")):
        workplace = Workplace(results, "one")
        assert workplace.last_words("this") is None
        if isinstance(results, Path):
            workplace.folder.mkdir(parents=True)
        workplace.say_last_words("this", "it took too long")
        assert workplace.last_words("this") == "it took too long"
        assert workplace.last_words("another") is None
        (workplace.folder / "ended.json").write_bytes(b"{")
        assert workplace.last_words("this") is None
