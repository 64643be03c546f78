"""The public Python API: lazy names, arrays in and values out, and examples that are executed."""

import doctest
import json
import re
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

import fusebench
from fusebench.api import fusion, loading, scores
from fusebench.data import images
from tests.helpers import dataset_folders, stored_results
from tests.helpers.paths import REPOSITORY

RNG = np.random.default_rng(0)
INFRARED = RNG.integers(0, 256, (48, 64), dtype=np.uint8)
VISIBLE = RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)
MAP = np.zeros((2, 2), int)
TRUTH = {"a": fusebench.make_boxes([[10, 10, 30, 30], [40, 10, 60, 40]], [0, 1])}
PREDICTIONS = {"a": fusebench.make_boxes([[10, 10, 30, 30], [0, 0, 5, 5]], [0, 1], [0.9, 0.8])}
CLASSES = ["person", "car"]


@pytest.fixture(scope="module")
def example_folder(tmp_path_factory):
    """What the examples of the documents read: data/folder and runs."""
    folder = tmp_path_factory.mktemp("examples")
    stored_results.write_results(folder)
    for name, mode in (("ir", "L"), ("vi", "RGB")):
        for key in ("00001", "00002"):
            dataset_folders.write_image(folder / f"data/folder/{name}/{key}.png", mode=mode)
    return folder


def run_examples(test):
    """Run doctest examples; returns the number of examples and the output of failed ones."""
    output = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    result = runner.run(test, out=output.append)
    return result.attempted, "".join(output)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (fusion, "fuse"),
        (fusion, "fusion_metrics"),
        (scores, "average_precision"),
        (scores, "iou"),
        (loading, "load_dataset"),
        (loading, "load_results"),
    ],
)
def test_the_examples_of_a_docstring_are_true(module, name, example_folder, monkeypatch):
    monkeypatch.chdir(example_folder)
    (test,) = doctest.DocTestFinder(recurse=False).find(getattr(module, name), name)
    count, failures = run_examples(test)
    assert count >= 3
    assert not failures, failures


def test_the_examples_of_the_document_are_true(example_folder, monkeypatch):
    monkeypatch.chdir(example_folder)
    text = (REPOSITORY / "docs/python-api.md").read_text()
    parser = doctest.DocTestParser()
    code = "\n".join(re.findall(r"```pycon\n(.*?)```", text, re.DOTALL))
    count, failures = run_examples(parser.get_doctest(code, {}, "python-api.md", None, None))
    assert count >= 15
    assert not failures, failures


