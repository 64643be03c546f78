"""The documents: their templates run, their links lead somewhere, their commands exist."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fusebench import plugins
from fusebench.config import schema
from fusebench.corruption_parts.pair_images import PairImages
from fusebench.data import split_builder
from fusebench.data.boxes import make_boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.evaluation.counts import stack_counts
from fusebench.experiments import resolution
from tests.helpers.paths import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
NEWCOMERS_PAGES = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # no old names
EXTENDING = REPOSITORY / "docs" / "extending.md"
RNG = np.random.default_rng(0)


def find_blocks(path, language):
    """The fenced blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def find_commands(path):
    """Every command of a document that starts one of our programs, without its comment."""
    text = path.read_text()
    lines = [line for block in find_blocks(path, r"\w*") for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    pattern = r"(?:^|[ /])(python -m [a-z_.]+|fusebench(?= [a-z]+(?: |$)))([^#]*)"
    return [match.groups() for line in lines if (match := re.search(pattern, line))]


TEMPLATES = {
    block.partition("\n")[0].removeprefix("# "): block for block in find_blocks(EXTENDING, "python")
}
COMMANDS = sorted({command for path in DOCUMENTS for command in find_commands(path)})
LINKS = [
    (path, link)
    for path in DOCUMENTS
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", path.read_text()))
    if not link.startswith(("http:", "https:"))
]


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """All templates, written to modules of one package; returns template path to module name."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "mymethods").mkdir()
    (tmp_path / "mymethods" / "brighter.py").write_text(TEMPLATES["mymethods/brighter.py"])
    names = {}
    for path, text in TEMPLATES.items():
        module = path.removesuffix(".py").replace("/", "_")
        (tmp_path / "templates" / f"{module}.py").write_text(text)
        names[path] = f"templates.{module}"
    importlib.invalidate_caches()
    yield names
    for name in [n for n in sys.modules if n.split(".")[0] in ("templates", "mymethods")]:
        del sys.modules[name]  # another test has packages of the same names elsewhere


@pytest.fixture
def streets(tmp_path):
    """A data folder as the data set templates expect it: 4 pairs of two recordings for testing."""
    folder = tmp_path / "data" / "streets"
    keys = {part: [f"{name}_{i:04d}" for name in names for i in (1, 2)] for part, names in PARTS}
    for part, part_keys in keys.items():
        for key in part_keys:
            gray = RNG.integers(20, 100, (24, 32), dtype=np.uint8)
            gray[4:12, 8:20] = 220
            labels = np.where(gray > 200, 3, 1).astype(np.uint8)
            for name, image in (
                ("infrared", gray),
                ("visible", np.stack([gray] * 3, axis=2)),
                ("masks", labels),
            ):
                (folder / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / name / f"{key}.png")
            (folder / "labels").mkdir(exist_ok=True)
            (folder / "labels" / f"{key}.txt").write_text("1 0.4375 0.3333333 0.375 0.3333333\n")
        (folder / f"{part}.txt").write_text("\n".join(part_keys))
    return tmp_path / "data"


PARTS = (("train", ("day1", "night2")), ("test", ("day3", "night4")))


def load_split(templates, data, path, part):
    dataset = plugins.load_dataset(templates[path])
    return split_builder.load_split(dataset.load, data, part, dataset.Options())


@pytest.mark.parametrize("path", [path for path in TEMPLATES if "method" in path])
def test_a_template_of_a_method_fuses(templates, path):
    method = plugins.load_fusion_method(templates[path])
    infrared = RNG.integers(0, 256, (24, 32), dtype=np.uint8)
    visible = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    before = visible.copy()
    fused = method.load(method.Options(), "cpu")(infrared, visible)
    assert (fused.shape, fused.dtype) == (visible.shape, np.uint8)
    np.testing.assert_array_equal(visible, before)


def test_the_template_of_a_fusion_metric_measures(templates):
    metric = plugins.load_fusion_metric(templates["fusion/metrics/rms_contrast.py"])
    halves = np.array([[0, 200], [200, 0]], np.uint8)
    assert metric.measure(halves, halves, halves) == 1.0  # both deviate by the mean of 100
    assert metric.measure(halves, halves, np.zeros_like(halves)) is None
    assert "Source:" in metric.docstring


def test_the_template_of_a_segmentation_metric_scores(templates):
    metric = plugins.load_task_metric("segmentation", templates["segmentation/metrics/dice.py"])
    truth, predicted = np.array([[0, 0], [1, 1]], np.uint8), np.array([[0, 1], [1, 1]], np.uint8)
    classes, options = ("road", "car", "bus"), metric.Options()
    counts = stack_counts({"a": metric.count(truth, predicted, classes, options)})
    scores = metric.score(counts.add(np.ones((1, 1))), classes, options, ["dice"])
    np.testing.assert_allclose(scores["dice"], [[2 / 3, 4 / 5, np.nan]])


def test_the_template_of_a_detection_metric_scores(templates):
    name = templates["detection/metrics/f1_at_confidence.py"]
    metric = plugins.load_task_metric("detection", name)
    truth = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])
    predicted = make_boxes(
        [[0, 0, 10, 9], [50, 50, 60, 60], [20, 0, 30, 10]], [0, 0, 0], [0.9, 0.6, 0.4]
    )
    classes = ("person", "car")
    for confidence, expected in ((0.5, 2 * 1 / (2 + 2)), (0.3, 2 * 2 / (3 + 2))):
        options = metric.Options(confidence=confidence)
        counts = stack_counts({"a": metric.count(truth, predicted, classes, options)})
        scores = metric.score(counts.add(np.ones((1, 1))), classes, options, list(metric.COLUMNS))
        np.testing.assert_allclose(scores["F1_at_confidence"], [[expected, np.nan]])


def test_the_template_of_a_segmenter_learns_the_classes_of_gray_levels(
    templates, streets, tmp_path
):
    model = plugins.load_model("segmentation", templates["segmentation/models/gray_lookup.py"])
    train, test = (
        load_split(templates, streets, "fusebench/datasets/street_masks.py", part)
        for part in ("train", "test")
    )
    images = {pair.key: pair.visible for pair in (*train.pairs, *test.pairs)}
    labeled = [LabeledImages({k: images[k] for k in part.keys}, part) for part in (train, test)]
    model.train(labeled[0], model.Options(), seed=0, device="cpu", folder=tmp_path)
    predictions = dict(
        model.predict(tmp_path, labeled[1], model.Options(), model.Predict(), device="cpu")
    )
    assert set(predictions) == set(test.keys)
    for pair in test.pairs:
        np.testing.assert_array_equal(
            predictions[pair.key], np.array(Image.open(pair.label_map), np.uint8)
        )


def test_the_template_of_a_detector_learns_the_brightness_of_boxes(templates, streets, tmp_path):
    model = plugins.load_model("detection", templates["detection/models/bright_blobs.py"])
    train, test = (
        load_split(templates, streets, "fusebench/datasets/streets.py", part)
        for part in ("train", "test")
    )
    options = model.Options(quantile=0.9)
    labeled = [
        LabeledImages({pair.key: pair.visible for pair in part.pairs}, part)
        for part in (train, test)
    ]
    model.train(labeled[0], options, seed=0, device="cpu", folder=tmp_path)
    predictions = model.predict(tmp_path, labeled[1], options, model.Predict(), device="cpu")
    for pair in test.pairs:
        best = predictions[pair.key].scores.argmax()
        np.testing.assert_allclose(
            predictions[pair.key].corners[best], pair.boxes.corners[0], atol=1
        )
        assert predictions[pair.key].class_ids[best] == 1


def test_the_template_of_a_corruption_darkens_the_corners(templates):
    corruption = plugins.load_corruption(templates["fusebench/corruptions/visible/vignette.py"])
    flat = PairImages(np.full((24, 32), 100, np.uint8), np.full((24, 32, 3), 255, np.uint8))
    options = corruption.Options()
    dark = corruption.corrupt(flat, 2, options, np.random.default_rng(0)).visible
    assert dark[12, 16].min() >= 254
    # 30 degrees: cos^4 = 0.5625 of the light, which is stored as 198
    assert {*dark[0, 0], *dark[-1, -1]} == {198}
    assert corruption.describe(2, options) == "corners at 30 degrees"


def test_the_template_of_an_ensemble_joins_boxes(templates):
    ensemble = plugins.load_ensemble("detection", templates["detection/ensembles/all_boxes.py"])
    first = make_boxes([[0, 0, 10, 10]], [1], [0.9])
    second = make_boxes([[0, 0, 9, 10], [20, 0, 30, 10]], [1, 0], [0.5, 0.4])
    joined = ensemble.combine([first, second], ensemble.Options())
    assert joined.class_ids.tolist() == [1, 1, 0]
    assert joined.scores.tolist() == [0.9, 0.5, 0.4]


@pytest.mark.parametrize("path", [path for path in TEMPLATES if "datasets" in path])
def test_the_template_of_a_data_set_reads_conditions_and_sequences(templates, streets, path):
    split = load_split(templates, streets, path, "test")
    assert split.keys == ("day3_0001", "day3_0002", "night4_0001", "night4_0002")
    assert [pair.condition for pair in split.pairs] == ["day", "day", "night", "night"]
    assert [pair.sequence for pair in split.pairs] == ["day3", "day3", "night4", "night4"]


def test_the_page_has_a_template_of_every_kind_of_plugin():
    assert {path.rpartition("/")[0] for path in TEMPLATES} == {
        "mymethods",
        "fusion/methods",
        "fusion/metrics",
        "detection/metrics",
        "segmentation/metrics",
        "detection/models",
        "segmentation/models",
        "detection/ensembles",
        "fusebench/datasets",
        "fusebench/corruptions/visible",
    }


TASK_BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in NEWCOMERS_PAGES
    for number, block in enumerate(find_blocks(path, "yaml"), 1)
]


@pytest.mark.parametrize("block", TASK_BLOCKS)
def test_a_task_file_of_the_documents_is_valid(block, templates, tmp_path, monkeypatch):
    """Parts of task files are laid over the one of this project; templates stand in the folders."""
    index = plugins._index_modules

    def index_with_templates(package):
        folder = package.replace(".", "/")
        return index(package) | {
            Path(path).stem: name for path, name in templates.items() if path.startswith(folder)
        }

    monkeypatch.setattr(plugins, "_index_modules", index_with_templates)
    content = yaml.safe_load((REPOSITORY / "tasks.yaml").read_text())
    given = yaml.safe_load(block)
    for section, values in given.items():
        assert section in schema.TaskFile.model_fields
        for name, value in values.items():
            whole = not isinstance(value, dict) or "kind" in value
            entries = content.setdefault(section, {})
            entries[name] = value if whole else {**entries.get(name, {}), **value}
    content["sources"]["brighter"] = {"kind": "method", "method": "mymethods.brighter"}
    file = tmp_path / "tasks.yaml"
    file.write_text(yaml.safe_dump(content))
    task_file = schema.load_task_file(file)
    for name in given.get("sources", ()):
        resolution.resolve_source(name, task_file.get_source(name), tmp_path)
    resolution.resolve_tasks(task_file, list(given.get("tasks", ())), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("path", "link"), LINKS, ids=[f"{path.name}-{link}" for path, link in LINKS]
)
def test_a_relative_link_leads_to_a_file_and_a_heading(path, link):
    file, _, heading = link.partition("#")
    target = (path.parent / file) if file else path
    assert target.exists(), f"{path.name}: no {link}"
    if heading:
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
        anchors = [re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings]
        assert heading in anchors


OTHER_TOOLS = ("pytest", "pip", "venv", "build")


@pytest.mark.parametrize(
    ("program", "arguments"),
    [command for command in COMMANDS if command[0].removeprefix("python -m ") not in OTHER_TOOLS],
)
def test_a_command_of_the_documents_exists_with_its_options(
    program, arguments, capsys, monkeypatch
):
    name, command = program.removeprefix("python -m "), [program]
    if program == "fusebench":
        subcommand, _, arguments = arguments.strip().partition(" ")
        module, command = pytest.importorskip("fusebench.console"), [program, subcommand]
    else:
        module = importlib.import_module("fusebench.__main__" if name == "fusebench" else name)
    monkeypatch.setattr(sys, "argv", [*command, "--help"])
    with pytest.raises(SystemExit, match="0"):
        module.main()
    usage = capsys.readouterr().out
    options = [word.partition("=")[0] for word in shlex.split(arguments) if word.startswith("--")]
    missing = [option for option in options if not re.search(rf"{option}\b", usage)]
    assert not missing, f"{program} has no {', '.join(missing)}"
