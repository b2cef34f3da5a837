"""Plugins, and what else the tests of the command line share."""

TINY = ("--preset", "tiny", "--device", "cpu")

MINE = '''"""Four band levels and four frame levels."""
from baselines.contract import Method

class Mine(Method):
    def optimisers(self):
        return []

    def embed(self, inputs):
        return {"shared": inputs.mean(1)[:, ::16], "private": inputs.mean(2)[:, ::8]}
'''

DIVERGING = '''"""Its loss has no number from step 30 on."""
import torch
from baselines.contract import Method

class Diverging(Method):
    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(4)
        self.step = 0

    def training_step(self, batch, optimiser_index=0):
        distance = self.encoder(batch.views.flatten(0, 1)).square().mean()
        if self.step == 30:
            distance = distance * float("nan")
        self.step += 1
        return {"loss": distance, "distance": distance}

    def embed(self, inputs):
        return dict.fromkeys(self.blocks, self.encoder(inputs))
'''


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
