"""An export holds what the generator renders, says so, and others' tools load it; `verify` notices what is not so."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pretty_midi
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from exported import run, tree, wanted

import generators
from benchmark.features import _SEED_OF_ROLE
from generators import splits
from generators.dataset import decode, listening, manifest, plan, read, verify
from generators.dataset.commands import main
from generators.dataset.export import export
from generators.dataset.lines import FailedError, UsageError
from generators.dataset.rendering import encoded


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "tones"
    export(wanted(), folder)
    return folder


@pytest.fixture
def copied(tones, tmp_path):
    shutil.copytree(tones, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def few(tmp_path):
    export(wanted(test=1), tmp_path / "few")
    return tmp_path / "few"


def resigned(folder):
    """Write the manifest anew for the files that are there, as one who changes both would."""
    there = manifest.read(folder)
    entries = tuple(manifest.entry_of(entry.path, (folder / entry.path).read_bytes()) for entry in there.files)
    changed = there.model_copy(update={"files": entries, "bytes": sum(entry.bytes for entry in entries)})
    (folder / manifest.NAME).write_text(changed.text())


def changed_table(folder, change):
    """Change a Parquet file's table and write its hash into the manifest."""
    path = folder / "data" / "test-00000-of-00003.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    resigned(folder)


@pytest.mark.parametrize("role", splits.ROLES)
def test_clips_are_those_of_rendering(tones, role):
    generator = generators.load("tones")
    rows = splits.parse("iid").rows(generator.space)[role]
    batches = list(read(tones, role, batch=50))
    levels = np.concatenate([clips.levels for clips in batches])
    seeds = np.concatenate([clips.seeds for clips in batches])
    assert np.array_equal(levels, generator.space.levels_at(rows))
    assert seeds.tolist() == list(range(_SEED_OF_ROLE[role], _SEED_OF_ROLE[role] + len(rows)))
    audio = np.concatenate([clips.audio for clips in batches])
    assert audio.dtype == np.float32
    assert np.array_equal(audio, generator.render(levels, seeds).numpy())


def test_seeds_of_roles_are_the_benchmark_s():
    """What `benchmark.run` hears, preset by preset, can be exported."""
    assert plan.SEED_OF_ROLE == _SEED_OF_ROLE


def test_every_column_says_what_it_should(tones):
    table = pq.read_table(tones / "data" / "validation-00000-of-00002.parquet")
    assert table.schema.field("pitch").metadata == {b"unit": b"MIDI"}
    assert table.schema.field("audio").metadata[b"sample_rate"] == b"16000"
    space = generators.space("tones")
    for row in table.to_pylist():
        assert row["id"] == f"tones-validation-{row['seed'] - 10**9:06d}"
        assert row["split"] == "validation"
        assert all(factor.values[row[f"{factor.name}_level"]] == row[factor.name] for factor in space.factors)
        [note] = pretty_midi.PrettyMIDI(io.BytesIO(row["midi"])).instruments[0].notes
        assert note.pitch == row["pitch"]
        assert decode(row["audio"]).shape == (16_000,)


def test_the_manifest_lists_every_file(tones):
    there = manifest.read(tones)
    assert {entry.path: entry.sha256 for entry in there.files} | {manifest.NAME: tree(tones)[manifest.NAME]} == tree(
        tones
    )
    assert there.clips == {"train": 461, "validation": 115, "probe": 288, "test": 288}
    assert there.licence == "CC-BY-4.0"
    assert not [path for path in tones.iterdir() if path.name.startswith(".")]


