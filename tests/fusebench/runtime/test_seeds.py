"""Derived seeds: a function of all numbers and their order, within the range of their bits."""

from itertools import permutations

import numpy as np
import pytest

from fusebench.runtime.seeds import derive_seed


def test_the_32_bit_seed_is_the_first_word_of_numpys_seed_sequence():
    assert derive_seed(1, 2, bits=32) == np.random.SeedSequence([1, 2]).generate_state(4)[0]


def test_the_63_bit_seed_is_the_upper_part_of_its_first_two_words():
    low, high = (int(word) for word in np.random.SeedSequence([1, 2]).generate_state(2))
    assert derive_seed(1, 2) == (high * 2**32 + low) // 2


@pytest.mark.parametrize("bits", [32, 63])
def test_the_order_of_the_numbers_matters(bits):
    seeds = {derive_seed(*numbers, bits=bits) for numbers in permutations((0, 1, 2))}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**bits for seed in seeds)
