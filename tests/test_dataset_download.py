"""A download ends with every file as the manifest lists it, or says which it could not have; whatever servers do."""

import json
import random
import shutil
import time
from email.utils import formatdate

import hostile
import pytest
from exported import COMMAND, killed, run, tree, wanted
from hostile import First, answers, serving
from test_faults_disk import done_in_a_namespace, mount, small_disk

from generators.dataset import disk, manifest, registry
from generators.dataset.download import UNFINISHED, download
from generators.dataset.export import export
from generators.dataset.lines import FailedError, UsageError
from generators.dataset.transfer import Patience, retry_after

QUICK = Patience(retries=3, timeout_s=0.5, pause_s=0.01)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """288 clips in three files."""
    folder = tmp_path_factory.mktemp("source") / "tones"
    export(wanted(test=1), folder)
    return folder


def named_files(folder):
    """What has a name: all but what is unfinished."""
    return {name: digest for name, digest in tree(folder).items() if not name.startswith(".")}


def test_a_good_server_s_files_are_had_once(source, tmp_path):
    with serving(source) as server:
        told = download(server.address, tmp_path / "out", patience=QUICK)
        assert "6 files fetched, 0 were there" in told
        assert tree(tmp_path / "out") == tree(source)
        assert len(server.asked) == 7
        assert "0 files fetched, 6 were there" in download(server.address, tmp_path / "out", patience=QUICK)
        assert len(server.asked) == 8
        damaged = tmp_path / "out" / "data" / "test-00001-of-00003.parquet"
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
        assert "1 files fetched, 5 were there" in download(server.address, tmp_path / "out", patience=QUICK)
    assert tree(tmp_path / "out") == tree(source)


@pytest.mark.parametrize(
    "behaviour",
    [
        First(hostile.truncates),
        hostile.truncates,
        First(hostile.stalls),
        First(answers(500), 2),
        First(answers(503), 3),
        First(answers(429, {"Retry-After": "0"})),
        First(answers(429, {"Retry-After": formatdate()})),
        hostile.tells_more,
        First(hostile.tells_less),
        First(hostile.another_range, 2),
        First(hostile.changed),
        First(hostile.longer),
        hostile.redirects,
        lambda handler, content: First.__call__(CUT, handler, content) or hostile.ignores_ranges(handler, content),
    ],
    ids=[
        "truncates once",
        "truncates",
        "stalls",
        "500",
        "503",
        "429",
        "429 until",
        "tells more",
        "tells less",
        "another range",
        "changed once",
        "longer once",
        "redirects",
        "ignores ranges",
    ],
)
def test_a_server_that_recovers_is_waited_for(source, tmp_path, behaviour):
    CUT.counts.clear()
    with serving(source, behaviour) as server:
        download(server.address, tmp_path / "out", patience=QUICK)
    assert tree(tmp_path / "out") == tree(source)


CUT = First(hostile.truncates)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (answers(404), "the server answers 404 Not Found"),
        (answers(403), "the server answers 403 Forbidden"),
        (answers(500), r"the server answers 500 .*; given up after 4 tries, 0 of \d+ bytes here"),
        (answers(429, {"Retry-After": "0"}), "the server answers 429"),
        (hostile.changed, "what came twice is not what the manifest lists: the server's file was changed"),
        (hostile.longer, "what came twice is not what the manifest lists"),
        (hostile.stalls, "no byte came for 0.5 s; given up after 4 tries"),
        (hostile.tells_less, "the transfer was cut; given up after 4 tries"),
        (hostile.redirects_for_ever, r"the server leads nowhere \(TooManyRedirects"),
        (hostile.redirects_to_a_file, r"the server leads nowhere \(InvalidSchema"),
    ],
    ids=["404", "403", "500", "429", "changed", "longer", "stalls", "tells less", "redirects for ever", "to a file"],
)
def test_a_server_that_does_not_recover_is_told_of_and_nothing_bad_has_a_name(source, tmp_path, behaviour, told):
    with serving(source, behaviour) as server:
        named = rf"data/test-0000\d-of-00003\.parquet from http://127.*: {told}.*; the same command goes on"
        with pytest.raises(FailedError, match=named):
            download(server.address, tmp_path / "out", patience=QUICK)
        assert named_files(tmp_path / "out").items() <= tree(source).items()
        assert not (tmp_path / "out" / manifest.NAME).exists()
        server.behaviour = None
        download(server.address, tmp_path / "out", patience=QUICK)
    assert tree(tmp_path / "out") == tree(source)


