"""Results to make a board of, with the numbers that tests expect: one task, three methods of five seeds, one of one."""

from benchmark import results
from benchmark.results import Cost, Environment, Result, Score
from benchmark.version import BENCHMARK_VERSION

BLOCKS = {"shared": ["timbre"], "private": ["pitch", "rhythm"]}
WOBBLE = (0.00, 0.01, -0.01, 0.02, -0.02)  # mean 0
ENVIRONMENT = Environment(
    python="3.11.7",
    platform="Linux",
    torch="2.11.0",
    torchaudio="2.11.0",
    numpy="2.3.0",
    scikit_learn="1.7.0",
    dtones="0.1.0",
    commit="abc",
    device="CPU",
    threads=2,
)


def scores(balance):
    """Everything is kept, and `balance` of it in its own place alone: D = B = balance."""
    found = [Score(metric="preservation", value=1.0)]
    found += [Score(metric=name, value=balance) for name in ("disentanglement", "balance")]
    found.append(Score(metric="reconstruction_r2", value=-1e-5))
    for block in BLOCKS:
        found += [Score(metric="keep", block=block, value=0.75), Score(metric="gap", block=block, value=0.5)]
    for factor in ("timbre", "pitch", "rhythm"):
        found.append(Score(metric="chance", factor=factor, value=0.125))
        for block, value in (("shared", 0.25), ("private", 0.625), ("all", 1.0)):
            own = balance if factor in BLOCKS.get(block, ()) else float(block == "all")
            found.append(Score(metric="information", block=block, factor=factor, value=own))
            found.append(Score(metric="accuracy", block=block, factor=factor, value=value))
    return found


def fields(method, seed, found):
    """The fields of one result on `phrases/timbre`, with these scores; its seconds are 100 + seed."""
    cost = Cost(
        seconds={"train": 90.0},
        total_seconds=100.0 + seed,
        clips_per_second=1e3,
        wait_share=0.0,
        peak_memory_bytes=1,
        parameters=1,
    )
    return {
        "benchmark_version": BENCHMARK_VERSION,
        "preset": "quick",
        "task": "phrases/timbre",
        "task_version": "1",
        "space_version": "1",
        "method": method,
        "family": "contrastive",
        "blocks": BLOCKS,
        "settings": {"width": 8},
        "seed": seed,
        "source_hash": "abc",
        "environment": ENVIRONMENT,
        "cost": cost,
        "scores": found,
    }


def put(root, method, balance, seed, **changes):
    """Writes one result."""
    return results.write(Result(**{**fields(method, seed, scores(balance)), **changes}), root)


def filled(root):
    """A folder of results."""
    for seed in range(5):
        put(root, "middling", 0.5 + WOBBLE[seed], seed)
        put(root, "best", 0.8 + WOBBLE[-1 - seed], seed)
        put(root, "untrained", 0.9, seed, family="control")
    put(root, "hasty", 0.85, 0)
    (root / "README.md").write_text("How to read a result.")
    return root


def line_of(board, method, table=0):
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in board.splitlines()
        if f"| {method} |" in line or f"| {method} † |" in line
    ][table]
