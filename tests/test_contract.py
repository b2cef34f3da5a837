"""What every registered method must do. A new file in `baselines/methods/` is tested without a line here."""

import ast
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from baselines import registry
from baselines.contract import ONE_BLOCK, Batch, Method
from benchmark.checkpoint import Checkpoints
from benchmark.submit import contract
from benchmark.tasks import PRESETS
from benchmark.train import train

BLOCKS = ("shared", "private")
WIDEST = 128


def made(name, small, seed=0):
    cls = registry.load(name)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return cls(small.trunk, blocks_of(name), cls.Settings())


def blocks_of(name, blocks=BLOCKS):
    """The blocks that a method is built with on a task of these."""
    return (ONE_BLOCK,) if registry.load(name).one_block else blocks


def prepared(name, small, seed=0):
    method = made(name, small, seed)
    method.prepare(small.features)
    return method


@pytest.fixture(scope="module")
def trained(small):
    """name -> the method after 100 steps: an untrained code may be too faint to say anything once it is rounded."""

    @cache
    def method_of(name):
        method = prepared(name, small)
        preset = replace(PRESETS["tiny"], steps=100, examples=32)
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            train(method, small.task, small.space, small.clips, preset, 1, lambda done, total: None)
        return method

    return method_of


def embedded(method, features):
    method.eval()
    with torch.no_grad():
        return method.embed(features)


@pytest.fixture(scope="module")
def small(small):
    """Every fourth frame of the small task: the contract is no different, and principal components are soon found."""
    features = small.clips.features[:, ::4].contiguous()
    return SimpleNamespace(
        task=small.task,
        space=small.space,
        trunk=replace(small.trunk, n_frames=features.shape[1]),
        clips=replace(small.clips, features=features),
        features=features,
    )


@pytest.fixture(params=registry.names())
def name(request):
    return request.param


def test_its_file_says_what_it_is(name):
    cls = registry.load(name)
    assert contract.file_faults(name, registry.path_of(name)) + contract.class_faults(name, cls) == []


def test_its_settings_are_explained_and_bounded(name):
    assert contract.settings_faults(name, registry.load(name)) == []


def test_a_training_step_gives_a_finite_loss_that_reaches_every_parameter(name, small):
    method = prepared(name, small)
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        assert contract.step_faults(name, method, small.features) == []


def test_it_embeds_into_the_blocks_it_was_told(name, small, trained):
    method = trained(name)
    features = small.features[:40]
    blocks = embedded(method, features)
    expected = blocks_of(name)
    assert set(blocks) == set(expected), f"{name}: embed must return the blocks {expected}; it returned {tuple(blocks)}"
    for block, codes in blocks.items():
        got = f"{name}: block {block} is {codes.dtype} {list(codes.shape)}"
        assert codes.ndim == 2, f"{got}; return [n, d]"
        assert len(codes) == 40, f"{got}; return a row for each of the 40 clips"
        assert 1 <= codes.shape[1] <= WIDEST, f"{got}; only blocks of 1 to {WIDEST} dimensions are ranked"
        assert codes.is_floating_point(), f"{got}; return floats"
        assert torch.isfinite(codes).all(), f"{got}; its codes must be finite"


def test_its_embedding_is_a_function_of_the_clip_alone(name, small, trained):
    method = trained(name)
    features = small.features[:40]
    blocks, again = embedded(method, features), embedded(method, features)
    others = features.clone()
    others[20:] = 3 * small.features[100:120] + 2  # far off, or rounding would hide what leaks from row to row
    among_others = embedded(method, others)
    for block, codes in blocks.items():
        assert torch.equal(codes, again[block]), f"{name}: embed drew at random in {block}; in eval mode it must not"
        assert torch.equal(codes[:20], among_others[block][:20]), (
            f"{name}: rows of {block} changed with the other rows; no statistics over the batch in embed"
        )
        assert not torch.equal(codes, among_others[block]), f"{name}: {block} does not depend on the input"


def test_it_decodes_to_features_or_says_that_it_cannot(name, small, trained):
    method = trained(name)
    features = small.features[:10]
    with torch.no_grad():
        decoded = method.decode(embedded(method, features))
    if decoded is not None:
        assert decoded.shape == features.shape, (
            f"{name}: decode must return features {list(features.shape)} or None; got {list(decoded.shape)}"
        )
        assert torch.isfinite(decoded).all(), f"{name}: decode returned values that are not finite"


