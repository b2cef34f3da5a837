"""Small trainings on random features: of methods that keep what they know in every way there is, to kill and resume."""

import copy
import os
import random
import signal
import sys
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

import generators
from baselines import registry
from baselines.contract import Method
from baselines.networks import Trunk
from benchmark.checkpoint import Checkpoints
from benchmark.features import Clips
from benchmark.tasks import PRESETS, load_task
from benchmark.train import train

TASK = load_task("phrases/timbre")
SPACE = generators.space("phrases")
PRESET = replace(PRESETS["tiny"], steps=40, examples=16)
TRUNK = Trunk(n_frames=6, n_mels=12, width=24, depth=1)


def clips():
    levels = SPACE.sample(200, np.random.default_rng(3))
    features = torch.randn(200, TRUNK.n_frames, TRUNK.n_mels, generator=torch.Generator().manual_seed(3))
    return Clips(levels, np.arange(200), features)


class Plugin(Method):
    """Draws the views of an example together, from noise; `weight` makes the loss depend on what else it holds."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(8)

    def weight(self, codes):
        return 1.0

    def training_step(self, batch, optimiser_index=0):
        codes = self.encoder(batch.views.flatten(0, 1)).float()
        noisy = codes + 0.1 * torch.randn_like(codes)
        spread = (codes.std(0) - 1).square().mean()
        distance = (noisy.unflatten(0, batch.views.shape[:2]).diff(dim=1)).square().mean()
        return {"loss": self.weight(codes.detach()) * distance + spread, "distance": distance}

    def embed(self, inputs):
        return dict(zip(self.blocks, self.encoder(inputs).chunk(2, dim=1), strict=True))


class Numbers(Plugin):
    """Counts its steps and keeps a mean, a flag, a name, a tuple and NumPy's numbers."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.step, self.mean, self.late, self.phase, self.best = 0, 0.0, False, None, float("inf")
        self.pair, self.single, self.sums, self.doomed = (0, 1.0), np.float32(0.1), np.zeros(3), "here"

    def weight(self, codes):
        self.step += 1
        self.mean = 0.9 * self.mean + 0.1 * float(codes.mean())
        self.late, self.phase = self.step > 20, "early" if self.step < 10 else None
        self.best = min(self.best, abs(self.mean)) if self.step > 30 else self.best
        self.pair, self.single = (self.step, self.pair[1] * 0.9), self.single * np.float32(0.99)
        self.sums[self.step % 3] += self.mean
        if self.step == 1:
            del self.doomed
        late = 2.0 if self.late else 1.0
        return late + abs(self.mean) + 0.01 * self.step + self.pair[1] + float(self.single) + float(self.sums.sum())


class Queue(Plugin):
    """A queue outside its state, written in place behind a pointer, with a view of it and a copy that comes later."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.queue, self.pointer, self.newest = torch.zeros(50, 8), 0, None
        self.window, self.turned = self.queue[10:25, 1:], torch.randn(8, 5).T
        self.same = self.queue

    def weight(self, codes):
        rows = (self.pointer + torch.arange(7)) % 50
        self.queue[rows] = codes[:7]
        self.pointer = (self.pointer + 7) % 50
        self.newest = codes[3:9]
        self.turned = self.turned.roll(1, 0) * 0.9
        return 1 + self.window.square().mean() + self.same.abs().mean() + self.newest.mean() + self.turned.sum()


class Closures(Plugin):
    """What it changes is held by a function, too, which nothing can look into."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        queue, numbers, counts, draws = torch.zeros(20, 8), [], np.zeros(2), torch.Generator().manual_seed(1)
        window, recent, table = queue[5:9], deque(maxlen=2), {"sum": 0.0}
        self.queue, self.numbers, self.counts, self.draws = queue, numbers, counts, draws
        self.recent, self.table = recent, table

        def push(codes):
            window[len(numbers) % 4] = codes[0]
            numbers.append(float(codes[0, 0]))
            recent.append(float(codes[0, 1]))
            counts[len(numbers) % 2] += 1
            table["sum"] += float(torch.rand((), generator=draws))

        self.push = push

    def weight(self, codes):
        self.push(codes)
        known = sum(self.numbers) + sum(self.recent) + self.counts[0] / 9 + self.table["sum"]
        return 1 + 0.01 * abs(known) + self.queue.square().mean() + 0.1 * float(torch.rand((), generator=self.draws))


