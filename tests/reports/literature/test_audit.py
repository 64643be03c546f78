import csv
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from fusebench.errors import UserError
from reports import audit
from reports.literature import (
    audit_claims,
    audit_pairs,
    audit_rows,
    audit_swaps,
    published_tables,
    run_audits,
)
from reports.literature.audit_claims import Claim
from reports.literature.published_tables import PublishedRow, PublishedTable, TableMetadata

TABLES = published_tables.read_tables()
BY_NAME = {table.name: table for table in TABLES}
FOUND = run_audits.collect_findings(TABLES)
# what people found by hand, with the numbers they worked out
TEN = [
    ("dmfuse-table-2", "count", "", "33603 boxes, but m3fd has 34407"),
    ("dmfuse-table-2", "thresholds", "", "steps of 0.05 from 0.5 never meet 0.97"),
    ("dmfuse-table-2", "gain", "", "no one comparison of the table gives all of them"),
    ("dmfuse-table-3", "count", "", "1120 train pairs, but fmb has 1220"),
    ("dmfuse-table-3", "mean over", "", "14 classes, but 20 of 20 printed means"),
    ("dmnet-table-7", "mean", "visible", "printed as 42.36; that of the 6 classes is 41.09"),
    ("dmnet-table-7", "duplicate", "visible", "Trunk are both 26.10; the printed mean needs 33.7"),
    ("dmnet-table-7", "mean", "Dif-Fusion", "printed as 41.89; that of the 6 classes is 42.23"),
    ("dmnet-table-7", "swap", "U2Fusion", "Trunk 14.13 and Lamp 28.66 look swapped"),
    ("dmnet-table-7", "head", "", "headed Trunk; the class is Truck"),
]  # fmt: skip
MORE = [
    ("emma-table-3", "run again", "CDDFuse", "mean +0.47"),
    ("difusionseg-table-3", "mean", "EGFNet", "printed as 56.44; that of the 8 classes is 56.01"),
    ("difusionseg-table-3", "mean over", "", "15 classes"),
    ("fmb-leaderboard", "conventions", "FEANet", "mean 46.8, but 54.18"),
    ("fmb-leaderboard", "conventions", "GMNet", "mean 49.2, but 56.86"),
    ("fmb-leaderboard", "conventions", "EGFNet", "mean 47.3, but 56.44"),
    ("fmb-leaderboard", "conventions", "SegMiF", "mean 54.80, but 65.71"),
    ("fmb-repositories", "conventions", "SegMiF", "mean 54.8, but 65.71"),
    ("fmb-repositories", "conventions", "MRFS", "mean 61.2, but 66.73"),
    ("fmb-repositories", "conventions", "StitchFusion", "mean 64.85, but 63.30"),
]


def matching(expected):
    table, check, method, words = expected
    rows = [f for f in FOUND if (f.table, f.check, f.method) == (table, check, method)]
    return [f for f in rows if words in f.message]


def table(rows, classes=("Car", "Bus"), metric="IoU", name="toy", **tags):
    """A table from method to cells and mean, as strings."""
    tags = {
        "kind": "segmentation",
        "dataset": "fmb",
        "images": "cameras",
        "protocol": "retrained",
        "split": "official",
        "metric": metric,
        **tags,
    }
    made = []
    for method, numbers in rows.items():
        *cells, mean = [Decimal(word) for word in numbers.split()]
        by_class = dict(zip(classes, cells, strict=True))
        made.append(PublishedRow(method, method, metric, by_class, by_class, mean, tags))
    head = TableMetadata(
        paper=name,
        table="Table 1",
        by_eye=False,
        classes={each: each for each in classes},
        metrics={metric: metric},
        tags=tags,
    )
    return PublishedTable(name, head, tuple(made))


def checks(found):
    return [(f.check, f.method) for f in found]


@pytest.mark.parametrize("expected", [*TEN, *MORE])
def test_every_known_inconsistency_is_found_once(expected):
    assert len(matching(expected)) == 1


def test_nothing_is_found_that_is_not_known():
    known = [f for expected in [*TEN, *MORE] for f in matching(expected)]
    assert [f for f in FOUND if f not in known] == []
    assert len(FOUND) == len(TEN) + len(MORE)


def test_findings_in_what_was_read_by_eye_say_so():
    eye = {f.table for f in FOUND if f.by_eye}
    assert eye == {"emma-table-3", "difusionseg-table-3", "fmb-leaderboard"}


def test_a_mean_may_be_off_by_what_rounding_of_cells_and_mean_allows():
    # 0.15 behind 0.1 and 0.2 each: their means from 0.10 to 0.20 print as 0.1 or 0.2
    assert checks(audit_rows.collect_findings(table({"a": "0.1 0.2 0.2"}))) == []
    assert checks(audit_rows.collect_findings(table({"a": "0.1 0.2 0.3"}))) == [("mean", "a")]
    # 10.0 and 20.1 have 15.05; 15.2 is 0.15 off, more than 0.05 + 0.05
    assert checks(audit_rows.collect_findings(table({"a": "10.0 20.1 15.1"}))) == []
    assert checks(audit_rows.collect_findings(table({"a": "10.0 20.1 15.2"}))) == [("mean", "a")]