def test_its_state_is_all_there_is_to_it(name, small, trained):
    method = trained(name)
    for path, module in method.named_modules():
        loose = [attribute for attribute, value in vars(module).items() if isinstance(value, torch.Tensor)]
        assert not loose, f"{name}: {path} holds {loose} outside its state; register a tensor that is kept as a buffer"
    copy = made(name, small, seed=99)
    copy.load_state_dict(method.state_dict())
    features = small.features[:20]
    before, after = embedded(method, features), embedded(copy, features)
    for block in blocks_of(name):
        assert torch.equal(before[block], after[block]), (
            f"{name}: {block} differs after a round trip through state_dict; register what embed needs as a buffer"
        )


class StoppedError(Exception):
    """Raised in the middle of a training."""


class Stopping(Checkpoints):
    """A checkpoint after seven steps, and the end after nine."""

    def due(self):
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 9:
            raise StoppedError
        return self.steps == 7


def test_its_training_goes_on_from_a_checkpoint_to_the_same_numbers(name, small, tmp_path):
    told, place = [], tmp_path / "checkpoint.safetensors"
    preset = replace(PRESETS["tiny"], steps=20, examples=32)

    def trained_with(checkpoints):
        method = made(name, small)
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            history = train(
                method, small.task, small.space, small.clips, preset, 1, lambda *_: None, checkpoints=checkpoints
            ).history
        return history, {**dict(method.named_parameters()), **dict(method.named_buffers())}

    history, tensors = trained_with(None)
    if not history:
        return  # it does not train
    with pytest.raises(StoppedError):
        trained_with(Stopping(place, name, 0, told.append))
    assert not told, f"{name}: its state cannot be kept in a checkpoint: {told[0]}"
    history_again, again = trained_with(Checkpoints(place, name, 1e9, told.append))
    assert "goes on from step 7" in told[0], f"{name}: its checkpoint is of no use: {told[0]}"
    advice = "keep on the method itself what decides its next step; draw random numbers from torch alone"
    assert history_again == history, f"{name}: after a checkpoint other terms are logged: {advice}"
    for path, tensor in tensors.items():
        assert torch.equal(tensor, again[path]), f"{name}: after a checkpoint {path} differs: {advice}"


def test_its_width_follows_its_setting(name, small):
    cls = registry.load(name)
    settings = cls.Settings(block_dims=8)
    method = cls(small.trunk, blocks_of(name), settings)
    method.prepare(small.features)
    widths = {block: codes.shape[1] for block, codes in embedded(method, small.features[:4]).items()}
    wanted = {ONE_BLOCK: 16} if cls.one_block else dict.fromkeys(BLOCKS, 8)
    assert widths == wanted, f"{name}: block_dims=8 gave the widths {widths}; expected {wanted}"


def test_the_names_of_the_blocks_are_the_tasks(name, small):
    cls = registry.load(name)
    names = ("other",) if cls.one_block else ("one", "two")
    method = cls(small.trunk, names, cls.Settings())
    method.prepare(small.features)
    assert set(embedded(method, small.features[:4])) == set(names), f"{name}: take the names from `blocks`"


def test_methods_never_see_a_factor():
    assert {field.name for field in fields(Batch)} == {"views", "pairing", "progress"}
    for path in Path(registry.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign = [module for module in modules if module.split(".")[0] in ("generators", "benchmark")]
            assert not foreign, f"{path}: a method must not import {foreign}; it learns from Batch alone"


def test_split_and_join_are_inverse(small):
    method = Method(small.trunk, BLOCKS, Method.Settings(block_dims=3))
    codes = torch.arange(12.0).reshape(2, 6)
    blocks = method.split(codes)
    assert torch.equal(blocks["shared"], codes[:, :3])
    assert torch.equal(method.join(blocks), codes)


def test_what_is_not_written_says_so(small):
    method = Method(small.trunk, BLOCKS, Method.Settings())
    with pytest.raises(TypeError, match="Method has no embed: write one that returns shared, private"):
        method.embed(small.features[:1])
    with pytest.raises(TypeError, match="no training_step: write one"):
        method.training_step(Batch(small.features[None, :2], "shared"))
