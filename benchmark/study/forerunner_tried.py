"""Settings of `combined` that were tried for the forerunner's table, beside its defaults, in the order of trying."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.study.strategies import Value

METHOD = "combined"
# With one-hot shared codes the shared block stayed at three quarters of timbre.
CONTINUOUS: dict[str, Value] = {"shared_groups": 0, "contrast_weight": 1.0, "rate_weight": 0.0003}
# Three of these again, with coarser codes: `resolution` is 3 by default.
WEAK: dict[str, Value] = {
    **CONTINUOUS,
    "independence_weight": 0.1,
    "swap_weight": 0.1,
    "across_contrast_weight": 0.3,
}
SWAPPED: dict[str, Value] = {**WEAK, "swap_weight": 1.0}
STRONG: dict[str, Value] = {
    **CONTINUOUS,
    "independence_weight": 0.3,
    "swap_weight": 0.3,
    "across_contrast_weight": 1.0,
}
# Nothing presses the blocks apart but the rate, which here is higher, of both blocks.
DEAR: dict[str, Value] = {**CONTINUOUS, "independence_weight": 0.0, "swap_weight": 0.1}
BY_RATE: tuple[dict[str, Value], ...] = tuple({**DEAR, "rate_weight": rate} for rate in (0.001, 0.002, 0.003, 0.005))
TRIED: tuple[dict[str, Value], ...] = (
    {},
    {"rate_weight": 0.001, "independence_weight": 0.3},
    {"rate_weight": 0.001, "independence_weight": 0.1, "swap_weight": 0.3},
    {"rate_weight": 0.0003, "independence_weight": 0.1, "swap_weight": 0.1},
    {"rate_weight": 0.0003, "independence_weight": 0.3, "swap_weight": 0.1, "false_negatives": "debiased"},
    {"rate_weight": 0.0003, "independence_weight": 0.1, "swap_weight": 0.1, "contrast_weight": 1.0},
    {**CONTINUOUS, "independence_weight": 0.1, "swap_weight": 0.1},
    {**CONTINUOUS, "independence_weight": 1.0, "swap_weight": 0.1},
    WEAK,
    {**CONTINUOUS, "rate_weight": 0.001, "independence_weight": 0.3, "swap_weight": 0.3},
    STRONG,
    {**CONTINUOUS, "independence_weight": 0.1, "swap_weight": 1.0},
    SWAPPED,
    {
        "shared_groups": 1,
        "contrast_weight": 1.0,
        "false_negatives": "debiased",
        "positive_prior": 0.25,
        "rate_weight": 0.001,
        "independence_weight": 0.3,
        "swap_weight": 0.1,
    },
    *({**WEAK, "resolution": steps} for steps in (4.0, 5.0, 6.0, 8.0, 10.0)),
    *({**SWAPPED, "resolution": steps} for steps in (5.0, 6.0, 8.0)),
    *({**STRONG, "resolution": steps} for steps in (5.0, 6.0, 8.0)),
    *({**STRONG, "rate_weight": 0.0001, "resolution": steps} for steps in (5.0, 7.0, 10.0)),
    *BY_RATE,
    {**DEAR, "rate_weight": 0.001, "contrast_weight": 3.0},
    {**DEAR, "rate_weight": 0.001, "independence_weight": 0.03},
    {**DEAR, "rate_weight": 0.002, "across_contrast_weight": 0.3},
    {**DEAR, "rate_weight": 0.002, "swap_weight": 0.03},
)


def written(settings: Mapping[str, Value]) -> str:
    """Settings in a line."""
    return " ".join(f"{name}={value}" for name, value in settings.items()) or "defaults"
