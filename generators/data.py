"""Clips and views as data sets of `torch.utils.data`: rendered when they are asked for, the same whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from generators import splits
from generators.augment import augment
from generators.factors import FactorSpace
from generators.generator import Generator
from generators.hashing import hash64
from generators.pairs import Pairing

Item = tuple[Tensor, Tensor]
Rows = NDArray[np.int64]

_SEED, _EXAMPLE, _CLIP, _VIEW = 201, 202, 203, 1_000  # apart from the streams of nuisances, splits and augmentations


class Clips(Dataset[Item]):
    """Clips with their levels: item i is (audio float32 [samples], levels int64 [factors]).

    Item i is decided by the rows, i and the seed. A `DataLoader` renders a batch at once, in as many workers as it
    has; a generator on an accelerator works without workers alone.
    """

    def __init__(
        self, generator: Generator, rows: str | ArrayLike = "train", split: str = "iid", draws: int = 1, seed: int = 0
    ) -> None:
        """rows: a role of the split (train, validation, probe or test), or rows of `space.grid()`, integers [n].

        draws: how often each row comes, each time with other nuisances. seed: which nuisances.
        Raises ValueError where rows, split, draws or seed are none.
        """
        self.generator, self.rows = generator, chosen_rows(generator.space, rows, split)
        self.draws, self.seed = draws, seed
        _check_draws(draws, seed)

    def __len__(self) -> int:
        return len(self.rows) * self.draws

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Several items, rendered as one batch: what a `DataLoader` asks for."""
        places = _places(indices, len(self))
        rows = self.rows[places % len(self.rows)]
        levels = self.generator.space.levels_at(rows)
        audio = self.generator.render(levels, _clip_seeds(_examples(self.seed, places), rows))
        return list(zip(audio, torch.from_numpy(levels), strict=True))


class Views(Dataset[Item]):
    """Examples of several views: item i is (views float32 [view, samples], levels int64 [view, factors]).

    Views of example i agree in what the pairing shares with the clip of row i; each is drawn on its own from all rows
    that do. Item i is decided by the rows, i and the seed.
    """

    def __init__(
        self,
        generator: Generator,
        pairing: Pairing,
        rows: str | ArrayLike = "train",
        split: str = "iid",
        views: int = 2,
        draws: int = 1,
        seed: int = 0,
    ) -> None:
        """rows, split, draws, seed: as for `Clips`. Raises ValueError, too, for an unknown factor or too few views."""
        pairing.check(generator.space)
        if views < 2:
            raise ValueError(f"an example of {views} views; expected two or more")
        _check_draws(draws, seed)
        self.generator, self.pairing, self.views = generator, pairing, views
        self.rows, self.draws, self.seed = chosen_rows(generator.space, rows, split), draws, seed
        shared = [name for name in generator.space.names if name in pairing.shared]
        keys = generator.space.combinations(generator.space.levels_at(self.rows), shared)
        self._order = np.argsort(keys, kind="stable")
        _, self._group, counts = np.unique(keys, return_inverse=True, return_counts=True)
        self._counts, self._starts = counts, np.cumsum(counts) - counts

    def __len__(self) -> int:
        return len(self.rows) * self.draws

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Several items, rendered as one batch: what a `DataLoader` asks for."""
        places = _places(indices, len(self))
        if self.pairing.kind in ("identical", "augment"):
            audio, levels = self._of_one_clip(places)
        else:
            audio, levels = self._of_several(places)
        return list(zip(audio, torch.from_numpy(levels), strict=True))

    def _of_several(self, places: Rows) -> tuple[Tensor, NDArray[np.int64]]:
        """A clip for each view: [example, view, ...]."""
        examples, group = _examples(self.seed, places), self._group[places % len(self.rows)]
        rows, seeds = [], []
        for view in range(self.views):
            of_view = hash64(examples, _VIEW + view)
            drawn = of_view.numpy().view(np.uint64) % self._counts[group].astype(np.uint64)
            rows.append(self.rows[self._order[self._starts[group] + drawn.astype(np.int64)]])
            seeds.append(_clip_seeds(of_view, rows[-1]))
        levels = self.generator.space.levels_at(np.stack(rows, axis=1).reshape(-1))
        audio = self.generator.render(levels, np.stack(seeds, axis=1).reshape(-1))
        shape = len(places), self.views
        return audio.view(*shape, -1), levels.reshape(*shape, -1)

    def _of_one_clip(self, places: Rows) -> tuple[Tensor, NDArray[np.int64]]:
        """One clip for all views, augmented for each or left as it is: [example, view, ...]."""
        examples, rows = _examples(self.seed, places), self.rows[places % len(self.rows)]
        levels = self.generator.space.levels_at(rows)
        audio = self.generator.render(levels, _clip_seeds(examples, rows)).repeat_interleave(self.views, dim=0)
        if self.pairing.kind == "augment":
            seeds = torch.stack([hash64(examples, _VIEW + view) for view in range(self.views)], dim=1)
            audio = augment(audio, seeds.view(-1), self.generator.sample_rate)
        return audio.view(len(places), self.views, -1), np.repeat(levels[:, None], self.views, axis=1)


def chosen_rows(space: FactorSpace, rows: str | ArrayLike, split: str = "iid") -> Rows:
    """Rows of `space.grid()`: those of a role of a split, or those given, checked. int64 [n].

    Raises ValueError where there is no such role or split, or rows are no integers, out of range or none at all.
    """
    if isinstance(rows, str):
        roles = {str(role): numbers for role, numbers in splits.parse(split).rows(space).items()}
        if rows not in roles:
            raise ValueError(f"no role '{rows}'; there are: {', '.join(roles)}")
        return roles[rows]
    array = np.asarray(rows)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or not len(array):
        raise ValueError(f"rows must be a role or integers [n], at least one; got {array.dtype} {list(array.shape)}")
    bad = array[(array < 0) | (array >= space.size)]
    if len(bad):
        raise ValueError(f"row {bad[0]} is none of the grid's; expected 0 to {space.size - 1}")
    return array.astype(np.int64)


def _check_draws(draws: int, seed: int) -> None:
    if draws < 1:
        raise ValueError(f"{draws} draws of each row; expected one or more")
    if not -(1 << 63) <= seed < 1 << 63:
        raise ValueError(f"seed {seed} does not fit 64 signed bits")


def _places(indices: Sequence[int], n: int) -> Rows:
    """Indices as numbers from 0, int64 [item]. Raises IndexError, at which a loop over a data set ends."""
    for index in indices:
        if not -n <= index < n:
            raise IndexError(f"item {index} of a data set of {n}")
    return np.array(indices, np.int64) % n


def _examples(seed: int, places: Rows) -> Tensor:
    """A number for each item that no other item or seed has, int64 [item]."""
    return hash64(hash64(torch.tensor([seed]), _SEED) + torch.from_numpy(places), _EXAMPLE)


def _clip_seeds(examples: Tensor, rows: Rows) -> NDArray[np.int64]:
    """Seeds of clips, which depend on the row too: the first clips of two roles do not share their noise. int64 [n]."""
    return hash64(examples + torch.from_numpy(rows), _CLIP).numpy()
