"""In which number format training multiplies: bfloat16 where the hardware does, float32 elsewhere."""

from __future__ import annotations

import platform
from typing import Literal, get_args

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def chosen_precision(name: str, device: torch.device) -> torch.dtype:
    """The type that matrix products of training take, by autocast. Raises ValueError for a name that is none.

    `auto` is bfloat16 where a device multiplies it itself; where that is emulated, float32 is faster.
    """
    if name not in get_args(Precision):
        raise ValueError(f"no precision '{name}'; there are: {', '.join(get_args(Precision))}")
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for products of bfloat16: CUDA, AVX512-BF16 or AMX, BF16 of ARM's Linux."""
    if device.type == "cuda":
        return True
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if platform.machine().lower() in ("aarch64", "arm64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # oneDNN's own answer is yes wherever there is AVX512, on which it emulates bfloat16.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
