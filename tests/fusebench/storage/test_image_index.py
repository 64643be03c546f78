"""Index of the test images beside a record."""

import pytest

from fusebench.errors import UserError
from fusebench.storage import image_index
from tests.helpers.reports.synthetic_records import write_split


def test_reads_what_was_written(tmp_path):
    image_index.write_image_index(tmp_path, write_split(tmp_path / "toy"))
    index = image_index.read_image_index(tmp_path)
    assert index.keys == ("00", "01", "02", "03")
    assert index.conditions == ("night", "day", "night", "day")


def test_image_without_a_sequence_is_a_sequence_of_its_own(tmp_path):
    (tmp_path / "images.csv").write_text("key,sequence,condition\n1,,\n2,s,day\n")
    index = image_index.read_image_index(tmp_path)
    assert index.sequences == ("1", "s")
    assert index.conditions == (None, "day")


@pytest.mark.parametrize("text", ["", "key,sequence\n1,2\n", "key,sequence,condition\n1,2\n"])
def test_file_of_another_format_is_refused_by_name(tmp_path, text):
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(UserError, match=r"images.csv: cannot be read"):
        image_index.read_image_index(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read"):
        image_index.read_image_index(tmp_path / "nowhere")
