"""Uploads: said beforehand, done when asked for, whole; what must not be passed on is not."""

import fsspec
import pytest
from exported import tree, wanted
from hostile import serving

from generators.dataset import licences, manifest, plan, publish
from generators.dataset.download import download
from generators.dataset.export import export
from generators.dataset.lines import FailedError, UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "tones"
    export(wanted(test=1), folder)
    return folder


def test_nothing_is_uploaded_unless_asked_for(made, tmp_path):
    told = publish.publish(made, f"file://{tmp_path}/bucket")
    assert "would upload 7 files, 3.66 MB, licence CC-BY-4.0" in told
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


def test_an_address_that_is_none_is_told(made):
    with pytest.raises(UsageError, match="'bucket' is no address"):
        publish.publish(made, "bucket")
    with pytest.raises(FailedError, match="nonsense://x: ValueError: Protocol not known"):
        publish.publish(made, "nonsense://x", upload=True)


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
    assert publish.web_address(address) == expected


def test_hugging_face_gets_one_commit_of_the_listed_files(made, monkeypatch):
    import huggingface_hub

    calls = []

    class Api:
        def create_repo(self, *arguments, **options):
            calls.append(("create", arguments, options))

        def upload_folder(self, **options):
            calls.append(("upload", options))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    publish.publish(made, "hf://datasets/me/tones", upload=True)
    assert calls[0] == ("create", ("me/tones",), {"repo_type": "dataset", "exist_ok": True})
    assert set(calls[1][1]["allow_patterns"]) == set(tree(made))
    assert calls[1][1]["path_in_repo"] is None


def sampled(licence):
    font = plan.Soundfont(file="some.sf2", sha256="0" * 64, licence=licence)
    return wanted(test=1).plan.model_copy(update={"space": "soundfont", "soundfont": font})


def test_the_sampled_space_has_its_soundfont_s_licence(made, tmp_path):
    assert licences.licence_of(wanted(test=1).plan) == "CC-BY-4.0"
    assert licences.licence_of(sampled("MIT")) == "MIT"
    assert "keep its copyright notice" in licences.reason(sampled("MIT"))
    assert "FluidR3" in licences.reason(sampled(plan.DEFAULT_SOUNDFONT_LICENCE))
    assert "do not pass the clips on" in licences.reason(sampled("unknown"))
    assert "--soundfont some.sf2 --soundfont-licence MIT" in sampled("MIT").command
    there = manifest.read(made)
    (tmp_path / manifest.NAME).write_text(there.model_copy(update={"licence": "unknown"}).text())
    with pytest.raises(UsageError, match="nobody knows the licence"):
        publish.publish(tmp_path, "memory://x")
