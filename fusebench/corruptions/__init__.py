"""Corruptions of test pairs: bad light, weather, sensor faults, misregistration.

Every file is a plug-in, named in a task file like the file.
"""
