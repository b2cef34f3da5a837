"""Arrays on disk: whole, to the last bit, or not used at all."""

import json

import pytest
from cached import FEATURES, KEY, kept, made, refuse, same, whole

from benchmark import array_cache, array_files


def test_an_entry_is_made_once_and_comes_back_to_the_last_bit(root):
    assert array_cache.read(KEY) is None
    first, second = kept(), kept(make=refuse)
    assert same(first, made())
    assert same(second, made())
    assert same(array_cache.read(KEY), made())
    assert whole(root) == ([array_files.name_of(KEY)], [])
    meta = json.loads((array_cache.folder_of(KEY) / "meta.json").read_text())["entry"]
    assert meta["key"] == KEY
    assert meta["files"]["train.features"]["shape"] == [15_000, 4]


def test_what_is_read_can_be_written_to_without_touching_the_disk(root):
    kept()
    kept(make=refuse).arrays["train.features"][:] = 0
    assert same(kept(make=refuse), made())


def test_another_key_is_another_entry(root):
    kept()
    other = dict(KEY, clips={"train": 4})
    assert same(kept(other, lambda: made(2.0)), made(2.0))
    assert same(kept(make=refuse), made())


def changed(name, change):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(change(content))

    return damage


def another_mean(folder):
    meta = json.loads((folder / "meta.json").read_text())
    meta["entry"]["numbers"]["mean"] += 1e-9
    (folder / "meta.json").write_text(json.dumps(meta))


def another_key(folder):
    folder.rename(folder.with_name("aside"))
    kept(dict(KEY, space="tones"))
    array_cache.folder_of(dict(KEY, space="tones")).rename(folder)
    array_cache._remove(folder.with_name("aside"))


@pytest.mark.parametrize(
    "damage",
    [
        changed(FEATURES, lambda content: content[:7_777] + bytes([content[7_777] ^ 1]) + content[7_778:]),
        changed(FEATURES, lambda content: content[:-1]),
        changed(FEATURES, lambda content: content + b"x"),
        changed(FEATURES, lambda content: bytes(len(content))),  # what power failing may leave
        changed(FEATURES, lambda content: b""),
        lambda folder: (folder / FEATURES).unlink(),
        changed("meta.json", lambda content: content[: len(content) // 2]),
        changed("meta.json", lambda content: bytes(len(content))),
        changed("meta.json", lambda content: b"[]"),
        lambda folder: (folder / "meta.json").unlink(),
        another_mean,
        another_key,
    ],
    ids=[
        "flipped",
        "short",
        "long",
        "zeros",
        "empty",
        "missing",
        "meta-half",
        "meta-zeros",
        "meta-list",
        "no-meta",
        "mean",
        "key",
    ],
)
def test_a_damaged_entry_is_told_removed_and_made_anew(root, damage, capsys):
    kept()
    folder = array_cache.folder_of(KEY)
    damage(folder)
    assert array_cache.read(KEY) is None
    assert capsys.readouterr().err == ""
    assert same(kept(), made())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {folder} is damaged (")
    assert line.endswith("); making it anew")
    assert same(kept(make=refuse), made())
    assert whole(root) == ([folder.name], [])
