"""Results and artefacts to report on: two tasks, a control, an oracle, a method that lacks seeds, hostile names."""

import json

import numpy as np
from boards import fields

import generators
from benchmark import results
from benchmark.features import swap_pairs
from benchmark.report.kept import folder
from benchmark.report.listening import TEST_SEEDS
from benchmark.report.sound import open_space
from benchmark.results import Result, Score
from benchmark.strangers import recomputed
from benchmark.swap_examples import FILE, SwapExamples
from benchmark.version import BENCHMARK_VERSION

VERSION = BENCHMARK_VERSION
BLOCKS = {"shared": ["timbre"], "private": ["pitch", "loudness", "rhythm"]}
HOSTILE = ("../../x", "<script>alert(1)</script>", "a|b", '"><img src=x onerror=alert(1)>', "</script><b>", "{{ 7*7 }}")


def scores(balance, decoder=True, owner_reads=0.75):
    """Scores of one run: timbre leaks a quarter into `private`; of pitch a tenth is lost."""
    found = [Score(metric="preservation", value=(1 + balance) / 2), Score(metric="balance", value=balance)]
    found.append(Score(metric="disentanglement", value=balance / 2))
    if decoder:
        found += [Score(metric="reconstruction_r2", value=0.8), Score(metric="swap_fidelity", value=balance / 2)]
    for owner, factors in BLOCKS.items():
        for factor in factors:
            for block in BLOCKS:
                leak = 0.25 if factor == "timbre" else 0.0
                value = owner_reads if block == owner else leak
                found.append(Score(metric="information", block=block, factor=factor, value=value))
            kept = 0.9 if factor == "pitch" else 1.0
            found.append(Score(metric="information", block="all", factor=factor, value=kept))
    return found


def result(method, balance, seed, **changes):
    """One result, on `phrases/timbre` unless told otherwise; names are not checked."""
    values = {**fields(method, seed, scores(balance)), "benchmark_version": VERSION, "blocks": BLOCKS}
    return Result.model_construct(**{"id": None, "scored_by": None, **values, **changes})


def board():
    """Results of five methods, and an oracle."""
    found = []
    for seed in range(5):
        wobble = (0.0, 0.01, -0.01, 0.02, -0.02)[seed]
        found += [
            result("best", 0.8 + wobble, seed, family="combined"),
            result("middling", 0.5 - wobble, seed, scores=scores(0.5 - wobble, decoder=False)),
            result("weak", 0.2 + wobble / 2, seed, family="reconstructive"),
            result("untrained", 0.01, seed, family="control", scores=scores(0.01, decoder=False)),
        ]
    found += [result("hasty", 0.6, seed) for seed in (0, 2)]
    found.append(result("oracle.copied", 0.816, 0, family="oracle"))
    elsewhere = {"shared": ["pitch"], "private": ["timbre", "loudness", "rhythm"]}
    found += [result("best", 0.7, 0, task="phrases/pitch", family="combined", blocks=elsewhere, scores=scores(0.7))]
    return found


def write(root):
    """The board as files under `root`/results; P, D and B are those of each one's table, or none would be used."""
    for one in board():
        told = recomputed(one)
        ranked = [score.model_copy(update={"value": told.get(score.metric, score.value)}) for score in one.scores]
        results.write(one.model_copy(update={"scores": ranked}), root / "results")
    return root / "results"


def keep(artefacts, run, decoded=True):
    """What a run leaves: losses, test embeddings and, as numbers, the features of two swaps."""
    place = folder(artefacts, run)
    place.mkdir(parents=True)
    lines = ["step,loss,rate", *(f"{step},{1 / (1 + step)},{'' if step % 2 else 0.5}" for step in range(300))]
    (place / "losses.csv").write_text("\n".join(lines) + "\n")
    space = generators.space("phrases")
    levels = space.sample(400, np.random.default_rng(0))
    codes = {"shared": levels[:, 1:2] * np.ones(3), "private": np.random.default_rng(1).normal(size=(400, 4))}
    np.savez(place / "test.npz", levels=levels, **{name: code.astype(np.float32) for name, code in codes.items()})
    if not decoded:
        return place
    a, b = swap_pairs(space, levels, frozenset(["timbre"]), 2)
    target = levels[a].copy()
    target[:, 1] = levels[b, 1]
    sound = open_space("phrases", True)
    features = [sound.decibels(sound.render(each, TEST_SEEDS + a)) for each in (levels[a], target)]
    seeds = (TEST_SEEDS + a, TEST_SEEDS + b, TEST_SEEDS + a)
    SwapExamples("shared", levels[a], levels[b], target, *seeds, *features).write(place / FILE)
    return place


def data_of(page):
    """What a page gives its scripts."""
    return json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
