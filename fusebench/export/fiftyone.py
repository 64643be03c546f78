"""Grouped data set of FiftyOne: one group per pair, one slice per source.

    metadata.json    samples.json    data/<slice>/<split>/<key>.<ext>
    fields/ground_truth/<split>/<key>.png    fields/predictions.../<slice>/<key>.png    label maps

Loaded with ``fiftyone.Dataset.from_dir(DIR, dataset_type=fiftyone.types.FiftyOneDataset)``. Every
sample has its key, split (as a tag), condition and sequence, the ground truth, and the predictions
of the finished runs on its source.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fusebench.data import images, label_maps
from fusebench.data.boxes import to_coco
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.data.pairs import Pair, Split
from fusebench.export import fiftyone_documents, image_folder, readme
from fusebench.export.content import RunPredictions, SourceContent, TaskContent
from fusebench.export.fiftyone_documents import Document
from fusebench.runtime import atomic_write, file_names
from fusebench.storage import predicted_boxes

TITLE = "Grouped data set in FiftyOne's format (FiftyOneDataset)"
TRUTH_FIELD = "ground_truth"
MIME_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def write(folder: Path, content: TaskContent, mode: PlacingMode) -> None:
    """Write the images of all sources, the ground truth and the predictions.

    Samples are written one by one: with hundreds of boxes per image and run, they are large.

    Raises:
        UserError: If a file cannot be read or stored predictions are damaged.
    """
    slices = make_slice_names([source.name for source in content.sources])
    label_fields: dict[str, str] = {}
    path = folder / "samples.json"
    with atomic_write.replace_atomically(path) as temporary, temporary.open("w") as file:
        separator = '{"samples": [\n'
        for source in content.sources:
            for name in source.images:
                for sample in _build_samples(
                    folder, source, slices[source.name], name, content, mode
                ):
                    file.write(separator + json.dumps(sample))
                    separator = ",\n"
                    label_fields |= _list_label_fields(sample)
        file.write("\n]}\n")
    dataset = fiftyone_documents.build_dataset(
        file_names.make_safe_file_name(content.task_name),
        _order_slices(content.sources, slices),
        content.classes,
        label_fields,
    )
    atomic_write.write_text_atomically(folder / "metadata.json", json.dumps(dataset))
    usage = (
        "import fiftyone as fo",
        "dataset = fo.Dataset.from_dir('.', dataset_type=fo.types.FiftyOneDataset)",
        "session = fo.launch_app(dataset)",
        "",
        "slices:",
        *(f"  {name} = {source}" for source, name in slices.items()),
    )
    atomic_write.write_text_atomically(
        folder / readme.FILE_NAME, readme.format_readme(TITLE, content, usage)
    )


def make_slice_names(names: Sequence[str]) -> dict[str, str]:
    """Return a slice's name per source: letters, digits, ``_`` and ``-``.

    A dot would be a path within MongoDB's documents. A name that had to be changed ends in digits
    of its hash, so that different sources have different slices.
    """
    slices = {}
    for name in names:
        safe = file_names.make_safe_file_name(name)
        if safe == name and "." in name:
            safe = f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        slices[name] = safe.replace(".", "_")
    return slices


def _order_slices(sources: Sequence[SourceContent], slices: Mapping[str, str]) -> list[str]:
    """Return the slices' names, that of the visible image first: the app shows it first."""
    ordered = sorted(sources, key=lambda source: source.kind != "visible")
    return [slices[source.name] for source in ordered]


def _list_label_fields(sample: Document) -> dict[str, str]:
    """Return the kind of labels by field of a sample."""
    return {
        field: value["_cls"]
        for field, value in sample.items()
        if isinstance(value, dict) and value.get("_cls") in ("Detections", "Segmentation")
    }


