"""Fixtures of several files of this folder."""

import pytest

from tests.helpers.reports import complete_report


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A report with every kind of number; whoever changes a file of it puts it back."""
    return complete_report.build_report(tmp_path_factory.mktemp("complete"))
