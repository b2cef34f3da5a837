"""Uploads: said beforehand, done when asked for, whole; what must not be passed on is not."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import fsspec
import huggingface_hub
import pytest
from exported import tree, wanted
from hostile import serving
from huggingface_hub.errors import RepositoryNotFoundError

from generators.dataset import addresses, licences, manifest, publish, soundfonts
from generators.dataset.download import download
from generators.dataset.export import export
from generators.dataset.lines import FailedError, UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "tones"
    export(wanted(test=1), folder)
    return folder


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """No test asks the real one: without a network this is what its library raises."""
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", unreachable)


def unreachable(self, repository, **options):
    raise ConnectionError("no network")


def test_nothing_is_uploaded_unless_asked_for(made, tmp_path):
    told = publish.publish(made, f"file://{tmp_path}/bucket")
    assert "would upload 7 files, 3.67 MB, licence CC-BY-4.0" in told
    assert "bucket holds none of it yet" in told
    assert told.endswith("nothing was uploaded; add --upload to do it")
    assert list(tmp_path.iterdir()) == []


def test_what_is_uploaded_is_all_of_it_and_can_be_downloaded(made, tmp_path):
    told = publish.publish(made, f"file://{tmp_path}/bucket/tones", upload=True)
    assert tree(tmp_path / "bucket" / "tones") == tree(made)
    assert tree(made)[manifest.NAME] in told
    with serving(tmp_path / "bucket" / "tones") as server:
        download(server.address, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(made)


def test_an_object_store_gets_the_manifest_last(made, monkeypatch):
    store, put = fsspec.filesystem("memory"), []
    original = type(store).put_file
    monkeypatch.setattr(
        type(store),
        "put_file",
        lambda self, here, there, **more: (put.append(there), original(self, here, there, **more)),
    )
    publish.publish(made, "memory://bucket/tones", upload=True)
    assert put[-1].endswith("tones/manifest.json")
    assert len(put) == 7
    publish.publish(made, "memory://bucket/tones", upload=True)  # what is there is not sent again
    assert len(put) == 8
    store.rm("/bucket", recursive=True)


def test_a_damaged_export_is_not_uploaded(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("x")
    with pytest.raises(UsageError, match=r"README.md: it is 1 bytes, not"):
        publish.publish(tmp_path / "copy", "memory://x", upload=True)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hf://datasets/me/tones", "https://huggingface.co/datasets/me/tones/resolve/main/manifest.json"),
        ("hf://datasets/me/all/tones/", "https://huggingface.co/datasets/me/all/resolve/main/tones/manifest.json"),
        ("s3://bucket/a/b", "https://bucket.s3.amazonaws.com/a/b/manifest.json"),
        ("s3://bucket", "https://bucket.s3.amazonaws.com/manifest.json"),
    ],
)
def test_the_web_address_is_where_it_is_read(address, expected):
    assert addresses.web_address(addresses.parse(address)) == expected


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hf://me/tones", "'hf://me/tones' is no repository of a data set; expected hf://datasets/OWNER/NAME"),
        ("hf://datasets/me", "is no repository of a data set"),
        ("hf://datasets//tones", "is no repository of a data set"),
        ("ftpp://x/y", "no protocol 'ftpp'; did you mean 'ftp'?"),
        ("nonsense://x", "no protocol 'nonsense'; expected hf://datasets"),
        ("https://server/tones", "a web server takes no uploads"),
        ("s3://", "names no bucket or folder"),
        ("bucket", "'bucket' is no address"),
    ],
)
@pytest.mark.parametrize("upload", [False, True])
def test_an_address_that_cannot_work_is_told_before_anything_is_sent(made, address, told, upload):
    with pytest.raises(UsageError, match=re.escape(told)):
        publish.publish(made, address, upload=upload)


def test_where_no_web_address_is_known_none_is_told(made, tmp_path):
    told = publish.publish(made, f"file://{tmp_path}/bucket")
    assert '"url": null' in told
    assert "its url is to be that of manifest.json on a web server" in told


def test_a_package_that_an_upload_lacks_is_named(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    assert "s3:// needs: pip install s3fs" in publish.publish(made, "s3://bucket/tones")
    with pytest.raises(UsageError, match="s3:// needs: pip install s3fs"):
        publish.publish(made, "s3://bucket/tones", upload=True)


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        (wanted().plan, "tones"),
        (wanted(test=1).plan, "tones-test1"),
        (wanted(form="wav", split="extrapolate(pitch,0.25)").plan, "tones-extrapolate-pitch-0.25-wav"),
        (wanted(**dict.fromkeys(("train", "validation", "probe", "test"), 4)).plan, "tones-x4"),
    ],
)
def test_the_registry_s_key_tells_sets_of_a_space_apart(plan, key):
    assert plan.key == key


def test_a_target_that_holds_other_files_gets_none(made, tmp_path):
    export(wanted(probe=1), tmp_path / "other")
    bucket = f"file://{tmp_path}/bucket"
    publish.publish(tmp_path / "other", bucket, upload=True)
    before = tree(tmp_path / "bucket")
    told = (
        r"bucket holds 3 other files \(data/probe-00000-of-00003.parquet first\).*; remove them, or choose another --to"
    )
    for upload in (False, True):
        with pytest.raises(UsageError, match=told):
            publish.publish(made, bucket, upload=upload)
    assert tree(tmp_path / "bucket") == before


def test_of_another_set_with_the_same_names_nothing_is_kept_whatever_its_size(made, tmp_path):
    publish.publish(made, f"file://{tmp_path}/bucket", upload=True)
    for path in (tmp_path / "bucket").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    publish.publish(made, f"file://{tmp_path}/bucket", upload=True)
    assert tree(tmp_path / "bucket") == tree(made)


def test_an_upload_that_was_cut_short_goes_on(made, tmp_path, monkeypatch):
    publish.publish(made, f"file://{tmp_path}/bucket", upload=True)
    (tmp_path / "bucket" / manifest.NAME).unlink()
    (tmp_path / "bucket" / "data" / "test-00002-of-00003.parquet").unlink()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "bucket" / "data").iterdir()}
    assert "bucket holds files of 5 of these names" in publish.publish(made, f"file://{tmp_path}/bucket")
    publish.publish(made, f"file://{tmp_path}/bucket", upload=True)
    assert tree(tmp_path / "bucket") == tree(made)
    assert times.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "bucket" / "data").iterdir()}.items()


def test_many_small_files_are_advised_against(tmp_path):
    export(wanted(form="wav", validation=1), tmp_path / "wav")
    assert "small files are slow to send" in publish.publish(tmp_path / "wav", "hf://datasets/me/tones")


def test_a_shard_and_an_unfinished_export_are_told_for_what_they_are(tmp_path):
    export(wanted(test=1), tmp_path / "part", (1, 2))
    with pytest.raises(UsageError, match=r"part is shard 1 of 2 of an export: .* merge puts them together"):
        publish.publish(tmp_path / "part", "hf://datasets/me/tones")
    (tmp_path / "part" / "shard-1-of-2.json").unlink()
    (tmp_path / "part" / ".unfinished").mkdir()
    with pytest.raises(UsageError, match="part is unfinished: the command that began it"):
        publish.publish(tmp_path / "part", "hf://datasets/me/tones")


def test_hugging_face_gets_one_commit_of_the_listed_files(made, monkeypatch):
    calls, there = [], []

    class Api:
        def create_repo(self, *arguments, **options):
            calls.append(("create", arguments, options))

        def list_repo_files(self, repository, repo_type):
            return [".gitattributes", "README.md", *there]

        def upload_folder(self, **options):
            calls.append(("upload", options))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    publish.publish(made, "hf://datasets/me/tones", upload=True)
    assert calls[0] == ("create", ("me/tones",), {"repo_type": "dataset", "exist_ok": True})
    assert set(calls[1][1]["allow_patterns"]) == set(tree(made))
    assert calls[1][1]["path_in_repo"] is None
    there.append("data/train-00000-of-00001.parquet")
    with pytest.raises(UsageError, match=r"me/tones holds 1 other files \(data/train-00000-of-00001.parquet first\)"):
        publish.publish(made, "hf://datasets/me/tones", upload=True)
    publish.publish(made, "hf://datasets/me/tones/below", upload=True)
    assert calls[-1][1]["path_in_repo"] == "below"


def test_before_an_upload_to_hugging_face_its_repository_is_looked_at(made, monkeypatch):
    told = publish.publish(made, "hf://datasets/me/tones")
    assert "what hf://datasets/me/tones holds could not be looked up: ConnectionError: no network" in told
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, repository, **options: there)
    there = [".gitattributes", "below/README.md", "README.md"]
    with pytest.raises(UsageError, match=r"me/tones holds 1 other files \(below/README.md first\)"):
        publish.publish(made, "hf://datasets/me/tones")
    assert "below holds files of 1 of these names" in publish.publish(made, "hf://datasets/me/tones/below")

    def none(self, repository, **options):
        raise RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", none)
    assert "tones holds none of it yet" in publish.publish(made, "hf://datasets/me/tones")
    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", lambda self, *arguments, **options: None)
    with pytest.raises(FailedError, match="RepositoryNotFoundError"):  # nothing is sent where it cannot be looked at
        publish.publish(made, "hf://datasets/me/tones", upload=True)


def sampled(licence, sha256="0" * 64, notice=""):
    font = soundfonts.Soundfont(file="some.sf2", sha256=sha256, licence=licence, notice=notice)
    return wanted(test=1).plan.model_copy(update={"space": "soundfont", "soundfont": font})


def test_the_sampled_space_has_its_soundfont_s_licence(made, tmp_path):
    assert licences.licence_of(wanted(test=1).plan) == "CC-BY-4.0"
    assert licences.licence_of(sampled("MIT")) == "MIT"
    assert "keep its copyright notice with them, which was not given" in licences.reason(sampled("MIT"))
    assert "in `LICENSE.txt`" in licences.reason(sampled("MIT", notice="Copyright"))
    default = sampled(soundfonts.DEFAULT_SOUNDFONT_LICENCE, soundfonts.DEFAULT_SHA256)
    assert "--soundfont MuseScore_General_Lite.sf3" in licences.reason(default)
    assert "do not pass the clips on" in licences.reason(sampled("unknown"))
    assert sampled("MIT").command.endswith(" --soundfont some.sf2 --soundfont-licence MIT")
    assert sampled("MIT", notice="Copyright").command.endswith("--soundfont-licence MIT --soundfont-notice LICENSE.txt")
    assert default.command.endswith("--nuisances test=1 --clips-a-file 100")
    other_build = sampled(soundfonts.DEFAULT_SOUNDFONT_LICENCE, soundfonts.TIMGM6MB[1])
    assert other_build.command.endswith("--clips-a-file 100 --soundfont some.sf2")
    there = manifest.read(made)
    (tmp_path / manifest.NAME).write_text(there.model_copy(update={"licence": "unknown"}).text())
    with pytest.raises(UsageError, match="nobody knows the licence"):
        publish.publish(tmp_path, "memory://x")
    (tmp_path / manifest.NAME).write_text(there.model_copy(update={"plan": sampled("MIT"), "licence": "MIT"}).text())
    with pytest.raises(UsageError, match="asks that its notice go with the clips"):
        publish.publish(tmp_path, "memory://x")


def test_a_licence_is_one_of_spdx_and_that_of_a_known_soundfont_is_not_another(tmp_path, monkeypatch):
    used = soundfonts.soundfont_used
    monkeypatch.setattr("generators.fluid.check_soundfont", lambda path: soundfonts.TIMGM6MB[1])
    monkeypatch.setattr("generators.fluid.default_soundfont", lambda: Path("TimGM6mb.sf2"))
    assert used("soundfont", None, None).licence == "GPL-2.0-only"
    for path in (None, Path("renamed.sf2")):
        with pytest.raises(UsageError, match=r"is TimGM6mb, which is under GPL-2\.0-only, not MIT"):
            used("soundfont", path, "MIT")
    monkeypatch.setattr("generators.fluid.check_soundfont", lambda path: "1" * 64)
    notice = tmp_path / "notice"
    notice.write_text("Copyright 2000 Somebody", encoding="utf-8")
    assert used("soundfont", Path("other.sf2"), "mit", notice) == soundfonts.Soundfont(
        file="other.sf2", sha256="1" * 64, licence="MIT", notice="Copyright 2000 Somebody"
    )
    assert used("soundfont", Path("other.sf2"), None).licence == "unknown"
    with pytest.raises(UsageError, match="--soundfont-licence Foo: expected an identifier of SPDX"):
        used("soundfont", Path("other.sf2"), "Foo")
    with pytest.raises(UsageError, match="--soundfont-notice is for the space 'soundfont'; this is 'tones'"):
        used("tones", None, None, notice)
    for content in (b"", b"\xff\xfe", b"x" * 100_001):
        notice.write_bytes(content)
        with pytest.raises(UsageError, match=r"--soundfont-notice .*: (no text|.* characters; expected)"):
            used("soundfont", Path("other.sf2"), "MIT", notice)


def test_a_licence_s_notice_lies_in_the_export(tmp_path):
    whole = wanted(test=1)
    font = soundfonts.Soundfont(file="some.sf2", sha256="0" * 64, licence="MIT", notice="Copyright 2000 Somebody")
    said = whole.plan.model_copy(update={"soundfont": font})
    export(type(whole)(said, whole.generator, whole.clips, whole.versions), tmp_path / "out")
    assert (tmp_path / "out/LICENSE.txt").read_text(encoding="utf-8") == "Copyright 2000 Somebody"
    assert "LICENSE.txt" in {entry.path for entry in manifest.read(tmp_path / "out").files}
    assert "in `LICENSE.txt`: keep that with them" in (tmp_path / "out/README.md").read_text(encoding="utf-8")


def test_where_a_licence_s_text_is():
    assert licences.url_of("MIT") == "https://opensource.org/license/mit"
    assert licences.url_of("GPL-2.0-only") == "https://spdx.org/licenses/GPL-2.0-only.html"
    for unlisted in ("LicenseRef-mine", "MIT OR GPL-2.0-only"):
        assert licences.url_of(unlisted) == unlisted