def test_the_card_and_the_citation_are_what_their_readers_want(tones):
    card = (tones / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "cc-by-4.0"
    assert [one["split"] for one in front["configs"][0]["data_files"]] == list(splits.ROLES)
    for said in ("| pitch | 24 | MIDI |", "| train | 461 |", "export --space tones --split iid", "Unfit"):
        assert said in card
    citation = yaml.safe_load((tones / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license"} <= set(citation)


LOADED = """
import io, sys, time
import datasets, mlcroissant, numpy, pandas, polars, soundfile, torch

folder = sys.argv[1]
hugging = datasets.load_dataset(folder, split="train")
framed = pandas.read_parquet(folder + "/data", filters=[("split", "==", "train")])
polar = polars.read_parquet(folder + "/data/train-*.parquet")
dataset = mlcroissant.Dataset(jsonld=folder + "/croissant.json")
assert not dataset.metadata.issues.errors and not dataset.metadata.issues.warnings, dataset.metadata.issues.report()
records = [record for record in dataset.records("clips") if record["clips/split"] == b"train"]
assert len(hugging) == len(framed) == len(polar) == len(records) == 461
for i in (0, 200, 460):
    rows = hugging[i], framed.iloc[i].to_dict(), polar.row(i, named=True)
    record = {name.removeprefix("clips/"): value for name, value in records[i].items()}
    for name in ("id", "timbre"):
        assert {row[name] for row in rows} == {record[name].decode()}
    for name in ("pitch", "pitch_level", "audio", "midi"):
        assert {row[name] for row in rows} == {record[name]}, name
    assert soundfile.read(io.BytesIO(rows[0]["audio"]), dtype="int16")[0].shape == (16000,)

from generators.dataset import decode

def collate(rows):
    return torch.from_numpy(numpy.stack([decode(row["audio"]) for row in rows])), [row["pitch_level"] for row in rows]

counted = sum(len(audio) for audio, _ in torch.utils.data.DataLoader(hugging, batch_size=64, collate_fn=collate))
assert counted == 461
print("loaded")
"""


FOLDER_LOADED = """
import io, sys, types
import datasets, soundfile

from generators.dataset import read

# torchcodec is imported even where nothing is decoded, and not every machine can have it
sys.modules["torchcodec"] = types.ModuleType("torchcodec")
sys.modules["torchcodec.encoders"] = types.SimpleNamespace(AudioEncoder=None)
stream = datasets.load_dataset(sys.argv[1], split="probe", streaming=True)
clips = list(stream.cast_column("audio", datasets.Audio(decode=False)))
assert datasets.get_dataset_split_names(sys.argv[1]) == ["probe"]
[all] = read(sys.argv[1], "probe", 1000)
assert sorted(row["id"] for row in clips) == sorted(all.ids)
by_id = {name: i for i, name in enumerate(all.ids)}
for row in clips:
    i, audio = by_id[row["id"]], row["audio"]
    samples, _ = soundfile.read(io.BytesIO(audio["bytes"]) if audio["bytes"] else audio["path"], dtype="int16")
    assert (samples == all.samples[i]).all()
    assert [row["pitch_level"], row["timbre_level"], row["loudness_level"]] == all.levels[i].tolist()
print("loaded")
"""


def run_python(code, folder, cwd):
    environment = {"HF_HOME": str(cwd / "hf"), "HF_HUB_OFFLINE": "1"}
    line = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=cwd, env=os.environ | environment)


def test_it_loads_in_one_line_with_everybody_s_tools(tones, tmp_path):
    done = run_python(LOADED, tones, cwd=tmp_path)
    assert done.stdout == "loaded\n", done.stderr[-2000:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what mlcroissant imports
def test_wav_files_hold_the_same_clips(tones, tmp_path):
    made = wanted(form="wav", probe=1)
    export(made, tmp_path / "wav")
    for parquet, wav in zip(read(tones, "probe", 50), read(tmp_path / "wav", "probe", 50), strict=True):
        assert parquet.ids == wav.ids
        assert np.array_equal(parquet.samples, wav.samples)
        assert parquet.midi == wav.midi
        assert parquet.values == wav.values
    assert "same to the last bit" in verify.verify(tmp_path / "wav", 20)
    loaded = run_python(FOLDER_LOADED, tmp_path / "wav", cwd=tmp_path)
    assert loaded.stdout == "loaded\n", loaded.stderr[-2000:]
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "wav" / "croissant.json"))
    record = next(iter(dataset.records("clips")))
    assert (tmp_path / "wav" / record["clips/audio"].decode()).is_file()


def test_nuisances_are_more_clips_of_each_combination(tmp_path):
    export(wanted(test=2, probe=1), tmp_path / "out")
    clips = list(read(tmp_path / "out", "test", 1_000))
    levels = np.concatenate([one.levels for one in clips])
    assert len(levels) == 2 * 288
    assert np.array_equal(levels[::2], levels[1::2])
    samples = np.concatenate([one.samples for one in clips])
    assert (samples[::2] != samples[1::2]).any(axis=1).all()
    with pytest.raises(UsageError, match=r"no clips of role 'train' in .*; it has: probe, test"):
        next(read(tmp_path / "out", "train"))


def test_a_split_that_is_not_iid_is_exported_as_it_is(tmp_path):
    export(wanted(split="extrapolate(pitch,0.25)", train=1), tmp_path / "out")
    assert max(clips.levels[:, 0].max() for clips in read(tmp_path / "out", "train")) == 17


def test_a_sound_export_is_found_sound(tones):
    told = verify.verify(tones)
    assert (
        "16 files have their size and SHA-256; 64 of 1,152 clips, rendered again, are the same to the last bit" in told
    )


def test_a_few_of_many_clips_are_checked_though_most_files_have_none(tones):
    assert "; 2 of 1,152 clips" in verify.verify(tones, 2)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "test-00000-of-00003.parquet: it is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, not"),
        (lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]), "SHA-256 is not"),
        (lambda path: (path.rename(path.parent / "x"), path.symlink_to("x")), "it is a link"),
        (lambda path: shutil.copy(path, path.with_name("test-9.parquet")), "test-9.parquet is not in the manifest"),
    ],
)
def test_a_damaged_file_is_named(copied, damage, told):
    damage(copied / "data" / "test-00000-of-00003.parquet")
    with pytest.raises(FailedError, match=told):
        verify.verify(copied, 0)