def test_importing_the_package_imports_no_other_library():
    script = (
        "import sys; before = set(sys.modules); import fusebench; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    modules = set(json.loads(process.stdout.replace("'", '"')))
    assert modules - set(sys.stdlib_module_names) == {"fusebench"}


def test_every_public_name_is_listed_once_and_can_be_imported():
    assert set(fusebench.__all__) == {*fusebench._MODULES, "__version__"}
    assert set(fusebench.__all__) <= set(dir(fusebench))
    for name, module in fusebench._MODULES.items():
        assert getattr(fusebench, name) is getattr(import_module(module), name)
        if callable(getattr(fusebench, name)):
            assert getattr(fusebench, name).__module__ == module


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'fusebench' has no attribute 'fuze'"):
        fusebench.fuze  # noqa: B018 - the access is what is tested


def test_the_version_is_that_of_the_project_file():
    project = (REPOSITORY / "pyproject.toml").read_text()
    assert 'version = "0.2.0"' in project
    assert fusebench.__version__


def test_a_module_of_the_user_is_a_method(tmp_path, monkeypatch):
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage/__init__.py").write_text("")
    (tmp_path / "mypackage/darken.py").write_text(
        "def fuse(infrared, visible):\n    return visible // 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    fused = fusebench.fuse("mypackage.darken", INFRARED, VISIBLE)
    np.testing.assert_array_equal(fused, VISIBLE // 2)


def test_a_gray_visible_image_gets_three_equal_channels():
    gray = VISIBLE[..., 0]
    fused = fusebench.fuse(lambda _, visible: visible, INFRARED, gray)
    np.testing.assert_array_equal(fused, np.stack([gray] * 3, axis=-1))


def test_a_method_is_loaded_once_for_the_same_options_and_again_for_others():
    fusion._load_cached.cache_clear()
    for _ in range(2):
        fusebench.fuse("average", INFRARED, VISIBLE)
    assert fusion._load_cached.cache_info().misses == 1
    fusebench.fuse("average", INFRARED, VISIBLE, options={"infrared_weight": 0.25})
    assert fusion._load_cached.cache_info().misses == 2


def test_inputs_are_left_as_they_are():
    before = INFRARED.copy(), VISIBLE.copy()
    fused = fusebench.fuse("laplacian", INFRARED, VISIBLE)
    fusebench.fusion_metrics(INFRARED, VISIBLE, fused, ["entropy", "edge_preservation"])
    np.testing.assert_array_equal(INFRARED, before[0])
    np.testing.assert_array_equal(VISIBLE, before[1])


@pytest.mark.parametrize(
    ("infrared", "visible", "error", "message"),
    [
        (VISIBLE, VISIBLE, ValueError, r"infrared has shape \(48, 64, 3\), expected \(H, W\)"),
        (INFRARED[1:], VISIBLE, ValueError, r"infrared \(47, 64\), visible \(48, 64\)"),
        (INFRARED / 255, VISIBLE, TypeError, "infrared is float64, expected uint8"),
        (INFRARED, VISIBLE.tolist(), TypeError, "visible is list, expected a uint8 array"),
        (INFRARED[:0], VISIBLE[:0], ValueError, "infrared is empty"),
    ],
)
def test_wrong_images_are_refused(infrared, visible, error, message):
    with pytest.raises(error, match=message):
        fusebench.fuse("average", infrared, visible)


def test_a_wrong_result_of_a_method_is_refused():
    with pytest.raises(ValueError, match=r"the fused image has shape \(48, 64\)"):
        fusebench.fuse(lambda infrared, _: infrared, INFRARED, VISIBLE)


def test_options_of_a_function_and_unknown_names_are_refused():
    with pytest.raises(TypeError, match="options are for methods given by name"):
        fusebench.fuse(lambda _, visible: visible, INFRARED, VISIBLE, options={"a": 1})
    with pytest.raises(TypeError, match="method is int"):
        fusebench.fuse(3, INFRARED, VISIBLE)
    with pytest.raises(fusebench.UserError, match="did you mean 'average'"):
        fusebench.fuse("averag", INFRARED, VISIBLE)
    with pytest.raises(fusebench.UserError, match="options of method average: weight"):
        fusebench.fuse("average", INFRARED, VISIBLE, options={"weight": 1})


def test_all_metrics_are_scored_by_default_and_equal_each_alone():
    fused = fusebench.fuse("average", INFRARED, VISIBLE)
    values = fusebench.fusion_metrics(INFRARED, VISIBLE, fused)
    assert len(values) >= 19
    gray = images.luminance(VISIBLE), images.luminance(fused)
    for name in ("entropy", "edge_preservation", "phase_congruency"):
        assert fusebench.fusion_metrics(INFRARED, *gray, [name]) == {name: values[name]}


def test_a_metric_with_options_equals_its_variant():
    by_options = {"mutual_information": {"variant": "nats"}}
    values = fusebench.fusion_metrics(INFRARED, VISIBLE, VISIBLE, by_options)
    named = fusebench.fusion_metrics(INFRARED, VISIBLE, VISIBLE, ["mutual_information.nats"])
    assert [*values.values()] == [*named.values()]


def test_wrong_names_of_metrics_are_refused():
    with pytest.raises(fusebench.UserError, match="did you mean 'entropy'"):
        fusebench.fusion_metrics(INFRARED, VISIBLE, VISIBLE, ["entrpy"])
    with pytest.raises(TypeError, match=r"expected a list: \['entropy'\]"):
        fusebench.fusion_metrics(INFRARED, VISIBLE, VISIBLE, "entropy")


def coco_document(boxes):
    """COCO's form of boxes on images of 64 x 48 pixels."""
    from fusebench.data.boxes import to_coco

    return to_coco(boxes, CLASSES, dict.fromkeys(boxes, (64, 48)))


def test_boxes_documents_files_and_lists_of_results_give_the_same_scores(tmp_path):
    expected = fusebench.average_precision(TRUTH, PREDICTIONS, CLASSES)
    truth, predictions = coco_document(TRUTH), coco_document(PREDICTIONS)
    assert fusebench.average_precision(truth, predictions) == expected
    assert fusebench.average_precision(truth, predictions["annotations"]) == expected
    for name, document in (("truth", truth), ("predictions", predictions)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    paths = tmp_path / "truth.json", str(tmp_path / "predictions.json")
    assert fusebench.average_precision(*paths) == expected
    assert expected.by_class["person"]["AP50"] == pytest.approx(1.0)
    assert expected.by_class["car"]["AP50"] == 0.0
    assert expected.mean["AP50"] == pytest.approx(0.5)
    assert expected.by_class["person"]["AP_large"] is None
    assert expected.image_count == 1


def test_average_precision_agrees_with_pycocotools(capsys):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    draw = np.random.default_rng(1)

    def draw_boxes(count, *, scored):
        corners = draw.integers(0, 40, (count, 2))
        sizes = draw.integers(5, 24, (count, 2))
        ids = draw.integers(0, 2, count)
        return fusebench.make_boxes(
            np.hstack([corners, corners + sizes]), ids, draw.random(count) if scored else ()
        )

    truth = {f"{i}": draw_boxes(4, scored=False) for i in range(6)}
    predictions = {
        key: fusebench.make_boxes(
            np.vstack([boxes.corners + draw.integers(-2, 3, (4, 4)), [[0, 0, 9, 9]]]),
            [*boxes.class_ids, 0],
            draw.random(5),
        )
        for key, boxes in truth.items()
    }
    reference = COCO()
    reference.dataset = coco_document(truth)
    reference.createIndex()
    evaluation = COCOeval(
        reference, reference.loadRes(coco_document(predictions)["annotations"]), "bbox"
    )
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    result = fusebench.average_precision(truth, predictions, CLASSES)
    assert result.mean["AP"] == pytest.approx(evaluation.stats[0], abs=1e-9)
    assert result.mean["AP50"] == pytest.approx(evaluation.stats[1], abs=1e-9)


def test_classes_without_names_are_numbered():
    result = fusebench.average_precision(TRUTH, PREDICTIONS)
    assert list(result.by_class) == ["0", "1"]


@pytest.mark.parametrize(
    ("truth", "predictions", "message"),
    [
        (TRUTH, {}, r"1 of 1 images have no boxes in the predictions \(first: 'a'\)"),
        ({}, {}, "no images"),
        (PREDICTIONS, PREDICTIONS, "the true boxes have scores; are the arguments swapped"),
        (TRUTH, TRUTH, "the predicted boxes have no scores"),
        (TRUTH, {"a": fusebench.make_boxes([[0, 0, 1, 1]], [7], [1.0])}, "class id 7 with only 2"),
        (TRUTH, [{"image_id": 1}], "needs a COCO document as truth"),
    ],
)
def test_boxes_that_do_not_fit_are_refused(truth, predictions, message):
    with pytest.raises(ValueError, match=message):
        fusebench.average_precision(truth, predictions, CLASSES)


def test_a_missed_crowd_region_costs_nothing():
    truth = {"1": fusebench.make_boxes([[0, 0, 10, 10], [20, 0, 40, 10]], [0, 0])}
    predictions = {"1": fusebench.make_boxes([[0, 0, 10, 10]], [0], [0.9])}
    document = coco_document(truth)
    found_half = fusebench.average_precision(document, predictions)
    assert found_half.by_class[CLASSES[0]]["AP50"] == pytest.approx(51 / 101)
    document["annotations"][1]["iscrowd"] = 1
    found_all = fusebench.average_precision(document, predictions)
    assert found_all.mean["AP50"] == pytest.approx(1)


def test_a_file_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "boxes.json").write_text("{")
    with pytest.raises(fusebench.UserError, match=r"boxes\.json: not JSON"):
        fusebench.average_precision(tmp_path / "boxes.json", PREDICTIONS)


def test_iou_is_counted_over_all_images_first():
    truth = {"a": np.zeros((2, 2), np.uint8), "b": np.ones((2, 2), np.uint8)}
    predicted = {"a": np.array([[0, 0], [0, 1]]), "b": np.ones((2, 2), np.int64)}
    result = fusebench.iou(truth, predicted)
    assert result.by_class["0"]["IoU"] == 3 / 4
    assert result.by_class["1"]["IoU"] == 4 / 5  # not the mean over images
    assert result.image_count == 2
    assert fusebench.iou([*truth.values()], [*predicted.values()]) == result


def test_options_of_iou_decide_how_absent_classes_are_averaged():
    labels = np.zeros((2, 2), np.uint8)
    names = ["road", "car"]
    assert fusebench.iou(labels, labels, names).mean["IoU"] == 1.0
    assert fusebench.iou(labels, labels, names, options={"absent": "zero"}).mean["IoU"] == 0.5
    with pytest.raises(fusebench.UserError, match="options of metric iou"):
        fusebench.iou(labels, labels, names, options={"unlabeled": "ignored"})


def test_255_is_class_0_if_that_is_called_unlabeled():
    """As files are read: of 2 unlabeled pixels, one is predicted as such."""
    truth, predicted = np.array([[0, 255, 1]]), np.array([[0, 1, 1]])
    result = fusebench.iou(truth, predicted, ["unlabeled", "car"])
    assert result.by_class["car"]["IoU"] == 0.5
    assert fusebench.iou(truth, predicted, ["road", "car"]).by_class["car"]["IoU"] == 1


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ("ab", TypeError, "classes is the string 'ab'"),
        ([], ValueError, "at least one name"),
        (["car", "car"], ValueError, "the name 'car' twice"),
    ],
)
def test_class_names_that_cannot_each_have_a_score_are_refused(classes, error, message):
    with pytest.raises(error, match=message):
        fusebench.iou(MAP, MAP, classes)
    with pytest.raises(error, match=message):
        fusebench.average_precision(TRUTH, TRUTH, classes)


@pytest.mark.parametrize(
    ("truth", "predicted", "error", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2)), TypeError, "float64, expected an integer array"),
        (np.zeros((2, 2), int), np.zeros((2, 3), int), ValueError, r"\(2, 2\) but prediction is"),
        (np.full((2, 2), -1), np.zeros((2, 2), int), ValueError, "has the id -1"),
        (np.zeros((2, 2), int), np.full((2, 2), 255), ValueError, "class id 255"),
        ([MAP], [MAP, MAP], ValueError, r"no label maps in the truth \(first: '000001'\)$"),
        (np.zeros((2, 2, 3), int), np.zeros((2, 2, 3), int), ValueError, "several in a list"),
    ],
)
def test_label_maps_that_do_not_fit_are_refused(truth, predicted, error, message):
    with pytest.raises(error, match=message):
        fusebench.iou(truth, predicted, ["road", "car"])


