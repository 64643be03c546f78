"""The folder of an export: written once, never overwritten silently, whole or ``.partial``."""

import pytest

from fusebench.errors import UserError
from fusebench.export import target_folder

SPEC = {"export": "toy", "version": 1, "data": "first"}


def write_file(text):
    """A writer of one file in a sub-folder."""

    def write(folder):
        (folder / "labels").mkdir()
        (folder / "labels" / "a.txt").write_text(text)

    return write


def export(target, text="first", overwrite=False, **changes):
    return target_folder.write_export(
        target, SPEC | {"data": text} | changes, write_file(text), overwrite=overwrite
    )


def list_names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_second_call_does_nothing(tmp_path):
    assert export(tmp_path / "new/folder")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "new").rglob("*")}
    assert not export(tmp_path / "new/folder")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "new").rglob("*")} == before
    assert list_names(tmp_path / "new") == ["folder"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    assert export(tmp_path / "empty")
    assert (tmp_path / "empty/labels/a.txt").read_text() == "first"


@pytest.mark.parametrize("change", [{"text": "second"}, {"export": "other"}])
def test_another_export_is_replaced_only_with_the_flag(tmp_path, change):
    export(tmp_path / "folder")
    with pytest.raises(UserError, match=r"another export .*another folder .*or .*--overwrite"):
        export(tmp_path / "folder", **change)
    assert (tmp_path / "folder/labels/a.txt").read_text() == "first"
    assert export(tmp_path / "folder", overwrite=True, **change)
    assert (tmp_path / "folder/labels/a.txt").read_text() == change.get("text", "first")
    assert list_names(tmp_path) == ["folder"]


def test_a_changed_file_is_noticed_and_kept_without_the_flag(tmp_path):
    export(tmp_path / "folder")
    (tmp_path / "folder/labels/a.txt").write_text("First")
    with pytest.raises(UserError, match=r"changed since .*labels/a\.txt.*--overwrite"):
        export(tmp_path / "folder")
    assert (tmp_path / "folder/labels/a.txt").read_text() == "First"
    assert export(tmp_path / "folder", overwrite=True)
    assert (tmp_path / "folder/labels/a.txt").read_text() == "first"


@pytest.mark.parametrize("flag", [False, True])
def test_files_of_somebody_else_are_never_removed(tmp_path, flag):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/spec.json").write_text('{"kind": "method"}')  # a folder of results
    with pytest.raises(UserError, match="no export; choose another folder"):
        export(tmp_path / "mine", overwrite=flag)
    assert list_names(tmp_path / "mine") == ["spec.json"]


@pytest.mark.parametrize("missing", ["link", "original"])
def test_a_missing_link_or_image_is_noticed(tmp_path, missing):
    paths = {"link": tmp_path / "folder/image.png", "original": tmp_path / "image.png"}
    paths["original"].write_text("pixels")

    def write(folder):
        (folder / "image.png").symlink_to(paths["original"])

    def export_link(*, overwrite=False):
        return target_folder.write_export(tmp_path / "folder", SPEC, write, overwrite=overwrite)

    assert export_link()
    assert not export_link()
    paths[missing].unlink()
    with pytest.raises(UserError, match=r"image\.png: the link or its image is missing"):
        export_link()
    paths["original"].write_text("pixels")
    assert paths["link"].exists() or export_link(overwrite=True)
    assert paths["link"].read_text() == paths["original"].read_text() == "pixels"


def test_files_that_were_added_to_an_export_are_never_removed(tmp_path):
    export(tmp_path / "folder")
    (tmp_path / "folder/runs").mkdir()
    (tmp_path / "folder/runs/last.pt").write_text("hours of training")
    assert not export(tmp_path / "folder")
    with pytest.raises(UserError, match=r"not exported \(first: runs/last\.pt\); move them away"):
        export(tmp_path / "folder", text="second", overwrite=True)
    assert (tmp_path / "folder/runs/last.pt").exists()


def test_the_label_cache_of_a_replaced_export_is_removed(tmp_path):
    """ultralytics would take the boxes of the first export for those of the second."""
    export(tmp_path / "folder")
    (tmp_path / "folder/labels/train.cache").write_text("cache")
    export(tmp_path / "folder", text="second", overwrite=True)
    assert list_names(tmp_path / "folder/labels") == ["a.txt"]


def test_an_interrupted_export_starts_again(tmp_path):
    def stop(folder):
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target_folder.write_export(tmp_path / "folder", SPEC, stop, overwrite=False)
    assert list_names(tmp_path) == ["folder.partial"]
    assert export(tmp_path / "folder")
    assert list_names(tmp_path) == ["folder"]
    assert list_names(tmp_path / "folder") == ["labels", "manifest.json", "spec.json"]


def test_an_interrupted_replacement_keeps_the_old_export(tmp_path):
    export(tmp_path / "folder")

    def stop(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        target_folder.write_export(
            tmp_path / "folder", SPEC | {"data": "second"}, stop, overwrite=True
        )
    assert (tmp_path / "folder/labels/a.txt").read_text() == "first"
    assert not export(tmp_path / "folder")


def test_a_folder_that_only_looks_like_an_unfinished_export_is_kept(tmp_path):
    (tmp_path / "folder.partial").mkdir()
    (tmp_path / "folder.partial/notes.txt").write_text("notes")
    with pytest.raises(UserError, match="no unfinished export; move it away"):
        export(tmp_path / "folder")
    assert list_names(tmp_path / "folder.partial") == ["notes.txt"]


def test_a_file_and_the_current_folder_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; name a folder"):
        export(tmp_path / "file")
    monkeypatch.chdir(tmp_path)
    for name in (".", "..", "/"):
        with pytest.raises(UserError, match="current folder or above it"):
            export(tmp_path / name)
    assert list_names(tmp_path) == ["file"]
