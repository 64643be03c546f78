"""Class order of M3FD's text labels: declared, listed beside the labels, or recognized."""

import itertools
import random

import numpy as np
import pytest

from fusebench.data import m3fd_class_order
from fusebench.errors import UserError

# Boxes per class in all of M3FD, counted in the official XML files.
BOX_COUNTS = {
    "People": 11477,
    "Car": 18296,
    "Bus": 700,
    "Motorcycle": 521,
    "Lamp": 2405,
    "Truck": 1008,
}
BOX_SIDES = {
    "People": 0.03,
    "Car": 0.09,
    "Bus": 0.4,
    "Motorcycle": 0.08,
    "Lamp": 0.02,
    "Truck": 0.15,
}


def write_labels(folder, order, counts=BOX_COUNTS, seed=1):
    """Write boxes of the classes to ten files; sizes vary around `BOX_SIDES`."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, name in enumerate(order):
        for _ in range(counts[name]):
            side = BOX_SIDES[name] * rng.uniform(0.7, 1.4)
            rows.append(f"{i} 0.5 0.5 {side:.6f} {side:.6f}\n")
    paths = {f"{number:05d}": folder / f"{number:05d}.txt" for number in range(10)}
    for number, path in enumerate(paths.values()):
        path.write_text("".join(rows[number::10]))
    return paths


def make_areas(order, counts=BOX_COUNTS):
    return [[BOX_SIDES[name] ** 2] * counts[name] for name in order]


@pytest.mark.parametrize("name", m3fd_class_order.CLASS_ORDERS)
def test_every_order_in_use_is_recognized_from_m3fds_labels_and_noted(tmp_path, name):
    order = m3fd_class_order.CLASS_ORDERS[name]
    resolved = m3fd_class_order.resolve_class_order(write_labels(tmp_path / "labels", order), None)
    assert [m3fd_class_order.CANONICAL_ORDER[i] for i in resolved.indices] == list(order)
    ((title, text),) = resolved.notes
    assert title == "class order"
    assert text.startswith(f"recognized as {name} ({' '.join(order)}): ")
    assert "34407 boxes" in text


def test_none_of_the_720_orders_is_taken_for_another():
    for order in itertools.permutations(BOX_COUNTS):
        assert m3fd_class_order.recognize_class_order(make_areas(order)) == order


@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_a_sample_is_taken_for_another(seed):
    rng = np.random.default_rng(seed)
    shares = np.array(list(BOX_COUNTS.values())) / sum(BOX_COUNTS.values())
    for size in (1000, 5000, 20000):
        for order in itertools.permutations(BOX_COUNTS):
            counts = dict(zip(BOX_COUNTS, rng.multinomial(size, shares).tolist(), strict=True))
            areas = make_areas(order, counts)
            assert m3fd_class_order.recognize_class_order(areas) in (None, order)


def test_an_order_that_is_not_in_use_is_refused_and_proposed(tmp_path):
    order = ("Car", "People", "Bus", "Motorcycle", "Lamp", "Truck")
    with pytest.raises(UserError, match="cannot be recognized") as error:
        m3fd_class_order.resolve_class_order(write_labels(tmp_path / "labels", order), None)
    for text in (
        "E: People Car Lamp Bus Motorcycle Truck",
        "Set data.class_order",
        "The numbers of boxes fit [Car, People, Bus, Motorcycle, Lamp, Truck]",
    ):
        assert text in str(error.value)


def test_order_is_not_recognized_from_few_boxes_and_the_message_has_the_statistics(tmp_path):
    counts = {name: count // 30 for name, count in BOX_COUNTS.items()}
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], counts)
    labels["00000"].write_text(f"{labels['00000'].read_text()}7 0.5 0.5 0.1 0.1\n1 x\n")
    with pytest.raises(UserError, match=r"id 0: 382 boxes, median .*; other ids: 1 boxes") as error:
        m3fd_class_order.resolve_class_order(labels, None)
    assert "A: People Car Bus Lamp Motorcycle Truck" in str(error.value)


@pytest.mark.parametrize(
    "counts",
    [
        dict.fromkeys(BOX_COUNTS, 6000),
        BOX_COUNTS | {"Motorcycle": 620},
        {name: count // 2 for name, count in BOX_COUNTS.items()},
    ],
)
def test_order_is_not_recognized_from_counts_unlike_m3fds(counts):
    areas = make_areas(m3fd_class_order.CLASS_ORDERS["A"], counts)
    assert m3fd_class_order.recognize_class_order(areas) is None


@pytest.mark.parametrize(("name", "side"), [("Lamp", 0.9), ("Motorcycle", 0.5)])
def test_order_is_not_recognized_if_sizes_contradict_it(monkeypatch, name, side):
    monkeypatch.setitem(BOX_SIDES, name, side)
    areas = make_areas(m3fd_class_order.CLASS_ORDERS["A"])
    assert m3fd_class_order.recognize_class_order(areas) is None


def test_ids_of_a_seventh_class_are_not_recognized():
    areas = [*make_areas(m3fd_class_order.CLASS_ORDERS["A"]), [0.1]]
    assert m3fd_class_order.recognize_class_order(areas) is None


FEW = dict.fromkeys(BOX_COUNTS, 1)


def test_declared_order_overrides_the_statistics(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], FEW)
    declared = m3fd_class_order.resolve_class_order(labels, "B")
    assert declared == m3fd_class_order.ClassOrder([0, 1, 2, 3, 4, 5])
    names = m3fd_class_order.CLASS_ORDERS["D"]
    assert m3fd_class_order.resolve_class_order(labels, names).indices == [1, 5, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels/classes.txt", "Car\nTruck\nPeople\nBus\nLamp\nMotorcycle\n"),
        ("data.yaml", "names: [Car, Truck, People, Bus, Lamp, Motorcycle]\n"),
        ("data.yaml", "names: {5: Motorcycle, 0: Car, 1: Truck, 2: People, 3: Bus, 4: Lamp}\n"),
    ],
)
def test_class_names_beside_the_labels_are_read(tmp_path, name, content):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], FEW)
    (tmp_path / name).write_text(content)
    assert m3fd_class_order.resolve_class_order(labels, None).indices == [1, 5, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "labels/classes.txt",
            "Car\nTruck\n",
            r"classes\.txt: expected the 6 names .*Car, Truck",
        ),
        ("data.yaml", "nc: 6\n", "expected 'names:'"),
        ("data.yaml", "names: 6\n", "expected 'names:'"),
        ("data.yaml", "a: &a {b: 1}\nnames: {<<: [*a, *a]}\n", "expected 'names:'"),
        ("data.yaml", "names: [a: b: c\n", "expected 'names:'"),
        ("data.yaml", "names: {1: a, 2: b, 3: c, 4: d, 5: e, 6: f}\n", "names of the ids 0 to 5"),
        ("data.yaml", "names: [2024-13-45]\n", "expected the 6 names .* got 2024-13-45"),
        ("data.yaml", "names: " + "[" * 3000, "expected 'names:'"),
        ("data.yaml", "a: &a [x, x]\nnames: [*a, *a, *a, *a, *a, *a]\n", "expected 'names:'"),
    ],
)
def test_other_class_names_beside_the_labels_are_refused(tmp_path, name, content, message):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], FEW)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        m3fd_class_order.resolve_class_order(labels, None)


def test_two_lists_of_different_orders_are_refused_unless_the_order_is_declared(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], FEW)
    (tmp_path / "labels/classes.txt").write_text("People\nCar\nBus\nMotorcycle\nLamp\nTruck\n")
    (tmp_path / "classes.txt").write_text("People\nCar\nBus\nLamp\nMotorcycle\nTruck\n")
    with pytest.raises(UserError, match=r"labels/classes\.txt lists People, .*; correct or delete"):
        m3fd_class_order.resolve_class_order(labels, None)
    assert m3fd_class_order.resolve_class_order(labels, "D").indices == [1, 5, 0, 2, 4, 3]


def test_declared_order_of_five_names_is_refused(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], FEW)
    with pytest.raises(UserError, match="class_order: expected the 6 names"):
        m3fd_class_order.resolve_class_order(labels, ("Car", "Truck", "People", "Bus", "Lamp"))