class Generators(Plugin):
    """Draws from generators of its own."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.torchs, self.numpys = torch.Generator().manual_seed(1), np.random.default_rng(1)
        self.pythons, self.twisters = random.Random(1), np.random.Generator(np.random.MT19937(1))

    def weight(self, codes):
        drawn = torch.rand((), generator=self.torchs).item() + self.numpys.random() + self.twisters.random()
        if self.pythons.random() < 0.1:
            self.torchs = torch.Generator().manual_seed(self.pythons.randrange(100))  # another object from here on
        return drawn + self.pythons.random()


class Containers(Plugin):
    """A deque of tensors, and lists and dictionaries in one another; one list has two names."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.recent, self.log, self.sums = deque(maxlen=3), [], defaultdict(float)
        self.also, self.tree = self.log, {"a": {1: [0.0, None]}, "ordered": OrderedDict(z=1, y=2)}

    def weight(self, codes):
        if len(self.log) % 10 == 0:
            self.one = self.two = []
        self.one.append(0.01 * float(codes[0, 2]))
        self.recent.append(codes[:4])
        self.log.append((len(self.log), float(codes[0, 0])))
        self.sums[len(self.log) % 4] += float(codes[0, 1])
        self.tree["a"][1][0] += 0.01
        self.tree["ordered"].move_to_end("z" if len(self.log) % 2 else "y")
        assert self.also is self.log
        first = next(iter(self.tree["ordered"]))
        mean = torch.stack(list(self.recent)).square().mean()
        return (
            1
            + mean
            + sum(self.two)
            + self.also[-1][1]
            + self.sums[1]
            + self.tree["a"][1][0]
            + (0.1 if first == "y" else 0)
        )


class Teachers(Plugin):
    """A momentum encoder, and one hidden in a list; dropout and running means; layers that stop learning."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False)
        self.hidden = [copy.deepcopy(self.encoder).requires_grad_(False)]
        self.noisy = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.2))
        self.active, self.steps = self.teacher, 0

    def weight(self, codes):
        return 1 + self.noisy(codes).square().mean() + self.active(torch.ones(2, 6, 12)).square().mean()

    def after_step(self):
        self.steps += 1
        for teacher, share in ((self.teacher, 0.1), (self.hidden[0], 0.3)):
            for old, new in zip(teacher.parameters(), self.encoder.parameters(), strict=True):
                old.data.lerp_(new.data, share)
        self.active = self.hidden[0] if self.steps % 2 else self.teacher
        if self.steps == 20:
            self.encoder[1][0].requires_grad_(False)
            self.noisy.eval()


class Rivals(Plugin):
    """Two optimisers against each other, a third that the loop does not know, and a parameter of no module."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.judge = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
        self.loose = [nn.Parameter(torch.ones(8))]
        self.own = nn.Parameter(torch.ones(()))
        self.its = torch.optim.Adam([self.own], 0.05)
        self.decay = torch.optim.lr_scheduler.ExponentialLR(self.its, 0.95)

    def optimisers(self):
        one = torch.optim.RMSprop([{"params": self.encoder.parameters()}, {"params": self.loose, "lr": 0.1}], 1e-3)
        return [one, torch.optim.SGD(self.judge.parameters(), 0.05, momentum=0.9, nesterov=True)]

    def training_step(self, batch, optimiser_index=0):
        codes = self.encoder(batch.views.flatten(0, 1)).float() * self.loose[0] * self.own.detach()
        real = self.judge(torch.randn_like(codes)).mean()
        false = self.judge(codes if optimiser_index == 0 else codes.detach()).mean()
        return {"loss": -false if optimiser_index == 0 else (false - real) + 0.1 * real.square()}

    def after_step(self):
        self.its.zero_grad()
        (self.own - torch.rand(())).square().backward()
        self.its.step()
        self.decay.step()


