"""The student's teacher: a method or a folder, its images, and the errors of a folder."""

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import UserError
from fusebench.storage.store import Store
from fusion.training import training_run
from fusion.training.data import teacher
from fusion.training.data.dataset import ImageReader
from fusion.training.recipe.schema import TeacherOptions
from tests.helpers.fusion import tiny_training


def find_pairs(tmp_path):
    """Return the data folder and the training data of three pairs."""
    root = tiny_training.write_pairs(tmp_path / "data")
    training = tiny_training.build_training("student", "distillation")
    return root, training_run.find_data(training, root)


def write_teacher(folder, level=100, size=tiny_training.SIZE, keys="abc"):
    folder.mkdir(exist_ok=True)
    for key in keys:
        Image.new("L", size, level).save(folder / f"{key}.png")
    return TeacherOptions(folder=str(folder))


def attach(options, data, tmp_path):
    selected = teacher.select_teacher_images(options, data)
    files = teacher.make_teacher_images(selected, Store(tmp_path / "runs"), "cpu")
    return teacher.attach_teacher_images(data, files)


def test_the_images_of_a_method_are_the_third_channel(tmp_path):
    _, data = find_pairs(tmp_path)
    attached = attach(TeacherOptions(method="maximum"), data, tmp_path)
    pixels = ImageReader("pairs", 32).read(attached.images[0])
    assert pixels.shape == (40, 48, 3)
    np.testing.assert_array_equal(pixels[..., 2], pixels[..., :2].max(axis=2))


def test_the_images_of_a_method_are_made_once(tmp_path):
    _, data = find_pairs(tmp_path)
    options = TeacherOptions(method="average")
    first = attach(options, data, tmp_path).images[0].files[2]
    before = first.stat().st_mtime_ns
    assert attach(options, data, tmp_path).images[0].files[2] == first
    assert first.stat().st_mtime_ns == before


def test_the_images_of_a_folder_are_matched_by_key(tmp_path):
    _, data = find_pairs(tmp_path)
    write_teacher(tmp_path / "fused", level=10, keys="a")
    options = write_teacher(tmp_path / "fused", level=30, keys="bc")
    attached = attach(options, data, tmp_path)
    levels = [ImageReader("pairs", 32).read(image)[0, 0, 2] for image in attached.images]
    assert levels == [10, 30, 30]


def test_a_missing_image_is_an_error_that_names_it(tmp_path):
    _, data = find_pairs(tmp_path)
    options = write_teacher(tmp_path / "fused", keys="ac")
    with pytest.raises(UserError, match=r"1 of the 3 images of folder/all are missing .first: b"):
        attach(options, data, tmp_path)


def test_an_image_of_another_size_is_an_error_that_names_it(tmp_path):
    _, data = find_pairs(tmp_path)
    write_teacher(tmp_path / "fused")
    options = write_teacher(tmp_path / "fused", size=(32, 40), keys="b")
    with pytest.raises(UserError, match=r"b.png: 32 x 40 .* pair b has 48 x 40"):
        attach(options, data, tmp_path)


def test_a_damaged_image_is_an_error_before_the_training(tmp_path):
    _, data = find_pairs(tmp_path)
    options = write_teacher(tmp_path / "fused")
    file = tmp_path / "fused" / "c.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(UserError, match=r"c.png: cannot be read as an image"):
        attach(options, data, tmp_path)


def test_an_image_of_16_bits_is_an_error_before_the_training(tmp_path):
    _, data = find_pairs(tmp_path)
    options = write_teacher(tmp_path / "fused")
    width, height = tiny_training.SIZE
    Image.fromarray(np.zeros((height, width), np.uint16)).save(tmp_path / "fused" / "c.png")
    with pytest.raises(UserError, match=r"c.png: 16-bit integers; expected 8 bits"):
        attach(options, data, tmp_path)


def test_the_spec_has_the_contents_of_the_folder_and_not_its_place(tmp_path):
    root, _ = find_pairs(tmp_path)

    def build_spec(folder):
        training = tiny_training.build_training("student", "distillation")
        options = training.recipe.model_copy(update={"teacher": folder})
        return training_run.build_spec(
            training_run.TrainingRun("student", "distillation", options, 3), root
        )

    first = build_spec(write_teacher(tmp_path / "first"))
    assert build_spec(write_teacher(tmp_path / "second")) == first
    assert build_spec(write_teacher(tmp_path / "third", level=101)) != first


@pytest.mark.parametrize(
    ("text", "expected"),
    [("dmfuse", {"method": "dmfuse"}), ("my.module", {"method": "my.module"})],
)
def test_a_name_is_a_method(tmp_path, text, expected):
    assert teacher.parse_teacher(text, tmp_path) == expected


def test_a_folder_is_relative_to_the_given_one(tmp_path):
    (tmp_path / "fused").mkdir()
    assert teacher.parse_teacher("fused", tmp_path) == {"folder": str(tmp_path / "fused")}


@pytest.mark.parametrize("text", ["./missing", "missing/", "a/b", "../missing.v2"])
def test_a_path_is_a_folder_whether_it_exists_or_not(tmp_path, text):
    assert teacher.parse_teacher(text, tmp_path) == {"folder": str(tmp_path / text)}


def test_a_name_of_neither_is_an_error_with_a_suggestion(tmp_path):
    with pytest.raises(UserError, match=r"teacher dmfus: .* did you mean 'dmfuse'"):
        teacher.parse_teacher("dmfus", tmp_path)


def test_a_folder_and_a_method_are_not_both_the_teacher():
    with pytest.raises(ValueError, match="not both"):
        TeacherOptions(method="average", folder="fused")
