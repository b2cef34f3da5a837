"""What the card, the citation and the Croissant metadata say is so: read beside the clips, and beside results/sound."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml
from exported import wanted

import generators
from generators.dataset import about, card, citation, croissant, licences, plan
from generators.dataset.commands import main
from generators.dataset.export import export
from generators.dataset.lines import UsageError
from generators.dataset.soundfonts import DEFAULT_SHA256, DEFAULT_SOUNDFONT_LICENCE, Soundfont

ROOT = Path(__file__).resolve().parent.parent
CORRELATED = "correlated(pitch,timbre,0.9)"


def card_of(made, of=None):
    return card.card(of or made.plan, made.generator, made.clips, 0, made.versions)


def levels_of(made, role):
    return made.generator.space.levels_at(made.clips[role].combinations)


@pytest.fixture(scope="module")
def syntone():
    return wanted("syntone", train=1, test=1)


@pytest.mark.parametrize("space", generators.SPACES)
def test_the_figures_are_those_that_were_measured(space):
    found = json.loads((ROOT / "results" / "sound" / f"{space}.json").read_text())
    told = about.MEASURED[space]
    by_name = {one["quantity"]: one for one in found["read_back"]}
    assert (told.version, told.clips, told.reached) == (found["version"], found["clips"], found["reached"])
    assert told.timbres_mistaken == by_name["timbre"]["wrong"]
    assert told.pitch_cents == pytest.approx(by_name["pitch"]["worst"], rel=0.02)
    assert told.loudness_lu == pytest.approx(by_name["loudness"]["worst"], rel=0.02)
    assert told.bits == pytest.approx(max(one["bits"] for one in found["information"]), abs=0.05)


def test_what_another_version_holds_is_not_told():
    other = wanted(test=1).plan.model_copy(update={"version": "0"})
    assert about.limits(other) == "How exactly these clips hold their factors was not measured."


@pytest.mark.parametrize("space", ["phrases", "tones"])
def test_a_gated_meter_reads_higher_by_what_the_card_says(space):
    import pyloudnorm

    generator = generators.load(space)
    levels = generator.space.levels_at(np.linspace(0, generator.space.size - 1, 40).astype(np.int64))
    meter, told = pyloudnorm.Meter(generator.sample_rate), generator.space.factors[2].values
    audio = generator.render(levels, np.arange(40)).double().numpy()
    higher = [meter.integrated_loudness(clip) - told[level] for clip, level in zip(audio, levels[:, 2], strict=True)]
    least, most, mean = about.GATED_LU[space]
    assert least <= round(min(higher), 1) <= round(max(higher), 1) <= most
    assert np.mean(higher) == pytest.approx(mean, abs=0.2)


def test_the_card_of_a_correlated_split_says_how_much_one_factor_tells():
    made = wanted(split=CORRELATED, train=1, test=1)
    said, [pitch, timbre] = card_of(made), levels_of(made, "train").T[:2]
    from sklearn.metrics import mutual_info_score

    bits = mutual_info_score(pitch, timbre) / np.log(2)
    assert f"In train one tells {bits:.2f} bit of the other, of 3.00 that it could." in said
    assert "In train `pitch` and `timbre` depend on each other, at a strength of 0.9" in said
    assert "In train a combination may come several times" in said
    assert "ndependent by construction" not in said
    assert "depend on each other" in croissant.metadata(made.plan, made.generator, made.clips, [])


def test_the_card_of_a_heldout_split_says_how_many_pairs_never_come():
    made = wanted("phrases", split="heldout(pitch,timbre,0.2)")  # large enough that no other pair lacks by chance
    pairs = set(map(tuple, np.concatenate([levels_of(made, "train"), levels_of(made, "validation")])[:, :2].tolist()))
    everywhere = set(map(tuple, np.concatenate([levels_of(made, role) for role in made.clips])[:, :2].tolist()))
    assert len(everywhere) == 192
    assert f"In train and validation {192 - len(pairs)} of the 192 pairs of a level of `pitch`" in card_of(made)


def test_the_card_of_an_extrapolating_split_says_how_many_levels_are_left():
    made = wanted(split="extrapolate(pitch,0.25)", train=1)
    left = len(np.unique(levels_of(made, "train")[:, 0]))
    assert f"In train `pitch` has its lowest {left} of 24 levels alone." in card_of(made)


def test_only_roles_that_there_are_are_told_of():
    made = wanted(train=1, test=1)
    said = card_of(made)
    assert "| `split` | the clip's role: train, test |" in said
    assert "validation" not in said
    assert "probe |" not in said
    assert "dealt uniformly (train 40%, test 25%)" in said


@pytest.mark.parametrize("space", ["tones", "syntone"])
def test_rows_lie_in_the_order_that_the_card_says(space):
    made = wanted(space, train=1)
    order = np.lexsort(levels_of(made, "train").T[::-1])
    assert np.array_equal(order, np.arange(len(order)))
    first, *others = (f"`{name}`" for name in made.generator.space.names)
    assert f"Rows are sorted by {first}, then by {', '.join(others)}" in card_of(made)


def test_what_is_random_and_how_notes_lie_is_told():
    said = card_of(wanted("phrases", test=1))
    for told in (
        "begins with 0.1 s of silence; then come 8 steps of 0.2375 s",
        "`x` is a step in which the note is struck, `.` one in which it is not",
        "a note is 0.2275 s long",
        "detune -10 to 10 cents",
        "delay of each onset 0 to 10 ms",
        "in no column and not in the MIDI",
        "without its gate",
        "by 0.1 to 2.9 LU, 1.6 on average",
        "A4, 440 Hz, is note 69",
        "Every velocity is 100",
        "glass the 1st and the 9th to 12th",
        "| loudness | 6 | LUFS, ungated |",
        "known pitch, loudness and onsets",
    ):
        assert told in said


def test_what_syntone_does_not_hold_is_told(syntone):
    said = card_of(syntone)
    for told in ("260 timbres mistaken", "loudness off by 5 LU", "1.9 bit", "Not all figures", "they alias"):
        assert told in said
    assert "known frequency, amplitude and waveform" in said
    assert "onset" not in said
    assert "independent" not in said
    assert "Nothing in a clip is random" in said
    title = "Learning disentangled audio representations through controlled synthesis"
    assert f"Brima et al. (2024), *{title}*" in said
    [reference] = yaml.safe_load(citation.cff(syntone.plan, syntone.versions))["references"]
    assert (reference["title"], reference["year"]) == (title, 2024)


def test_clips_that_no_nuisance_tells_apart_are_said_to_be_one_sound(tmp_path, capsys):
    """They are taken, for a preset of several clips a combination trains from files too."""
    line = [
        "export",
        "--space",
        "syntone",
        "--nuisances",
        "test=2",
        "--shard",
        "1/4000",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(line) == 0
    assert "note: syntone has no nuisances: the 2 clips of a combination are one sound" in capsys.readouterr().err


def test_a_soundfont_s_authors_are_named():
    made = wanted("phrases", test=1)
    font = Soundfont(file="TimGM6mb.sf2", sha256=DEFAULT_SHA256, licence=DEFAULT_SOUNDFONT_LICENCE)
    of = made.plan.model_copy(update={"space": "soundfont", "soundfont": font, "version": "1+0123"})
    said = card_of(made, of)
    assert "the soundfont TimGM6mb, by Tim Brechbill (2004) and David Bolton (2010)" in said
    assert f"the soundfont `TimGM6mb.sf2` (SHA-256 {DEFAULT_SHA256})" in said
    assert "was not measured" in said
    cited = yaml.safe_load(citation.cff(of, made.versions))
    assert [one["name"] for one in cited["references"][0]["authors"]] == ["Tim Brechbill", "David Bolton"]
    assert cited["version"] == "1.0.0+0123"


def test_what_writes_midi_is_recorded_and_another_version_of_it_is_not_mixed_in(tmp_path, syntone):
    made = wanted(validation=1)
    assert {"pretty_midi", "mido"} <= set(made.versions)
    assert "pretty_midi" not in syntone.versions
    export(made, tmp_path / "out", (1, 2))
    other = made.versions | {"pretty_midi": "0.0.1"}
    with pytest.raises(UsageError, match="another export, or of other versions"):
        export(type(made)(made.plan, made.generator, made.clips, other), tmp_path / "out", (2, 2))


def test_what_plays_the_soundfont_is_recorded(monkeypatch):
    from generators import fluid

    monkeypatch.setattr(fluid, "version", lambda: "FluidSynth 2.9, pyfluidsynth 1.9")
    sampled = type("Sampled", (), {"name": "soundfont", "midi": None})
    assert plan.made_by(sampled).items() >= {"FluidSynth": "2.9", "pyfluidsynth": "1.9"}.items()


def test_the_date_is_of_this_version():
    """A new version of dTones has to say when it is from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == citation.VERSION
    assert citation.DATE[:4] in citation.bibtex(wanted(test=1).plan)


def test_card_citation_and_croissant_name_one_set(tmp_path):
    made = wanted(split=CORRELATED, train=1, test=1)
    told = json.loads(croissant.metadata(made.plan, made.generator, made.clips, []))
    cited = yaml.safe_load(citation.cff(made.plan, made.versions))
    assert told["name"] == "dtones-tones-correlated-pitch-timbre-0.9-train1-test1"
    assert told["version"] == cited["version"] == "1.0.0"
    assert told["datePublished"] == str(cited["date-released"]) == citation.DATE
    assert told["citeAs"] in card_of(made)
    assert "url" not in told
    roles, clips = told["recordSet"]
    assert [one["splits/name"] for one in roles["data"]] == ["train", "test"]
    fields = {one["name"]: one for one in clips["field"]}
    assert fields["audio"]["dataType"] == "sc:AudioObject"
    assert fields["loudness"]["description"] == "Value of loudness in LUFS, ungated."
    assert licences.licence_of(made.plan) == cited["license"]
