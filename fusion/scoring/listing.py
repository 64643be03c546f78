"""List of all fusion metrics and their variants, as text for a terminal."""

import inspect
import re
from textwrap import wrap
from types import ModuleType

from fusebench import plugins
from fusion.scoring.metric import LUMINANCE, Metric, load_metrics

HEADING = (
    "Select a metric by its name, a variant by name.variant; the first variant is the default. "
    f"All metrics are computed on luminance: {LUMINANCE}."
)


def format_listing() -> str:
    """Format every metric with its title, its source and its variants."""
    names = plugins.list_plugins("fusion.metrics")
    return "\n\n".join(
        [HEADING, *(_format_metric(plugins.load_plugin("fusion.metrics", name)) for name in names)]
    )


def get_paper(module: ModuleType) -> str:
    """Get the source of a metric from its module docstring, in one line."""
    docstring = inspect.cleandoc(module.__doc__ or "")
    match = re.search(r"Source: (.*?)(?:\n\n|\Z)", docstring, flags=re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def load_variants(module: ModuleType) -> list[Metric]:
    """Load a metric in each of its variants, the default first."""
    name = module.__name__.rpartition(".")[2]
    if len(module.VARIANTS) == 1:
        return list(load_metrics({name: {}}))
    return [
        metric for variant in module.VARIANTS for metric in load_metrics({f"{name}.{variant}": {}})
    ]


def _format_metric(module: ModuleType) -> str:
    title = (module.__doc__ or "").partition("\n")[0]
    lines = [
        title,
        *wrap(f"Source: {get_paper(module)}", 100, initial_indent="  ", subsequent_indent="    "),
    ]
    for metric in load_variants(module):
        lines += [
            f"  {metric.name}",
            f"      {_format_properties(metric)}",
            f"      {metric.definition.description}",
        ]
        if not metric.definition.is_symmetric:
            lines[-1] += "; not symmetric in the two sources"
        if metric.definition.known_fault:
            lines.append(f"      known fault: {metric.definition.known_fault}")
    return "\n".join(lines)


def _format_properties(metric: Metric) -> str:
    definition = metric.definition
    signature = f"{metric.module.TITLE}.{metric.variant} v{metric.module.VERSION}"
    unit = definition.unit or "no unit"
    return f"{signature}; {unit}; {_format_range(metric)}; {definition.better} is better"


def _format_range(metric: Metric) -> str:
    low, high = metric.definition.minimum, metric.definition.maximum
    if low is None and high is None:
        return "any number"
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
