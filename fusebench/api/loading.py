"""Public API of data sets and results: load the pairs of a data set, or finished records."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fusebench import plugins
from fusebench.config.paths import expand_home
from fusebench.data.pairs import Split
from fusebench.data.split_builder import load_split
from fusebench.option_values import validate_model

if TYPE_CHECKING:
    import pandas as pd

RESULTS_MODULE = "reports.api"  # imported by name, because the core must not import a stage


class Results(Protocol):
    """Finished records of one folder of results, as tables."""

    def scores(self) -> "pd.DataFrame":
        """Tabulate every score of every record; see `load_results`."""
        ...

    def differences(self) -> "pd.DataFrame":
        """Tabulate the differences to the better single sensor; see `load_results`."""
        ...

    def equivalence(
        self,
        margin: float = 1.0,
        *,
        reference: str | None = None,
        sources: Sequence[str] = (),
        metrics: Sequence[str] = (),
    ) -> "pd.DataFrame":
        """Tabulate the equivalence tests of sources; see `load_results`."""
        ...


def load_dataset(
    name: str,
    data: str | Path = "data",
    split: str = "all",
    *,
    options: Mapping[str, Any] | None = None,
) -> Split:
    """Load the pairs of a data set with their boxes or label maps.

    Box labels are read; of images only the headers, and pairs hold paths
    (`fusebench.data.images.read_gray` and ``read_color`` read pixels). Simulated data sets are
    rendered into ``data`` if they are missing.

    Args:
        name: Name of a file in ``fusebench/datasets``, e.g. ``m3fd`` or ``pairs``
            (docs/datasets.md describes each); or the name of a module of your own with a dot in
            it.
        data: The folder of the data sets.
        split: ``train``, ``test`` or ``all``.
        options: Options of the data set as in a task file under ``data:``, e.g.
            ``{"split": {"rule": "random"}}``. None: its defaults.

    Returns:
        The pairs, sorted by key, and how they were selected.

    Raises:
        UserError: If there is no such data set or split, an option is wrong, or the files are
            faulty. A `DatasetNotFoundError` if the data set is not in ``data``.

    Examples:
        >>> import fusebench
        >>> pairs = fusebench.load_dataset("folder", "data").pairs  # data/folder/ir and .../vi
        >>> [(pair.key, pair.size) for pair in pairs]
        [('00001', (32, 24)), ('00002', (32, 24))]
        >>> pairs[0].infrared.name
        '00001.png'
    """
    plugin = plugins.load_dataset(name)
    checked = validate_model(plugin.Options, options or {}, f"options of {name}")
    return load_split(plugin.load, expand_home(data), split, checked)


def load_results(folder: str | Path = "runs") -> Results:
    """Load the finished records of a folder of results (``--out`` of the programs).

    Records that differ in anything but the seed, e.g. in the number of epochs, the images or the
    version of a metric, are never averaged: each has its own ``spec``. Only records with the same
    ``setting`` are compared: the same task, data, model and metrics. A change of the task file
    therefore makes a new setting beside the old one in the same folder.

    ``.scores()`` has one row per score of every record:

    - ``task, kind, dataset, setting, source, source_kind, spec, seed``; ``seed`` is missing where
      nothing is trained
    - ``level`` (``class``, ``mean``, ``mean over fewer``, ``convention``, each also with ``in
      condition``), ``condition`` (``all`` for all images), ``class`` (``mean`` for the mean),
      ``metric``
    - ``score``: a fraction, 0 to 1, unless ``unit`` says otherwise or the metric has another range;
      missing where undefined. ``better`` is ``higher`` or ``lower``
    - ``signature`` (variant of a fusion metric), ``simulated``, ``split_hash``, ``fingerprint``,
      ``protocol`` (digest of everything a reader must know, versions and device included)

    ``.differences()`` has one row per setting, fused source and score of the report's tables: the
    mean over seeds minus that of the better single sensor (``compared_with``):

    - ``task, kind, dataset, setting, source, source_kind, spec, level, condition, class, metric``
    - ``seeds`` (number of scores), ``mean`` with its 95 % interval ``mean_low`` to ``mean_high``
    - ``compared_with``, ``difference`` with its 95 % interval ``low`` to ``high``, ``p``,
      ``p_holm`` (adjusted for all comparisons of its ``table``), ``verdict`` (``better``,
      ``worse``, ``no difference shown``, ``seeds differ``), ``unit``, ``better``, ``table``,
      ``protocol``

    ``.equivalence(margin=1.0, reference=None, sources=(), metrics=())`` has one row per setting and
    pair of sources, as the report's ``TASK-equivalence.csv``, with the options of a task's
    ``equivalence``. Scores and margin are in points:

    - ``task, kind, dataset, setting``; ``column`` (the score), ``source`` and ``other``
    - ``difference`` with its 95 % interval ``low`` to ``high``, ``p``, ``p_holm``
    - ``margin``, 90 % interval ``equivalence_low`` to ``equivalence_high``, ``p_equivalence``,
      ``p_equivalence_holm``, ``verdict``
    - ``needed_for`` (``equivalence`` or ``difference``), ``units``, ``units_needed``, ``seeds``,
      ``seeds_needed``, ``both_times``; ``reason`` where something is unknown

    Intervals are missing where the images cannot be resampled. The first call resamples the images
    of every record (minutes for large test sets) and keeps the result under ``statistics/`` of the
    folder, where the report reads it too.

    Args:
        folder: The folder of results.

    Returns:
        An object with the methods ``scores()``, ``differences()`` and ``equivalence()``, which
        return pandas tables.

    Raises:
        UserError: If the folder does not exist, has no finished record, or one is damaged.

    Examples:
        >>> import fusebench
        >>> results = fusebench.load_results("runs")
        >>> table = results.scores()
        >>> mean = table[(table.level == "mean") & (table.metric == "IoU")]
        >>> mean[["task", "source", "metric", "score"]].values.tolist()
        [['masks', 'ir', 'IoU', 0.5], ['masks', 'vis', 'IoU', 0.25], ['masks', 'both', 'IoU', 1.0]]
        >>> differences = results.differences()
        >>> mean = differences[(differences.level == "mean") & (differences.metric == "IoU")]
        >>> mean[["source", "compared_with", "difference"]].values.tolist()
        [['both', 'ir', 0.5]]
    """
    results: Results = import_module(RESULTS_MODULE).load_results(expand_home(folder))
    return results