def test_equal_cells_are_no_finding_unless_the_mean_contradicts_them():
    others = {"b": "30.0 10.0 20.0", "c": "40.0 20.0 30.0"}
    assert checks(audit_rows.collect_findings(table({"a": "20.0 20.0 20.0", **others}))) == []
    # 25 as the mean asks for 30 in one of them, which only the first column has elsewhere
    (mean, duplicate) = audit_rows.collect_findings(table({"a": "20.0 20.0 25.0", **others}))
    assert (mean.check, duplicate.check) == ("mean", "duplicate")
    assert "needs 30.00 in Car" in duplicate.message or "needs 30.0 in Car" in duplicate.message


def test_a_value_no_column_has_does_not_blame_equal_cells():
    rows = {"a": "20.0 20.0 45.0", "b": "30.0 10.0 20.0", "c": "40.0 20.0 30.0"}
    assert checks(audit_rows.collect_findings(table(rows))) == [("mean", "a")]


@pytest.mark.parametrize(
    "method",
    ["DenseFuse", "GANMcC", "SDNet", "ReCoNet", "MUFusion", "CDDFuse", "CrossFuse", "EMMA"],
)
def test_the_same_swap_is_found_in_any_other_fusion_row_once_the_first_is_undone(method):
    def exchanged(row):
        cells = {**row.cells, "Trunk": row.cells["Lamp"], "Lamp": row.cells["Trunk"]}
        return replace(row, cells=cells, by_class=cells)

    printed = BY_NAME["dmnet-table-7"]
    clean = [exchanged(row) if row.method == "U2Fusion" else row for row in printed.rows]
    assert audit_swaps.collect_findings(replace(printed, rows=clean)) == []
    rows = [exchanged(row) if row.method == method else row for row in clean]
    swaps = audit_swaps.collect_findings(replace(printed, rows=rows))
    assert [(f.method, set(f.columns)) for f in swaps] == [(method, {"Trunk", "Lamp"})]


def test_a_single_sensor_that_sees_a_class_badly_is_no_swap():
    # CDDFuse's table: infrared has Bus above Lamp, every other row the other way round
    assert not any(f.check == "swap" for f in FOUND if f.table != "dmnet-table-7")


@pytest.mark.parametrize(
    ("t", "degrees", "chance"),  # any table of Student's distribution
    [(12.706, 1, 0.05), (4.303, 2, 0.05), (3.182, 3, 0.05), (9.925, 2, 0.01), (3.250, 9, 0.01),
     (2.228, 10, 0.05), (2.145, 14, 0.05), (4.140, 14, 0.001), (0.0, 7, 1.0)],
)  # fmt: skip
def test_the_chance_of_an_odd_difference_is_students(t, degrees, chance):
    assert audit_swaps.student_t_p_value(t, degrees) == pytest.approx(chance, rel=2e-3)


def test_a_difference_is_measured_as_a_further_one_of_the_others():
    # mean 3, standard deviation sqrt(2.5), a further one's sqrt(2.5 * 6 / 5)
    others = [Decimal(n) for n in (1, 2, 3, 4, 5)]
    assert audit_swaps.standardized_distance(Decimal(6), others) == pytest.approx(3 / 3**0.5)


def test_tables_of_noise_give_a_swap_in_fewer_than_one_of_twenty():
    noise, found = np.random.default_rng(0), 0
    classes = tuple("ABCDEF")
    for _ in range(60):
        levels, spread = noise.uniform(20, 90, 6), noise.uniform(0.3, 5)
        rows = {}
        for method in range(12):
            cells = np.clip(levels + noise.normal(0, spread, 6), 0, 100).round(2)
            rows[f"m{method}"] = " ".join(f"{c:.2f}" for c in [*cells, cells.mean()])
        found += bool(audit_swaps.collect_findings(table(rows, classes)))
    assert found <= 3


def test_values_that_cannot_be_are_found():
    found = audit_rows.collect_findings(table({"a": "110.0 20.0 65.0"}))
    assert checks(found) == [("range", "a")]
    high, low = table({"a": "50.0 60.0 55.0"}, metric="Acc"), table({"a": "40.0 61.0 50.5"})
    head = high.metadata.model_copy(update={"metrics": {"Acc": "accuracy", "IoU": "IoU"}})
    (found,) = audit_rows.collect_findings(PublishedTable("toy", head, high.rows + low.rows))
    assert (found.check, found.columns) == ("order", ("Bus",))


def test_a_method_that_stands_twice_is_found():
    once = table({"a": "10.0 20.0 15.0"})
    (found,) = audit_rows.collect_findings(replace(once, rows=once.rows * 2))
    assert (found.check, found.message) == ("repeated row", "a stands 2 times")