def test_damaged_files_are_made_anew(copied, tones):
    (copied / "data" / "test-00000-of-00003.parquet").write_bytes(b"no")
    (copied / "README.md").unlink()
    export(wanted(), copied)
    assert tree(copied) == tree(tones)


def other(table, column, change):
    values = table.column(column).to_pylist()
    values[0] = change(values[0])
    place = table.schema.get_field_index(column)
    return table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("pitch", lambda pitch: pitch + 1, "its values differ"),
        ("pitch_level", lambda level: (level + 1) % 24, "its levels differ"),
        ("seed", lambda seed: seed + 1, "its seed differ"),
        ("id", lambda name: name + "x", "its id differ"),
        ("midi", lambda midi: midi + b"\0", "its MIDI differ"),
    ],
)
def test_a_changed_column_is_noticed_though_every_hash_fits(few, column, change, told):
    changed_table(few, lambda table: other(table, column, change))
    with pytest.raises(FailedError, match=told):
        verify.verify(few, 3)


def test_a_bit_of_audio_is_noticed_though_every_hash_fits(few):
    def flipped(content):
        samples = decode(content)
        samples[8_000] ^= 1
        return encoded(samples, 16_000)

    changed_table(few, lambda table: other(table, "audio", flipped))
    with pytest.raises(FailedError, match=r"clip tones-test-000000 in .*: its audio differ from what its plan renders"):
        verify.verify(few, 3)


def test_another_version_s_clips_are_not_called_wrong(few):
    there = manifest.read(few)
    older = there.model_copy(update={"plan": there.plan.model_copy(update={"version": "0"})})
    (few / manifest.NAME).write_text(older.text())
    with pytest.raises(UsageError, match="every file is as listed; but the clips are of tones 0 and this dTones"):
        verify.verify(few, 1)


@pytest.mark.parametrize("pitch", [48, 60])  # low, where harmonics of the pitches around lie close; and higher
@pytest.mark.parametrize("semitones", range(-11, 12))
def test_a_plucked_note_is_heard_at_its_pitch_alone(semitones, pitch):
    """Two fifths of its energy is at its harmonics, the rest is the noise of its attack."""
    time = np.arange(3_640) / 16_000
    fundamental = 440 * 2 ** ((pitch - 69) / 12)
    string = sum(np.sin(2 * np.pi * k * fundamental * time) / k for k in range(1, 8)) * np.exp(-6 * time)
    attack = np.random.default_rng(0).normal(size=len(time)) * np.exp(-20 * time)
    window = np.blackman(len(time))
    level = np.sqrt(1.5 * ((string * window) ** 2).sum() / ((attack * window) ** 2).sum())
    heard = listening.wrong_pitch(string + level * attack, 16_000, pitch + semitones)
    assert (heard is None) == (semitones == 0)


