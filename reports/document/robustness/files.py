"""CSV files of the robustness section: every severity, the means, and the pairs of sources."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from reports.document.robustness.estimates import RobustnessValue
from reports.document.robustness.section import RobustnessSection
from reports.statistics.confidence_intervals import Estimate

LEVEL_COLUMNS = (
    *("metric", "source", "corruption", "severity", "description", "seeds"),
    *("clean", "score", "retained", "low", "high"),
)
MEAN_COLUMNS = (
    "metric",
    "source",
    "corruption",
    "seeds",
    "clean",
    "score",
    "retained",
    "low",
    "high",
)
PAIR_COLUMNS = ("metric", "source", "other", "difference", "low", "high", "p", "p Holm")
ALL_CORRUPTIONS = "mean"  # in place of a corruption's name


def write_csv_files(
    section: RobustnessSection, folder: Path, write: Callable[[pd.DataFrame, Path], None]
) -> None:
    """Write all metrics, scores and shares in percent, below the folder of the report.

    Args:
        section: The section.
        folder: Folder of the report.
        write: Writes one table to a file.
    """
    means_table, levels_table = section.tables
    stem = levels_table.csv_file.removesuffix(".csv")
    write(build_levels_dataframe(section), folder / levels_table.csv_file)
    write(build_means_dataframe(section), folder / means_table.csv_file)
    write(build_pairs_dataframe(section), folder / f"{stem}-pairwise.csv")


def build_levels_dataframe(section: RobustnessSection) -> pd.DataFrame:
    """Tabulate every source, corruption and severity: columns `LEVEL_COLUMNS`."""
    rows = [
        (
            *(estimates.metric, source, name, severity, section.levels[name][1][severity]),
            len(estimates.seeds[source]),
            _scale(estimates.clean[source]),
            *_list_numbers(value),
        )
        for estimates in section.estimates
        for (name, severity), by_source in estimates.by_level.items()
        for source, value in by_source.items()
    ]
    return pd.DataFrame(rows, columns=list(LEVEL_COLUMNS))


def build_means_dataframe(section: RobustnessSection) -> pd.DataFrame:
    """Tabulate the means over severities, and over corruptions: columns `MEAN_COLUMNS`."""
    rows = [
        (
            *(estimates.metric, source, name, len(estimates.seeds[source])),
            _scale(estimates.clean[source]),
            *_list_numbers(value),
        )
        for estimates in section.estimates
        for name, by_source in (
            *estimates.by_corruption.items(),
            (ALL_CORRUPTIONS, estimates.means),
        )
        for source, value in by_source.items()
    ]
    return pd.DataFrame(rows, columns=list(MEAN_COLUMNS))


def build_pairs_dataframe(section: RobustnessSection) -> pd.DataFrame:
    """Tabulate the differences of the means of two sources: columns `PAIR_COLUMNS`."""
    rows = [
        (
            *(estimates.metric, comparison.source, comparison.other),
            *_list_ends(comparison.estimate.value, comparison.estimate),
            round(comparison.estimate.p_value, 6),
            round(comparison.adjusted_p_value, 6),
        )
        for estimates in section.estimates
        for comparison in estimates.comparisons
    ]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def _list_numbers(value: RobustnessValue) -> tuple[float | None, ...]:
    """List the score, the retained score, and the ends of its interval."""
    return _scale(value.score), *_list_ends(value.value, value.estimate)


def _list_ends(value: float | None, estimate: Estimate | None) -> tuple[float | None, ...]:
    low, high = (None, None) if estimate is None else (estimate.low, estimate.high)
    return _scale(value), _scale(low), _scale(high)


def _scale(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 6)
