"""The audit of the published tables, and its program."""

import csv

import pytest

from reports import audit
from reports.literature import published_tables, run_audits

TABLES = published_tables.read_tables()
FINDINGS = run_audits.collect_findings(TABLES)
# inconsistencies that were found by hand, with numbers that were computed by hand:
# table, check, method, part of the message
KNOWN = [
    ("dmfuse-table-2", "count", "", "33603 boxes, but m3fd has 34407"),
    ("dmfuse-table-2", "thresholds", "", "steps of 0.05 from 0.5 never reach 0.97"),
    ("dmfuse-table-2", "gain", "", "no single comparison in the table gives all of them"),
    ("dmfuse-table-3", "count", "", "1120 train pairs, but fmb has 1220"),
    ("dmfuse-table-3", "classes of the mean", "", "14 classes, but 20 of 20 printed means"),
    ("dmnet-table-7", "mean", "visible", "printed as 42.36; that of the 6 classes is 41.09"),
    ("dmnet-table-7", "duplicate", "visible", "Trunk are both 26.10; the printed mean needs 33.7"),
    ("dmnet-table-7", "mean", "Dif-Fusion", "printed as 41.89; that of the 6 classes is 42.23"),
    ("dmnet-table-7", "swap", "U2Fusion", "Trunk 14.13 and Lamp 28.66 look swapped"),
    ("dmnet-table-7", "header", "", "header is Trunk; the class is Truck"),
    ("emma-table-3", "rerun", "CDDFuse", "mean +0.47"),
    ("difusionseg-table-3", "mean", "EGFNet", "printed as 56.44; that of the 8 classes is 56.01"),
    ("difusionseg-table-3", "classes of the mean", "", "15 classes"),
    ("fmb-leaderboard", "conventions", "FEANet", "mean 46.8, but 54.18"),
    ("fmb-leaderboard", "conventions", "GMNet", "mean 49.2, but 56.86"),
    ("fmb-leaderboard", "conventions", "EGFNet", "mean 47.3, but 56.44"),
    ("fmb-leaderboard", "conventions", "SegMiF", "mean 54.80, but 65.71"),
    ("fmb-repositories", "conventions", "SegMiF", "mean 54.8, but 65.71"),
    ("fmb-repositories", "conventions", "MRFS", "mean 61.2, but 66.73"),
    ("fmb-repositories", "conventions", "StitchFusion", "mean 64.85, but 63.30"),
]


def find_matches(expected):
    table, check, method, text = expected
    return [
        finding
        for finding in FINDINGS
        if (finding.table, finding.check, finding.method) == (table, check, method)
        and text in finding.message
    ]


@pytest.mark.parametrize("expected", KNOWN)
def test_every_known_inconsistency_is_found_once(expected):
    assert len(find_matches(expected)) == 1


def test_there_are_no_unknown_findings():
    known = [finding for expected in KNOWN for finding in find_matches(expected)]
    assert [finding for finding in FINDINGS if finding not in known] == []
    assert len(FINDINGS) == len(KNOWN)


def test_findings_in_tables_that_were_read_by_eye_are_marked():
    by_eye = {finding.table for finding in FINDINGS if finding.by_eye}
    assert by_eye == {"emma-table-3", "difusionseg-table-3", "fmb-leaderboard"}


def test_only_one_table_has_swapped_cells():
    # CDDFuse's table: infrared has Bus above Lamp, every other row the opposite; this is no swap
    assert {f.table for f in FINDINGS if f.check == "swap"} == {"dmnet-table-7"}


def test_the_program_prints_every_finding_and_writes_them(tmp_path, capsys):
    file = tmp_path / "findings.csv"
    assert audit.main(["--csv", str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith("20 findings in 118 rows of 8 tables")
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["finding"] for row in rows] == [finding.message for finding in FINDINGS]
    assert rows[0].keys() == set(audit.COLUMNS)
    for finding in FINDINGS:
        assert finding.message.split()[0] in printed


def test_a_file_that_cannot_be_written_is_one_line_and_status_2(tmp_path, capsys):
    assert audit.main(["--csv", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("reports.audit: ")
