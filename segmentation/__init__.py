"""Evaluation of fusion by semantic segmentation: networks, metrics and the command for them."""

from fusebench.runtime import interrupts

interrupts.guard_start()
