"""Manifests: every change of a finished folder is noticed, copies and older folders work."""

import hashlib
import json
import os
import shutil

import pytest

from fusebench.errors import UserError
from fusebench.storage import manifest
from fusebench.storage.store import Store
from tests.helpers.damage import flip_bit, forget_checks

SPEC = {"method": "average", "version": 1}
TABLE = "key,score\n00001,0.5\n"


def write_table(folder):
    (folder / "sub").mkdir()
    (folder / "sub/table.csv").write_text(TABLE)
    (folder / "log.txt").write_text("")


def fail(folder):
    raise AssertionError(f"{folder} is made again")


def finish(root):
    return Store(root).get_or_create("predicted", "toy", SPEC, write_table).path


def use(root):
    forget_checks()
    return Store(root).get_or_create("predicted", "toy", SPEC, fail).path


def test_the_manifest_has_the_size_time_and_sha256_of_every_other_file(tmp_path):
    folder = finish(tmp_path)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(files) == ["log.txt", "spec.json", "sub/table.csv"]
    assert files["sub/table.csv"] == {
        "size": len(TABLE),
        "mtime_ns": (folder / "sub/table.csv").stat().st_mtime_ns,
        "sha256": hashlib.sha256(TABLE.encode()).hexdigest(),
    }


def test_an_unchanged_folder_is_used(tmp_path):
    assert finish(tmp_path) == use(tmp_path)


@pytest.mark.parametrize("name", ["sub/table.csv", "spec.json"])
def test_a_flipped_bit_is_named_with_the_command_that_repairs(name, tmp_path):
    flip_bit(finish(tmp_path) / name)
    with pytest.raises(UserError) as error:
        use(tmp_path)
    assert f"damaged: {name} (changed since it was written)" in str(error.value)
    assert f"`python -m fusebench verify --repair --out {tmp_path}`" in str(error.value)


def test_every_flipped_byte_of_the_manifest_is_noticed(tmp_path):
    folder = finish(tmp_path)
    file = folder / "manifest.json"
    content = file.read_bytes()
    for i in range(len(content)):
        file.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        forget_checks()
        with pytest.raises(manifest.ManifestError):
            manifest.read_manifest(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_text(TABLE[:-1]), rf"{len(TABLE) - 1} bytes, written were"),
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_text(TABLE.replace("5", "6")), "changed since"),
    ],
)
def test_a_shortened_lost_or_edited_file_is_damage(damage, message, tmp_path):
    damage(finish(tmp_path) / "sub/table.csv")
    with pytest.raises(UserError, match=message):
        use(tmp_path)


def test_a_copied_store_is_used_and_gets_the_new_times(tmp_path):
    folder = finish(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    copy = use(tmp_path / "b")
    os.utime(copy / "sub/table.csv", ns=(5, 5))
    assert use(tmp_path / "b") == copy
    entries = manifest.read_manifest(copy)
    assert entries["sub/table.csv"].mtime_ns == 5
    assert entries["sub/table.csv"].sha256 == manifest.read_manifest(folder)["sub/table.csv"].sha256


def test_a_folder_of_an_earlier_version_gets_a_manifest_at_its_first_use(tmp_path, capsys):
    folder = finish(tmp_path)
    (folder / "manifest.json").unlink()
    assert use(tmp_path) == folder
    assert "folders of an earlier version" in capsys.readouterr().err
    flip_bit(folder / "sub/table.csv")
    with pytest.raises(UserError, match="changed since"):
        use(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sub/table.csv", "", "empty"),
        ("spec.json", '{"method": "maximum", "version": 1}', "does not fit the name"),
        ("spec.json", "", "empty"),
        ("spec.json", None, "missing"),
    ],
)
def test_a_folder_of_an_earlier_version_with_incomplete_files_is_damaged(
    name, content, message, tmp_path
):
    folder = finish(tmp_path)
    (folder / "manifest.json").unlink()
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        use(tmp_path)


def test_a_read_only_folder_is_used_without_writing(tmp_path, monkeypatch):
    folder = finish(tmp_path)
    (folder / "manifest.json").unlink()

    def raise_read_only(*_):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(manifest, "write_manifest", raise_read_only)
    assert use(tmp_path) == folder
    assert not (folder / "manifest.json").exists()


@pytest.mark.parametrize("kind", ["checked", "statistics"])
@pytest.mark.parametrize("name", ["sub/table.csv", "spec.json", "manifest.json"])
def test_a_damaged_cache_is_made_again(kind, name, tmp_path, capsys):
    folder = Store(tmp_path).get_or_create(kind, "toy", SPEC, write_table).path
    flip_bit(folder / name)
    assert Store(tmp_path).find_finished(kind, "toy", SPEC) is None
    assert f"{name}); it is made again" in capsys.readouterr().err
    again = Store(tmp_path).get_or_create(kind, "toy", SPEC, write_table).path
    assert (again / "sub/table.csv").read_text() == TABLE


def test_images_are_left_to_their_own_checksums_where_only_some_are_drawn(tmp_path):
    store = Store(tmp_path)
    work = lambda folder: (folder / "00001.png").write_bytes(b"pixels")  # noqa: E731
    folder = store.get_or_create("fused", "toy", SPEC, work).path
    flip_bit(folder / "00001.png")
    assert store.find_finished("fused", "toy", SPEC, with_images=False) == folder
    with pytest.raises(UserError, match=r"00001\.png \(changed"):
        store.get_or_create("fused", "toy", SPEC, fail)


def test_the_next_run_makes_what_a_power_cut_left_incomplete(tmp_path, capsys):
    partial = finish(tmp_path).rename(tmp_path / "folder")
    names = ["spec.json", "sub/table.csv"]
    final = Store(tmp_path).get_path("predicted", "toy", SPEC)
    partial.rename(final.with_name(f"{final.name}.partial"))
    for name in names:
        (final.with_name(f"{final.name}.partial") / name).write_text("")
    left = []
    Store(tmp_path).get_or_create(
        "predicted", "toy", SPEC, lambda folder: left.extend(folder.rglob("*.csv"))
    )
    assert left == []
    assert capsys.readouterr().err.count("incomplete since an interruption") == 2
