import re
from dataclasses import replace

import numpy as np
import pytest

import generators
from baselines import registry
from benchmark.score import Codes, score
from benchmark.tasks import BOARD, DIAGNOSTICS, EXTRA, PRESETS, VERSIONS, load_preset, load_task
from generators.pairs import Pairing
from generators.splits import IID, Split


@pytest.mark.parametrize("name", BOARD)
def test_the_blocks_of_a_task_own_every_factor_once(name):
    task = load_task(name)
    owned = [factor for factors in task.blocks.values() for factor in factors]
    assert sorted(owned) == sorted(generators.space(task.space).names)
    assert all(task.blocks.values())
    assert list(task.blocks) == ["shared", "private"]


@pytest.mark.parametrize("name", BOARD)
def test_what_views_share_is_what_the_shared_block_owns(name):
    task = load_task(name)
    assert {block: pairing.shared for block, pairing in task.pairings.items()} == {"shared": task.blocks["shared"]}
    assert task.name == name


def test_several_factors_may_be_shared_and_their_order_does_not_matter():
    task = load_task("phrases/rhythm+timbre")
    assert task == load_task("phrases/timbre+rhythm") == load_task("phrases/timbre+rhythm+timbre")
    assert task.name == "phrases/timbre+rhythm"
    assert task.blocks == {"shared": {"timbre", "rhythm"}, "private": {"pitch", "loudness"}}


@pytest.mark.parametrize("name", [*BOARD, *EXTRA])
def test_names_that_are_shown_are_canonical_and_own_every_factor_once(name):
    task = load_task(name)
    assert task.name == name
    owned = [factor for factors in task.blocks.values() for factor in factors]
    assert sorted(owned) == sorted(generators.space(task.space).names)
    assert set(task.pairings) == set(task.blocks) - {"private"}
    assert task.views == 2


SPELLINGS = {
    "phrases@heldout( timbre, pitch ,.2)/timbre": "phrases@heldout(pitch,timbre,0.2)/timbre",
    "phrases@correlated(timbre,pitch,0.90)/rhythm+timbre": "phrases@correlated(pitch,timbre,0.9)/timbre+rhythm",
    "phrases@iid/timbre": "phrases/timbre",
    "phrases@extrapolate(pitch,0.250)/identical": "phrases@extrapolate(pitch,0.25)/identical",
    "phrases/rhythm,timbre": "phrases/timbre,rhythm",
    "phrases/loudness,timbre+pitch+timbre": "phrases/pitch+timbre,loudness",
}


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS.items(), ids=list(SPELLINGS))
def test_two_spellings_are_one_task(spelling, name):
    assert load_task(spelling) == load_task(name)
    assert load_task(spelling).name == name


def test_a_task_has_its_split():
    assert load_task("phrases/timbre").split == IID
    task = load_task("phrases@correlated(pitch,timbre,0.9)/timbre+rhythm")
    assert task.split == Split("correlated", ("pitch", "timbre"), 0.9)
    assert task.blocks == {"shared": {"timbre", "rhythm"}, "private": {"pitch", "loudness"}}


def test_several_pairings_have_a_block_each():
    task = load_task("phrases/timbre,pitch+loudness")
    assert task.name == "phrases/pitch+loudness,timbre"
    assert task.pairings == {
        "shared_1": Pairing(frozenset({"pitch", "loudness"})),
        "shared_2": Pairing(frozenset({"timbre"})),
    }
    assert task.blocks == {"shared_1": {"pitch", "loudness"}, "shared_2": {"timbre"}, "private": {"rhythm"}}
    assert list(task.blocks) == ["shared_1", "shared_2", "private"]


@pytest.mark.parametrize("kind", DIAGNOSTICS)
def test_where_views_share_no_factors_of_their_own_there_is_preservation_alone(kind):
    task = load_task(f"phrases/{kind}")
    assert {block: pairing.kind for block, pairing in task.pairings.items()} == {"shared": kind}
    assert sorted(map(len, task.blocks.values())) == [0, 4]
    levels = np.random.default_rng(0).integers(2, size=(60, 4))
    codes = Codes(levels, {block: levels.astype(float) for block in task.blocks})  # soon read
    found = {row.metric for row in score(task.blocks, generators.space("phrases").names, (2,) * 4, codes, codes, 0)}
    assert "preservation" in found
    assert not found & {"balance", "disentanglement", "gap"}


def test_training_clips_have_versions_where_views_are_augmentations():
    task = load_task("phrases/augment")
    assert task.versions == VERSIONS
    assert replace(task, views=VERSIONS + 2).versions == VERSIONS + 2
    assert all(load_task(name).versions == 0 for name in (*BOARD, "phrases/identical", "phrases/independent"))


BAD = {
    "phrases@/timbre": "no split ''. There are: iid, heldout(factor,factor,share)",
    "phrases@heldot(pitch,timbre,0.2)/timbre": "no split 'heldot'; did you mean 'heldout'?",
    "phrases@heldout(pich,timbre,0.2)/timbre": "no factor 'pich'; did you mean 'pitch'?",
    "phrases@extrapolate(timbre,0.2)/timbre": "the levels of 'timbre' have no order; those of these have: pitch, loudn",
    "phrases@heldout(pitch,timbre,0.99)/timbre": "0.99 of 192 pairs of levels is 190; expected 1 to 168",
    "phrases/timbre,timbre+pitch": "'timbre' is in two pairings; expected each factor in one block",
    "phrases/timbre,augment": "'augment' stands alone, as in 'phrases/augment'",
    "phrases/identical+timbre": "'identical' stands alone, as in 'phrases/identical'",
    "phrases/augmnt": "'phrases' has no factor 'augmnt'; did you mean 'augment'? its factors are pitch, timbre",
    "phrases/timbre,": "'phrases' has no factor ''. its factors are pitch, timbre",
    "phrases/pitch,timbre,loudness,rhythm": "it shares every factor, so the private block would own none",
    "phrase@extrapolate(pitch,0.2)/timbre": "did you mean 'phrases@extrapolate(pitch,0.2)/timbre'?",
    "phrase/identical": "did you mean 'phrases/identical'?",
}


@pytest.mark.parametrize(("name", "says"), BAD.items(), ids=list(BAD))
def test_a_bad_name_is_told_in_one_line(name, says):
    with pytest.raises(ValueError, match=f"^no task '{re.escape(name)}'.*{re.escape(says)}") as caught:
        load_task(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "/", "phrases", "phrases/", "phrases/timbre/pitch", "phrases/timbre+", "phrases/+"]
)
def test_a_name_of_another_form_is_no_task(name):
    with pytest.raises(ValueError, match=f"^no task '{name}'".replace("+", r"\+")):
        load_task(name)


def test_presets_go_by_their_names_and_give_the_roles_of_a_run_clips():
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert load_preset(name) is preset
        roles = {"train", "validation"} if preset.judge == "validation" else {"train", "probe", "test"}
        assert set(preset.clips) == roles
        assert (preset.judge == "validation") == (name in {"tuning", "finals"}), "validation clips are for tuning alone"
        assert min(preset.clips.values()) >= 1
        assert min(preset.steps, preset.examples, preset.width) >= 1
        assert preset.summary


def test_tiny_is_the_smallest():
    tiny = PRESETS["tiny"]
    assert all(tiny.steps * tiny.examples <= preset.steps * preset.examples for preset in PRESETS.values())


@pytest.mark.parametrize("name", registry.names())
def test_every_preset_can_hold_every_methods_code(name):
    settings = registry.load(name).Settings()
    assert all(preset.width >= settings.block_dims for preset in PRESETS.values())
