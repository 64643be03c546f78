"""Results as tables: what is a row of its own, what is compared; the numbers of the report."""

import json
from dataclasses import replace

import pandas as pd
import pytest

import fusebench
from fusebench.errors import UserError
from fusebench.experiments import resolution
from reports import api
from reports import run as reports_run
from reports.results import stored_records
from tests.helpers import stored_results


@pytest.fixture(scope="module")
def results_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    stored_results.write_results(folder)
    return folder


def select_mean_iou(table):
    """Rows of the mean IoU on all images."""
    return table[(table.level == "mean") & (table.metric == "IoU")]


def make_spec(source, seed=0, *, epochs=4, protocol="retrained", **images):
    """The spec of a detection record."""
    images = {"kind": "method", "dataset": "toy", "pairs": "p", "method": source, **images}
    trained = {"images": images, "options": {"epochs": epochs}, "seed": seed, "dependencies": {}}
    predicted = {"images": images, "predict": {}, "trained": trained}
    return {"kind": "detection", "protocol": protocol, "predicted": predicted}


def test_sources_and_seeds_share_a_setting_but_not_other_options_or_images():
    setting = stored_records.compute_setting(make_spec("average"))
    assert stored_records.compute_setting(make_spec("dmfuse", 1, version=7)) == setting
    assert stored_records.compute_setting(make_spec("average", epochs=8)) != setting
    assert stored_records.compute_setting(make_spec("average", pairs="other")) != setting


def test_a_shared_model_is_part_of_the_setting():
    one = make_spec("average", protocol="trained on visible")
    other = make_spec("average", protocol="trained on visible")
    assert stored_records.compute_setting(one) == stored_records.compute_setting(other)
    other["predicted"]["trained"]["images"] = {"kind": "visible", "dataset": "toy", "pairs": "p"}
    assert stored_records.compute_setting(one) != stored_records.compute_setting(other)


def test_a_spec_is_equal_for_seeds_only():
    digest = stored_records.compute_seedless_digest(make_spec("average", 0))
    assert stored_records.compute_seedless_digest(make_spec("average", 1)) == digest
    assert stored_records.compute_seedless_digest(make_spec("average", version=2)) != digest


def test_a_digest_leaves_the_spec_as_it_is():
    spec = make_spec("average", protocol="made elsewhere")
    before = json.dumps(spec)
    stored_records.compute_setting(spec)
    assert json.dumps(spec) == before


def test_every_score_of_every_record_is_a_row(results_folder):
    table = fusebench.load_results(results_folder / "runs").scores()
    assert list(table.columns) == list(api.SCORE_COLUMNS)
    means = select_mean_iou(table)
    assert dict(zip(means.source, means.score, strict=True)) == stored_results.PREDICTED_SHARES
    assert [*means.source_kind] == ["infrared", "visible", "method"]
    assert set(means.better) == {"higher"}
    assert means.setting.nunique() == 1
    assert means.spec.nunique() == 3
    road = table[(table.level == "class") & (table["class"] == "road") & (table.metric == "IoU")]
    assert road.score.tolist() == [0.5, 0.25, 1.0]


def test_differences_are_those_of_the_report(results_folder, monkeypatch):
    monkeypatch.chdir(results_folder)
    table = fusebench.load_results("runs").differences()
    assert list(table.columns) == list(api.DIFFERENCE_COLUMNS)
    assert reports_run.main([]) == 0
    means = pd.read_csv("report/tables/means.csv")
    expected = means[means["compared with"].notna()].rename(columns=api.RENAMED_COLUMNS)
    columns = ["source", "level", "condition", "class", "metric", "mean", "compared_with"]
    columns += ["difference", "low", "high", "p", "p_holm", "verdict", "table"]
    pd.testing.assert_frame_equal(
        table[columns].reset_index(drop=True),
        expected[columns].reset_index(drop=True),
        check_dtype=False,
    )
    assert select_mean_iou(table).difference.tolist() == [0.5]


