"""Random seeds that are derived from several integers."""

from typing import Literal

import numpy as np


def derive_seed(*numbers: int, bits: Literal[32, 63] = 63) -> int:
    """Derive one seed from several integers >= 0, e.g. the seed of a training and a position.

    Args:
        numbers: What the seed is a function of; the order matters.
        bits: 63 for torch, 32 for NumPy's older generator.

    Returns:
        0 to 2 ** bits - 1.
    """
    sequence = np.random.SeedSequence(numbers)
    if bits == 32:
        return int(sequence.generate_state(1)[0])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
