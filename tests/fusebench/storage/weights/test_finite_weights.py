"""Weights with a NaN or an infinity are refused by name."""

import pytest
import torch

from fusebench.errors import UserError
from fusebench.storage.weights.finite_weights import check_finite


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_one_value_that_is_not_finite_is_refused(value, dtype):
    tensors = {"a": torch.zeros(3, dtype=dtype), "b": torch.tensor([0.0, value, 1.0], dtype=dtype)}
    with pytest.raises(UserError, match=r"x: b is not finite \(1 of 3 values .*\); do this"):
        check_finite(tensors, "x", "do this")


def test_finite_weights_and_whole_numbers_pass():
    check_finite({"a": torch.tensor([3.4e38]), "steps": torch.tensor(5)}, "x", "")
