"""M3FD in the trees that are in circulation besides the official one: folders of train and test."""

import shutil

import pytest

from fusebench.config import schema
from fusebench.data import m3fd_class_order
from fusebench.data.split_builder import load_split
from fusebench.datasets import m3fd
from fusebench.errors import UserError
from fusebench.experiments import plan
from tests.helpers.dataset_folders import ONE_CAR, write_image, write_m3fd, write_voc_xml

LABEL = "3 0.5 0.5 0.25 0.5\n"  # in order A a lamp, in order B a motorcycle
DEYOLO = ("images/Ir_{}", "images/vis_{}", "labels/vis_{}")
BESIDE = ("infrared/{}", "visible/{}", "visible/{}")
RGBT = ("images/infrared/{}", "images/visible/{}", "labels/visible/{}")
RGBT_PARTS = ("{}/infrared/images", "{}/visible/images", "{}/visible/labels")
APART = ("Ir/{}", "Vis/{}", "labels/{}")
TREES = [DEYOLO, BESIDE, RGBT, RGBT_PARTS, APART]


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(m3fd.load, root, split, m3fd.Options(**options))


def write_tree(root, tree, parts=(("train", ("00000", "00001")), ("val", ("00250",)))):
    for part, keys in parts:
        infrared, visible, labels = (root / "m3fd" / text.format(part) for text in tree)
        for key in keys:
            write_image(infrared / f"{key}.png")
            write_image(visible / f"{key}.png", mode="RGB")
            labels.mkdir(parents=True, exist_ok=True)
            (labels / f"{key}.txt").write_text(LABEL)
    return root / "m3fd"


@pytest.mark.parametrize("tree", TREES)
def test_folders_of_train_and_test_are_the_default_split(tmp_path, tree):
    write_tree(tmp_path, tree)
    train, test = load(tmp_path, "train", class_order="B"), load(tmp_path, "test", class_order="B")
    assert (train.keys, test.keys) == (("00000", "00001"), ("00250",))
    assert test.rule_description == "folders train / val"
    (pair,) = test.pairs
    assert [test.classes[i] for i in pair.boxes.class_ids] == ["Motorcycle"]
    assert pair.boxes.corners.tolist() == [[12, 6, 20, 18]]
    assert not test.has_leakage


@pytest.mark.parametrize("tree", TREES)
def test_another_rule_divides_the_pairs_of_all_folders(tmp_path, tree):
    write_tree(tmp_path, tree)
    test = load(tmp_path, "test", class_order="B", split={"rule": "blocks"})
    assert test.keys == ("00250",)
    assert test.rule_description.startswith("blocks of 100 ids")


@pytest.mark.parametrize("tree", TREES)
def test_class_order_of_text_labels_must_be_certain(tmp_path, tree):
    write_tree(tmp_path, tree)
    with pytest.raises(UserError, match=r"id 3: 3 boxes.* Set data\.class_order"):
        load(tmp_path)
    (pair, *_) = load(tmp_path, class_order="A").pairs
    assert [m3fd.CLASSES[i] for i in pair.boxes.class_ids] == ["Lamp"]


def test_list_of_names_beside_the_labels_decides_the_order(tmp_path):
    folder = write_tree(tmp_path, BESIDE)
    names = "\n".join(m3fd_class_order.CLASS_ORDERS["E"])
    (folder / "visible/val/classes.txt").write_text(names)
    pairs = load(tmp_path).pairs
    assert [m3fd.CLASSES[i] for pair in pairs for i in pair.boxes.class_ids] == ["Bus"] * 3
    other_names = "\n".join(m3fd_class_order.CLASS_ORDERS["A"])
    (folder / "visible/train/classes.txt").write_text(other_names)
    with pytest.raises(UserError, match=r"train and .*val: .*different orders"):
        load(tmp_path)
    assert len(load(tmp_path, class_order="A").pairs) == 3


def test_recognized_class_order_is_noted(tmp_path, monkeypatch):
    write_tree(tmp_path, DEYOLO)
    order = m3fd_class_order.CLASS_ORDERS["D"]
    monkeypatch.setattr(m3fd_class_order, "recognize_class_order", lambda _: order)
    split = load(tmp_path)
    assert split.classes[split.pairs[0].boxes.class_ids[0]] == "Bus"
    assert dict(split.notes)["class order"].startswith("recognized as D")


def test_neighboring_frames_in_both_folders_are_reported_as_leakage(tmp_path):
    parts = (("train", ("00000", "00002", "00004")), ("val", ("00001", "00003")))
    write_tree(tmp_path, DEYOLO, parts)
    assert load(tmp_path, "test", class_order="B").has_leakage


