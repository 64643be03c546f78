"""The audit of what papers claim about their tables."""

from decimal import Decimal

import pytest

from fusebench.errors import UserError
from reports.literature import audit_claims, published_tables
from reports.literature.audit_claims import Claim

TABLES = published_tables.read_tables()
HEADER = "table,check,values,subject,quote\n"


def check_claim(check, values, subject="", table="dmnet-table-7"):
    """Messages of the findings about one claim."""
    claim = Claim(table, check, tuple(map(Decimal, values.split())), subject, "quote")
    _, facts = audit_claims.read_claims_and_facts()
    return [f.message for f in audit_claims.collect_findings(TABLES, [claim], facts)]


def test_claims_that_hold_give_no_finding():
    claims, facts = audit_claims.read_claims_and_facts()
    assert len(claims) == 16
    findings = audit_claims.collect_findings(TABLES, claims, facts)
    assert len(findings) == 6
    assert all(finding.message.startswith('"') for finding in findings)


def test_best_classes_are_counted():
    assert check_claim("best classes", "5", "DMNet") == []
    # best in all six but Lamp, where U2Fusion has 28.66
    (message,) = check_claim("best classes", "6", "DMNet")
    assert "best in 5 classes, not 6: People, Car, Bus, Motor, Trunk" in message


def test_a_gain_that_one_comparison_gives_holds():
    # Table 2 over the mean of the nine other rows: 0.838 / 0.82911 and 0.634 / 0.62178
    assert check_claim("gain", "1.07 1.97", "DMFuse", "dmfuse-table-2") == []
    # over the mean of the seven other fusion methods
    assert check_claim("gain", "0.65 1.02", "DMFuse", "dmfuse-table-2") == []
    assert check_claim("gain", "5.00 9.00", "DMFuse", "dmfuse-table-2") != []


def test_thresholds_that_the_steps_reach_hold():
    assert check_claim("thresholds", "0.5 0.95 0.05", "mAP@[0.5:0.95]") == []


def test_claims_without_a_fact_or_a_table_are_errors():
    with pytest.raises(UserError, match="no fact about the lamps of m3fd"):
        check_claim("count", "5", "lamps")
    with pytest.raises(UserError, match="unknown table table-9"):
        check_claim("count", "5", "boxes", "table-9")


def test_unknown_checks_and_values_that_are_not_numbers_are_errors(tmp_path):
    (tmp_path / "facts.csv").write_text("dataset,quantity,value,source\n")
    (tmp_path / "claims.csv").write_text(f"{HEADER}a,color,1,,quote\n")
    with pytest.raises(UserError, match="unknown check color; expected one of count"):
        audit_claims.read_claims_and_facts(tmp_path)
    (tmp_path / "claims.csv").write_text(f"{HEADER}a,count,many,boxes,quote\n")
    with pytest.raises(UserError, match="'many' is not a number"):
        audit_claims.read_claims_and_facts(tmp_path)
