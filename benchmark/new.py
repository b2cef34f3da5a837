"""A starting file for a method of one's own, which already runs: `python -m benchmark.new my_method [--encoder]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from baselines.plugins import NAME, RESERVED
from baselines.registry import names
from benchmark.cli import DONE, USAGE, Parser, complain

METHOD = '''"""{title}: say in this line what it does; benchmark.list and the board show it."""

import torch
from pydantic import Field
from torch.nn import functional as F

from baselines.contract import CommonSettings, Method


class Settings(CommonSettings):
    """Settings of one's own, each with a default, a range and a description: `--set noise=0.2` changes one."""

    noise: float = Field(0.1, ge=0, le=10, description="standard deviation of the noise on the inputs")


class {name}(Method):
    """A denoising autoencoder, to begin with: reconstruct the clean features from noisy ones."""

    family = "other"  # or combined, contrastive, non-contrastive, reconstructive
    Settings = Settings

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)  # keeps them as self.trunk, self.blocks, self.settings
        dims = len(blocks) * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(dims), trunk.decoder(dims)

    def training_step(self, batch, optimiser_index=0):
        # batch.views: [example, view, frame, mel], standardised log-mel features. The views of an example share what
        # belongs in the block batch.pairing, and nothing else; what that is, no method is told.
        clean = batch.views.flatten(0, 1)
        noisy = clean + self.settings.noise * torch.randn_like(clean)
        return {{"loss": F.mse_loss(self.decoder(self.encoder(noisy)), clean)}}

    def embed(self, inputs):
        # [clip, frame, mel] to {{block: [clip, d]}}; a clip's codes must depend on the clip alone.
        return self.split(self.encoder(inputs))

    def decode(self, blocks):  # optional: for reconstruction and swaps
        return self.decoder(self.join(blocks))
'''

ENCODER = '''"""{title}: say in this line what it is, and what it was trained on."""

import numpy as np

sample_rate = 16_000  # Hz, of the audio that embed is given: the suite resamples to it
family = "other"  # or combined, contrastive, non-contrastive, reconstructive

# Load the weights here, once; or write a class with `sample_rate` and `embed`, which is made without arguments.


def embed(audio):
    """Codes of clips. audio: float32 [clip, sample], full scale 1.0. A clip's codes must depend on the clip alone.

    Returns an array [clip, d], which is scored as one block, by P alone; or, where it has blocks of the task's names,
    as {{"shared": ..., "private": ...}}, an array for each, and P, D and B are scored. Where d is over 128, the first
    128 principal components are.
    """
    power = np.abs(np.fft.rfft(audio)) ** 2
    bands = np.array_split(power, 64, axis=1)
    return np.log(1e-6 + np.stack([band.mean(axis=1) for band in bands], axis=1))
'''


def text_of(name: str, *, encoder: bool) -> str:
    """The text of the starting file of a method."""
    title = name.replace("_", " ").replace("-", " ").strip().capitalize() or name
    parts = [part for part in re.split(r"[_-]", name) if part]
    cls = "".join(part[0].upper() + part[1:] for part in parts) or "Mine"
    return (ENCODER if encoder else METHOD).format(title=title, name=cls if cls[0].isalpha() else f"Method{cls}")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file. Returns the exit status."""
    parser = Parser(prog="python -m benchmark.new", description="Write a file that holds a method, and already runs.")
    parser.add_argument("name", help="of the method, and of its file: my_method writes my_method.py")
    parser.add_argument("--encoder", action="store_true", help="one that is trained already: audio to codes")
    options = parser.parse_args(argv)
    name = options.name.removesuffix(".py")
    path = Path(f"{name}.py")
    try:
        if not re.fullmatch(NAME, name) or name in RESERVED:
            raise ValueError(f"'{name}' cannot name a method: use letters, digits, _ and -")
        if name in names():
            raise ValueError(f"'{name}' is the name of a built-in method: choose another")
        with path.open("x", encoding="utf-8") as file:
            file.write(text_of(name, encoder=options.encoder))
    except FileExistsError:
        complain(f"{path} is there already; it is left as it is: choose another name, or remove it")
        return USAGE
    except OSError as error:
        complain(f"cannot write {path} ({error.strerror or error})")
        return USAGE
    except ValueError as error:
        complain(error)
        return USAGE
    print(f"wrote {path}; it runs as it is, and its comments say what to change:\n")
    print(f"  python -m benchmark.run --plugin {path} --method {name} --preset tiny   # seconds: does it work?")
    print(f"  python -m benchmark.run --plugin {path} --method {name}                 # its scores")
    print(f"  python -m benchmark.submit {path}                                       # for the board")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
