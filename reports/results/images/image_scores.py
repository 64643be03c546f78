"""Scores per image of all sources of a task, with the pairs and sequences that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation import bootstrap
from fusebench.experiments.planning.run import Run
from fusebench.storage.store import Store
from reports.results import per_image

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
PairFiles = tuple[str, str]  # infrared and visible image


@dataclass(frozen=True, eq=False)
class ImageScores:
    """Scores of a task on I test images.

    Attributes:
        pairs: Files of each pair, which identify it in other tasks too.
        units: int64 (I,), sequence of each image; the image itself if there are fewer than
            `bootstrap.MIN_SEQUENCES` sequences.
        is_clustered: Whether the units are sequences.
        scores: Title (or name of a fusion metric) to source to the mean over its seeds, float64
            (I,), NaN where the score is undefined for a seed.
    """

    pairs: tuple[PairFiles, ...]
    units: IntArray
    is_clustered: bool
    scores: Mapping[str, Mapping[str, FloatArray]]


def collect_image_scores(runs: Sequence[Run], store: Store) -> ImageScores | None:
    """Collect the scores per image of all finished runs of a task; None if there are none.

    Raises:
        UserError: If a file of a record is damaged.
    """
    by_seed: dict[str, dict[str, list[FloatArray]]] = {}
    pairs = runs[0].test_split.pairs
    keys = [pair.key for pair in pairs]
    for run in runs:
        if run.read_record(store) is None:
            continue
        scores = per_image.read_per_image_scores(run.get_record_folder(store), run.task.kind)
        for title, by_key in scores.items():
            values = np.array([by_key.get(key, np.nan) for key in keys])
            by_seed.setdefault(title, {}).setdefault(run.source_name, []).append(values)
    if not by_seed:
        return None
    names = bootstrap.select_units(keys, [pair.sequence for pair in pairs])
    units, unit_count = bootstrap.index_units(names)
    return ImageScores(
        tuple((str(pair.infrared), str(pair.visible)) for pair in pairs),
        units,
        names != keys and unit_count < len(keys),
        {
            title: {source: np.mean(values, axis=0) for source, values in by_source.items()}
            for title, by_source in by_seed.items()
        },
    )