class Tied(Plugin):
    """One weight in two places, buffers that are views of one another, of other types, and none."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.register_buffer("counts", torch.zeros(6, dtype=torch.int64))
        self.register_buffer("tail", self.counts[3:], persistent=False)
        self.register_buffer("coarse", torch.zeros(4, 2, dtype=torch.bfloat16).T)
        self.register_buffer("later", None)
        self.register_buffer("grown", torch.zeros(0, 8), persistent=False)

    def weight(self, codes):
        self.counts[int(self.counts.sum()) % 6] += 1
        self.coarse += codes[:2, :4].to(torch.bfloat16)
        self.later = torch.ones(()) if self.later is None else self.later * 1.01
        self.grown = torch.cat([codes, self.grown])[:100]
        tied = self.second(self.first(codes)).square().mean()
        return 1 + tied + self.tail.sum() * 0.01 + self.coarse.float().mean() + self.later + self.grown.mean()


class Exact(torch.optim.Optimizer):
    """A momentum in float64, a whole number and a list beside it: what torch would cast to the type of the weights."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.05})

    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                kept = self.state[parameter]
                kept.setdefault("sum", torch.zeros_like(parameter, dtype=torch.float64))
                kept.setdefault("count", torch.zeros((), dtype=torch.int64))
                kept.setdefault("last", [None, 0.5])
                kept["sum"].mul_(0.9).add_(parameter.grad, alpha=0.1)
                kept["count"] += 1
                kept["last"][1] *= 0.99
                # A whole number divides otherwise than a float does, and a sum in float64 has more digits.
                rate = group["lr"] / (1 + kept["count"] // 2) + 1e-3 * kept["last"][1]
                parameter.data.sub_((rate * kept["sum"]).float())


class Exactly(Plugin):
    """An optimiser of its own."""

    def optimisers(self):
        return [Exact(self.parameters())]


PLUGINS = {
    cls.__name__: cls for cls in (Numbers, Queue, Closures, Generators, Containers, Teachers, Rivals, Tied, Exactly)
}


class KilledError(BaseException):
    """What a signal raises, in the middle of a training."""


class Scripted(Checkpoints):
    """Written after the steps that a test says; killed, as by a signal, after another."""

    def __init__(self, place, at=(), killed=None, identity="run", die=None):
        self.lines = []
        super().__init__(place, identity, 1e9, self.lines.append)
        self.at, self.killed, self.step, self.die = at, killed, 0, die

    def begin(self, held, conditions):
        log = super().begin(held, conditions)
        self.step = log.step if log else 0
        return log

    def due(self):
        self.step += 1
        if self.step == self.killed:
            self.die() if self.die else None
            raise KilledError
        return self.step in self.at


@dataclass
class Trained:
    """What a training came to."""

    method: Method
    training: object
    embeddings: dict

    def same_as(self, other):
        ours, theirs = (dict(t.method.named_parameters(remove_duplicate=False)) for t in (self, other))
        assert ours.keys() == theirs.keys()
        ours |= {("buffer", name): value for name, value in self.method.named_buffers()}
        theirs |= {("buffer", name): value for name, value in other.method.named_buffers()}
        for name, value in (ours | self.embeddings).items():
            assert torch.equal(value, (theirs | other.embeddings)[name]), name
            assert value.stride() == (theirs | other.embeddings)[name].stride(), name
        for path, module in self.method.named_modules():
            assert vars(module).keys() == vars(other.method.get_submodule(path)).keys(), path
        flags = [[p.requires_grad for p in t.method.parameters()] for t in (self, other)]
        assert flags[0] == flags[1]
        assert self.training.history == other.training.history
        assert [list(row) for row in self.training.history] == [list(row) for row in other.training.history]
        assert self.training.clips == other.training.clips
        assert self.training.parameters == other.training.parameters


def trained(cls, checkpoints=None, seed=0, preset=PRESET, progress=lambda done, total: None, **options):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        method = cls(TRUNK, tuple(TASK.blocks), cls.Settings())
        training = train(method, TASK, SPACE, clips(), preset, seed, progress, checkpoints=checkpoints, **options)
    method.eval()
    with torch.no_grad():
        return Trained(method, training, method.embed(clips().features[:20]))


def named(name):
    return PLUGINS.get(name) or registry.load(name)


def killed_by_the_system(name, place, at, killed, when):
    """For a process of its own: SIGKILL in step `killed`, or in the write of the checkpoint after it."""

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    checkpoints = Scripted(place, (at,), killed, die=die)
    if when != "step":
        write = checkpoints.write

        def dying(log):
            if log.step == killed:
                setattr(os, when, die)  # `fsync`: the content is on its way; `replace`: it is there under another name
            write(log)

        checkpoints.at, checkpoints.killed, checkpoints.write = (at, killed), None, dying
    trained(named(name), checkpoints)


if __name__ == "__main__":
    name, place, at, killed, when, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    killed_by_the_system(name, Path(place), int(at), int(killed), when)
