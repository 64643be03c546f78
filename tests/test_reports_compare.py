import csv

import pytest
from report_toys import FACTS, MADE, record
from scipy import stats

from reports import compare, paired

KEYS = tuple(f"{i:02}" for i in range(12))


def put(root, source, scores, hits=(), **changes):
    """A finished record with a per-image file; ``hits`` of 4 true boxes per image."""
    made = record(source, "method", 0, scores, **changes)
    stamp = f"{made.made['at']}-{len(list(root.glob('*/*')))}".replace(":", "")
    folder = root / "detection" / f"toy-{source}-{stamp}"
    folder.mkdir(parents=True)
    made.write(folder)
    if hits:
        lines = [f"{key},person,4,{n},0,0.5" for key, n in zip(KEYS, hits, strict=True)]
        head = "key,class,truths,hits,false_alarms,confidence"
        (folder / "per_image.csv").write_text("\n".join([head, *lines]) + "\n")
        rows = [f"{key},drive-{i // 2}," for i, key in enumerate(KEYS)]
        (folder / "images.csv").write_text("\n".join(["key,group,scene", *rows]) + "\n")


@pytest.fixture
def stores(tmp_path):
    return tmp_path / "old", tmp_path / "new"


def said(stores, capsys, *flags):
    assert compare.main([*map(str, stores), *flags]) == 0
    return capsys.readouterr().out


def test_equal_stores_have_nothing_to_show(stores, capsys):
    for store in stores:
        put(store, "mine", (0.5, 0.25))
    assert said(stores, capsys) == ("Runs in both stores: 1\n\ntoy-detection\n  nothing differs\n")


def test_only_what_differs_is_shown_with_its_difference(stores, capsys):
    put(stores[0], "mine", (0.5, 0.25))
    put(stores[1], "mine", (0.5, 0.375), protocol=FACTS | {"model": "large"})
    put(stores[0], "gone", (0.1, 0.1))
    put(stores[1], "fresh", (0.1, 0.1))
    lines = [line.split() for line in said(stores, capsys).splitlines()]
    assert ["mine", "seed", "0", "car", "ap50", "25.00", "37.50", "+12.50"] in lines
    assert ["mine", "seed", "0", "mean", "ap50", "37.50", "43.75", "+6.25"] in lines
    assert ["model:", "tiny", "|", "large"] in lines
    assert not [line for line in lines if "person" in line]
    assert lines.index(["toy-detection:", "gone", "seed", "0"]) > lines.index(
        ["Only", "in", "A", "(1):"]
    )
    assert ["toy-detection:", "fresh", "seed", "0"] in lines


def test_the_difference_per_image_is_tested_by_sequence(stores, capsys):
    # F1 = 2 n / (4 + n): 1 and 2 hits are 2/5 and 2/3, so every second image gains 4/15
    put(stores[0], "mine", (0.5, 0.2), [1] * 12)
    put(stores[1], "mine", (0.6, 0.2), [1, 2] * 6)
    text = " ".join(said(stores, capsys).split())
    assert "B - A +0.1333 on 12 images in 6 groups" in text  # 2/15; all sequences gain alike
    assert "95 % interval +0.1333 to +0.1333: a difference is shown" in text


def test_other_test_images_are_not_paired(stores, capsys):
    put(stores[0], "mine", (0.5, 0.2), [1] * 12)
    put(stores[1], "mine", (0.6, 0.2), [2] * 12, protocol=FACTS | {"split hash": "other"})
    assert "other test images in A and B, not tested" in said(stores, capsys)


def test_the_latest_record_of_a_run_counts(stores, capsys):
    put(stores[0], "mine", (0.5, 0.2))
    put(stores[0], "mine", (0.6, 0.2), made=MADE | {"at": "2026-02-01T00:00:00+00:00"})
    put(stores[1], "mine", (0.6, 0.2))
    text = said(stores, capsys)
    assert "(older records of the same runs, left out: 1)" in text
    assert "nothing differs" in text


def test_the_table_has_every_number_that_differs(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, None))
    put(stores[1], "mine", (0.75, 0.25))
    said(stores, capsys, "--to", str(tmp_path / "d.csv"))
    with (tmp_path / "d.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert float(rows["person"]["difference"]) == 0.25
    assert (rows["car"]["A"], rows["car"]["B"], rows["car"]["difference"]) == ("", "0.25", "")


def test_a_folder_without_records_is_named(stores, capsys, tmp_path):
    put(stores[0], "mine", (0.5, 0.2))
    assert compare.main([str(stores[0]), str(tmp_path / "nothing")]) == 2
    assert "nothing: no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert compare.main([str(stores[0]), str(tmp_path / "empty")]) == 2
    assert "no finished records" in capsys.readouterr().err
    assert compare.main([*map(str, (stores[0], stores[0])), "--task", "other"]) == 2
    assert "no finished records of other" in capsys.readouterr().err


def test_a_damaged_file_is_named(stores, capsys):
    for store in stores:
        put(store, "mine", (0.5, 0.2), [1] * 12)
    file = next(stores[1].glob("*/*/per_image.csv"))
    file.write_text("key,class,truths,hits,false_alarms,confidence\n00,person,4,x,0,0.5\n")
    assert compare.main([*map(str, stores)]) == 2
    assert f"{file}: cannot be read" in capsys.readouterr().err


def test_single_images_are_tested_as_students_test_does():
    first = dict(
        zip(KEYS, [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.8, 0.6, 0.0, 1.0, 0.7, 0.3], strict=True)
    )
    second = dict(
        zip(KEYS, [0.2, 0.4, 0.5, 0.9, 0.3, 0.6, 0.7, 0.9, 0.1, 1.0, 0.8, 0.2], strict=True)
    )
    found = paired.compare(first, second, {})
    other = stats.ttest_rel(list(second.values()), list(first.values()))
    assert found.p == pytest.approx(other.pvalue, rel=1e-9)
    ends = other.confidence_interval(0.95)
    assert found.interval == pytest.approx((ends.low, ends.high), rel=1e-9)


def test_images_of_one_sequence_count_as_little_as_they_are_worth():
    # every image doubled within its group: the same interval as without the doubles
    gaps = [0.1, 0.3, -0.2, 0.4, 0.2, 0.0]
    single = {str(i): gap for i, gap in enumerate(gaps)}
    double = {f"{i}{c}": gap for i, gap in enumerate(gaps) for c in "ab"}
    groups = {f"{i}{c}": str(i) for i in range(6) for c in "ab"}
    one = paired.compare(dict.fromkeys(single, 0.0), single, {})
    two = paired.compare(dict.fromkeys(double, 0.0), double, groups)
    assert two.interval == pytest.approx(one.interval)
    assert (two.images, two.groups) == (12, 6)


def test_few_sequences_have_no_interval():
    values = {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.3}
    found = paired.compare(dict.fromkeys(values, 0.0), values, {})
    assert found.mean == pytest.approx(0.25)
    assert found.interval is None
    assert paired.compare({}, values, {}) is None
