"""Evaluation of fusion by object detection: detectors, metrics and the command that runs them."""

from fusebench.runtime import interrupts

interrupts.guard_start()
