"""Loading: values in order, images decoded once within a limit, workers with the job's cores."""

import os

import numpy as np
import pytest
import torch

from fusebench.errors import UserError
from fusebench.runtime.loading import image_cache, prefetch, training_batches
from fusebench.runtime.loading.image_cache import ImageCache
from fusebench.runtime.memory.available import AvailableMemory

MIB = 2**20


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_values_come_in_order_with_any_number_of_threads(threads, count):
    assert list(prefetch.map_ahead(lambda x: x * x, range(count), threads)) == [
        x * x for x in range(count)
    ]


def test_two_values_per_thread_are_computed_ahead_and_not_more():
    started = []
    values = prefetch.map_ahead(lambda x: started.append(x) or x, range(100), 2)
    assert next(values) == 0
    values.close()
    assert len(started) <= 5


def test_without_threads_a_value_is_computed_when_it_is_asked_for():
    started = []
    values = prefetch.map_ahead(lambda x: started.append(x) or x, range(9), 0)
    assert started == []
    assert [next(values), next(values)] == started == [0, 1]


def test_an_error_of_a_function_comes_at_its_place():
    values = prefetch.map_ahead(lambda x: 1 // (2 - x), range(5), 2)
    assert [next(values), next(values)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(values)


def load(key):
    """Return new arrays of 100 bytes; ``loaded`` counts the calls."""
    load.loaded.append(key)
    return np.full(80, int(key), np.uint8), np.zeros(20, np.uint8)


@pytest.fixture
def loaded():
    load.loaded = []
    return load.loaded


def test_images_within_the_limit_are_decoded_once_and_others_every_time(loaded):
    cache = ImageCache(limit=250)
    for _ in range(3):
        assert [int(cache.get(key, load)[0][0]) for key in ("1", "2", "3")] == [1, 2, 3]
    assert loaded == ["1", "2", "3", "3", "3"]


@pytest.mark.parametrize("threads", [0, 2])
def test_a_filled_cache_decodes_no_kept_image_again(loaded, threads):
    cache = ImageCache(limit=300)
    cache.fill(["1", "2", "3"], load, threads)
    assert sorted(loaded) == ["1", "2", "3"]
    cache.fill(["1", "2", "3"], load, threads)
    cache.get("3", load)
    assert len(loaded) == 3
    cache.get("4", load)
    cache.get("4", load)
    assert len(loaded) == 5


def test_nothing_can_change_a_kept_image(loaded):
    image, _ = ImageCache(limit=1000).get("1", load)
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 9


@pytest.mark.parametrize(
    ("memory", "limit"),
    [
        (None, 4096 * MIB),
        (AvailableMemory(100 * 1024 * MIB, "free"), 4096 * MIB),
        (AvailableMemory(1024 * MIB, "free"), 256 * MIB),
        (AvailableMemory(-5, "free"), 0),
    ],
)
def test_a_training_keeps_4_gib_or_a_quarter_of_the_available_memory(monkeypatch, memory, limit):
    monkeypatch.setattr(image_cache.available, "read_available_memory", lambda: memory)
    assert image_cache.get_cache_limit() == limit


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (4, 3), (64, 8)])
def test_a_gpu_has_a_worker_per_core_of_the_job_but_one(monkeypatch, cores, workers):
    monkeypatch.setattr(training_batches, "count_available_cpus", lambda: cores)
    assert training_batches.count_workers("cuda:1") == workers
    assert training_batches.count_workers("cpu") == 0


class Squares:
    """Map-style dataset of squares and of the process that computed them."""

    def __getitem__(self, index):
        return torch.tensor(index * index), os.getpid()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_workers_live_for_all_batches_and_end_with_the_generator(monkeypatch):
    monkeypatch.setattr(training_batches, "count_workers", lambda device: 2)
    batches = training_batches.iterate_batches(
        Squares(), ([i, i + 1] for i in range(0, 40, 2)), lambda samples: samples, "cpu"
    )
    pids = set()
    for number, batch in zip(range(18), batches, strict=False):
        assert [int(square) for square, _ in batch] == [(2 * number) ** 2, (2 * number + 1) ** 2]
        pids |= {pid for _, pid in batch}
    assert len(pids) == 2
    assert os.getpid() not in pids
    batches.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


class DamagedImages:
    """Map-style dataset whose second image cannot be read."""

    def __getitem__(self, index):
        if index == 1:
            raise UserError("b.png: damaged; copy it again")
        return index


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_worker_is_its_message_alone(monkeypatch, workers):
    monkeypatch.setattr(training_batches, "count_workers", lambda device: workers)
    batches = training_batches.iterate_batches(DamagedImages(), [[0], [1]], list, "cpu")
    assert next(batches) == [0]
    with pytest.raises(UserError, match=r"^b\.png: damaged; copy it again$"):
        next(batches)


def test_tensors_in_dicts_and_lists_move_and_other_values_stay():
    batch = {"a": [torch.ones(2, dtype=torch.uint8)], "names": ("x", "y"), "n": 3}
    moved = training_batches.move_to_device(batch, "meta")
    assert moved["a"][0].device.type == "meta"
    assert (moved["names"], moved["n"]) == (("x", "y"), 3)
