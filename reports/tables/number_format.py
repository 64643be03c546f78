"""Format scores and differences as they are printed."""

from reports.tables.comparison import ColumnHeader

UNDEFINED = "\u2013"  # en dash
MINUS = "\u2212"  # as wide as the plus sign


def format_score(score: float | None, header: ColumnHeader) -> str:
    """Format a score with the decimals of its column, or a dash if it is undefined."""
    if score is None:
        return UNDEFINED
    return f"{header.round_score(score):.{header.decimals}f}"


def format_signed_score(score: float, header: ColumnHeader) -> str:
    """Format a difference with its sign, e.g. ``+1.3``; zero has none."""
    rounded = header.round_score(score)
    if not rounded:
        return format_score(score, header)
    return f"{rounded:+.{header.decimals}f}".replace("-", MINUS)


def get_difference_unit(header: ColumnHeader) -> str:
    """Return the unit of a difference in a column."""
    return "points" if header.scale == 100 else header.subtitle