@pytest.mark.parametrize("semitones", [-12, -7, -1, 1, 2, 7, 12])
def test_a_wrong_pitch_is_heard(tones, semitones):
    clips = next(read(tones, "probe", 20))
    space = generators.space("tones")
    for i in range(len(clips.ids)):
        values = {name: column[i] for name, column in zip(space.names, clips.values, strict=True)}
        assert listening.wrong_sound(clips.samples[i], 16_000, values, clips.midi[i]) is None
        [score] = pretty_midi.PrettyMIDI(io.BytesIO(clips.midi[i])).instruments[0].notes
        note = clips.samples[i][round(score.start * 16_000) : round(score.end * 16_000)] / 32768
        assert listening.wrong_pitch(note, 16_000, values["pitch"] + semitones) is not None


def test_a_wrong_loudness_rhythm_or_silence_is_heard(tones):
    clips = next(read(tones, "probe", 1))
    values = dict(zip(generators.space("tones").names, (column[0] for column in clips.values), strict=True))
    wrong = listening.wrong_sound
    assert "LUFS loud" in wrong(clips.samples[0] // 2, 16_000, values, clips.midi[0])
    silent = {name: value for name, value in values.items() if name != "loudness"}
    assert "nothing sounds" in wrong(clips.samples[0] * 0, 16_000, silent, clips.midi[0])
    assert "its rhythm is" in wrong(clips.samples[0], 16_000, values | {"rhythm": "xx......"}, clips.midi[0])
    assert "its MIDI plays" in wrong(clips.samples[0], 16_000, values | {"pitch": 99.0}, clips.midi[0])
    assert "cannot be read" in wrong(clips.samples[0], 16_000, values, b"no")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "--space", "phrase", "--out", "x"], "no space 'phrase'; did you mean 'phrases'?"),
        (["export", "--space", "tones", "--out", "x", "--nuisances", "0"], "leaves no clip; expected a number from 1"),
        (["export", "--space", "tones", "--out", "x", "--nuisances", "train=3,train=4"], "train is given twice"),
        (
            ["export", "--space", "tones", "--out", "x", "--nuisances", "trian=3"],
            "'trian=3' is no number of clips; exp",
        ),
        (["export", "--space", "tones", "--out", "x", "--shard", "4/3"], "--shard 4/3: expected i/n"),
        (["export", "--spce", "tones", "--out", "x"], "no option '--spce'; did you mean '--space'?"),
        (["export", "--space", "tones", "--split", "heldot(a,b,1)", "--out", "x"], "did you mean 'heldout'?"),
        (["exprot", "--space", "tones"], "no command 'exprot'; did you mean 'export'?"),
        (["export", "--space", "tones", "--out", "/proc/dtones"], "/proc/dtones is on no disk"),
        (["export", "--space", "tones", "--out", __file__], "test_dataset.py is a file; choose a folder"),
        (["verify", "nowhere"], "no export in nowhere: it has no manifest.json"),
        (["download", "phrasse"], "no published set 'phrasse'; did you mean 'phrases'?"),
        (["download", "phrases"], "not hosted yet; this makes the same clips: python -m generators.dataset export"),
        (["publish", "nowhere", "--to", "s3://x"], "no export in nowhere"),
        (["merge", "nowhere", "--out", "x"], "no folder nowhere"),
    ],
)
def test_a_mistake_is_told_in_one_line(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr().err
    assert status == 2
    assert told in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_refused_before_any_sound_is_made(tmp_path, capsys):
    (tmp_path / "thesis.txt").touch()
    assert main(["export", "--space", "tones", "--out", str(tmp_path)]) == 2
    told = f"error: {tmp_path} holds other files (thesis.txt); choose an empty folder for --out\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EACCES, "give the command again, or choose another"), (errno.EIO, "give the command again\n")],
)
def test_what_the_disk_refuses_to_verify_is_not_said_to_go_on(monkeypatch, tmp_path, capsys, number, told):
    def refused(*arguments):
        raise OSError(number, "no", "there")

    monkeypatch.setattr(verify, "verify", refused)
    assert main(["verify", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err


def test_a_user_s_run_from_export_to_verify(tmp_path):
    made = run("export", "--space", "tones", "--nuisances", "probe=1", "--out", "here", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "clips to make: about" in made.stdout
    checked = run("verify", "here", "--clips", "5", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "here is sound" in checked.stdout
    kept = json.loads((tmp_path / "here" / "manifest.json").read_text())
    assert kept["command"] == "python -m generators.dataset export --space tones --split iid --nuisances probe=1"
