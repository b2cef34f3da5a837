"""Results at an address that is no disk's: a store in memory, a file server, and whatever is wrong with one."""

import json
import re
import sys

import pytest
from plugins import TINY
from quick_plugins import QUICK
from servers import ftp
from upath import UPath

from benchmark import leaderboard, results, run, storage
from benchmark.storage import place, reachable, write_whole
from benchmark.version import BENCHMARK_VERSION

FILE = f"{BENCHMARK_VERSION}/tiny/phrases/timbre/quick/seed0"
ARTEFACTS = ["information.png", "probe.npz", "test.npz"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run `quick` in this process, its results at an address; returns the exit status."""
    for name in ("work.scores_of", "execution.by_decoders"):  # put back at the end, whatever the plugin does
        monkeypatch.setattr(f"benchmark.{name}", None)
    (tmp_path / "quick.py").write_text(QUICK)

    def at(address, *more):
        plugin = ["--method", "quick", "--plugin", str(tmp_path / "quick.py")]
        return run.main([*plugin, *TINY, "--engine", "here", "--results", address, *more])

    return at


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_again_and_the_board_at_an_address(here, capsys):
    address = "memory://one/results"
    assert here(address) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert f"{address}/{FILE}.json" in told.out
    file = UPath(f"{address}/{FILE}.json")
    stored = file.read_bytes()
    assert results.read(file).method == "quick"
    assert names(UPath(f"memory://one/artefacts/{FILE}")) == ARTEFACTS
    assert not UPath("memory://one/artefacts/.unfinished").exists()
    assert here(address + "/") == 0
    assert "there already, not computed again" in capsys.readouterr().out
    assert here(address, "--force") == 0
    assert json.loads(file.read_bytes())["scores"] == json.loads(stored)["scores"]
    assert names(UPath(f"memory://one/artefacts/{FILE}")) == ARTEFACTS
    capsys.readouterr()
    assert leaderboard.main(["--results", address]) == 0
    assert capsys.readouterr().out == "wrote memory://one/leaderboard.md\n"
    assert "quick" in UPath("memory://one/leaderboard.md").read_text()
    assert leaderboard.main(["--results", address, "--check"]) == 0


def test_kept_embeddings_at_an_address_are_scored_anew(here, monkeypatch, capsys):
    address = "memory://anew/results"
    assert here(address) == 0
    scores = results.read(UPath(f"{address}/{FILE}.json")).scores
    new = [score.model_copy(update={"value": 0.5}) for score in scores]
    monkeypatch.setattr("benchmark.rescore.scores_of", lambda *_: new)
    assert run.main(["--rescore", "--results", address, "--device", "cpu"]) == 0
    assert "quick on phrases/timbre, tiny, seed 0: preservation 0.5000 (was " in capsys.readouterr().out
    new = results.read(UPath(f"{address}/{FILE}.json"))
    assert new.value("preservation") == 0.5
    assert names(UPath(f"memory://anew/artefacts/{FILE}")) == ARTEFACTS


def test_an_upload_that_ends_half_way_leaves_no_result(here, monkeypatch, capsys):
    address = "memory://half/results"
    put = storage.write_whole

    def lost(path, content):
        if path.name == "test.npz":
            raise OSError("the connection was lost")
        put(path, content)

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.artefacts.write_whole", lost)
        assert here(address) == 1
    assert "cannot write memory://half/artefacts/" in capsys.readouterr().err
    assert not UPath(f"{address}/{FILE}.json").exists()
    assert here(address) == 0
    assert names(UPath(f"memory://half/artefacts/{FILE}")) == ARTEFACTS
    assert results.read(UPath(f"{address}/{FILE}.json")).method == "quick"


def test_the_memory_of_one_process_is_no_place_for_many(tmp_path, capsys):
    asked = ["--method", "untrained", "--seeds", "0", "1", *TINY]
    assert run.main([*asked, "--results", "memory://many/results"]) == 2
    assert capsys.readouterr().err == (
        "error: --results memory:// is the memory of one process: add --engine here, or name another place\n"
    )


def test_a_file_server_holds_what_other_processes_see(command, tmp_path):
    """One process runs, one shows, this one looks at the server's disk."""
    (tmp_path / "quick.py").write_text(QUICK)
    (tmp_path / "served").mkdir()
    with ftp(tmp_path / "served") as address:
        asked = ["--method", "quick", "--plugin", "quick.py", *TINY, "--results", f"{address}/bench/results"]
        first = command("run", *asked, "--seeds", "0", "1", "--workers", "2", cwd=tmp_path, timeout=600)
        assert (first.returncode, first.stderr) == (0, "")
        assert "[2/2] quick on phrases/timbre, seed " in first.stdout
        again = command("run", *asked, cwd=tmp_path, timeout=600)
        assert (again.returncode, again.stderr) == (0, "")
        assert "there already" in again.stdout
    served = tmp_path / "served" / "bench"
    assert results.read(served / "results" / f"{FILE}.json").method == "quick"
    assert names(served / "artefacts" / FILE) == ARTEFACTS
    left = [path for path in served.rglob("*") if path.is_file()]
    assert len(left) == 2 * (1 + len(ARTEFACTS))


def test_no_half_of_a_file_is_seen_on_a_server(tmp_path, monkeypatch):
    with ftp(tmp_path) as address:
        file = place(f"{address}/deep/down/result.json")
        write_whole(file, "whole")
        seen, put = [], type(file.fs).pipe_file

        def watched(fs, path, content):
            put(fs, path, content[: len(content) // 2])
            seen.append((tmp_path / "deep/down/result.json").read_text())
            if b"lost" in content:
                raise ConnectionResetError("the connection was lost")
            put(fs, path, content)

        monkeypatch.setattr(type(file.fs), "pipe_file", watched)
        write_whole(file, "another")
        assert (seen, file.read_bytes()) == (["whole"], b"another")
        with pytest.raises(OSError, match="the connection was lost"):
            write_whole(file, "what is lost on its way")
        assert seen[1:] == ["another"]
        assert names(tmp_path / "deep" / "down") == ["result.json"]


def test_a_server_that_lets_nobody_write_is_told_before_all_else(tmp_path, capsys):
    with ftp(tmp_path, writable=False) as address:
        assert run.main(["--method", "untrained", *TINY, "--results", f"{address}/results"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"error: cannot write in ftp:.*/results \(error_perm: 550 .*\); choose another folder", line)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nowhere://x", "no place 'nowhere://x': Unsupported filesystem: 'nowhere'"),
        ("s3://bucket/results", "no place 's3://bucket/results': Install s3fs to access S3"),
        ("ftp://127.0.0.1:1/results", "cannot reach 'ftp://127.0.0.1:1/results': ConnectionRefusedError: "),
    ],
)
@pytest.mark.parametrize("program", [run.main, leaderboard.main])
def test_an_address_that_cannot_be_used_is_one_line(address, said, program, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where it is not installed
    arguments = ["--method", "untrained", *TINY] if program is run.main else []
    assert program([*arguments, "--results", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {said}")


def test_a_store_that_refuses_its_user_is_one_line(monkeypatch, capsys):
    class NoCredentialsError(Exception):
        """As botocore has it: no OSError, no ValueError."""

    def refuse(*_, **__):
        raise NoCredentialsError("Unable to locate credentials")

    path = UPath("memory://secret/results")
    monkeypatch.setattr(type(path.fs), "exists", refuse)
    with pytest.raises(ValueError, match="NoCredentialsError: Unable to locate credentials"):
        reachable(path)
    said = "error: cannot reach 'memory://secret/results': NoCredentialsError: Unable to locate credentials\n"
    for arguments in (["--method", "untrained", *TINY], ["--rescore"]):
        assert run.main([*arguments, "--results", "memory://secret/results"]) == 2
        assert capsys.readouterr().err == said
    monkeypatch.setattr(type(path.fs), "pipe_file", refuse)
    with pytest.raises(OSError, match="NoCredentialsError"):
        write_whole(path / "a", b"")
