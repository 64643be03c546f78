"""Numbers as they are printed."""

from reports.scores.comparison import Heading

UNDEFINED = "\u2013"  # en dash
MINUS = "\u2212"  # as wide as the plus sign


def number(score: float | None, heading: Heading) -> str:
    """A score as it is printed, or a dash where it is undefined."""
    if score is None:
        return UNDEFINED
    return f"{heading.rounded(score):.{heading.decimals}f}"


def signed(score: float, heading: Heading) -> str:
    """A number with its sign, e.g. ``+1.3``; zero has none."""
    shown = heading.rounded(score)
    return f"{shown:+.{heading.decimals}f}".replace("-", MINUS) if shown else number(score, heading)


def unit(heading: Heading) -> str:
    """What a difference is counted in."""
    return "points" if heading.scale == 100 else heading.note
