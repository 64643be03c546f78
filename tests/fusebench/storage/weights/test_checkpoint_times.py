"""Checkpoints are written every half minute, or seldom enough to take a twentieth of the time."""

import pytest

from fusebench.storage.weights import checkpoint_times
from fusebench.storage.weights.checkpoint_times import CheckpointTimes


@pytest.fixture
def clock(monkeypatch):
    seconds = [100.0]
    monkeypatch.setattr(checkpoint_times.time, "monotonic", lambda: seconds[0])
    return seconds


@pytest.mark.parametrize(("write", "pause"), [(0.1, 30), (1.5, 30), (6, 120)])
def test_the_next_checkpoint_waits_for_twenty_times_the_last_write(clock, write, pause):
    times = CheckpointTimes()
    assert not times.is_due()
    clock[0] += 30
    assert times.is_due()
    with times.measure_write():
        clock[0] += write
    clock[0] += pause - 1
    assert not times.is_due()
    clock[0] += 1
    assert times.is_due()


def test_a_checkpoint_that_failed_stays_due(clock):
    times = CheckpointTimes()
    clock[0] += 30
    with pytest.raises(OSError, match="full"), times.measure_write():
        raise OSError("full")
    assert times.is_due()
