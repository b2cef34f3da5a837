"""What the plugins of the fault tests import, in whatever process a run is: a method that learns in no time, faults.

Scoring is not what these tests are about, and takes longest: here a score is a digest of all embeddings, equal only
where they are equal to the last bit. $FAULT says what is to happen, as `step 23`; $COUNT names a file with a line for
each training that began, and $THREADS one for the threads of each.
"""

import hashlib
import os
import signal
import time
from pathlib import Path

import torch
from threadpoolctl import threadpool_info

import benchmark.work
from baselines.contract import Method
from benchmark.metrics.table import BALANCE, DISENTANGLEMENT, PRESERVATION, Score
from benchmark.trial import CLIPS

KILLED_AT_STEP, KILLED_AT_FILE, SLOW = "step", "at", "slow"


def _digest(probe, test):
    codes = b"".join(codes.tobytes() for one in (probe, test) for codes in one.blocks.values())
    return int.from_bytes(hashlib.sha256(codes).digest()[:6]) / 2**48


def _scores(task, space, probe, test, device, report):
    value = _digest(probe, test)
    by_factor = [
        Score(metric, block, factor, value)
        for metric in ("information", "accuracy")
        for block in (*task.blocks, "all")
        for factor in space.names
    ]
    by_factor += [Score("chance", None, factor, 0.5) for factor in space.names]
    return by_factor + [Score(metric, None, None, value) for metric in (PRESERVATION, DISENTANGLEMENT, BALANCE)]


benchmark.work.scores_of = _scores
benchmark.limits.GRACE_S = float(os.environ.get("GRACE", benchmark.limits.GRACE_S))
benchmark.execution.by_decoders = lambda *arguments: []


def kill():
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _fault(kind):
    """What comes after the kind in $FAULT; None where another is asked for, or none."""
    asked, _, rest = os.environ.get("FAULT", "").partition(" ")
    return rest if asked == kind else None


def _fatal(operation, left):
    """An operation on files that kills its process, the `left`-th time, before it has come to the name asked for."""

    def done(*paths, **others):
        nonlocal left
        if str(paths[-1]).endswith(_fault(KILLED_AT_FILE).split()[0]):
            left -= 1
            if left == 0:
                if len(paths) == 2 and os.path.isfile(paths[0]):
                    os.truncate(paths[0], os.path.getsize(paths[0]) // 2)  # it was being written
                kill()
        return operation(*paths, **others)

    return done


if _fault(KILLED_AT_FILE):
    for name in ("replace", "rename", "unlink"):
        setattr(os, name, _fatal(getattr(os, name), int(_fault(KILLED_AT_FILE).split()[1])))


def note(variable, text):
    """Add a line to the file that an environment variable names; lines of several processes do not mix."""
    if variable in os.environ:
        with open(os.environ[variable], "a") as file:
            file.write(f"{text}\n")


def cured():
    """Whether what is wrong with the faulty methods was mended meanwhile, without a change to their source."""
    return Path(os.environ["CURED"]).exists()


class Quick(Method):
    """Draws at random in each step and counts them in a buffer: what comes out tells whether a restart was exact."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = torch.nn.Linear(trunk.n_mels, 2 * len(blocks))
        self.register_buffer("steps", torch.zeros(()))

    def prepare(self, features):
        if len(features) == CLIPS:
            return  # tried once on noise: no training that counts
        note("COUNT", f"{type(self).__module__} {torch.initial_seed()}")
        pools = {pool["user_api"]: pool["num_threads"] for pool in threadpool_info()}
        note("THREADS", f"{os.getpid()} {torch.get_num_threads()} {max(pools.values())} {pools}")

    def training_step(self, batch, optimiser_index=0):
        if _fault(KILLED_AT_STEP) == str(int(self.steps)):
            kill()
        time.sleep(float(_fault(SLOW) or 0))
        self.steps += 1
        codes = self.encoder(batch.views.mean(2))
        noise = torch.randn_like(codes) * self.steps
        return {"loss": (codes - noise).square().mean(), "noise": noise.mean()}

    def embed(self, inputs):
        codes = self.encoder(inputs.mean(1))
        return {block: codes[:, 2 * i : 2 * i + 2] for i, block in enumerate(self.blocks)}
