"""Writes the viewer into the folder of a report: the pictures, then the page with its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.pairs import Split
from reports.figures import figure_workers, sample_selection
from reports.viewer import label_files, links, page, page_data, pictures, reuse
from reports.viewer.collection import ViewerTask
from reports.viewer.label_files import LabelCounts

PICTURES_PER_JOB = 4
PIXELS_FOR_WORKERS = 20_000_000  # fewer pixels take less time than starting worker processes


@dataclass(frozen=True)
class PictureOptions:
    """Which pictures a report stores.

    Attributes:
        pairs: ``all``, ``chosen`` (those of the report's sample images) or ``none``.
        max_megabytes: With ``all``: if the pictures of all pairs would take more, some pairs are
            left out.
    """

    pairs: str = "all"
    max_megabytes: int = 500


def write_viewer(
    tasks: Sequence[ViewerTask],
    chosen: Mapping[str, Sequence[str]],
    report: Path,
    options: PictureOptions,
    *,
    previous: Path,
) -> str:
    """Write the page and its pictures.

    Args:
        tasks: The tasks, at least one.
        chosen: Name of a task to the keys of the report's sample images.
        report: Folder of the report.
        options: Which pictures are stored.
        previous: Folder of the report before, whose pictures are used again; need not exist.

    Returns:
        Which pairs were left out and why, in one sentence; empty if all are there.
    """
    folders = pictures.assign_folders(tasks)
    chosen = {task.name: _list_chosen_keys(task.split, chosen.get(task.name)) for task in tasks}
    keys, note = _select_keys(tasks, chosen, folders, options)
    files = pictures.list_files(tasks, keys, folders)
    unchanged = reuse.copy_unchanged(files, previous, report)
    changed = {name: path for name, path in files.items() if name not in unchanged}
    counts, faults = _write_images(tasks, keys, changed, report)
    reuse.write_index(files, report)
    data = [
        page_data.build_task_data(task, keys[task.name], folders, counts.get(task.name, {}), faults)
        for task in tasks
    ]
    text = page.render_page(page_data.build_page_data(data), note)
    (report / links.PAGE).write_text(text, encoding="utf-8")
    return note


def _list_chosen_keys(split: Split, sample_keys: Sequence[str] | None) -> list[str]:
    """List the keys of the sample images; one per condition for a task without sample images."""
    keys = sample_keys or [pair.key for pair in sample_selection.select_by_condition(split)]
    return sorted(set(keys))


def _select_keys(
    tasks: Sequence[ViewerTask],
    chosen: Mapping[str, Sequence[str]],
    folders: Mapping[tuple[str, str], str],
    options: PictureOptions,
) -> tuple[Mapping[str, Sequence[str]], str]:
    """Select the pairs of every task that are stored; explain why others are left out."""
    if options.pairs == "chosen":
        return chosen, (
            "Only the pairs of the report's sample images are stored (--pictures chosen); "
            "--pictures all stores all."
        )
    everything = {task.name: task.split.keys for task in tasks}
    files = pictures.list_files(tasks, everything, folders)
    megabytes = pictures.estimate_bytes(files.values()) / pictures.MEGABYTE
    if megabytes <= options.max_megabytes:
        return everything, ""
    keys = pictures.limit_keys(tasks, chosen, options.max_megabytes / megabytes)
    stored, count = (sum(map(len, by_task.values())) for by_task in (keys, everything))
    return keys, (
        f"Pictures of {stored} of {count} pairs are stored, evenly spaced, with those of the "
        f"report's sample images: all would take about {megabytes:,.0f} MB, the limit is "
        f"{options.max_megabytes:,} MB; --pictures-limit sets another one."
    )


def _write_images(
    tasks: Sequence[ViewerTask],
    keys: Mapping[str, Sequence[str]],
    files: Mapping[str, Path],
    report: Path,
) -> tuple[dict[str, dict[str, LabelCounts]], dict[str, str]]:
    """Write pictures and label images in worker processes.

    Returns:
        Task to key to counts of pixels; picture to why it could not be written.
    """
    names = list(files)
    batches = [names[i : i + PICTURES_PER_JOB] for i in range(0, len(names), PICTURES_PER_JOB)]
    segmentation = [task for task in tasks if task.kind == "segmentation"]
    label_jobs = [
        (task.name, key, job)
        for task in segmentation
        for key, job in zip(
            keys[task.name], label_files.build_jobs(task, keys[task.name], report), strict=True
        )
    ]
    jobs: list[figure_workers.Job] = [
        (pictures.write_pictures, ([(files[name], report / name) for name in batch],))
        for batch in batches
    ]
    jobs += [(label_files.write_label_files, (job,)) for _, _, job in label_jobs]
    pixels = sum(
        width * height * len(task.sources)
        for task in tasks
        for width, height in (pair.size for pair in task.split.pairs)
    )
    results = figure_workers.run_jobs(
        jobs, "pictures of the viewer", are_many=pixels > PIXELS_FOR_WORKERS
    )
    texts = [text for batch_texts in results[: len(batches)] for text in batch_texts]
    faults = {name: text for name, text in zip(names, texts, strict=True) if text}
    counts: dict[str, dict[str, LabelCounts]] = {}
    for (name, key, _), result in zip(label_jobs, results[len(batches) :], strict=True):
        counts.setdefault(name, {})[key] = result
    return counts, faults
