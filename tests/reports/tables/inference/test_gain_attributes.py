"""Explanations of the gain as table, sentence and CSV file."""

from dataclasses import replace

import numpy as np

from reports.attributes.measurement import ATTRIBUTES
from reports.document import sections, selection
from reports.results.images.image_scores import ImageScores
from reports.tables.inference import gain_attributes
from tests.helpers.reports.bootstrapped_results import make_bootstrapped_results

COUNT = 120
TITLE = "F1 per image"


def make_results(gain_of_dark=0.3):
    """The source "mine" gains over visible where the visible contrast is below 40."""
    rng = np.random.default_rng(0)
    attributes = {name: rng.uniform(0, 100, COUNT) for name in ATTRIBUTES}
    attributes["shift"] = np.full(COUNT, np.nan)
    visible = rng.uniform(0, 1, COUNT)
    gain = np.where(attributes["visible_contrast"] < 40, gain_of_dark, 0.0)
    fused = visible + gain + rng.normal(0, 0.1, COUNT)
    scores = {TITLE: {"infrared": visible / 2, "visible": visible, "mine": fused}}
    pairs = tuple((f"ir{i}", f"vis{i}") for i in range(COUNT))
    units = np.repeat(np.arange(20), 6)
    return replace(
        make_bootstrapped_results(),
        image_scores=ImageScores(pairs, units, True, scores),
        pair_attributes=attributes,
    )


def explain(results):
    return gain_attributes.explain_gains(results, selection.build_main_table(results))


def test_the_sentence_says_where_the_gain_is_and_over_which_sensor():
    explanations = explain(make_results())
    sentence = gain_attributes.build_sentence(explanations)
    assert sentence.startswith("By image, mine gains over visible where visible contrast is below ")
    assert "gray levels (+0." in sentence
    assert sentence.count("where") == 1
    assert sections.build_section(make_results()).answer.endswith(sentence)


def test_nothing_is_said_where_nothing_is_shown():
    results = make_results(gain_of_dark=0.0)
    explanations = explain(results)
    assert gain_attributes.build_sentence(explanations) == ""
    table = gain_attributes.build_text_table(results, explanations)
    assert table.notes[0] == "No attribute is shown to explain a gain."


def test_the_table_has_a_row_per_defined_attribute_and_marks_what_is_shown():
    results = make_results()
    table = gain_attributes.build_text_table(results, explain(results))
    cells = {row.label: row.cells[0][0] for row in table.rows}
    assert "registration shift" not in cells
    assert cells["visible contrast"].endswith("]*")
    assert not cells["infrared contrast"].endswith("*")
    assert table.headers == (("mine", ""),)
    assert any("20 sequences" in note for note in table.notes)


def test_the_csv_file_has_numbers_thresholds_and_findings():
    frame = gain_attributes.build_dataframe(explain(make_results())).set_index("attribute")
    row = frame.loc["visible contrast"]
    assert (row["source"], row["compared with"], row["images"]) == ("mine", "visible", 120)
    assert (row["gain where"], row["shown"], row["gain shown"]) == ("below", True, True)
    assert 30 < row["threshold"] < 50
    assert row["p"] <= row["q"]
    assert np.isnan(frame.loc["registration shift", "rho"])


def test_without_images_attributes_or_a_sensor_there_is_nothing_to_explain():
    results = make_results()
    for changes in ({"image_scores": None}, {"pair_attributes": None}):
        assert explain(replace(results, **changes)) == []
    only_mine = ImageScores(
        results.image_scores.pairs,
        results.image_scores.units,
        True,
        {TITLE: {"mine": results.image_scores.scores[TITLE]["mine"]}},
    )
    assert explain(replace(results, image_scores=only_mine)) == []
    assert gain_attributes.build_text_table(results, []) is None
