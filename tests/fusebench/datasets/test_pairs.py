"""Labeled pairs described in a task file: what is loaded, planned, kept and printed."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fusebench import __main__
from fusebench.config import schema
from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import DatasetReadings, build_split, load_split
from fusebench.datasets import pairs
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import plan, resolution
from fusebench.runtime.reading import file_stamp
from fusebench.storage.splits.split_cache import SplitCache
from tests.helpers import dataset_folders

KEYS = [f"{number:02d}" for number in range(8)]
YOLO = {"format": "yolo", "files": "labels"}
RANDOM = {"rule": "random", "share": 0.5}


def write_images(root, keys=KEYS, infrared="ir/{}.png", visible="vi/{}.jpg"):
    for key in keys:
        dataset_folders.write_image(root / "pairs" / infrared.format(key))
        dataset_folders.write_image(root / "pairs" / visible.format(key), mode="RGB")


def write(root, name, text):
    path = root / "pairs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def write_yolo(root, keys=KEYS, folder="labels"):
    for number, key in enumerate(keys):
        write(root, f"{folder}/{key}.txt", f"{number % 2} 0.5 0.5 0.25 0.5\n")


def build_coco(names):
    return {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
        "annotations": [
            {"image_id": n, "category_id": 1 + n % 2, "bbox": [4, 4, 8, 8]}
            for n in range(len(names))
        ],
    }


def load(root, part="all", **options):
    return load_split(pairs.load, root, part, pairs.Options(**options))


def get_facts(split):
    return dict(split.notes)


def build_task_file(root, options, kind="detection", **task):
    task = {"kind": kind, "dataset": "pairs", "sources": ["ir"], "data": options, **task}
    if kind == "detection":
        task |= {"model": "yolov5", "options": {"size": "n", "start_weights": "scratch"}}
    content = {"sources": {"ir": {"kind": "infrared"}}, "tasks": {"mine": task}}
    (root / "tasks.yaml").write_text(yaml.safe_dump(content))
    return schema.load_task_file(root / "tasks.yaml")


def plan_runs(root, options, **task):
    task_file = build_task_file(root, options, **task)
    return plan.build_plan(task_file, ["mine"], root, root).runs


def test_every_form_of_labels_gives_the_same_boxes(tmp_path):
    write_images(tmp_path)
    write_yolo(tmp_path)
    names = ("person", "car")
    for number, key in enumerate(KEYS):
        box = (names[number % 2], 12, 6, 20, 18)
        dataset_folders.write_voc_xml(tmp_path / f"pairs/xml/{key}.xml", [box])
    coco = build_coco([f"{key}.jpg" for key in KEYS])
    for annotation in coco["annotations"]:
        annotation["bbox"] = [12, 6, 8, 12]
    write(tmp_path, "all.json", coco)
    for boxes in (YOLO, {"format": "voc", "files": "xml"}, {"format": "coco", "files": "all.json"}):
        split = load(tmp_path, boxes=boxes, classes=names)
        assert split.keys == tuple(KEYS)
        for number, pair in enumerate(split.pairs):
            assert pair.boxes.corners.tolist() == [[12, 6, 20, 18]], boxes
            assert pair.boxes.class_ids.tolist() == [number % 2]


def test_folders_of_train_and_test_are_the_official_split(tmp_path):
    for part, keys in (("train", KEYS[:6]), ("test", KEYS[6:])):
        write_images(tmp_path, keys, f"{part}/T_{{}}.png", f"{part}/C_{{}}.png")
        write_yolo(tmp_path, keys, f"{part}/labels")
    options = {
        "infrared": "{split}/T_{key}.png",
        "visible": "{split}/C_{key}.png",
        "boxes": {"format": "yolo", "files": "{split}/labels"},
        "classes": ["person", "car"],
    }
    train, test = (load(tmp_path, part, **options) for part in ("train", "test"))
    assert (train.keys, test.keys) == (tuple(KEYS[:6]), tuple(KEYS[6:]))
    assert train.rule_description == "folders train / test"
    assert not train.has_leakage


def test_a_validation_folder_besides_the_test_folder_is_in_no_part_and_said(tmp_path):
    for part, key in (("train", "1"), ("val", "2"), ("test", "3")):
        write_images(tmp_path, [key], f"ir/{part}/{{}}.png", f"vi/{part}/{{}}.png")
    options = {"infrared": "ir/{split}", "visible": "vi/{split}"}
    split = load(tmp_path, "test", **options)
    assert split.keys == ("3",)
    [_, (name, text)] = split.notes
    assert name.endswith("folders left out")
    assert text == "val (1 pairs) in no part"
    assert len(load(tmp_path, "test", split=RANDOM, **options).notes) == 1  # all pairs are used
    assert load(tmp_path, "test", split_folders={"test": "val"}, **options).keys == ("2",)


def test_coco_files_of_train_and_test_divide_images_of_one_folder(tmp_path):
    write_images(tmp_path)
    write(tmp_path, "annotations/train.json", build_coco([f"{key}.png" for key in KEYS[:5]]))
    write(tmp_path, "annotations/val.json", build_coco([f"{key}.png" for key in KEYS[5:]]))
    boxes = {"format": "coco", "files": "annotations/{split}.json"}
    split = load(tmp_path, "test", boxes=boxes)
    assert (split.keys, split.classes) == (tuple(KEYS[5:]), ("person", "car"))
    assert split.rule_description == "folders train / val"


def test_lists_and_random_and_blocks_divide_pairs(tmp_path):
    write_images(tmp_path)
    write(tmp_path, "train.txt", "\n".join(f"ir/{key}.png" for key in KEYS[:3]))
    write(tmp_path, "test.txt", "\n".join(KEYS[3:]))
    rule = {"rule": "lists", "train": "train.txt", "test": "test.txt"}
    assert load(tmp_path, "test", split=rule).keys == tuple(KEYS[3:])
    assert len(load(tmp_path, "test", split=RANDOM).pairs) == 4
    blocks = {"rule": "blocks", "length": 2, "gap": 0, "every": 2, "first": 1}
    assert load(tmp_path, "test", split=blocks).keys == ("02", "03", "06", "07")


def test_folds_test_every_pair_once_and_divide_no_sequence(tmp_path):
    keys = [f"{name}_{n}" for name in ("a", "b", "c") for n in range(4)] + ["d_0", "e_0", "e_1"]
    write_images(tmp_path, keys)
    tested = []
    for fold in range(3):
        rule = {"rule": "folds", "count": 3, "fold": fold}
        options = {"split": rule, "recordings": {"sequence": "{sequence}_*"}}
        train, test = (load(tmp_path, part, **options) for part in ("train", "test"))
        assert not {pair.sequence for pair in train.pairs} & {p.sequence for p in test.pairs}
        assert len(train.keys) + len(test.keys) == len(keys)
        assert 4 <= len(test.keys) <= 6
        assert not test.has_leakage
        assert f"fold {fold} of 3 tested, whole sequences" in test.rule_description
        tested += test.keys
    assert sorted(tested) == sorted(keys)


def test_folds_of_pairs_of_unknown_sequences_take_runs_of_frames_and_say_that_they_leak(tmp_path):
    write_images(tmp_path)
    tests = [
        load(tmp_path, "test", split={"rule": "folds", "count": 4, "fold": fold})
        for fold in range(4)
    ]
    assert sorted(test.keys for test in tests) == [
        ("00", "01"), ("02", "03"), ("04", "05"), ("06", "07"),
    ]  # fmt: skip
    assert all(test.has_leakage for test in tests)


def test_more_folds_than_sequences_are_refused(tmp_path):
    write_images(tmp_path, ["a_1", "a_2", "b_1"])
    options = {"split": {"rule": "folds"}, "recordings": {"sequence": "{sequence}_*"}}
    with pytest.raises(UserError, match=r"5 folds of 2 sequence\(s\), which are not divided: a, b"):
        load(tmp_path, "test", **options)


def test_an_official_split_without_folders_is_refused_with_what_to_do(tmp_path):
    write_images(tmp_path)
    with pytest.raises(UserError, match=r"no official split here; the paths .* have no {split}"):
        load(tmp_path, "train", split={"rule": "official"})


def test_folders_of_one_part_only_are_no_reason_to_divide_by_blocks(tmp_path):
    write_images(tmp_path, KEYS, "train/ir/{}.png", "train/vi/{}.png")
    options = {"infrared": "{split}/ir", "visible": "{split}/vi"}
    with pytest.raises(UserError, match=r"stands for train \(8 pairs\); name those of both parts"):
        load(tmp_path, "train", **options)
    assert len(load(tmp_path, "test", split=RANDOM, **options).pairs) == 4


def test_a_list_of_pairs_gives_split_sequence_and_condition(tmp_path):
    write_images(tmp_path, KEYS[:3])
    rows = [
        "infrared,visible,split,sequence,condition",
        "ir/00.png,vi/00.jpg,train,s1,Day",
        "ir/01.png,vi/01.jpg,test,s2,night",
        "ir/02.png,vi/02.jpg,,s3,",
    ]
    write(tmp_path, "list.csv", "\n".join(rows))
    split = load(tmp_path, "test", pair_list="list.csv")
    [pair] = split.pairs
    assert (pair.key, pair.sequence, pair.condition) == ("01", "s2", "night")
    assert "no text (1 pairs) in no part" in split.notes[1][1]


def test_recordings_of_a_csv_are_those_of_the_pairs(tmp_path):
    write_images(tmp_path, KEYS[:2])
    write(tmp_path, "meta.csv", "key;sequence;condition\n00;a;Night\n01.png;b;day\n")
    split = load(tmp_path, recordings={"file": "meta.csv"})
    assert [(pair.sequence, pair.condition) for pair in split.pairs] == [
        ("a", "night"),
        ("b", "day"),
    ]


def test_sequences_that_some_pairs_lack_are_a_caution(tmp_path):
    write_images(tmp_path, ["a_1", "a_2", "b"])
    split = load(tmp_path, recordings={"sequence": "{sequence}_*"})
    [_, (name, text)] = split.notes
    assert name.endswith("unknown sequences")
    assert text.startswith("1 of 3 pairs")
    assert len(load(tmp_path).notes) == 1  # none is known


def test_pairs_that_are_left_out_are_counted_and_may_stand_in_the_csv(tmp_path):
    write_images(tmp_path)
    write_yolo(tmp_path, KEYS[2:])
    write(tmp_path, "meta.csv", "key,condition\n00,night\n02,day\n")
    split = load(
        tmp_path,
        boxes={**YOLO, "unlabeled_images": "leave_out"},
        classes=["person", "car"],
        recordings={"file": "meta.csv"},
    )
    assert split.keys == tuple(KEYS[2:])
    assert get_facts(split) == {"folder": "pairs", "pairs without labels": "2 of 8 left out"}


def test_the_sensor_of_the_labels_is_in_the_protocol(tmp_path):
    write_images(tmp_path)
    write_yolo(tmp_path, folder="ir_labels")
    write_yolo(tmp_path, folder="vi_labels")
    files = {"infrared": "ir_labels", "visible": "vi_labels"}
    options = {
        "boxes": {"format": "yolo", "files": files, "sensor": "visible"},
        "classes": ["person", "car"],
        "split": RANDOM,
    }
    (run,) = plan_runs(tmp_path, options)
    protocol = run.build_protocol()
    expected = "drawn for the visible images; those of the infrared images are not used"
    assert any(expected in str(text) for text in protocol.values())


def test_label_maps_of_ids_and_colors_become_class_ids(tmp_path):
    write_images(tmp_path, KEYS[:2], visible="vi/{}.png")
    (tmp_path / "pairs/seg").mkdir()
    (tmp_path / "pairs/color").mkdir()
    ids = np.zeros((24, 32), np.uint8)
    ids[:5], ids[5:9] = 24, 26
    colors = np.zeros((24, 32, 3), np.uint8)
    colors[:5], colors[5:9] = (220, 20, 60), (0, 0, 142)
    for key in KEYS[:2]:
        Image.fromarray(ids).save(tmp_path / f"pairs/seg/{key}.png")
        Image.fromarray(colors).save(tmp_path / f"pairs/color/{key}.png")
    expected = np.zeros((24, 32), np.uint8)
    expected[:5], expected[5:9] = 2, 1
    classes = ("road", "car", "person")
    by_color = {"road": [0, 0, 0], "car": [0, 0, 142], "person": [220, 20, 60]}
    for label_maps in (
        {"files": "seg", "ids": {0: "road", 24: "person", 26: "car"}},
        {"files": "color", "colors": by_color},
    ):
        split = load(tmp_path, label_maps=label_maps, classes=classes)
        for pair in split.pairs:
            assert np.array_equal(read_label_map(Path(pair.label_map), classes), expected)
        assert "converted to class ids" in get_facts(split)["label maps"]


@pytest.mark.parametrize("option", ["boxes", "label_maps"])
def test_pairs_without_the_labels_of_their_task_are_refused_with_the_option_to_set(
    tmp_path, option
):
    write_images(tmp_path)
    kind = {"boxes": "detection", "label_maps": "segmentation"}[option]
    with pytest.raises(UserError, match=rf"pairs has none in .*: data\.{option}, see docs"):
        plan_runs(tmp_path, {"split": RANDOM}, kind=kind)


def test_a_label_map_that_was_edited_is_converted_again(tmp_path):
    write_images(tmp_path, ["1"])
    path = tmp_path / "pairs/seg/1.png"
    options = {"label_maps": {"files": "seg", "ids": {0: "a", 9: "b"}}, "classes": ("a", "b")}
    for value, expected in ((9, 1), (0, 0)):
        dataset_folders.write_image(path, level=value)
        [pair] = load(tmp_path, **options).pairs
        assert np.unique(read_label_map(Path(pair.label_map), ("a", "b"))).tolist() == [expected]


def test_two_tasks_with_classes_in_another_order_do_not_share_what_was_read(tmp_path):
    write_images(tmp_path)
    write_yolo(tmp_path)
    write(tmp_path, "classes.txt", "person\ncar\n")
    task_file = build_task_file(tmp_path, {"boxes": YOLO, "split": RANDOM})
    content = yaml.safe_load((tmp_path / "tasks.yaml").read_text())
    content["tasks"]["other"] = json.loads(json.dumps(content["tasks"]["mine"]))
    content["tasks"]["other"]["data"]["classes"] = ["car", "person"]
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump(content))
    task_file = schema.load_task_file(tmp_path / "tasks.yaml")
    first, second = plan.build_plan(task_file, ["mine", "other"], tmp_path, tmp_path).runs
    names = [
        [run.test_split.classes[i] for pair in run.test_split.pairs for i in pair.boxes.class_ids]
        for run in (first, second)
    ]
    assert names[0] == names[1]
    assert first.test_split.classes == ("person", "car")


def test_a_data_set_that_is_not_there_is_left_out_of_the_plan(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"data\.infrared and data\.visible"):
        load(tmp_path)
    assert pairs.get_classes(tmp_path, pairs.Options(boxes=YOLO)) == ()
    assert pairs.input_paths(tmp_path) == []


def test_an_absolute_folder_can_be_anywhere(tmp_path):
    write_images(tmp_path)
    assert len(load(tmp_path / "data", folder=tmp_path / "pairs").pairs) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"infrared": 5}, "tasks.mine.data: infrared: Input should be a valid string (given: 5)"),
        (
            {"infrared": "ir/{name}"},
            "tasks.mine.data: infrared: 'ir/{name}': expected only these in braces",
        ),
        ({"visible": "../vi"}, "visible: '../vi': '..' leaves the data set's folder"),
        ({"classes": "person"}, "tasks.mine.data: classes: Input should be a valid tuple"),
        ({"classes": ["a", "a"]}, "classes: a name is there twice"),
        ({"classes": ["a", " "]}, "classes: a name is empty"),
        ({"classes": [1]}, "tasks.mine.data: classes.0: Input should be a valid string"),
        ({"boxes": "labels"}, "tasks.mine.data: boxes: Input should be a valid dictionary"),
        ({"boxes": {"files": "x"}}, "tasks.mine.data: boxes.format: Field required"),
        ({"boxes": {"format": "yolov5", "files": "x"}}, "'yolo', 'voc' or 'coco'"),
        (
            {"boxes": {"format": "yolo", "files": 3}},
            "boxes.files: expected a path, or a path for each",
        ),
        ({"boxes": {"format": "yolo", "files": {"infrared": "x"}}}, "visible: Field required"),
        ({"boxes": {**YOLO, "rename": {"a": 5}}}, "boxes.rename.a: Input should be a valid string"),
        ({"label_maps": {"files": "x", "ids": {"a": "b"}}}, "label_maps.ids.a.[key]"),
        ({"label_maps": {"files": "x", "colors": {"a": [1, 2]}}}, "label_maps.colors.a"),
        ({"split": "folds"}, "split: "),
        ({"split": {"rule": "folds", "count": 1}}, "split.folds.count: Input should be greater"),
        ({"split": {"rule": "folds", "fold": 5}}, "fold 5: the 5 folds are 0 to 4"),
        ({"split": {"rule": "kfold"}}, "'folds'"),
        ({"recordings": {"file": [1]}}, "recordings.file: Input is not a valid path"),
        ({"pair_list": "x", "visible": "y"}, "pair_list names the images; delete visible"),
        ({"folders": "x"}, "no option is called 'folders'; did you mean 'folder'"),
        ({"key": 5}, "tasks.mine.data: key: Input should be a valid string"),
        ({"split_folders": {"train": 1}}, "split_folders.train: Input should be a valid tuple"),
        ({"split_folders": []}, "split_folders: Input should be a valid dictionary"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_error_that_names_it(tmp_path, options, message):
    task_file = build_task_file(tmp_path, options)
    with pytest.raises(UserError) as error:
        resolution.resolve_tasks(task_file, ["mine"], tmp_path, tmp_path)
    text = str(error.value)
    assert message in text
    assert len(text.splitlines()) == 1


CLASSES = ["person", "car"]
CACHED = {
    "labels": ({"boxes": YOLO, "classes": CLASSES}, "labels/03.txt", "1 0.5 0.5 0.2 0.2\n"),
    "classes.txt": ({"boxes": YOLO}, "classes.txt", "car\nperson\n"),
    "data.yaml": ({"boxes": YOLO}, "data.yaml", "names: [car, person]\n"),
    "COCO file": (
        {"boxes": {"format": "coco", "files": "a.json"}},
        "a.json",
        build_coco([f"{key}.jpg" for key in reversed(KEYS)]),
    ),
    "recordings": (
        {"boxes": YOLO, "classes": CLASSES, "recordings": {"file": "../meta.csv"}},
        "../meta.csv",
        "key,condition\n03,night\n",
    ),
    "lists": (
        {"boxes": YOLO, "classes": CLASSES,
         "split": {"rule": "lists", "train": "train.txt", "test": "../test.txt"}},
        "../test.txt",
        "06\n03\n",
    ),
    "list of pairs": (
        {"boxes": YOLO, "classes": CLASSES, "pair_list": "../pairs.csv"},
        "../pairs.csv",
        "\n".join(f"ir/{key}.png,vi/{KEYS[-1 - n]}.jpg" for n, key in enumerate(KEYS)),
    ),
    "image": ({"boxes": YOLO, "classes": CLASSES}, "vi/03.jpg", None),
    "image elsewhere": (
        {"boxes": YOLO, "classes": CLASSES, "pair_list": "../pairs.csv"}, "../far/03.jpg", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CACHED)
def test_every_file_that_decides_a_split_is_noticed_when_it_changes(tmp_path, monkeypatch, name):
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)
    options, file, text = CACHED[name]
    options = {"split": RANDOM, **options}
    write_images(tmp_path)
    write_yolo(tmp_path)
    write(tmp_path, "classes.txt" if name == "classes.txt" else "data.yaml",
          "person\ncar\n" if name == "classes.txt" else "names: [person, car]\n")  # fmt: skip
    write(tmp_path, "a.json", build_coco([f"{key}.jpg" for key in KEYS]))
    write(tmp_path, "../meta.csv", "key,condition\n03,day\n")
    write(tmp_path, "train.txt", "\n".join(KEYS[:3]))
    write(tmp_path, "../test.txt", "\n".join(KEYS[3:]))
    rows = [f"ir/{key}.png,vi/{key}.jpg" for key in KEYS]
    if name == "image elsewhere":
        dataset_folders.write_image(tmp_path / "far/03.jpg", mode="RGB")
        rows[3] = f"ir/03.png,{tmp_path}/far/03.jpg"
    write(tmp_path, "../pairs.csv", "\n".join(rows))
    task_file = build_task_file(tmp_path, options)

    def describe():
        cache = SplitCache(tmp_path / "runs")
        (run,) = plan.build_plan(task_file, ["mine"], tmp_path, tmp_path, cache=cache).runs
        return [
            [split.classes, split.keys,
             *((p.infrared, p.visible, p.condition) for p in split.pairs),
             *(p.boxes.corners.tolist() + p.boxes.class_ids.tolist() for p in split.pairs),
             sorted(split.hashes.items())]
            for split in (images.split for images in run.required_images)
        ]  # fmt: skip

    before = describe()
    calls = []
    monkeypatch.setattr(pairs, "load", lambda *args: calls.append(args) or 1 / 0)
    assert describe() == before  # from the cache
    assert not calls
    monkeypatch.undo()
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)
    if text is None:
        dataset_folders.write_image(tmp_path / "pairs" / file, mode="RGB", level=99)
    else:
        write(tmp_path, file, text)
    assert describe() != before


def write_toy_task(root, kind, options):
    """A task with tiny models on a few pairs with something to learn."""
    task = {"kind": kind, "dataset": "pairs", "sources": ["ir", "both"], "seeds": [0],
            "data": options}  # fmt: skip
    if kind == "detection":
        task |= {
            "model": "yolov5",
            "options": {"size": "n", "start_weights": "scratch", "image_size": 64, "epochs": 1,
                        "batch": 2, "mosaic": 0},
        }  # fmt: skip
    else:
        task |= {
            "model": "segformer",
            "options": {"backbone": "mit_b0", "embedding": 16, "start_weights": "scratch",
                        "iterations": 2, "schedule": None, "warm_up": 1, "crop": 32, "batch": 2},
        }  # fmt: skip
    content = {
        "sources": {"ir": {"kind": "infrared"}, "both": {"kind": "method", "method": "average"}},
        "tasks": {"mine": task},
    }
    (root / "tasks.yaml").write_text(yaml.safe_dump(content))


def run_program(root):
    paths = {"--tasks": "tasks.yaml", "--data": ".", "--out": "runs", "--to": "report"}
    flags = [part for flag, name in paths.items() for part in (flag, f"{root}/{name}")]
    return __main__.main([*flags, "--device", "cpu"])


@pytest.mark.slow
def test_a_detector_is_trained_and_reported_on_own_pairs(tmp_path):
    keys = [f"{name}_{n}" for name in ("a", "b", "c", "d") for n in range(2)]
    write_images(tmp_path, keys)
    write(tmp_path, "boxes.json", build_coco([f"{key}.jpg" for key in keys]))
    options = {
        "boxes": {"format": "coco", "files": "boxes.json", "sensor": "visible"},
        "recordings": {"sequence": "{sequence}_*"},
        "split": {"rule": "folds", "count": 2},
    }
    write_toy_task(tmp_path, "detection", options)
    assert run_program(tmp_path) == 0
    [record, _] = sorted(tmp_path.glob("runs/detection/*/record.json"))
    protocol = json.loads(record.read_text())["protocol"]
    assert protocol["images"] == "4 train / 4 test"
    assert protocol["split"] == "fold 0 of 2 tested, whole sequences, seed 0"
    assert protocol["split leaks"] is False
    assert "drawn for the visible images" in protocol["boxes"]
    assert "drawn for the visible images" in (tmp_path / "report/index.html").read_text()


@pytest.mark.slow
def test_a_segmenter_is_trained_and_reported_on_own_pairs(tmp_path):
    for part in ("train", "test"):
        for key in ("1", "2", "3"):
            for sensor, mode in (("ir", "L"), ("vi", "RGB")):
                path = tmp_path / f"pairs/{sensor}/{part}/{part}{key}.png"
                dataset_folders.write_image(path, (64, 48), mode)
            path = tmp_path / f"pairs/seg/{part}/{part}{key}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            ids = np.full((48, 64), 7, np.uint8)
            ids[:20] = 26
            Image.fromarray(ids).save(path)
    options = {
        "infrared": "ir/{split}",
        "visible": "vi/{split}",
        "classes": ["road", "car"],
        "label_maps": {"files": "seg/{split}", "ids": {7: "road", 26: "car"}},
    }
    write_toy_task(tmp_path, "segmentation", options)
    assert run_program(tmp_path) == 0
    [record, _] = sorted(tmp_path.glob("runs/segmentation/*/record.json"))
    protocol = json.loads(record.read_text())["protocol"]
    assert protocol["split"] == "folders train / test"
    assert "converted to class ids" in protocol["label maps"]


def test_two_tasks_with_other_keys_of_the_same_images_read_their_own_labels(tmp_path):
    for folder, mode in (("ir", "L"), ("vi", "RGB")):
        dataset_folders.write_image(tmp_path / f"pairs/{folder}/a1.png", mode=mode)
    for key, left in (("a1", "0.3"), ("1", "0.6")):
        path = tmp_path / f"pairs/labels/{key}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"0 {left} 0.5 0.25 0.5\n")
    readings = DatasetReadings()
    boxes = {"format": "yolo", "files": "labels", "unmatched_labels": "leave_out"}
    centers = []
    for names in ("{key}", "a{key}"):
        options = pairs.Options(
            infrared=f"ir/{names}", visible=f"vi/{names}", classes=("car",), boxes=boxes
        )
        split = build_split(pairs.load(tmp_path, options), "all", tmp_path, readings)
        centers.append(
            split.pairs[0].boxes.corners[0, [0, 2]].mean() / dataset_folders.IMAGE_SIZE[0]
        )
    assert centers == pytest.approx([0.3, 0.6])