def test_a_cut_transfer_goes_on_where_it_was(source, tmp_path):
    with serving(source, hostile.truncates) as server:
        download(server.address, tmp_path / "out", at_once=1, patience=QUICK)
    starts = [int(asked[6:-1]) for name, asked in server.asked if name.endswith("00000-of-00003.parquet") and asked]
    assert starts == sorted(starts)
    assert len(starts) > 3


def test_no_server_and_no_manifest_are_told(source, tmp_path):
    with pytest.raises(FailedError, match=r"manifest.json: no server answers there; nothing was written"):
        download("http://127.0.0.1:9/manifest.json", tmp_path / "out", patience=Patience(0, 1))
    with serving(source) as server:
        with pytest.raises(FailedError, match="404 Not Found; nothing was written"):
            download(server.address + "x", tmp_path / "out", patience=QUICK)
        with pytest.raises(UsageError, match=r"README.md is no manifest: it is no JSON; nothing was written; give"):
            download(server.address.replace("manifest.json", "README.md"), tmp_path / "out", patience=QUICK)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="cannot fetch from ftp://x"):
        download("ftp://x/manifest.json")


def changed_manifest(source, folder, change):
    """A folder whose manifest was changed, its other files as they were."""
    shutil.copytree(source, folder)
    content = json.loads((folder / manifest.NAME).read_text())
    change(content)
    (folder / manifest.NAME).write_text(json.dumps(content))
    return folder


def path(name):
    return lambda content: content["files"][0].update(path=name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (path("../out.parquet"), "no plain path"),
        (path("data/../../out.parquet"), "no plain path"),
        (path("/etc/cron.d/x"), "no plain path"),
        (path("C:/x"), "no plain path"),
        (path("data\\x"), "no plain path"),
        (path("data//x"), "no plain path"),
        (path("./x"), "no plain path"),
        (path(".unfinished-download/lock"), "no plain path"),
        (path("x\n"), "no plain path"),
        (path("data/nul.parquet"), "reserved name"),
        (path("Manifest.json"), "reserved name"),
        (lambda content: content["files"].append(content["files"][0]), "comes twice"),
        (path("readme.MD"), "comes twice"),
        (path("data"), "both a file and a folder"),
        (lambda content: content["files"][0].update(link="/etc/passwd"), "Extra inputs"),
        (lambda content: content["files"][0].update(bytes=-1), "greater than or equal to 0"),
        (lambda content: content["files"][0].update(bytes=1), "bytes together, it says"),
        (lambda content: content["files"][0].update(bytes="12"), "valid integer"),
        (lambda content: content["files"][0].update(sha256="../x"), "match pattern"),
        (lambda content: content.update(manifest=2), "Input should be 1"),
        (lambda content: content["plan"]["nuisances"].update(test=10**12), "clips of a combination are 0 to 10,000"),
        (lambda content: content.pop("files"), "Field required"),
    ],
)
def test_a_hostile_manifest_is_refused_and_nothing_is_written(source, tmp_path, change, told):
    with (
        serving(changed_manifest(source, tmp_path / "hostile", change)) as server,
        pytest.raises(UsageError, match=f"(?s){told}.*nothing was written; ask whoever publishes it"),
    ):
        download(server.address, tmp_path / "out", patience=QUICK)
    assert [found.name for found in tmp_path.iterdir()] == ["hostile"]


def test_a_name_that_comes_twice_in_the_json_is_refused():
    with pytest.raises(UsageError, match="a name comes twice in one object"):
        manifest.parse(b'{"manifest": 1, "manifest": 1}', "x")


