"""Fault injection: kills, full disks, damaged files and hostile inputs; `make faults` runs them."""