def _build_samples(
    folder: Path,
    source: SourceContent,
    slice_name: str,
    split_name: str,
    content: TaskContent,
    mode: PlacingMode,
) -> Iterator[Document]:
    """Place the images of one split of a source; yield their samples with all labels."""
    split = content.splits[split_name]
    placed = image_folder.place_images(
        source.images[split_name], split, folder / "data" / slice_name / split_name, mode
    )
    runs = [run for run in content.predictions if run.source_name == source.name]
    readers = [
        _read_predictions(folder, run, slice_name, split, content.kind)
        for run in (runs if split_name == "test" else [])
    ]
    crowd_flags = _collect_crowd_flags(split)
    for pair in split.pairs:
        names = (content.task_name, split.dataset, split_name, pair.key)
        sample = _build_image_sample(placed[pair.key], folder, pair, names, slice_name)
        id_names = (*names, slice_name, TRUTH_FIELD)
        if pair.boxes is not None and content.kind != "segmentation":
            sample[TRUTH_FIELD] = fiftyone_documents.build_detections(
                pair.boxes, split.classes, pair.size, id_names, crowd_flags[pair.key]
            )
        elif pair.label_map is not None:
            mask = _write_true_mask(folder, split_name, pair, split)
            sample[TRUTH_FIELD] = fiftyone_documents.build_segmentation(mask, id_names)
        for read in readers:
            sample |= read(pair, (*names, slice_name))
        yield sample


def _build_image_sample(
    path: Path, folder: Path, pair: Pair, names: Sequence[str], slice_name: str
) -> Document:
    """Build the sample of one image, without labels."""
    return {
        "_id": fiftyone_documents.make_id(*names, slice_name),
        "filepath": path.relative_to(folder).as_posix(),
        "tags": [names[2]],
        "metadata": {
            "_cls": "ImageMetadata",
            "size_bytes": path.stat().st_size,
            "mime_type": MIME_TYPES[path.suffix],
            "width": pair.size[0],
            "height": pair.size[1],
            "num_channels": 1 if images.read_color_mode(path) == "gray" else 3,
        },
        "_media_type": "image",
        "_rand": fiftyone_documents.make_random_number(*names, slice_name),
        fiftyone_documents.GROUP_FIELD: {
            "_id": fiftyone_documents.make_id(*names),
            "_cls": "Group",
            "name": slice_name,
        },
        "key": pair.key,
        "condition": pair.condition,
        "sequence": pair.sequence or None,
        "created_at": fiftyone_documents.TIME,
        "last_modified_at": fiftyone_documents.TIME,
    }


def _read_predictions(
    folder: Path, run: RunPredictions, slice_name: str, split: Split, kind: str
) -> Callable[[Pair, Sequence[str]], Document]:
    """Return a function of a pair and names for its ids, which gives the field of the run."""
    field = "predictions" if run.seed is None else f"predictions_seed{run.seed}"
    if kind == "detection":
        boxes = predicted_boxes.read_predicted_boxes(run.folder, split)

        def build_boxes(pair: Pair, names: Sequence[str]) -> Document:
            return {
                field: fiftyone_documents.build_detections(
                    boxes[pair.key], split.classes, pair.size, (*names, field)
                )
            }

        return build_boxes

    def build_mask(pair: Pair, names: Sequence[str]) -> Document:
        labels = label_maps.read_label_map(
            run.folder / f"{pair.key}.png", split.classes, may_be_unlabeled=False
        )
        path = _get_mask_path(field, slice_name, pair.key)
        _write_mask(folder / path, labels)
        return {field: fiftyone_documents.build_segmentation(path.as_posix(), (*names, field))}

    return build_mask


def _collect_crowd_flags(split: Split) -> dict[str, list[int]]:
    """Return COCO's ``iscrowd`` of the true boxes per key."""
    boxes = {pair.key: pair.boxes for pair in split.pairs if pair.boxes is not None}
    document = to_coco(boxes, split.classes, {pair.key: pair.size for pair in split.pairs})
    keys = {image["id"]: image["file_name"] for image in document["images"]}
    flags: dict[str, list[int]] = {key: [] for key in boxes}
    for annotation in document["annotations"]:
        flags[keys[annotation["image_id"]]].append(annotation["iscrowd"])
    return flags


def _write_true_mask(folder: Path, split_name: str, pair: Pair, split: Split) -> str:
    """Write a true label map, which all slices share, unless it is there."""
    path = _get_mask_path(TRUTH_FIELD, split_name, pair.key)
    if not (folder / path).exists():
        assert pair.label_map is not None
        _write_mask(folder / path, label_maps.read_label_map(pair.label_map, split.classes))
    return path.as_posix()


def _get_mask_path(field: str, part: str, key: str) -> Path:
    """Return where FiftyOne keeps a label map of a field, relative to the export."""
    return Path("fields", field, part, f"{key}.png")


def _write_mask(path: Path, labels: images.LabelMap) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_png(path, labels)
