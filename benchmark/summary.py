"""What a run tells at its end: its scores, where each factor was found, what it cost, where it was written."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmark.metrics.table import (
    ACCURACY,
    BALANCE,
    DISENTANGLEMENT,
    PRESERVATION,
    RECONSTRUCTION_R2,
    STANDARD_DECODER_R2,
    SWAP_FIDELITY,
)
from benchmark.results import Result
from benchmark.storage import Place

HEADLINE = {
    PRESERVATION: ("P", "preservation: what of the sound was kept"),
    DISENTANGLEMENT: ("D", "disentanglement: of that, the share in its own place alone"),
    BALANCE: ("B", "balance: both at once, the number that ranks"),
}
DECODERS = {
    STANDARD_DECODER_R2: ("R2 of the standard decoder",),
    RECONSTRUCTION_R2: ("of its own",),
    SWAP_FIDELITY: ("swap fidelity",),
}


def show(result: Result, place: Place, pictures: Place, console: Console) -> None:
    """Print one result."""
    console.print()
    console.print(
        f"[bold]{result.method}[/] on {result.task}, preset {result.preset}, seed {result.seed}, "
        f"{result.environment.device}",
        highlight=False,
    )
    console.print(
        "\n".join(_headline(result)) + "\n\n"
        "  accuracy of the probes (usable information), on test clips; * where the factor belongs",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_accuracies(result))
    decoders = [f"{words} {score.value:.3f}" for score in result.scores for words in DECODERS.get(score.metric, ())]
    if decoders:
        console.print(f"  on test clips: {'; '.join(decoders)}", highlight=False, soft_wrap=True)
    _cost(result, console)
    console.print(f"  result    {place}", markup=False, highlight=False, soft_wrap=True)
    for picture in sorted(pictures.glob("*.png"), key=str):
        console.print(f"  picture   {picture}", markup=False, highlight=False, soft_wrap=True)


def _headline(result: Result) -> list[str]:
    """P, D and B; P alone where a block owns no factor, so that there is nothing to disentangle."""
    return [
        f"  [bold]{HEADLINE[metric][0]} {value:.3f}[/] {HEADLINE[metric][1]}"
        for metric, value in result.ranked().items()
    ]


def _accuracies(result: Result) -> Table:
    """Factor by block: accuracy and, in brackets, usable information."""
    table = Table()
    table.add_column("factor")
    told = {score.block for score in result.scores if score.metric == ACCURACY}
    blocks = [*(block for block in result.blocks if block in told), "all"]
    for block in blocks:
        table.add_column(block, justify="right")
    table.add_column("chance", justify="right")
    for factor in [factor for owned in result.blocks.values() for factor in owned]:
        cells = [
            f"{result.value('accuracy', block, factor):.3f} ({result.value('information', block, factor):.2f})"
            + ("*" if factor in result.blocks.get(block, []) else " ")
            for block in blocks
        ]
        table.add_row(factor, *cells, f"{result.value('chance', factor=factor):.3f}")
    return table


def _cost(result: Result, console: Console) -> None:
    cost = result.cost
    stages = "  ".join(f"{name} {seconds:.1f}" for name, seconds in cost.seconds.items())
    console.print(f"  seconds   {stages}  [bold]total {cost.total_seconds:.1f}[/]", highlight=False, soft_wrap=True)
    console.print(
        f"  training  {cost.clips_per_second:,.0f} clips/s, {cost.wait_share:.1%} of it waiting for data; "
        f"{cost.parameters:,} parameters; peak memory {cost.peak_memory_bytes / 2**30:.2f} GiB",
        highlight=False,
        soft_wrap=True,
    )
