"""Numbers and tables as Markdown: the same bytes on every machine."""

from collections.abc import Iterable, Sequence

from benchmark.statistics import mean_interval

NONE = "—"


def number(value: float, decimals: int = 3) -> str:
    """A number with so many decimals; a negative one that rounds to nothing has no sign."""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def probability(p: float) -> str:
    """A p value with three decimals, the smallest as a bound."""
    return "< 0.001" if p < 0.001 else number(p)


def mean(values: Sequence[float]) -> str:
    """The mean of some values, or a dash where there are none."""
    return number(mean_interval(values)[0]) if values else NONE


def interval(values: Sequence[float]) -> str:
    """The mean and half of its 95 % t interval; the mean alone of a single value."""
    if not values:
        return NONE
    centre, half_width = mean_interval(values)
    return number(centre) if half_width is None else f"{number(centre)} ± {number(half_width)}"


def by_block(cells: dict[str, str], owners: Sequence[str] = ()) -> str:
    """One cell with a number a block; those of `owners` in bold."""
    if set(cells.values()) <= {NONE}:
        return NONE
    return " / ".join(f"**{cell}**" if block in owners and cell != NONE else cell for block, cell in cells.items())


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A Markdown table whose first `left` columns are text."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    lines = [header, rule, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
