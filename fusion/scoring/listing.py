"""All fusion metrics and their variants as a list that is read in a terminal."""

import inspect
import re
from textwrap import wrap

from fusebench import plugins
from fusebench.contracts import FusionMetric
from fusion.scoring.metric import LUMINANCE, Metric, load_metrics

HEADING = (
    "Ask for a metric by its name, for a variant by name.variant; the first one is the default. "
    f"All are of luminance: {LUMINANCE}."
)


def format_listing() -> str:
    """Every metric: what it says, its source, and a line or two per variant."""
    names = plugins.list_plugins(plugins.FUSION_METRICS)
    metrics = [plugins.load_fusion_metric(name) for name in names]
    return "\n\n".join([HEADING, *map(_format_metric, metrics)])


def get_paper(metric: FusionMetric) -> str:
    """The paper that a metric is from, as its file says, in one line."""
    about = inspect.cleandoc(metric.docstring or "")
    found = re.search(r"Source: (.*?)(?:\n\n|\Z)", about, flags=re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def load_variants(metric: FusionMetric) -> list[Metric]:
    """A metric in each of its variants, the default first."""
    name, variants = metric.name, metric.VARIANTS
    names = [name] if len(variants) == 1 else [f"{name}.{variant}" for variant in variants]
    return [column for name in names for column in load_metrics({name: {}})]


def _format_metric(metric: FusionMetric) -> str:
    title = (metric.docstring or "").partition("\n")[0]
    lines = [
        title,
        *wrap(f"Source: {get_paper(metric)}", 100, initial_indent="  ", subsequent_indent="    "),
    ]
    for column in load_variants(metric):
        lines += [
            f"  {column.name}",
            f"      {_format_properties(column)}",
            f"      {column.definition.description}",
        ]
        if not column.definition.is_symmetric:
            lines[-1] += "; the two sources cannot be exchanged"
        if column.definition.known_fault:
            lines.append(f"      known fault: {column.definition.known_fault}")
    return "\n".join(lines)


def _format_properties(metric: Metric) -> str:
    about = metric.definition
    signature = f"{metric.plugin.TITLE}.{metric.variant} v{metric.plugin.VERSION}"
    return (
        f"{signature}; {about.unit or 'no unit'}; {_format_range(metric)}; {about.better} is better"
    )


def _format_range(metric: Metric) -> str:
    low, high = metric.definition.minimum, metric.definition.maximum
    if low is None and high is None:
        return "any number"
    if high is None:
        return f"{low:g} and more"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
