import pytest

import generators
from baselines import registry
from benchmark.tasks import BOARD, PRESETS, load_preset, load_task


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
        assert set(preset.clips) == {"train", "probe", "test"}  # validation clips are for tuning alone
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
