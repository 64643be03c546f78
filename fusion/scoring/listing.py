"""All fusion metrics and their variants as a list that is read in a terminal."""

import inspect
import re
from textwrap import wrap
from types import ModuleType

from fusebench import plugins
from fusion.scoring.metric import LUMINANCE, Metric, load_metrics

HEADING = (
    "Ask for a metric by its name, for a variant by name.variant; the first one is the default. "
    f"All are of luminance: {LUMINANCE}."
)


def format_listing() -> str:
    """Every metric: what it says, its source, and a line or two per variant."""
    names = plugins.list_plugins("fusion.metrics")
    return "\n\n".join(
        [HEADING, *(_format_metric(plugins.load_plugin("fusion.metrics", name)) for name in names)]
    )


def get_paper(module: ModuleType) -> str:
    """The paper that a metric is from, as its file says, in one line."""
    about = inspect.cleandoc(module.__doc__ or "")
    found = re.search(r"Source: (.*?)(?:\n\n|\Z)", about, flags=re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def load_variants(module: ModuleType) -> list[Metric]:
    """A metric in each of its variants, the default first."""
    name = module.__name__.rpartition(".")[2]
    alone = len(module.VARIANTS) == 1
    asked = [name if alone else f"{name}.{variant}" for variant in module.VARIANTS]
    return [metric for one in asked for metric in load_metrics({one: {}})]


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
            lines[-1] += "; the two sources cannot be exchanged"
        if metric.definition.known_fault:
            lines.append(f"      known fault: {metric.definition.known_fault}")
    return "\n".join(lines)


def _format_properties(metric: Metric) -> str:
    about = metric.definition
    signature = f"{metric.module.TITLE}.{metric.variant} v{metric.module.VERSION}"
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
