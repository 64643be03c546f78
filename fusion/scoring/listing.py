"""List of all fusion metrics and their variants, as text for a terminal."""

import inspect
import re
from textwrap import wrap

from fusebench import plugins
from fusebench.contracts import FusionMetric
from fusion.scoring.metric import LUMINANCE, Metric, load_metrics

HEADING = (
    "Select a metric by its name, a variant by name.variant; the first variant is the default. "
    f"All metrics are computed on luminance: {LUMINANCE}."
)


def format_listing() -> str:
    """Format every metric with its title, its source and its variants."""
    names = plugins.list_plugins(plugins.FUSION_METRICS)
    metrics = [plugins.load_fusion_metric(name) for name in names]
    return "\n\n".join([HEADING, *map(_format_metric, metrics)])


def get_paper(metric: FusionMetric) -> str:
    """Get the source of a metric from its module docstring, in one line."""
    docstring = inspect.cleandoc(metric.docstring)
    match = re.search(r"Source: (.*?)(?:\n\n|\Z)", docstring, flags=re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def load_variants(metric: FusionMetric) -> list[Metric]:
    """Load a metric in each of its variants, the default first."""
    name, variants = metric.name, metric.VARIANTS
    names = [name] if len(variants) == 1 else [f"{name}.{variant}" for variant in variants]
    return [column for name in names for column in load_metrics({name: {}})]


def _format_metric(metric: FusionMetric) -> str:
    title = metric.docstring.partition("\n")[0]
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
            lines[-1] += "; not symmetric in the two sources"
        if column.definition.known_fault:
            lines.append(f"      known fault: {column.definition.known_fault}")
    return "\n".join(lines)


def _format_properties(metric: Metric) -> str:
    definition = metric.definition
    signature = f"{metric.plugin.TITLE}.{metric.variant} v{metric.plugin.VERSION}"
    unit = definition.unit or "no unit"
    return f"{signature}; {unit}; {_format_range(metric)}; {definition.better} is better"


def _format_range(metric: Metric) -> str:
    low, high = metric.definition.minimum, metric.definition.maximum
    if low is None and high is None:
        return "any number"
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