def test_a_set_whose_name_is_a_path_needs_out(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = changed_manifest(source, tmp_path / "hostile", lambda content: content.update(name="../elsewhere"))
    with serving(folder) as server, pytest.raises(UsageError, match="which is no folder's name; give --out"):
        download(server.address, patience=QUICK)


def test_an_empty_file_is_had(source, tmp_path):
    folder = tmp_path / "source"
    entry = manifest.entry_of("data/empty", b"").model_dump()
    changed_manifest(source, folder, lambda content: content["files"].append(entry))
    (folder / "data" / "empty").touch()
    with serving(folder) as server:
        download(server.address, tmp_path / "out", patience=QUICK)
    assert tree(tmp_path / "out") == tree(folder)


def test_a_wrong_size_that_adds_up_is_noticed(source, tmp_path):
    def smaller(content):
        content["files"][0]["bytes"] -= 1
        content["bytes"] -= 1

    with (
        serving(changed_manifest(source, tmp_path / "hostile", smaller)) as server,
        pytest.raises(FailedError, match="what came twice is not what the manifest lists"),
    ):
        download(server.address, tmp_path / "out", patience=QUICK)
    assert "data/test-00000-of-00003.parquet" not in tree(tmp_path / "out")


@pytest.mark.parametrize("linked", ["data", UNFINISHED, "README.md"])
def test_nothing_is_written_through_a_link(source, tmp_path, linked):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / UNFINISHED).mkdir(parents=True)
    if linked == UNFINISHED:
        (tmp_path / "out" / UNFINISHED).rmdir()
    (tmp_path / "out" / linked).symlink_to(tmp_path / "elsewhere")
    with serving(source) as server, pytest.raises(UsageError, match="is a link; nothing is written through links"):
        download(server.address, tmp_path / "out", patience=QUICK)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(source, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with serving(source) as server:
        with pytest.raises(UsageError, match="holds other files"):
            download(server.address, tmp_path, patience=QUICK)
        download(server.address, tmp_path / "out", patience=QUICK)
        (source / manifest.NAME).rename(source / "kept")
        content = json.loads((source / "kept").read_text())
        content["licence"] = "MIT"
        (source / manifest.NAME).write_text(json.dumps(content))
        try:
            with pytest.raises(UsageError, match="holds another set, or another version of this one"):
                download(server.address, tmp_path / "out", patience=QUICK)
        finally:
            (source / "kept").rename(source / manifest.NAME)


def test_without_the_room_nothing_is_begun(source, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_at", lambda folder: 1_000)
    with serving(source) as server, pytest.raises(UsageError, match="downloading 6 files needs about"):
        download(server.address, tmp_path / "out", patience=QUICK)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_is_told_and_with_room_made_it_goes_on(request, source, tmp_path, monkeypatch):
    if done_in_a_namespace(request):
        return
    monkeypatch.setattr(disk, "check", lambda *arguments: None)
    with small_disk(tmp_path / "disk"), serving(source) as server:
        mount("-o", "remount,size=2m", tmp_path / "disk")
        with pytest.raises(OSError, match="No space left on device"):
            download(server.address, tmp_path / "disk" / "out", patience=QUICK)
        assert named_files(tmp_path / "disk" / "out").items() <= tree(source).items()
        mount("-o", "remount,size=20m", tmp_path / "disk")
        download(server.address, tmp_path / "disk" / "out", patience=QUICK)
        assert tree(tmp_path / "disk" / "out") == tree(source)


def test_killed_at_a_random_moment_it_goes_on_to_the_same_bytes(source, tmp_path):
    chance = random.Random(time.time_ns())
    with serving(source, hostile.slowly) as server:
        line = [*COMMAND, "download", server.address, "--out", str(tmp_path / "out")]
        killed(line, tmp_path / "out", chance.uniform(0, 1.0))
        assert named_files(tmp_path / "out").items() <= tree(source).items()
        done = run("download", server.address, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == tree(source)


def test_a_registered_set_is_had_by_its_name_and_only_as_it_was_registered(source, tmp_path, monkeypatch):
    with serving(source) as server:
        known = {"tones": registry.Published(url=server.address, sha256=tree(source)[manifest.NAME], command="x")}
        monkeypatch.setattr(registry, "published", lambda: known)
        download("tones", tmp_path / "out", patience=QUICK)
        other = known["tones"].model_copy(update={"sha256": "0" * 64})
        monkeypatch.setattr(registry, "published", lambda: {"tones": other})
        with pytest.raises(UsageError, match="is not the manifest that this dTones knows as 'tones'"):
            download("tones", tmp_path / "out2", patience=QUICK)
    assert not (tmp_path / "out2").exists()


def test_every_registered_set_says_how_to_make_it():
    import shlex

    from generators.dataset.commands import parser

    for name, entry in registry.published().items():
        options = parser().parse_args([*shlex.split(entry.command)[3:], "--out", "x"])
        assert options.space == name
        assert entry.url is None or entry.sha256


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://server/phrases", "https://server/phrases/manifest.json"),
        ("https://server/phrases/", "https://server/phrases/manifest.json"),
        ("https://server", "https://server/manifest.json"),
        ("https://server/v1.0/manifest.json", "https://server/v1.0/manifest.json"),
        ("https://server/get?file=manifest", "https://server/get?file=manifest"),
    ],
)
def test_the_address_of_a_folder_is_that_of_its_manifest(address, expected):
    assert registry.address_of(address) == (expected, None)


def test_retry_after_is_a_number_a_date_or_nothing():
    assert retry_after("7") == 7
    assert retry_after("1000000") == 60
    assert 28 < retry_after(formatdate(time.time() + 30)) <= 30
    assert retry_after("soon") is None
    assert retry_after(None) is None
