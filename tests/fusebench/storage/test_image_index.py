import pytest

from fusebench.errors import UserError
from fusebench.storage import image_index
from tests.helpers.synthetic_records import write_split


def test_images_are_read_as_they_were_written(tmp_path):
    image_index.write_image_index(tmp_path, write_split(tmp_path / "toy"))
    found = image_index.read_image_index(tmp_path)
    assert found.keys == ("00", "01", "02", "03")
    assert found.conditions == ("night", "day", "night", "day")


def test_an_image_without_a_sequence_is_a_group_of_its_own(tmp_path):
    (tmp_path / "images.csv").write_text("key,sequence,condition\n1,,\n2,s,day\n")
    found = image_index.read_image_index(tmp_path)
    assert found.sequences == ("1", "s")
    assert found.conditions == (None, "day")


@pytest.mark.parametrize("text", ["", "key,sequence\n1,2\n", "key,sequence,condition\n1,2\n"])
def test_another_table_is_refused_by_name(tmp_path, text):
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(UserError, match=r"images.csv: cannot be read"):
        image_index.read_image_index(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read"):
        image_index.read_image_index(tmp_path / "nowhere")
