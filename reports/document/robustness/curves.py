"""Curves of the robustness section: the retained score over the severity."""

from reports.document.robustness.estimates import RobustnessValue
from reports.document.robustness.section import RobustnessSection
from reports.figures.robustness_curves import CurvePoint, Curves


def build_curves(section: RobustnessSection) -> Curves:
    """Build the curves of the first metric by title of corruption and by source.

    Sources are left out that a corruption does not change, or whose score is undefined.
    """
    estimates = section.estimates[0]
    curves: dict[str, dict[str, list[CurvePoint]]] = {}
    for (name, severity), by_source in estimates.by_level.items():
        lines = curves.setdefault(section.levels[name][0], {})
        for source, value in by_source.items():
            if not value.is_unchanged and value.value is not None:
                lines.setdefault(source, []).append(_build_point(severity, value))
    return {title: by_source for title, by_source in curves.items() if by_source}


def _build_point(severity: int, value: RobustnessValue) -> CurvePoint:
    assert value.value is not None
    if value.estimate is None:
        return CurvePoint(severity, 100 * value.value)
    estimate = value.estimate
    return CurvePoint(severity, 100 * value.value, 100 * estimate.low, 100 * estimate.high)
