"""Methods whose scores are sums of their codes: for tests of where runs go, not of what they score."""

SCORED_AT_ONCE = """
from importlib import import_module  # a plugin may not import the benchmark; this one is none

execution, work = import_module("benchmark.execution"), import_module("benchmark.work")
Score = import_module("benchmark.metrics.table").Score

def scores_of(task, space, probe, test, device, report):
    total = float(sum(abs(codes).sum() for codes in test.blocks.values()))
    total /= 1 + total  # a score lies in [0, 1]
    blocks = [*test.blocks, "all"]
    known = {(b, f): total if b == "all" or f in task.blocks[b] else 0.0 for b in blocks for f in space.names}
    return [  # all that is kept is in its own place
        *(Score(*row) for row in (("preservation", None, None, total), ("balance", None, None, total))),
        Score("disentanglement", None, None, 1.0),
        *(Score(metric, b, f, value) for metric in ("information", "accuracy") for (b, f), value in known.items()),
        *(Score("chance", None, f, 0.1) for f in space.names),
    ]

work.scores_of = scores_of
execution.by_decoders = lambda *_: []
"""

QUICK = f'''"""Means of the clips' features."""
from baselines.contract import Method
{SCORED_AT_ONCE}
class Quick(Method):
    def optimisers(self):
        return []

    def embed(self, inputs):
        return {{"shared": inputs.mean(1)[:, ::16], "private": inputs.mean(2)[:, ::8]}}
'''

# DTONES_TEST_TRACE: a file that takes a line a step; DTONES_TEST_STEP_S: seconds that each takes.
STEADY = f'''"""Learns a little, and tells of each of its steps."""
import os
import time
from baselines.contract import Method
{SCORED_AT_ONCE}
class Steady(Method):
    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(4)
        self.begun = self.encoder.state_dict()[next(iter(self.encoder.state_dict()))].sum().item()
        self.step = 0

    def training_step(self, batch, optimiser_index=0):
        if len(batch.views) == 16:  # tried once on noise: no step that counts
            return {{"loss": (self.encoder(batch.views.flatten(0, 1)) - 1).square().mean()}}
        with open(os.environ["DTONES_TEST_TRACE"], "a") as file:
            file.write(f"{{os.getpid()}} {{self.begun}} {{self.step}}\\n")
        time.sleep(float(os.environ["DTONES_TEST_STEP_S"]))
        self.step += 1
        return {{"loss": (self.encoder(batch.views.flatten(0, 1)) - 1).square().mean()}}

    def embed(self, inputs):
        codes = self.encoder(inputs)
        return {{"shared": codes[:, :2], "private": codes[:, 2:]}}
'''

# The fault follows: what `embed` does.
FAULTY = f'''"""Does what it should not."""
import os
import sys
import time
from baselines.contract import Method
{SCORED_AT_ONCE}
class Faulty(Method):
    def optimisers(self):
        return []

    def embed(self, inputs):
        '''