def test_equivalences_are_those_of_the_report(results_folder, monkeypatch):
    monkeypatch.chdir(results_folder)
    table = fusebench.load_results("runs").equivalence()
    assert list(table.columns) == list(api.EQUIVALENCE_COLUMNS)
    assert reports_run.main([]) == 0
    (file,) = (results_folder / "report" / "tables").glob("*-equivalence.csv")
    written = pd.read_csv(file)
    written.columns = list(api.EQUIVALENCE_COLUMNS[4:])
    loaded = table[list(written.columns)].astype(written.dtypes.to_dict())
    pd.testing.assert_frame_equal(loaded, written)
    against = fusebench.load_results("runs").equivalence(0.5, reference="vis")
    assert {*zip(against.source, against.other, strict=True)} == {("ir", "vis"), ("both", "vis")}
    assert set(against.margin) == {0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "both2"}, "no record has 'both2'; did you mean 'both'"),
        ({"sources": ["nobody"]}, "no record has 'nobody'; known: "),
        ({"metrics": ["IoUs"]}, "no record has 'IoUs'; did you mean 'IoU'"),
        ({"margin": -1}, "equivalence: margin: Input should be greater than 0"),
        ({"margin": 0}, "equivalence: margin: Input should be greater than 0"),
        ({"margin": True}, "equivalence: margin"),
        ({"sources": "both"}, "equivalence: sources: Input should be a valid tuple"),
        ({"sources": ["both"]}, "'both' alone cannot be compared; name another"),
        ({"sources": ["both"], "reference": "both"}, "'both' alone cannot be compared"),
    ],
)
def test_a_wrong_option_of_equivalence_is_an_error(results_folder, options, message):
    with pytest.raises(UserError) as error:
        fusebench.load_results(results_folder / "runs").equivalence(**options)
    assert message in str(error.value)


def test_a_metric_that_is_no_fraction_has_no_margin_to_be_tested(results_folder):
    results = fusebench.load_results(results_folder / "runs")

    def change_columns(entry):
        columns = {
            name: column.model_copy(update={"is_fraction": False})
            for name, column in entry.record.columns.items()
        }
        return replace(entry, record=entry.record.model_copy(update={"columns": columns}))

    changed = replace(results, entries=tuple(map(change_columns, results.entries)))
    with pytest.raises(UserError, match="metrics: IoU has no intervals in points"):
        changed.equivalence(metrics=["IoU"])


def test_results_of_another_version_of_a_source_are_a_row_of_their_own(tmp_path):
    stored_results.write_results(tmp_path)
    before = fusebench.load_results(tmp_path / "runs").differences()
    stored_results.write_results(tmp_path, both=0.75)  # other files: another spec of `both`
    table = fusebench.load_results(tmp_path / "runs").differences()
    means = select_mean_iou(table)
    assert sorted(means["mean"]) == [0.75, 1.0]
    assert sorted(means.difference) == [0.25, 0.5]
    assert [*means.source] == ["both", "both"]
    assert means.spec.nunique() == 2
    assert set(means.seeds) == {1}
    assert len(table) == 2 * len(before)


def test_each_setting_is_compared_with_its_own_single_sensors(tmp_path):
    stored_results.write_results(tmp_path)
    stored_results.write_results(tmp_path, "--limit", "2", ir=0.75, vis=0.25, both=0.25)
    results = fusebench.load_results(tmp_path / "runs")
    assert select_mean_iou(results.scores()).groupby("setting").size().tolist() == [3, 3]
    means = select_mean_iou(results.differences())
    assert means.setting.nunique() == 2
    assert sorted(means.difference) == [-0.5, 0.5]


def test_seeds_are_averaged(tmp_path, monkeypatch):
    # The stored predictions are files of the user, which have no seed: taken for trained ones.
    monkeypatch.setattr(resolution.ResolvedModel, "is_trained_here", True)
    stored_results.write_results(tmp_path, "--seed", "0", "--seed", "3")
    results = fusebench.load_results(tmp_path / "runs")
    scores = select_mean_iou(results.scores())
    assert scores.seed.tolist() == [0, 3] * 3
    assert scores.groupby("spec").size().tolist() == [2, 2, 2]
    assert select_mean_iou(results.differences()).seeds.tolist() == [2]


def test_without_all_single_sensors_there_are_no_differences(tmp_path):
    stored_results.write_results(tmp_path, "--source", "fused")
    table = fusebench.load_results(tmp_path / "runs").differences()
    assert len(table) == 0
    assert list(table.columns) == list(api.DIFFERENCE_COLUMNS)


def test_a_folder_without_results_is_an_error(tmp_path):
    with pytest.raises(fusebench.UserError, match="no finished records"):
        fusebench.load_results(tmp_path)
    with pytest.raises(fusebench.UserError, match="no such folder"):
        fusebench.load_results(tmp_path / "runs")
