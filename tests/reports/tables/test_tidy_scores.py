"""Tidy table of scores, and the protocol in the report's CSV files."""

import pandas as pd

from fusebench.storage.records import Scores
from reports.results.task_results import SourceResults
from reports.tables import builders, csv_files, tidy_scores
from tests.helpers.reports.score_tables import COLUMNS, make_quality_results
from tests.helpers.reports.synthetic_records import PROTOCOL, make_record, make_task_results


def test_the_csv_files_have_the_protocol():
    record = make_record("mine", "method", 0, (0.5, 0.5), protocol=PROTOCOL | {"simulated": True})
    scores = tidy_scores.build_dataframe([record])
    assert scores["simulated"].all()
    assert set(scores["split_hash"]) == {"abc123"}
    results = make_task_results(SourceResults("mine", "method", (0,), (record,), ""))
    frame = csv_files.build_wide_dataframe(builders.build_class_table(results, "ap50"))
    assert "simulated: yes; split: official" in frame["protocol"][0]


def test_every_score_of_every_record_has_one_row():
    day = Scores(values={"ap50": 0.3}, by_class={"person": {"ap50": None}})
    record = make_record("mine", "method", 0, (0.5, 0.25), by_condition={"day": day})
    table = tidy_scores.build_dataframe([record])
    assert list(table.columns) == [
        *tidy_scores.SCORE_COLUMNS,
        "simulated",
        "split_hash",
        "fingerprint",
        "protocol",
    ]
    scores = {(row["condition"], row["class"]): row["value"] for _, row in table.iterrows()}
    assert {key: score for key, score in scores.items() if not pd.isna(score)} == {
        ("all", "person"): 0.5,
        ("all", "car"): 0.25,
        ("all", "mean"): 0.375,
        ("day", "mean"): 0.3,
    }
    assert pd.isna(scores["day", "person"])


def test_the_level_tells_a_class_called_mean_and_a_condition_called_all_from_the_totals():
    by_class = {"mean": {"ap50": 0.1}, "car": {"ap50": 0.2}}
    part = Scores(values={"ap50": 0.4}, by_class={"mean": {"ap50": 0.3}})
    record = make_record(
        "mine", "method", 0, (0.5, 0.25), by_class=by_class, by_condition={"all": part}
    )
    table = tidy_scores.build_dataframe([record])
    assert [tuple(row) for row in table[["level", "condition", "class", "value"]].to_numpy()] == [
        ("class", "all", "mean", 0.1),
        ("class", "all", "car", 0.2),
        ("mean", "all", "mean", 0.375),
        ("class in condition", "all", "mean", 0.3),
        ("mean in condition", "all", "mean", 0.4),
    ]


def test_fusion_metrics_have_the_signature_of_their_variant():
    signed = COLUMNS["entropy"].model_copy(update={"signature": "EN.levels v1"})
    changes = {
        "columns": COLUMNS | {"entropy": signed},
        "protocol": {"luminance": "BT.601, rounded to 8 bits"},
    }
    record = make_quality_results().records[0].model_copy(update=changes)
    signatures = tidy_scores.build_dataframe([record]).set_index("metric")["signature"]
    assert signatures["entropy"] == "EN.levels v1, BT.601, rounded to 8 bits"
    assert pd.isna(signatures["nabf"])
