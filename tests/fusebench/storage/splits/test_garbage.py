"""The search for circular garbage is paused in a block only."""

import gc

import pytest

from fusebench.storage.splits.garbage import pause_collection


def test_collection_goes_on_after_the_block_and_after_an_error():
    with pause_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(OSError, match="full"), pause_collection():
        raise OSError("full")
    assert gc.isenabled()


def test_collection_stays_off_where_it_was_off():
    gc.disable()
    try:
        with pause_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
