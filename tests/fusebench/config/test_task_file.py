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


def changed(path, old, new):
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    return path


def test_a_task_is_laid_over_its_preset(path):
    task = schema.load_task_file(path).tasks["boxes"]
    assert task.sources == ("infrared", "visible")
    assert task.seeds == (3,)
    assert task.options == {"epochs": 5, "size": "n"}


def test_a_preset_chosen_by_flag_replaces_the_tasks_own(path):
    task = schema.load_task_file(path, preset="paper").tasks["boxes"]
    assert task.sources == ("visible",)
    assert task.options == {"epochs": 5}
    assert task.seeds == (0,)


def test_set_wins_over_everything_and_knows_fields_from_options(path):
    words = ["tasks.boxes.epochs=7", "tasks.boxes.seeds=[1, 2]", "tasks.boxes.data.folder=x"]
    task = schema.load_task_file(path, changes=words).tasks["boxes"]
    assert task.options == {"epochs": 7, "size": "n"}
    assert task.seeds == (1, 2)
    assert task.data == {"folder": "x"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("tasks.boxes", "expected tasks.NAME.option=value"),
        ("boxes.epochs=3", "expected tasks.NAME.option=value"),
        ("tasks.boxen.epochs=3", "no 'boxen' in tasks; there is boxes, masks"),
        ("tasks.boxes.seeds=[", "not YAML"),
        ("tasks.boxes.dataset.x=1", "dataset is not a mapping"),
    ],
)
def test_a_wrong_set_says_what_is_wrong(path, change, words):
    with pytest.raises(UserError, match=r"--set .*") as fault:
        schema.load_task_file(path, changes=[change])
    assert words in str(fault.value)


def test_every_fault_is_reported_at_once(path):
    changed(path, "sources: [visible]}", "sources: [visible], epochs: ten, modell: x}")
    with pytest.raises(UserError) as fault:
        schema.load_task_file(path)
    said = str(fault.value).splitlines()
    assert len(said) == 2
    assert (
        "tasks.masks.segmentation.epochs: Extra inputs are not permitted (given: 'ten')"
        in (said[0])
    )
    assert "modell" in said[1]


def test_an_unknown_source_preset_or_preset_task_is_named(path):
    with pytest.raises(UserError, match=r"tasks\.masks\.sources: no source is called 'thermal'"):
        schema.load_task_file(
            changed(path, "dataset: fmb, sources: [visible]", "dataset: fmb, sources: [thermal]")
        )
    with pytest.raises(UserError, match="no preset is called 'dema'; there is demo, paper"):
        schema.load_task_file(changed(path, "preset: demo", "preset: dema"))
    with pytest.raises(UserError, match=r"presets\.demo\.tasks: no task is called 'boxen'"):
        schema.load_task_file(
            changed(
                path,
                "tasks: [boxes]\n    detection: {sources: [inf",
                "tasks: [boxen]\n    detection: {sources: [inf",
            )
        )


PRESET_DEMO = (
    "    detection: {sources: [infrared, visible], seeds: [3], options: {epochs: 2, size: n}}"
)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (PRESET_DEMO, "    detection:", "presets.demo.detection: Input should be a valid dict"),
        (PRESET_DEMO, "    detection: [1]", "presets.demo.detection: Input should be a valid dict"),
        ("preset: demo", "preset: [demo]", "no preset is called ['demo']; there is demo, paper"),
        ("kind: detection, dataset", "kind: [detection], dataset", "tasks.boxes: Input tag"),
        ("seeds: [3]", "seeds: [3, 3]", "seeds: Value error, 3 is listed twice"),
        ("seeds: [3]", "seeds: [4294967296]", "less than or equal to 4294967295"),
        ("[infrared, visible], s", "[visible, visible], s", "'visible' is listed twice"),
    ],
)
def test_a_file_of_the_wrong_shape_is_the_users_mistake(path, old, new, words):
    with pytest.raises(UserError) as fault:
        schema.load_task_file(changed(path, old, new))
    assert words in str(fault.value)


def test_a_set_changes_one_task_only_even_if_two_share_their_options_by_an_anchor(path):
    path.write_text(
        "sources: {a: {kind: visible}}\n"
        "tasks:\n"
        "  one: {kind: detection, dataset: m3fd, sources: [a], options: &same {epochs: 2}}\n"
        "  two: {kind: detection, dataset: m3fd, sources: [a], options: *same}\n"
    )
    file = schema.load_task_file(path, changes=["tasks.one.epochs=7"])
    assert [file.tasks[name].options["epochs"] for name in ("one", "two")] == [7, 2]


def test_seeds_asked_for_twice_are_run_once_and_those_out_of_range_are_refused(path):
    file = schema.load_task_file(path)
    assert cli_selection.replace_seeds(file, [4, 4, 1]).tasks["boxes"].seeds == (4, 1)
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match=f"--seed {seed}: expected 0 to 4294967295"):
            cli_selection.replace_seeds(file, [seed])


def test_a_missing_file_and_one_that_is_not_yaml_are_named(path, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        schema.load_task_file(tmp_path / "nowhere.yaml")
    path.write_text("tasks: [")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        schema.load_task_file(path)
    path.write_text("- a list")
    with pytest.raises(UserError, match="expected a mapping"):
        schema.load_task_file(path)


def test_a_task_under_a_name_that_is_taken_is_refused_not_lost(path):
    with pytest.raises(UserError, match=r"'boxes' stands here a second time.*\n.*line 14"):
        schema.load_task_file(changed(path, "  masks:", "  boxes:"))


def test_merge_keys_may_override(path):
    path.write_text(
        "sources: {a: {kind: visible}}\n"
        "tasks:\n"
        "  one: &one {kind: detection, dataset: m3fd, sources: [a]}\n"
        "  two: {<<: *one, dataset: msrs}\n"
    )
    assert schema.load_task_file(path).tasks["two"].dataset == "msrs"


def test_yaml_cannot_run_code(path):
    path.write_text("tasks: !!python/object/apply:os.system ['true']")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        schema.load_task_file(path)


def test_a_name_cannot_leave_the_results_folder(path):
    with pytest.raises(UserError, match="must not look like a flag or a path"):
        schema.load_task_file(changed(path, "  masks:", "  ../masks:"))


def test_the_shipped_file_is_right_and_offers_what_the_readme_says():
    file = schema.load_task_file(REPOSITORY / "tasks.yaml")
    assert set(file.presets) == {
        *("demo", "paper", "plain", "dmnet", "dmfuse"),
        *("dmfuse-table2", "dmfuse-table3", "dmnet-table7", "tardal"),
    }
    assert {(t.kind, t.dataset) for t in file.tasks.values()} >= {
        ("detection", "scenes"),
        ("segmentation", "scenes_seg"),
        ("detection", "m3fd"),
        ("segmentation", "fmb"),
    }


def test_the_shipped_file_is_right_under_every_preset():
    path = REPOSITORY / "tasks.yaml"
    for preset in (None, *schema.load_task_file(path).presets):
        assert schema.load_task_file(path, preset).tasks


def test_a_preset_leaves_kinds_of_which_it_says_nothing_their_own(tmp_path):
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
    file = schema.load_task_file(path, "fast")
    assert file.tasks["d"].seeds == (7,)
    assert file.tasks["q"].preset == "plain"