def test_a_data_set_is_loaded_with_checked_options(tmp_path):
    dataset_folders.write_fmb(tmp_path / "fmb", ["00001"], ["00002"])
    split = fusebench.load_dataset("fmb", tmp_path, "test")
    assert split.keys == ("00002",)
    assert split.pairs[0].label_map is not None
    with pytest.raises(fusebench.UserError, match="options of fmb: foldr"):
        fusebench.load_dataset("fmb", tmp_path, options={"foldr": "x"})
    with pytest.raises(fusebench.UserError, match="known: train, test, all"):
        fusebench.load_dataset("fmb", tmp_path, "val")
    with pytest.raises(fusebench.UserError, match="no 'm4fd' in"):
        fusebench.load_dataset("m4fd", tmp_path)


@pytest.mark.parametrize(
    ("corners", "message"),
    [([[3, 3, 1, 1]], "empty or inverted"), ([[np.nan, 1, 3, 3]], "NaN or infinite")],
)
def test_boxes_that_no_prediction_can_match_are_refused(corners, message):
    truth = {"1": fusebench.make_boxes(corners, [0])}
    with pytest.raises(ValueError, match=message):
        fusebench.average_precision(
            truth, {"1": fusebench.make_boxes([[1, 1, 3, 3]], [0], [0.5])}, ["car"]
        )


def test_a_score_that_is_no_number_is_refused():
    truth = {"1": fusebench.make_boxes([[1, 1, 3, 3]], [0])}
    predictions = {"1": fusebench.make_boxes([[1, 1, 3, 3]], [0], [np.nan])}
    with pytest.raises(ValueError, match="score is NaN"):
        fusebench.average_precision(truth, predictions, ["car"])


def test_class_ids_are_not_rounded():
    with pytest.raises(ValueError, match="whole numbers"):
        fusebench.make_boxes([[1, 1, 3, 3]], [0.7])
