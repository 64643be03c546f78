import random

import pytest

from fusebench.data import m3fd_class_order
from fusebench.errors import UserError

# Boxes per class in all of M3FD, counted in the official XML files.
M3FD = {"People": 11477, "Car": 18296, "Bus": 700, "Motorcycle": 521, "Lamp": 2405, "Truck": 1008}
SIDE = {"People": 0.03, "Car": 0.09, "Bus": 0.4, "Motorcycle": 0.08, "Lamp": 0.02, "Truck": 0.15}


def labels(folder, order, count=4200, spread=1.0, seed=1):
    """``count`` label rows in ten files, classes drawn as often as in M3FD."""
    draw = random.Random(seed)
    weights = [M3FD[name] ** spread for name in order]
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for number in range(10):
        rows = []
        for i in draw.choices(range(6), weights, k=count // 10):
            side = SIDE[order[i]] * draw.uniform(0.7, 1.4)
            rows.append(f"{i} 0.5 0.5 {side:.6f} {side:.6f}\n")
        found[f"{number:05d}"] = folder / f"{number:05d}.txt"
        found[f"{number:05d}"].write_text("".join(rows))
    return found


@pytest.mark.parametrize("name", m3fd_class_order.CLASS_ORDERS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_known_order_is_recognized_from_a_sample(tmp_path, name, seed):
    order = m3fd_class_order.CLASS_ORDERS[name]
    indices = m3fd_class_order.resolve_class_order(
        labels(tmp_path / "labels", order, seed=seed), None
    )
    assert [m3fd_class_order.CANONICAL_ORDER[i] for i in indices] == list(order)


def test_few_boxes_are_no_evidence_and_the_message_shows_what_there_is(tmp_path):
    few = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], count=200)
    with pytest.raises(UserError, match=r"id 0: \d+ boxes, median .*nearest orders: ") as fault:
        m3fd_class_order.resolve_class_order(few, None)
    assert "A: People Car Bus Lamp Motorcycle Truck" in str(fault.value)


def test_classes_that_are_all_as_frequent_are_not_guessed(tmp_path):
    even = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"], spread=0.0)
    with pytest.raises(UserError, match=r"Set data\.class_order"):
        m3fd_class_order.resolve_class_order(even, None)


def test_lamps_larger_than_trucks_are_not_believed(tmp_path, monkeypatch):
    monkeypatch.setitem(SIDE, "Lamp", 0.9)
    odd = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"])
    with pytest.raises(UserError, match="no clear case"):
        m3fd_class_order.resolve_class_order(odd, None)


def test_what_is_declared_wins(tmp_path):
    written_in_a = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["A"])
    assert m3fd_class_order.resolve_class_order(written_in_a, "B") == [0, 1, 2, 3, 4, 5]
    assert m3fd_class_order.resolve_class_order(
        written_in_a, m3fd_class_order.CLASS_ORDERS["D"]
    ) == [1, 5, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels/classes.txt", "Car\nTruck\nPeople\nBus\nLamp\nMotorcycle\n"),
        ("data.yaml", "names: [Car, Truck, People, Bus, Lamp, Motorcycle]\n"),
        ("data.yaml", "names: {5: Motorcycle, 0: Car, 1: Truck, 2: People, 3: Bus, 4: Lamp}\n"),
    ],
)
def test_names_beside_the_labels_are_read(tmp_path, name, content):
    some = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    (tmp_path / name).write_text(content)
    assert m3fd_class_order.resolve_class_order(some, None) == [1, 5, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "content", "says"),
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
def test_names_that_are_not_the_six_are_refused(tmp_path, name, content, says):
    some = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=says):
        m3fd_class_order.resolve_class_order(some, None)


def test_a_declared_order_of_five_names_is_refused(tmp_path):
    some = labels(tmp_path / "labels", m3fd_class_order.CLASS_ORDERS["D"], count=20)
    with pytest.raises(UserError, match="class_order: expected the six names"):
        m3fd_class_order.resolve_class_order(some, ("Car", "Truck", "People", "Bus", "Lamp"))
