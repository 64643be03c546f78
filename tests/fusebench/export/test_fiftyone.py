"""Exports for FiftyOne, compared with documents that FiftyOne itself has written."""

import json
from collections import Counter

import numpy as np
from PIL import Image

from fusebench.data import images
from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.export import fiftyone, fiftyone_documents
from fusebench.export.content import SourceContent, TaskContent
from tests.fusebench.export.conftest import ODD_SOURCE, TEST, TRAIN
from tests.helpers.paths import REFERENCE

BY_FIFTYONE = json.loads((REFERENCE / "fiftyone_documents.json").read_text())


def read_export(folder):
    """Content of metadata.json and samples.json."""
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    return json.loads((folder / "metadata.json").read_text()), samples


def list_fields(fields, prefix=""):
    """Every field with its sub-fields: dotted name to what FiftyOne needs to know of it."""
    facts = ("ftype", "embedded_doc_type", "subfield", "db_field")
    table = {}
    for field in fields:
        name = f"{prefix}{field['name']}"
        table[name] = tuple(field[fact] for fact in facts)
        table |= list_fields(field["fields"], f"{name}.")
    return table


def test_every_field_is_declared_as_fiftyone_declares_it():
    kinds = {"ground_truth": "Detections", "predictions": "Detections", "masks": "Segmentation"}
    dataset = fiftyone_documents.build_dataset(
        "toy", ["visible", "infrared"], ["People", "Car"], kinds
    )
    by_fiftyone, ours = list_fields(BY_FIFTYONE["fields"]), list_fields(dataset["sample_fields"])
    # FiftyOne writes the base class of a grouped data set's metadata.
    images_alone = {"metadata": "fiftyone.core.metadata.ImageMetadata"}
    differing = {
        name: (facts, by_fiftyone.get(name))
        for name, facts in ours.items()
        if by_fiftyone.get(name) != facts
        and not (name in images_alone and facts[1] == images_alone[name])
        # FiftyOne declares these where they have values: the truth has none of the one, the
        # predictions none of the other.
        and not name.endswith((".iscrowd", ".confidence"))
    }
    assert not differing
    assert set(by_fiftyone) <= set(ours)


def test_the_data_set_is_described_as_by_fiftyone():
    kinds = {"ground_truth": "Detections", "masks": "Segmentation"}
    dataset = fiftyone_documents.build_dataset(
        "toy", ["visible", "infrared"], ["People", "Car"], kinds
    )
    assert {name: dataset[name] for name in BY_FIFTYONE["dataset"]} == BY_FIFTYONE["dataset"]
    assert set(dataset) <= set(BY_FIFTYONE["dataset_keys"])


def write_one_pair(folder):
    """The pair of the reference: 40 x 20 pixels, one car, night, sequence a; with a label map."""
    files = {name: folder / f"{name}.png" for name in ("visible", "infrared", "label")}
    images.write_png(files["visible"], np.zeros((20, 40, 3), np.uint8))
    images.write_png(files["infrared"], np.zeros((20, 40), np.uint8))
    images.write_png(files["label"], np.ones((20, 40), np.uint8))
    boxes = make_boxes([[4, 5, 14, 15]], [1])
    pair = Pair(
        "00001",
        files["infrared"],
        files["visible"],
        (40, 20),
        boxes,
        files["label"],
        condition="night",
        sequence="a",
    )
    split = Split("toy", "test", ("People", "Car"), (pair,))
    sources = tuple(
        SourceContent(name, name, {"test": {"00001": files[name]}}, {})
        for name in ("infrared", "visible")
    )
    return split, sources


def drop_ids_and_times(document):
    """A document without what is made up anew for every data set."""
    if isinstance(document, dict):
        made_up = ("_id", "_rand", "_dataset_id", "created_at", "last_modified_at", "size_bytes")
        return {k: drop_ids_and_times(v) for k, v in document.items() if k not in made_up}
    if isinstance(document, list):
        return [drop_ids_and_times(value) for value in document]
    return document


