"""Completeness of files by their formats."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from fusebench.data import images
from fusebench.storage import intact_files


@pytest.fixture
def folder(tmp_path):
    images.write_png(tmp_path / "a.png", np.arange(4000, dtype=np.uint16).astype(np.uint8)[None])
    np.savez(tmp_path / "a.npz", scores=np.arange(50.0))
    torch.save({"step": torch.arange(50)}, tmp_path / "a.pt")
    save_file({"weights": np.arange(50.0)}, tmp_path / "a.safetensors")
    (tmp_path / "a.json").write_text(json.dumps({"scores": [1, 2, 3]}))
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>\n")
    (tmp_path / "a.csv").write_text("key,score\n1,2\n")
    return tmp_path


FORMATS = ["png", "npz", "pt", "safetensors", "json", "xml", "csv"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_whole_file_has_no_fault_and_an_empty_one_has(suffix, folder):
    file = folder / f"a.{suffix}"
    assert intact_files.find_fault(file) is None
    file.write_bytes(b"")
    assert intact_files.find_fault(file) == "empty"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_whose_second_half_is_zeros_has_a_fault(suffix, folder):
    file = folder / f"a.{suffix}"
    content = file.read_bytes()
    if suffix == "safetensors":  # its header alone can be checked
        content = content[:-1]
    else:
        content = content[: len(content) // 2] + bytes(len(content) - len(content) // 2)
    file.write_bytes(content)
    assert intact_files.find_fault(file) == "incomplete or changed"


@pytest.mark.parametrize("suffix", ["png", "npz", "pt", "safetensors", "json", "xml"])
def test_a_truncated_file_has_a_fault(suffix, folder):
    file = folder / f"a.{suffix}"
    file.write_bytes(file.read_bytes()[:-12])
    assert intact_files.find_fault(file) == "incomplete or changed"


def test_a_changed_pixel_of_a_png_is_a_fault(folder):
    file = folder / "a.png"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert intact_files.find_fault(file) == "incomplete or changed"


def test_a_log_may_be_empty(folder):
    (folder / "log.txt").write_text("")
    assert intact_files.find_fault(folder / "log.txt") is None


def test_only_incomplete_and_temporary_files_are_removed_and_no_link_is_followed(folder, tmp_path):
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    for name, content in ((".a.csv.4711", "half"), ("a.json", ""), ("b.json", "{}"), ("c.pt", "")):
        (unfinished / name).write_text(content)
    outside = tmp_path / "outside.json"
    outside.write_text("")
    (unfinished / "link.json").symlink_to(outside)
    removed = intact_files.remove_incomplete_files(unfinished)
    assert [path.name for path in removed] == ["a.json"]
    assert sorted(path.name for path in unfinished.iterdir()) == ["b.json", "c.pt", "link.json"]
    assert outside.exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_changed_byte_anywhere_is_a_fault_or_unknown_but_no_other_error(suffix, folder):
    file = folder / f"a.{suffix}"
    content = file.read_bytes()
    for position in {*range(len(content))[:50], *range(len(content))[-250:]}:  # the structure
        for value in (content[position] ^ 1, content[position] ^ 128):
            file.write_bytes(content[:position] + bytes([value]) + content[position + 1 :])
            assert intact_files.find_fault(file) in (None, "incomplete or changed")