OLD = {"IR": "10.00 20.00 15.00", "VI": "30.00 42.00 36.00", "a": "50.00 61.00 55.50",
       "b": "51.00 62.00 56.50", "c": "52.00 63.00 57.50", "d": "53.00 64.00 58.50"}  # fmt: skip
NEW = {name: " ".join(f"{float(n):.1f}" for n in row.split()) for name, row in OLD.items()}


def between(later):
    return audit_pairs.collect_findings([table(OLD, name="old"), table(later, name="new")])


def test_rows_that_are_taken_over_with_fewer_decimals_are_the_same():
    assert between(NEW) == []


def test_rows_swapped_between_two_tables_are_found():
    (found,) = between({**NEW, "IR": NEW["VI"], "VI": NEW["IR"]})
    assert (found.table, found.check) == ("new", "swapped rows")
    assert found.message == "the rows IR and VI are swapped against old, Table 1"


def test_a_method_that_was_run_again_is_found():
    (found,) = between({**NEW, "d": "53.0 64.4 58.7"})
    assert (found.check, found.method) == ("run again", "d")
    assert "Bus +0.40" in found.message


def test_tables_of_another_protocol_are_not_compared():
    other = table({"a": "1.0 2.0 1.5"}, name="new", protocol="zero-shot")
    assert audit_pairs.collect_findings([table(OLD, name="old"), other]) == []


def test_filling_zeros_are_not_decimals():
    assert audit_pairs.can_be_equal(Decimal("61.68"), Decimal("61.70"))
    assert not audit_pairs.can_be_equal(Decimal("61.68"), Decimal("61.71"))
    assert audit_pairs.can_be_equal(Decimal("70"), Decimal("70.4"))
    assert not audit_pairs.can_be_equal(Decimal("70.00"), Decimal("70.4"))


def claim(check, said, against="", name="dmnet-table-7"):
    made = Claim(name, check, tuple(map(Decimal, said.split())), against, "words")
    _, facts = audit_claims.read_claims_and_facts()
    return [f.message for f in audit_claims.collect_findings(TABLES, [made], facts)]


def test_claims_that_hold_give_no_finding():
    claims, _ = audit_claims.read_claims_and_facts()
    assert len(claims) == 16
    assert sum(f.message.startswith('"') for f in FOUND) == 6


def test_a_claim_of_bests_is_counted():
    assert claim("best classes", "5", "DMNet") == []
    # best in all six but Lamp, where U2Fusion has 28.66
    assert "best in 5 classes, not 6: People, Car, Bus, Motor, Trunk" in claim(
        "best classes", "6", "DMNet"
    )[0]  # fmt: skip


def test_a_gain_that_one_comparison_gives_holds():
    # Table 2 over the mean of the nine other rows: 0.838 / 0.82911 and 0.634 / 0.62178
    assert claim("gain", "1.07 1.97", "DMFuse", "dmfuse-table-2") == []
    # over the mean of the seven other fusions
    assert claim("gain", "0.65 1.02", "DMFuse", "dmfuse-table-2") == []
    assert claim("gain", "5.00 9.00", "DMFuse", "dmfuse-table-2") != []


def test_thresholds_that_steps_meet_hold():
    assert claim("thresholds", "0.5 0.95 0.05", "mAP@[0.5:0.95]") == []


def test_a_claim_about_nothing_known_is_refused():
    with pytest.raises(UserError, match="nothing about the lamps of m3fd"):
        claim("count", "5", "lamps")
    with pytest.raises(UserError, match="no table is called table-9"):
        claim("count", "5", "boxes", "table-9")


def test_unknown_checks_and_no_numbers_are_refused(tmp_path):
    header = "table,check,said,against,quote\n"
    (tmp_path / "facts.csv").write_text("dataset,quantity,value,source\n")
    (tmp_path / "claims.csv").write_text(f"{header}a,color,1,,words\n")
    with pytest.raises(UserError, match="no check color; there is count"):
        audit_claims.read_claims_and_facts(tmp_path)
    (tmp_path / "claims.csv").write_text(f"{header}a,count,many,boxes,words\n")
    with pytest.raises(UserError, match="'many' is no number"):
        audit_claims.read_claims_and_facts(tmp_path)


def test_the_program_prints_every_finding_and_writes_them(tmp_path, capsys):
    file = tmp_path / "found.csv"
    assert audit.main(["--csv", str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith("20 findings in 118 rows of 8 tables")
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [r["finding"] for r in rows] == [f.message for f in FOUND]
    assert rows[0].keys() == set(audit.COLUMNS)
    for finding in FOUND:
        assert finding.message.split()[0] in printed


def test_a_file_that_cannot_be_written_is_one_line_and_status_2(tmp_path, capsys):
    assert audit.main(["--csv", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("reports.audit: ")
