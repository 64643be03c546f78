"""Evaluation report: from the records to tables, figures, statistics and a page."""

from fusebench.runtime import interrupts

interrupts.guard_start()
