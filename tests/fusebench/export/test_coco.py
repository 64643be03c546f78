"""Exports in COCO's format, read back by pycocotools."""

import json

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fusebench.export import coco
from fusebench.storage import records
from fusebench.storage.store import Store
from tests.fusebench.export.conftest import TEST, TRAIN, load_test_split
from tests.fusebench.export.test_yolo import CLASSES, read_voc_boxes


def test_pycocotools_reads_the_annotated_boxes(export, finished, capsys):
    folder = export("coco", "--task", "trained", "--source", "vis")
    for split, keys in (("train", TRAIN), ("test", TEST)):
        document = COCO(folder / f"annotations/instances_{split}.json")
        assert [category["name"] for category in document.loadCats(range(1, 7))] == CLASSES
        images = document.loadImgs(document.getImgIds())
        assert [image["file_name"] for image in images] == [f"{key}.png" for key in keys]
        for key, image in zip(keys, images, strict=True):
            assert (folder / "images" / split / image["file_name"]).is_file()
            assert (image["width"], image["height"]) == (96, 64)
            rows = document.loadAnns(document.getAnnIds(imgIds=[image["id"]]))
            boxes = sorted(
                (CLASSES[row["category_id"] - 1], x, y, x + width, y + height)
                for row in rows
                for x, y, width, height in [row["bbox"]]
            )
            assert boxes == read_voc_boxes(finished.path / f"data/m3fd/Annotation/{key}.xml")
            assert {row["iscrowd"] for row in rows} == {0}


def test_pycocotools_scores_exported_results_like_the_record(export, finished, capsys):
    folder = export("predictions", "--task", "scored")
    truth = COCO(folder / "ground_truth.json")
    scores = {}
    for result in Store(finished.path / "runs").iterate_finished("detection"):
        record = records.read_record(result.path / "record.json")
        scores[record.source] = record.values["AP"]
    for source in ("ir", "vis"):
        evaluation = COCOeval(truth, truth.loadRes(str(folder / f"results/{source}.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert evaluation.stats[0] == scores[source]
    assert scores["ir"] == 1
    assert 0 < scores["vis"] < 1


def test_results_have_the_image_ids_of_the_exported_ground_truth(export):
    truth = json.loads(
        (
            export("coco", "--task", "scored", "--source", "ir")
            / "annotations"
            / "instances_test.json"
        ).read_text()
    )
    folder = export("predictions", "--task", "scored", into="predictions")
    predictions = json.loads((folder / "results/ir.json").read_text())
    assert [set(row) for row in predictions] == [
        {"image_id", "category_id", "bbox", "score"} for _ in predictions
    ]
    boxes = [(a["image_id"], a["category_id"], a["bbox"]) for a in truth["annotations"]]
    predicted = [(p["image_id"], p["category_id"], p["bbox"]) for p in predictions]
    assert sorted(predicted) == sorted(boxes)  # ir predicts the true boxes


def test_crowds_are_those_of_the_conversion_to_coco(monkeypatch, finished):
    """``iscrowd`` is decided in one place."""
    split = load_test_split(finished.path)
    convert = coco.to_coco

    def mark_first(*arguments):
        document = convert(*arguments)
        document["annotations"][0]["iscrowd"] = 1
        return document

    monkeypatch.setattr(coco, "to_coco", mark_first)
    document = coco.build_ground_truth(split, {key: f"{key}.png" for key in split.keys})
    flags = [annotation["iscrowd"] for annotation in document["annotations"]]
    assert flags == [1] + [0] * (len(flags) - 1)
