"""Trainings that `benchmarks.training` compares, each executed in a process of its own."""
