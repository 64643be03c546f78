"""Option equivalence of a task: what is compared in the report, checked before anything runs."""

import pytest

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.experiments import resolution

FILE = """
sources: {{ir: {{kind: infrared}}, teacher: {{kind: method, method: average}}, \
student: {{kind: method, method: maximum}}, other: {{kind: visible}}}}
tasks:
  toy: {{kind: {kind}, dataset: {dataset}, sources: [ir, teacher, student], equivalence: {options}}}
"""


@pytest.fixture
def load(tmp_path):
    def load_options(options="{}", kind="detection", changes=()):
        path = tmp_path / "tasks.yaml"
        dataset = {"detection": "m3fd", "segmentation": "fmb", "quality": "m3fd"}[kind]
        path.write_text(FILE.format(options=options, kind=kind, dataset=dataset))
        file = schema.load_task_file(path, changes=changes)
        resolution.resolve_tasks(file, ["toy"], tmp_path, tmp_path)
        return file.tasks["toy"].equivalence

    return load_options


def test_all_pairs_are_compared_within_one_point_unless_the_task_says_otherwise(load):
    options = load()
    assert (options.margin, options.metrics, options.reference, options.sources) == (
        *(1, ()),
        *(None, ()),
    )


def test_margin_metrics_reference_and_sources_can_be_named(load):
    options = load("{margin: 0.5, metrics: [AP, AP50], reference: teacher, sources: [student]}")
    assert options.margin == 0.5
    assert options.metrics == ("AP", "AP50")
    assert (options.reference, options.sources) == ("teacher", ("student",))
    assert load("{metrics: [accuracy]}", "segmentation").metrics == ("accuracy",)


def test_set_changes_one_of_the_options(load):
    options = load("{margin: 0.5}", changes=["tasks.toy.equivalence.reference=teacher"])
    assert (options.margin, options.reference) == (0.5, "teacher")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{margin: 0}", "equivalence.margin"),
        ("{margin: -1}", "equivalence.margin"),
        ("{margin: 101}", "equivalence.margin"),
        ("{margin: true}", "expected a number"),
        ("{margin: .nan}", "tasks.toy"),
        ("{limit: 1}", "no option is called 'limit'"),
        (
            "{reference: teachr}",
            "equivalence.reference: 'teachr' is none of the task's sources; did",
        ),
        ("{reference: other}", "equivalence.reference: 'other' is none of the task's sources"),
        ("{sources: [ir, other]}", "equivalence.sources: 'other' is none of the task's sources"),
        ("{sources: [ir]}", "'ir' alone cannot be compared"),
        ("{sources: [ir], reference: ir}", "'ir' alone cannot be compared"),
        ("{sources: [ir, ir]}", "'ir' is listed twice"),
        (
            "{metrics: [AP5]}",
            "no column of the task's metrics is called 'AP5'; did you mean 'AP50'",
        ),
        ("{metrics: [AP75]}", "equivalence.metrics: AP75 has no intervals in points"),
        ("{metrics: [IoU]}", "no column of the task's metrics is called 'IoU'"),
    ],
)
def test_a_wrong_option_is_refused_with_its_place(load, options, message):
    with pytest.raises(UserError) as error:
        load(options)
    assert message in str(error.value)


def test_a_quality_task_has_no_equivalence(load):
    with pytest.raises(UserError, match="equivalence"):
        load("{margin: 1}", "quality")