def test_three_folders_leave_the_validation_pairs_out_and_say_so(tmp_path):
    parts = (("train", ("00000",)), ("val", ("00100",)), ("test", ("00250",)))
    write_tree(tmp_path, BESIDE, parts)
    test = load(tmp_path, "test", class_order="B")
    assert test.keys == ("00250",)
    assert "val (1 pairs)" in dict(test.notes)["caution: folders left out"]


def test_pair_in_both_folders_is_refused(tmp_path):
    write_tree(tmp_path, DEYOLO, (("train", ("00000",)), ("val", ("00000",))))
    with pytest.raises(UserError, match="'00000'"):
        load(tmp_path, class_order="B")


@pytest.mark.parametrize("unlabeled_images", ["refuse", "background"])
def test_image_without_a_label_file(tmp_path, unlabeled_images):
    folder = write_tree(tmp_path, BESIDE)
    (folder / "visible/train/00001.txt").unlink()
    options = {"class_order": "B", "unlabeled_images": unlabeled_images}
    if unlabeled_images == "refuse":
        with pytest.raises(UserError, match=r"have no label.*00001"):
            load(tmp_path, **options)
    else:
        assert [len(pair.boxes) for pair in load(tmp_path, **options).pairs] == [1, 0, 1]


def test_xml_labels_are_preferred_to_text_labels(tmp_path):
    folder = write_tree(tmp_path, DEYOLO)
    for key in ("00000", "00001", "00250"):
        write_voc_xml(folder / f"Annotation/{key}.xml", ONE_CAR)
    assert load(tmp_path).pairs[0].boxes.class_ids.tolist() == [1]


def test_tree_without_labels_can_be_fused_and_scored(tmp_path):
    folder = write_tree(tmp_path, DEYOLO)
    shutil.rmtree(folder / "labels")
    assert [pair.boxes for pair in load(tmp_path).pairs] == [None] * 3


def test_scenario_file_is_read_in_every_tree(tmp_path):
    folder = write_tree(tmp_path, DEYOLO)
    (folder / "meta").mkdir()
    (folder / "meta/scenario.json").write_text(
        '[{"name": "Night", "scene": [{"name": "yard", "range": [{"min": 250, "max": 260}]}]}]'
    )
    (pair,) = load(tmp_path, "test", class_order="B").pairs
    assert (pair.condition, pair.sequence) == ("night", "yard")


def test_images_in_the_folder_of_a_sensor_are_the_official_tree_whatever_is_below(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd", ["00000"])
    for name in ("Ir", "Vis"):
        write_image(folder / name / "train/00007.png")
    assert load(tmp_path).keys == ("00000",)


def test_package_of_ivif_zoo_has_its_pairs_beside_fused_results(tmp_path):
    write_m3fd(tmp_path / "m3fd/M3FD_4200", ["00000", "00001"])
    shutil.rmtree(tmp_path / "m3fd/M3FD_4200/Annotation")
    results = tmp_path / "m3fd/M3FD/Fused Results/TarDAL/Images"
    write_image(results / "00000.png", mode="RGB")
    split = load(tmp_path)
    assert split.keys == ("00000", "00001")
    assert split.pairs[0].infrared == tmp_path / "m3fd/M3FD_4200/Ir/00000.png"


def test_the_300_pairs_for_fusion_have_no_boxes(tmp_path):
    folder = write_m3fd(tmp_path / "m3fd/M3FD_Fusion", ["00000", "00001"])
    shutil.rmtree(folder / "Annotation")
    split = load(tmp_path, split={"rule": "all"})
    assert [pair.boxes for pair in split.pairs] == [None, None]


def test_fused_images_with_a_suffix_and_another_extension_are_matched_by_a_template(tmp_path):
    write_m3fd(tmp_path / "data/m3fd", ["00000", "00001"])
    for key in ("00000", "00001"):
        write_image(tmp_path / f"results/{key}_FSATFusion.jpg", mode="RGB")
    (tmp_path / "tasks.yaml").write_text(
        'sources: {fsat: {kind: folder, folder: "results/{key}_FSATFusion"}}\n'
        "tasks: {q: {kind: quality, dataset: m3fd, data: {split: {rule: all}}, sources: [fsat]}}\n"
    )
    task_file = schema.load_task_file(tmp_path / "tasks.yaml")
    (run,) = plan.build_plan(task_file, ["q"], tmp_path / "data", tmp_path).runs
    assert run.test_images.external_files["00001"] == tmp_path / "results/00001_FSATFusion.jpg"
