"""A plugin tried once on next to nothing, so that a wrong shape is told of before any sound is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

import generators
from baselines.contract import Method
from baselines.encoders import Foreign
from benchmark.decoding import decoded
from benchmark.embedding import embed
from benchmark.execution import Run, build
from benchmark.features import Clips, front_end_of
from benchmark.hearing import WIDEST_HEARD, Listener
from benchmark.train import train

CLIPS, STEPS, EXAMPLES, JUDGED = 320, 1, 16, 8


def tried(run: Run) -> None:
    """Train a plugin for one step, and embed and decode a few clips; of noise, for none of it is looked at.

    Raises ContractError, DivergedError, or what the plugin raises, as the run itself would. Torch's generator of random
    numbers, and the network of the run itself, are left alone.
    """
    if isinstance(run.method, Foreign):
        _listened(run, run.method)
        return
    devices = [run.device] if run.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        method = build(run, front_end_of(run.task.space))
        if method is not None:
            _learnt(run, method)


def _learnt(run: Run, method: Method) -> None:
    space, shape = generators.space(run.task.space), front_end_of(run.task.space)
    draws = np.random.default_rng(0)
    levels, seeds = space.sample(CLIPS, draws), np.arange(CLIPS)
    noise = draws.standard_normal((CLIPS, shape.n_frames, shape.n_mels), dtype=np.float32)
    clips = Clips(levels, seeds, torch.from_numpy(noise).to(run.device))
    preset = replace(run.preset, steps=STEPS, examples=EXAMPLES)
    train(method, run.task, space, clips, preset, run.seed, lambda *_: None, tell=lambda _: None)
    method.eval()
    with torch.no_grad():
        inputs = clips.features[:JUDGED]
        decoded(method, embed(method, inputs), inputs)


def _listened(run: Run, foreign: Foreign) -> None:
    shape = front_end_of(run.task.space)
    noise = np.random.default_rng(0).standard_normal((JUDGED, shape.n_samples), dtype=np.float32)
    audio = torch.from_numpy(0.1 * noise)
    with torch.no_grad():
        listener = Listener(
            foreign, lambda rows: audio[rows], shape.sample_rate, tuple(run.task.blocks), lambda _: None
        )
        embed(listener, torch.arange(JUDGED), widest=WIDEST_HEARD)
