import pytest
from report_toys import split

from bench import evidence
from bench.errors import BenchError


def test_images_are_read_as_they_were_written(tmp_path):
    evidence.write(tmp_path, split(tmp_path / "toy"))
    found = evidence.read(tmp_path)
    assert found.keys == ("00", "01", "02", "03")
    assert found.scenes == ("night", "day", "night", "day")


def test_an_image_without_a_sequence_is_a_group_of_its_own(tmp_path):
    (tmp_path / "images.csv").write_text("key,group,scene\n1,,\n2,s,day\n")
    found = evidence.read(tmp_path)
    assert found.groups == ("1", "s")
    assert found.scenes == (None, "day")


@pytest.mark.parametrize("text", ["", "key,group\n1,2\n", "key,group,scene\n1,2\n"])
def test_another_table_is_refused_by_name(tmp_path, text):
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(BenchError, match=r"images.csv: cannot be read"):
        evidence.read(tmp_path)
    with pytest.raises(BenchError, match=r"cannot be read"):
        evidence.read(tmp_path / "nowhere")
