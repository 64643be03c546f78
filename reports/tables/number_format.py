"""Numbers as they are printed."""

from reports.tables.comparison import ColumnHeader

UNDEFINED = "\u2013"  # en dash
MINUS = "\u2212"  # as wide as the plus sign


def format_score(score: float | None, heading: ColumnHeader) -> str:
    """A score as it is printed, or a dash where it is undefined."""
    if score is None:
        return UNDEFINED
    return f"{heading.round_score(score):.{heading.decimals}f}"


def format_signed_score(score: float, heading: ColumnHeader) -> str:
    """A number with its sign, e.g. ``+1.3``; zero has none."""
    shown = heading.round_score(score)
    return (
        f"{shown:+.{heading.decimals}f}".replace("-", MINUS)
        if shown
        else format_score(score, heading)
    )


def get_difference_unit(heading: ColumnHeader) -> str:
    """What a difference is counted in."""
    return "points" if heading.scale == 100 else heading.subtitle
