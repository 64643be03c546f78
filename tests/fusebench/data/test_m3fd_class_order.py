"""Class order of M3FD's text labels: declared, listed beside the labels, or recognized."""

import random

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


def write_labels(folder, order, count=4200, spread=1.0, seed=1):
    """Write ``count`` boxes to ten files; classes are as frequent as in M3FD if ``spread`` is 1."""
    rng = random.Random(seed)
    weights = [BOX_COUNTS[name] ** spread for name in order]
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for number in range(10):
        rows = []
        for i in rng.choices(range(6), weights, k=count // 10):
            side = BOX_SIDES[order[i]] * rng.uniform(0.7, 1.4)
            rows.append(f"{i} 0.5 0.5 {side:.6f} {side:.6f}\n")
        paths[f"{number:05d}"] = folder / f"{number:05d}.txt"
        paths[f"{number:05d}"].write_text("".join(rows))
    return paths


@pytest.mark.parametrize("name", m3fd_class_order.CLASS_ORDERS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_order_is_recognized_from_a_sample(tmp_path, name, seed):
    order = m3fd_class_order.CLASS_ORDERS[name]
    indices = m3fd_class_order.resolve_class_order(
        write_labels(tmp_path / "labels", order, seed=seed), None
    )
    assert [m3fd_class_order.CANONICAL_ORDER[i] for i in indices] == list(order)


def test_order_is_not_recognized_from_few_boxes_and_the_message_has_the_statistics(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], count=200)
    with pytest.raises(UserError, match=r"id 0: \d+ boxes, median .*nearest orders: ") as error:
        m3fd_class_order.resolve_class_order(labels, None)
    assert "A: People Car Bus Lamp Motorcycle Truck" in str(error.value)


def test_order_is_not_recognized_if_all_classes_are_equally_frequent(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], spread=0.0)
    with pytest.raises(UserError, match=r"Set data\.class_order"):
        m3fd_class_order.resolve_class_order(labels, None)


def test_order_is_not_recognized_if_lamps_are_larger_than_trucks(tmp_path, monkeypatch):
    monkeypatch.setitem(BOX_SIDES, "Lamp", 0.9)
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"])
    with pytest.raises(UserError, match="cannot be recognized"):
        m3fd_class_order.resolve_class_order(labels, None)


def test_declared_order_overrides_the_statistics(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"])
    assert m3fd_class_order.resolve_class_order(labels, "B") == [0, 1, 2, 3, 4, 5]
    assert m3fd_class_order.resolve_class_order(labels, m3fd_class_order.CLASS_ORDERS["D"]) == [
        1,
        5,
        0,
        2,
        4,
        3,
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels/classes.txt", "Car\nTruck\nPeople\nBus\nLamp\nMotorcycle\n"),
        ("data.yaml", "names: [Car, Truck, People, Bus, Lamp, Motorcycle]\n"),
        ("data.yaml", "names: {5: Motorcycle, 0: Car, 1: Truck, 2: People, 3: Bus, 4: Lamp}\n"),
    ],
)
def test_class_names_beside_the_labels_are_read(tmp_path, name, content):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    (tmp_path / name).write_text(content)
    assert m3fd_class_order.resolve_class_order(labels, None) == [1, 5, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "labels/classes.txt",
            "Car\nTruck\n",
            r"classes\.txt: expected the six names .*Car, Truck",
        ),
        ("data.yaml", "nc: 6\n", "expected 'names:'"),
        ("data.yaml", "names: 6\n", "expected 'names:'"),
        ("data.yaml", "names: [a: b: c\n", "expected 'names:'"),
    ],
)
def test_other_class_names_beside_the_labels_are_refused(tmp_path, name, content, message):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        m3fd_class_order.resolve_class_order(labels, None)


def test_declared_order_of_five_names_is_refused(tmp_path):
    labels = write_labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    with pytest.raises(UserError, match="class_order: expected the six names"):
        m3fd_class_order.resolve_class_order(labels, ("Car", "Truck", "People", "Bus", "Lamp"))
