"""Label maps of a tree: files by pair, and how ids and colors become class ids."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data.label_images.conversion import LabelConversion, read_converted
from fusebench.data.trees.label_map_files import find_label_maps
from fusebench.data.trees.label_options import LabelMapFiles
from fusebench.data.trees.pair_files import TreePair
from fusebench.errors import UserError

CLASSES = ("road", "car", "person")


def build_pairs(*keys):
    return [TreePair(key, f"/d/ir/{key}.png", f"/d/vi/{key}.png", {"key": key}) for key in keys]


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def find(folder, *keys, classes=CLASSES, **options):
    options = {"files": "seg", **options}
    return find_label_maps(folder, build_pairs(*keys), LabelMapFiles(**options), classes)


def refuse(*arguments, **options):
    with pytest.raises(UserError) as error:
        find(*arguments, **options)
    return str(error.value)


def test_files_are_found_by_key_and_hold_class_ids_unless_told_otherwise(tmp_path):
    write(tmp_path, "seg/a.png", "seg/b.bmp")
    label_maps = find(tmp_path, "a", "b")
    assert {key: path.name for key, path in label_maps.files.items()} == {
        "a": "a.png", "b": "b.bmp",
    }  # fmt: skip
    assert label_maps.conversion is None


def test_ids_are_named_and_255_stays_unlabeled(tmp_path):
    write(tmp_path, "seg/a.png")
    ids = {0: None, 7: "road", 26: "car", 24: "person", 27: "car"}
    assert find(tmp_path, "a", ids=ids).conversion.ids == {
        255: 255, 0: 255, 7: 0, 26: 1, 24: 2, 27: 1,
    }  # fmt: skip
    assert find(tmp_path, "a", ids={0: "road", 255: "car"}).conversion.ids == {0: 0, 255: 1}


def test_colors_are_named_too(tmp_path):
    write(tmp_path, "seg/a.png")
    colors = {"road": [0, 0, 0], "car": [0, 0, 142]}
    conversion = find(tmp_path, "a", colors=colors, unlabeled_color=[1, 2, 3]).conversion
    assert conversion.colors == {(0, 0, 0): 0, (0, 0, 142): 1, (1, 2, 3): 255}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("a", "b"), {}, "1 of 2 pair(s) have no label seg: b; add the missing labels, or set"),
        ((), {"files": "masks"}, "has no folder masks; found: seg"),
        (("a",), {"classes": ()}, "data.classes: name the classes of the label maps"),
        (("a",), {"classes": tuple(map(str, range(256)))}, "256 classes; label maps can have 255"),
        (("a",), {"ids": {0: "bus"}}, "data.label_maps.ids: 'bus' is none of data.classes (road"),
        (("a",), {"colors": {"bus": [0, 0, 0]}}, "data.label_maps.colors: 'bus' is none of"),
        (("x",), {"unlabeled_images": "leave_out", "unmatched_labels": "leave_out"},
         "no pair has a label seg"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, arguments, options, message):
    write(tmp_path, "seg/a.png")
    assert message in refuse(tmp_path, *arguments, **options)


def test_label_maps_without_images_and_two_of_one_pair_are_refused(tmp_path):
    write(tmp_path, "seg/a.png", "seg/b.png")
    assert "label_maps.unmatched_labels: leave_out" in refuse(tmp_path, "a")
    assert set(find(tmp_path, "a", unmatched_labels="leave_out").files) == {"a"}
    write(tmp_path, "seg/a.bmp")
    assert "seg/a.bmp and" in refuse(tmp_path, "a", "b")
    assert "keep one of them" in refuse(tmp_path, "a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ids": {0: "a"}, "colors": {"a": [0, 0, 0]}}, "exclude each other"),
        ({"colors": {"a": [0, 0, 0], "b": [0, 0, 0]}}, "two classes have one color"),
        ({"colors": {"a": [0, 0, 256]}}, "less than or equal to 255"),
        ({"unlabeled_color": [0, 0, 0]}, "set colors too"),
        ({"ids": {256: "a"}}, "less than or equal to 255"),
        ({"unlabeled_images": "background"}, "'refuse' or 'leave_out'"),
        ({"files": "seg/a.png"}, "expected a folder, or a name with {key}"),
    ],
)
def test_options_that_cannot_be_right_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LabelMapFiles(**{"files": "seg", **options})


def save(path, values, mode=None, palette=None):
    image = Image.fromarray(np.array(values, np.uint8), mode)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)
    return path


def test_ids_are_converted_pixel_by_pixel(tmp_path):
    path = save(tmp_path / "a.png", [[0, 7], [26, 255]])
    conversion = LabelConversion(ids={0: 255, 7: 0, 26: 1, 255: 255})
    assert read_converted(path, conversion).tolist() == [[255, 0], [1, 255]]


def test_an_id_that_is_not_named_is_refused_with_its_number_of_pixels(tmp_path):
    path = save(tmp_path / "a.png", [[0, 9], [9, 9]])
    with pytest.raises(UserError, match=r"a\.png: id 9 \(3 pixels\) is not in label_maps\.ids \(0"):
        read_converted(path, LabelConversion(ids={0: 0}))


def test_colors_are_converted_and_a_color_off_by_one_is_refused(tmp_path):
    conversion = LabelConversion(colors={(0, 0, 0): 0, (0, 0, 142): 1})
    path = save(tmp_path / "a.png", [[[0, 0, 0], [0, 0, 142]]])
    assert read_converted(path, conversion).tolist() == [[0, 1]]
    save(path, [[[0, 0, 0], [0, 1, 142]]])
    with pytest.raises(UserError, match=r"1 pixels in 1 colors of no class .*\(0, 1, 142\)"):
        read_converted(path, conversion)
    save(path, [[[142, 0, 0], [0, 0, 0]]])
    with pytest.raises(UserError, match="red and blue are in the other order"):
        read_converted(path, conversion)


def test_a_palette_image_is_its_colors_or_its_indices_as_the_task_file_says(tmp_path):
    palette = [0, 0, 142, 0, 0, 0]
    path = tmp_path / "a.png"
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette(palette)
    image.save(path)
    by_color = LabelConversion(colors={(0, 0, 0): 0, (0, 0, 142): 1})
    assert read_converted(path, by_color).tolist() == [[1, 0]]
    assert read_converted(path, LabelConversion(ids={0: 5, 1: 6})).tolist() == [[5, 6]]


def test_palettes_that_were_renumbered_are_refused_if_indices_are_to_be_ids(tmp_path):
    conversion, palette = LabelConversion(ids={0: 0, 1: 1}), {}
    for name, colors in (
        ("a.png", [0, 0, 0, 9, 9, 9, 1, 2, 3]),
        ("b.png", [0, 0, 0, 9, 9, 9, 7, 7, 7]),  # index 2 is no id
        ("c.png", [9, 9, 9, 0, 0, 0]),
    ):
        image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        image.putpalette(colors)
        image.save(tmp_path / name)
    for name in ("a.png", "b.png"):
        assert read_converted(tmp_path / name, conversion, palette).tolist() == [[0, 1]]
    with pytest.raises(UserError, match=r"c\.png: palette index 0 is RGB \(9, 9, 9\), but \(0, 0"):
        read_converted(tmp_path / "c.png", conversion, palette)


def test_a_label_map_with_loss_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    with pytest.raises(UserError, match="is a JPEG file"):
        read_converted(tmp_path / "a.jpg", LabelConversion(colors={(0, 0, 0): 0}))
