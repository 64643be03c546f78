"""Task files: presets, overrides on the command line, and one error per mistake."""

import pytest

from fusebench import cli_selection
from fusebench.config import schema
from fusebench.errors import UserError
from tests.helpers.paths import REPOSITORY

FILE = """
sources:
  infrared: {kind: infrared}
  visible: {kind: visible}
presets:
  demo:
    tasks: [boxes]
    detection: {sources: [infrared, visible], seeds: [3], options: {epochs: 2, size: n}}
  paper:
    tasks: [boxes]
    detection: {sources: [visible], options: {epochs: 300}}
tasks:
  boxes: {kind: detection, dataset: m3fd, preset: demo, options: {epochs: 5}}
  masks: {kind: segmentation, dataset: fmb, sources: [visible]}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "tasks.yaml").write_text(FILE)
    return tmp_path / "tasks.yaml"


def replace_in_file(path, old, new):
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    return path


def test_settings_of_a_task_override_its_preset(path):
    task = schema.load_task_file(path).tasks["boxes"]
    assert task.sources == ("infrared", "visible")
    assert task.seeds == (3,)
    assert task.options == {"epochs": 5, "size": "n"}


def test_preset_given_by_flag_replaces_the_preset_of_the_task(path):
    task = schema.load_task_file(path, preset="paper").tasks["boxes"]
    assert task.sources == ("visible",)
    assert task.options == {"epochs": 5}
    assert task.seeds == (0,)


def test_set_overrides_the_file_and_distinguishes_fields_from_options(path):
    changes = ["tasks.boxes.epochs=7", "tasks.boxes.seeds=[1, 2]", "tasks.boxes.data.folder=x"]
    task = schema.load_task_file(path, changes=changes).tasks["boxes"]
    assert task.options == {"epochs": 7, "size": "n"}
    assert task.seeds == (1, 2)
    assert task.data == {"folder": "x"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("tasks.boxes", "expected tasks.NAME.option=value"),
        ("boxes.epochs=3", "expected tasks.NAME.option=value"),
        ("tasks.boxen.epochs=3", "no 'boxen' in tasks; did you mean 'boxes'? Known: boxes, masks"),
        ("tasks.boxes.seeds=[", "not YAML"),
        ("tasks.boxes.dataset.x=1", "dataset is not a mapping"),
    ],
)
def test_invalid_set_is_refused_with_a_reason(path, change, message):
    with pytest.raises(UserError, match=r"--set .*") as error:
        schema.load_task_file(path, changes=[change])
    assert message in str(error.value)


def test_set_of_a_field_that_a_quality_task_does_not_have_names_this_field(path):
    path.write_text(f"{FILE}  fused: {{kind: quality, dataset: m3fd, sources: [visible]}}\n")
    with pytest.raises(UserError, match=r"no option is called 'seeds'"):
        schema.load_task_file(path, changes=["tasks.fused.seeds=3"])


def test_all_mistakes_are_reported_at_once(path):
    replace_in_file(path, "sources: [visible]}", "sources: [visible], epochs: ten, modell: x}")
    with pytest.raises(UserError) as error:
        schema.load_task_file(path)
    first, second = str(error.value).splitlines()
    assert "tasks.masks.segmentation.epochs: no option is called 'epochs'" in first
    assert "did you mean 'model'" in second


def test_unknown_source_preset_and_task_are_named(path):
    with pytest.raises(UserError, match=r"tasks\.masks\.sources: no source is called 'thermal'"):
        schema.load_task_file(
            replace_in_file(
                path, "dataset: fmb, sources: [visible]", "dataset: fmb, sources: [thermal]"
            )
        )
    with pytest.raises(UserError, match=r"no preset is called 'dema'; did you mean 'demo'\? Known"):
        schema.load_task_file(replace_in_file(path, "preset: demo", "preset: dema"))
    with pytest.raises(UserError, match=r"presets\.demo\.tasks: no task is called 'boxen'"):
        schema.load_task_file(
            replace_in_file(
                path,
                "tasks: [boxes]\n    detection: {sources: [inf",
                "tasks: [boxen]\n    detection: {sources: [inf",
            )
        )


PRESET_DEMO = (
    "    detection: {sources: [infrared, visible], seeds: [3], options: {epochs: 2, size: n}}"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (PRESET_DEMO, "    detection:", "presets.demo.detection: Input should be a valid dict"),
        (PRESET_DEMO, "    detection: [1]", "presets.demo.detection: Input should be a valid dict"),
        (
            "preset: demo",
            "preset: [demo]",
            "no preset is called ['demo']; did you mean 'demo'? Known: demo, paper",
        ),
        (
            "kind: detection, dataset",
            "kind: [detection], dataset",
            "tasks.boxes: no kind is called",
        ),
        ("seeds: [3]", "seeds: [3, 3]", "seeds: 3 is listed twice"),
        ("seeds: [3]", "seeds: [4294967296]", "less than or equal to 4294967295"),
        ("[infrared, visible], s", "[visible, visible], s", "'visible' is listed twice"),
    ],
)
def test_invalid_file_is_a_user_error(path, old, new, message):
    with pytest.raises(UserError) as error:
        schema.load_task_file(replace_in_file(path, old, new))
    assert message in str(error.value)


def test_set_changes_one_of_two_tasks_that_share_a_yaml_anchor(path):
    path.write_text(
        "sources: {a: {kind: visible}}\n"
        "tasks:\n"
        "  first: {kind: detection, dataset: m3fd, sources: [a], options: &same {epochs: 2}}\n"
        "  second: {kind: detection, dataset: m3fd, sources: [a], options: *same}\n"
    )
    tasks = schema.load_task_file(path, changes=["tasks.first.epochs=7"]).tasks
    assert [tasks[name].options["epochs"] for name in ("first", "second")] == [7, 2]


def test_duplicate_seeds_are_run_once_and_seeds_out_of_range_are_refused(path):
    task_file = schema.load_task_file(path)
    assert cli_selection.replace_seeds(task_file, [4, 4, 1]).tasks["boxes"].seeds == (4, 1)
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match=f"--seed {seed}: expected 0 to 4294967295"):
            cli_selection.replace_seeds(task_file, [seed])


def test_missing_file_and_invalid_yaml_are_named(path, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        schema.load_task_file(tmp_path / "nowhere.yaml")
    path.write_text("tasks: [")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        schema.load_task_file(path)
    path.write_text("- a list")
    with pytest.raises(UserError, match="expected a mapping"):
        schema.load_task_file(path)


def test_second_task_of_the_same_name_is_refused(path):
    with pytest.raises(UserError, match=r"duplicate key 'boxes'.*\n.*line 14"):
        schema.load_task_file(replace_in_file(path, "  masks:", "  boxes:"))


def test_yaml_merge_key_may_be_overridden(path):
    path.write_text(
        "sources: {a: {kind: visible}}\n"
        "tasks:\n"
        "  first: &first {kind: detection, dataset: m3fd, sources: [a]}\n"
        "  second: {<<: *first, dataset: msrs}\n"
    )
    assert schema.load_task_file(path).tasks["second"].dataset == "msrs"


def test_yaml_cannot_run_code(path):
    path.write_text("tasks: !!python/object/apply:os.system ['true']")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        schema.load_task_file(path)


def test_name_of_a_task_cannot_be_a_path(path):
    with pytest.raises(UserError, match="must not look like a flag or a path"):
        schema.load_task_file(replace_in_file(path, "  masks:", "  ../masks:"))


def test_packaged_task_file_is_valid_and_has_the_presets_of_the_readme():
    task_file = schema.load_task_file(REPOSITORY / "tasks.yaml")
    assert set(task_file.presets) == {
        *("demo", "paper", "plain", "dmnet", "dmfuse", "faults"),
        *("dmfuse-table2", "dmfuse-table3", "dmnet-table7", "tardal"),
    }
    assert {(task.kind, task.dataset) for task in task_file.tasks.values()} >= {
        ("detection", "scenes"),
        ("segmentation", "scenes_seg"),
        ("detection", "m3fd"),
        ("segmentation", "fmb"),
    }


def test_packaged_task_file_is_valid_with_every_preset():
    path = REPOSITORY / "tasks.yaml"
    for preset in (None, *schema.load_task_file(path).presets):
        assert schema.load_task_file(path, preset).tasks


def test_preset_by_flag_does_not_replace_presets_of_kinds_that_it_has_no_settings_for(tmp_path):
    path = tmp_path / "tasks.yaml"
    path.write_text(
        "sources: {ir: {kind: infrared}}\n"
        "presets:\n"
        "  fast: {tasks: [d], detection: {sources: [ir], seeds: [7]}}\n"
        "  plain: {tasks: [q], quality: {sources: [ir]}}\n"
        "tasks:\n"
        "  d: {kind: detection, dataset: scenes, sources: [ir]}\n"
        "  q: {kind: quality, dataset: scenes, preset: plain}\n"
    )
    tasks = schema.load_task_file(path, "fast").tasks
    assert tasks["d"].seeds == (7,)
    assert tasks["q"].preset == "plain"
