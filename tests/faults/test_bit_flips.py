"""Bit flips: no changed bit of a stored file reaches a table unnoticed; a repair restores all."""

import random
import re
import shutil
import time
from pathlib import Path

import pytest

from fusebench import verify
from fusebench.data import images
from fusebench.errors import UserError
from fusebench.storage import cost_profiles, documents, integrity
from fusebench.storage.hashing import HASH_LENGTH
from tests.faults import small_store
from tests.helpers.damage import flip_bit, forget_checks

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
NAMES = {  # by folder, the kinds of files in it; N stands for the key of an image
    "data/scenes/boxes": {
        "Annotation/N.xml", "Ir/N.png", "Vis/N.png", "meta/scenario.json", "meta/test.txt",
        "meta/train.txt", "manifest.json",
    },
    "data/scenes/masks": {
        f"{split}/{kind}/N.png" for split in ("train", "test")
        for kind in ("Infrared", "Visible", "Label", "color")
    } | {"meta/scenario.json", "meta/test.txt", "meta/train.txt", "manifest.json"},
    "runs/checked": {"labels.json", "spec.json", "manifest.json", "log.txt"},
    "runs/fused": {"N.png", "spec.json", "manifest.json"},
    "runs/trained": {
        "model.safetensors", "model.json", "losses.csv", "time.json", "log.txt", "spec.json",
        "manifest.json",
    },
    "runs/predicted": {"predictions.json", "N.png", "log.txt", "spec.json", "manifest.json"},
    "runs/detection": {
        "record.json", "matches.npz", "error_types.npz", "average_precision_yolov5.npz",
        "images.csv", "per_image.csv", "curves.csv",
        "confusion.csv", "error_types.csv", "spec.json", "manifest.json",
    },
    "runs/segmentation": {
        "record.json", "confusion.npz", "boundary.npz", "images.csv", "per_image.csv", "spec.json",
        "manifest.json",
    },
    "runs/quality": {"record.json", "per_image.csv", "spec.json", "manifest.json"},
    "runs/statistics": {"resampled.json", "resampled.npz", "spec.json", "manifest.json"},
}  # fmt: skip
CASES = [(folder, name) for folder, names in NAMES.items() for name in sorted(names)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Finished results of every kind, and their tables."""
    folder = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small_store.write_inputs(folder)
        status, errors = small_store.run_all()
        assert status == 0, errors
        tables = small_store.read_tables(folder)
    return folder, tables


@pytest.fixture
def root(reference, tmp_path, monkeypatch):
    """A copy of the finished results with the times of the files, as the current folder."""
    return copy_store(reference, tmp_path, monkeypatch)


def copy_store(reference, tmp_path, monkeypatch):
    """Copy the finished results, with the times of the files; enter the copy."""
    root = tmp_path / "copy"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(reference[0], root)
    monkeypatch.chdir(root)
    forget_checks()
    return root


def list_files(root, folder, name):
    """List the stored files of one kind that have content."""
    top, kind = folder.rsplit("/", 1)
    pattern = f"{top}/{kind}-*" if top.endswith("scenes") else f"{folder}/*-*"
    files = sorted(root.glob(f"{pattern}/{name.replace('N.', '[0-9]*.')}"))
    return [file for file in files if file.stat().st_size]


def use_everything(root, folder):
    """Use what lies in a folder for new tables; return the tables, or the errors instead."""
    if folder.removeprefix("runs/") not in small_store.RECORD_KINDS:
        small_store.remove_records(root)
        status, errors = small_store.run_all()
        if status:
            return errors
    try:
        return small_store.read_tables(root)
    except UserError as error:
        return str(error)


def test_every_kind_of_stored_file_is_tried(reference):
    listed = {file for case in CASES for file in list_files(reference[0], *case)}
    stored = {
        path
        for part in ("data/scenes", "runs")
        for path in (reference[0] / part).rglob("*")
        if path.is_file()
        and path.stat().st_size
        and path.suffix != ".lock"
        and not {".matplotlib", ".index"} & set(path.parts)
    }
    assert stored - listed == set()


def check_flip(reference, root, file, folder, capsys):
    """Check that a flipped bit of a file is named, changes no table, and is repaired."""
    capsys.readouterr()
    assert verify.main([]) == 1, file
    assert str(file.relative_to(root)) in capsys.readouterr().out

    result = use_everything(root, folder)
    if result != reference[1]:
        assert "damaged" in str(result), file
        assert re.search(r"verify --repair --(out|data) \S*(runs|data)`", str(result)), file
        assert "Traceback" not in str(result), file

    forget_checks()
    assert verify.main(["--repair"]) in (0, 1)  # 0: a damaged cache was made again
    status, errors = small_store.run_all()
    assert status == 0, f"{file}: {errors}"
    assert small_store.read_tables(root) == reference[1], file
    forget_checks()
    assert verify.main([]) == 0, file


def test_a_flipped_bit_changes_no_table_and_a_repair_restores_the_folder(
    reference, tmp_path, monkeypatch, capsys, fault_seconds, fault_seed
):
    generator, deadline, flips = random.Random(fault_seed), time.monotonic() + fault_seconds, 0
    cases = [case for case in CASES if list_files(reference[0], *case)]
    while time.monotonic() < deadline or not flips:
        if flips % len(cases) == 0:  # every kind of file before one has its turn again
            generator.shuffle(cases)
        folder, name = cases[flips % len(cases)]
        root = copy_store(reference, tmp_path, monkeypatch)
        file = generator.choice(list_files(root, folder, name))
        flip_bit(file, generator.random(), bit=1 << generator.randrange(8))
        check_flip(reference, root, file, folder, capsys)
        flips += 1
    with capsys.disabled():
        print(f"{flips} flipped bits in {min(flips, len(cases))} kinds of files")  # noqa: T201


@pytest.mark.parametrize("position", [0.3, 0.6, 0.9])
def test_a_flipped_bit_of_a_profile_or_a_failure_is_an_error_and_is_removed(position, root, capsys):
    small_store.write_profile_and_failure(root)
    (profile,), (failure,) = root.glob("runs/profile/*"), root.glob("runs/failed/*")
    for file in (profile, failure):
        flip_bit(file, position)
    with pytest.raises(UserError, match="verify --repair"):
        list(cost_profiles.read_profiles(Path("runs")))
    with pytest.raises(UserError, match="verify --repair"):
        documents.read_document(failure, small_store.failures.Failure)
    assert verify.main(["--repair"]) == 1
    assert not profile.exists()
    assert not failure.exists()


@pytest.mark.parametrize("card", sorted(REPOSITORY.glob("*/weights/*.md")), ids=lambda p: p.stem)
def test_a_flipped_bit_of_packaged_weights_is_noticed(card, tmp_path):
    for suffix in (".md", ".safetensors"):
        shutil.copy2(card.with_suffix(suffix), tmp_path)
    weights = tmp_path / card.with_suffix(".safetensors").name
    assert integrity.check_weights(weights) == weights
    flip_bit(weights, 0.7)
    with pytest.raises(UserError, match=r"SHA-256 is not the one in .*\.md"):
        integrity.check_weights(weights)


def test_hash_in_folder_names_has_the_length_that_the_patterns_expect():
    assert HASH_LENGTH == 12


def test_a_repair_touches_nothing_outside_of_the_store(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "record.json").write_text("")
    images.write_png(outside / "a.png", images.np.zeros((2, 2), images.np.uint8))
    (root / "runs/detection/link-0123456789ab").symlink_to(outside)
    notes = root / "runs/notes"
    notes.mkdir()
    (notes / "mine-0123456789ab").mkdir()
    (notes / "mine-0123456789ab/empty.json").write_text("")
    (root / "runs/detection/photos-202611301200").mkdir()
    (root / "runs/detection/photos-202611301200/empty.json").write_text("")
    assert verify.main(["--repair"]) == 0
    assert sorted(path.name for path in outside.iterdir()) == ["a.png", "record.json"]
    assert sorted(path.name for path in notes.rglob("*")) == ["empty.json", "mine-0123456789ab"]
    assert (root / "runs/detection/photos-202611301200/empty.json").exists()


def test_an_intact_folder_with_the_name_of_another_is_set_aside(root, capsys):
    (folder, other) = sorted(root.glob("runs/trained/scenes-*"))
    name = folder.name[:-HASH_LENGTH] + "202611301200"
    folder.rename(folder.with_name(name))
    assert verify.main(["--repair"]) == 1
    assert f"renamed to {name}.misplaced1" in capsys.readouterr().out
    assert (folder.with_name(f"{name}.misplaced1") / "model.safetensors").exists()
    assert other.exists()
    assert verify.main([]) == 0
