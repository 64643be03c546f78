"""Profiling of fusion methods: operation counts, time and memory."""