def test_a_sample_is_the_one_that_fiftyone_writes(tmp_path):
    split, sources = write_one_pair(tmp_path)
    for kind, field in (("detection", "ground_truth"), ("segmentation", "masks")):
        (tmp_path / kind).mkdir()
        content = TaskContent("toy", kind, {"test": split}, sources, ())
        fiftyone.write(tmp_path / kind, content, "copy")
        _, samples = read_export(tmp_path / kind)
        (sample,) = [sample for sample in samples if sample["group"]["name"] == "visible"]
        expected = drop_ids_and_times(BY_FIFTYONE["sample"])
        labels = [expected.pop(name) for name in ("ground_truth", "predictions", "masks")]
        expected["ground_truth"] = labels[0] if field == "ground_truth" else labels[2]
        actual = drop_ids_and_times(sample)
        for place, folder in (("filepath", "data"), ("mask_path", "fields")):
            where = actual if place == "filepath" else actual["ground_truth"]
            if place in where:
                assert where[place].startswith(f"{folder}/")
                assert (tmp_path / kind / where.pop(place)).is_file()
                (expected if place == "filepath" else expected["ground_truth"]).pop(place)
        assert actual == expected


def test_predictions_have_their_confidence():
    boxes = make_boxes([[4, 5, 14, 15]], [1], [0.75])
    detections = fiftyone_documents.build_detections(boxes, ["People", "Car"], (40, 20), ["a"])
    expected = drop_ids_and_times(BY_FIFTYONE["sample"]["predictions"])
    assert drop_ids_and_times(detections) == expected


def test_a_group_is_a_pair_and_a_slice_is_a_source(export, finished):
    folder = export("fiftyone", "--task", "scored")
    dataset, samples = read_export(folder)
    assert dataset["group_media_types"] == {"vis": "image", "ir": "image"}
    groups = Counter(sample["group"]["_id"]["$oid"] for sample in samples)
    assert set(groups.values()) == {2}
    assert len(groups) == len(TEST)
    ids = [sample["_id"]["$oid"] for sample in samples]
    assert len(set(ids)) == len(ids) == 2 * len(TEST)
    assert all(len(id_) == 24 for id_ in (*ids, *groups))
    for sample in samples:
        original = {"ir": "Ir", "vis": "Vis"}[sample["group"]["name"]]
        expected = finished.path / f"data/m3fd/{original}/{sample['key']}.png"
        assert (folder / sample["filepath"]).read_bytes() == expected.read_bytes()
        assert sample["tags"] == ["test"]
        truth, predicted = (
            sample[field]["detections"] for field in ("ground_truth", "predictions")
        )
        shift = 4 / 96 if sample["group"]["name"] == "vis" else 0  # see conftest
        for true, box in zip(truth, predicted, strict=True):
            assert true["label"] == box["label"]
            left = box["bounding_box"][0] - true["bounding_box"][0]
            np.testing.assert_allclose(left, shift, atol=1e-12)


def test_train_and_test_images_of_a_task_without_finished_runs(export):
    folder = export("fiftyone", "--task", "trained", "--source", ODD_SOURCE)
    dataset, samples = read_export(folder)
    (name,) = dataset["group_media_types"]
    assert name == dataset["default_group_slice"]
    assert not set(name) & set('./\\:" $')
    tags = Counter(tag for sample in samples for tag in sample["tags"])
    assert tags == {"train": len(TRAIN), "test": len(TEST)}
    assert not any("predictions" in sample for sample in samples)


def test_masks_are_class_ids_and_shared_by_the_slices(export, finished):
    folder = export("fiftyone", "--task", "masks")
    dataset, samples = read_export(folder)
    assert dataset["default_mask_targets"]["9"] == "car"
    for sample in samples:
        key, name = sample["key"], sample["group"]["name"]
        truth = Image.open(folder / sample["ground_truth"]["mask_path"])
        label = Image.open(finished.path / f"data/fmb/test/Label/{key}.png")
        np.testing.assert_array_equal(truth, label)
        predicted = np.asarray(Image.open(folder / sample["predictions"]["mask_path"]))
        assert set(predicted.ravel()) == ({7} if name == "ir" else {1})
    paths = {sample["ground_truth"]["mask_path"] for sample in samples}
    assert len(paths) == len(samples) / 2


def test_slices_of_different_sources_have_different_names():
    names = ["a.b", "a_b", "a b", "a-b", "a/b", "a.b.", "x" * 80]
    slices = fiftyone.make_slice_names(names)
    assert len(set(slices.values())) == len(names)
    assert slices["a_b"] == "a_b"
    assert all("." not in name for name in slices.values())
