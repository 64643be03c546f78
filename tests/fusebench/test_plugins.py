"""Plug-ins: every file fits its contract, and one that does not is one clear error.

A new file in a plug-in folder is tested the moment it exists.
"""

import importlib
import pickle
import sys
from functools import partial

import numpy as np
import pytest

from fusebench import __main__, plugins
from fusebench.errors import UserError
from fusebench.evaluation.counts import stack_counts
from fusion import quality
from fusion.scoring import score_images
from fusion.scoring.metric import Metric
from tests.helpers import dataset_folders
from tests.helpers.random_boxes import CLASSES, make_random_boxes

RNG = np.random.default_rng(0)
INFRARED = RNG.integers(0, 256, (48, 65), dtype=np.uint8)
VISIBLE = RNG.integers(0, 256, (48, 65, 3), dtype=np.uint8)
LARGE = RNG.integers(0, 256, (176, 193), dtype=np.uint8)  # room for five scales
KINDS = ("detection", "segmentation")
TASK_METRICS = [(kind, n) for kind in KINDS for n in plugins.list_plugins(f"{kind}.metrics")]
MODELS = [(kind, n) for kind in KINDS for n in plugins.list_plugins(f"{kind}.models")]


@pytest.mark.parametrize("name", plugins.list_plugins(plugins.METHODS))
def test_every_method_returns_a_new_color_image_of_the_same_size(name):
    method = plugins.load_fusion_method(name)
    before = INFRARED.copy(), VISIBLE.copy()
    fused = method.load(method.Options(), "cpu")(INFRARED, VISIBLE)
    assert fused.shape == VISIBLE.shape
    assert fused.dtype == np.uint8
    assert not np.shares_memory(fused, VISIBLE)
    np.testing.assert_array_equal(INFRARED, before[0])
    np.testing.assert_array_equal(VISIBLE, before[1])


@pytest.mark.parametrize("name", plugins.list_plugins(plugins.METHODS))
def test_hashes_of_a_methods_files_are_text(name):
    method = plugins.load_fusion_method(name)
    hashes = method.dependency_hashes(method.Options())
    assert all(isinstance(value, str) for value in hashes.values())


@pytest.mark.parametrize("name", plugins.list_plugins(plugins.FUSION_METRICS))
def test_every_fusion_metric_is_finite_within_its_range(name):
    metric = plugins.load_fusion_metric(name)
    value = metric.measure(LARGE, LARGE[::-1], LARGE[:, ::-1])
    variant = next(iter(metric.VARIANTS.values()))
    assert np.isfinite(value)
    assert variant.minimum is None or value >= variant.minimum
    assert variant.maximum is None or value <= variant.maximum
    assert "Source:" in metric.docstring


@pytest.mark.parametrize(("kind", "name"), TASK_METRICS)
def test_every_task_metric_scores_each_class_for_every_weighting(kind, name):
    metric = plugins.load_task_metric(kind, name)
    truth, predicted, classes = make_images(kind)
    options = metric.Options()
    counts = stack_counts(
        {key: metric.count(truth[key], predicted[key], classes, options) for key in truth}
    )
    weights = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    scores = metric.score(counts.add(weights), classes, options, list(metric.COLUMNS))
    assert set(scores) >= set(metric.COLUMNS)
    for values in scores.values():
        assert values.shape == (3, len(classes))
        assert np.isnan(values[2]).all()  # nothing is counted
    # an image that counts twice, alone, scores as it does once
    once = metric.score(counts.add(np.array([[1.0, 0.0]])), classes, options, list(metric.COLUMNS))
    for column, values in scores.items():
        np.testing.assert_allclose(values[1], once[column][0], rtol=1e-12)


def make_images(kind):
    """Truth and predictions of two images."""
    if kind == "segmentation":
        labels = {key: RNG.integers(0, 3, (24, 32), dtype=np.uint8) for key in "ab"}
        return labels, {key: np.roll(labels[key], 1) for key in labels}, ("a", "b", "c")
    truth, predicted = make_random_boxes(1, images=2)
    return truth, predicted, CLASSES


@pytest.mark.parametrize(("kind", "name"), MODELS)
def test_every_model_fits_its_contract(kind, name):
    assert plugins.load_model(kind, name).name == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, n) for kind in KINDS for n in plugins.list_plugins(f"{kind}.ensembles")],
)
def test_an_ensemble_has_everything_its_contract_asks_for(kind, name):
    ensemble = plugins.load_ensemble(kind, name)
    assert ensemble.name == name
    assert ensemble.config_errors(ensemble.Options(), 2, "here") in ((), [])


@pytest.mark.parametrize("name", plugins.list_plugins(plugins.DATASETS))
def test_every_data_set_fits_its_contract(name):
    assert plugins.load_dataset(name).name == name


def test_an_unknown_name_is_an_error_with_a_close_match_and_the_file_to_write():
    message = r"did you mean 'average'\?.*write fusion/methods/avrage.py"
    with pytest.raises(UserError, match=message):
        plugins.load_plugin(plugins.METHODS, "avrage")


def forget_modules(package):
    """Import a package anew next time: another test has one of the same name elsewhere."""
    for name in [n for n in sys.modules if n.split(".")[0] == package]:
        del sys.modules[name]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that writes a module of the user's own and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def write(text, name="mymodule"):
        package = tmp_path / "mypackage"
        package.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text(text)
        forget_modules("mypackage")
        importlib.invalidate_caches()
        return f"mypackage.{name}"

    yield write
    forget_modules("mypackage")


PLAIN_FUNCTION = """
import numpy as np

def fuse(infrared, visible):
    return np.maximum(infrared[..., None], visible)
"""


def test_a_module_with_a_plain_function_is_a_fusion_method(module):
    method = plugins.load_fusion_method(module(PLAIN_FUNCTION))
    fused = method.load(method.Options(), "cpu")(INFRARED, VISIBLE)
    np.testing.assert_array_equal(fused, np.maximum(INFRARED[..., None], VISIBLE))


def test_a_plain_function_among_the_methods_needs_no_dot_in_its_name(module, monkeypatch):
    name = module(PLAIN_FUNCTION)
    index = plugins._index_modules
    monkeypatch.setattr(
        plugins, "_index_modules", lambda package: index(package) | {"brighter": name}
    )
    fuse = plugins.load_fusion_method("brighter").load(None, "cpu")
    np.testing.assert_array_equal(fuse(INFRARED, VISIBLE), np.maximum(INFRARED[..., None], VISIBLE))


SMALLEST = {  # every kind of plug-in without anything that may be left out
    plugins.load_fusion_method: PLAIN_FUNCTION,
    plugins.load_fusion_metric: "VERSION = 1\nTITLE = 'x'\nVARIANTS = {'x': None}\n"
    "def measure(infrared, visible, fused): pass\n",
    partial(plugins.load_task_metric, "detection"): "VERSION = 1\nCOLUMNS = {'x': None}\n"
    "def count(truth, predicted, classes, options): pass\n"
    "def score(counts, classes, options): pass\n",
    partial(plugins.load_model, "detection"): "VERSION = 1\nTITLE = 'x'\n"
    "def train(images, options, *, seed, device, folder): pass\n"
    "def predict(folder, images, options, predict, *, device): pass\n",
    plugins.load_dataset: "VERSION = 1\nTITLE = 'x'\nCLASSES = ()\ndef load(root, options): pass\n",
}


@pytest.mark.parametrize(("load", "text"), SMALLEST.items(), ids=range(len(SMALLEST)))
def test_the_smallest_plugin_of_every_kind_can_be_sent_to_a_worker_process(module, load, text):
    plugin = load(module(text))
    assert pickle.loads(pickle.dumps(plugin)) == plugin


def test_the_file_of_a_users_method_decides_its_results(module):
    first = plugins.load_fusion_method(module(PLAIN_FUNCTION)).dependency_hashes(None)
    second = plugins.load_fusion_method(module(PLAIN_FUNCTION + "# changed\n"))
    assert first != second.dependency_hashes(None)


def test_a_method_of_the_users_own_is_run_by_the_programs(module, tmp_path, capsys):
    name = module(PLAIN_FUNCTION)
    for folder in ("ir", "vi"):
        dataset_folders.write_images(tmp_path / f"data/folder/{folder}", ["1", "2"])
    (tmp_path / "tasks.yaml").write_text(
        f"sources: {{mine: {{kind: method, method: {name}}}}}\n"
        "tasks: {q: {kind: quality, dataset: folder, sources: [mine]}}\n"
    )
    assert __main__.main(["--device", "cpu"]) == 0
    assert "[2/2] q-mine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def fuze(a, b): pass\n", "load is missing"),
        ("def load(): pass\n", r"load\(\) does not take \(options, device\)"),
        ("load = 3\n", "load is not a function"),
        ("fuse = 3\n", "fuse is not a function"),
        ("def fuse(a): pass\n", r"fuse\(a\) does not take \(infrared, visible\)"),
        ("Options = dict\ndef load(options): pass\n", "Options is not a pydantic model"),
        ("COLOR = 3\ndef load(options): pass\n", "COLOR is int, expected text"),
    ],
)
def test_a_method_that_does_not_fit_is_one_error_that_names_what_is_wrong(module, text, message):
    with pytest.raises(UserError, match=rf"mymodule\.py: is no fusion method: .*{message}"):
        plugins.load_fusion_method(module(text))


def test_every_fault_of_a_metric_is_in_one_error(module):
    name = module("VERSION = 'one'\ndef count(truth): pass\n")
    with pytest.raises(UserError) as error:
        plugins.load_task_metric("detection", name)
    text = str(error.value)
    assert "VERSION is str, expected a whole number" in text
    assert "COLUMNS is missing" in text
    assert "count(truth) does not take (truth, predicted, classes, options)" in text
    assert "score is missing" in text


def test_a_module_that_cannot_be_found_says_where_it_has_to_be(module):
    module("")
    with pytest.raises(UserError, match=r"no module 'mypackage\.other' .* mypackage/other\.py"):
        plugins.load_fusion_method("mypackage.other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nimport not_installed\n", "line 2: ModuleNotFoundError: No module .*not_installed"),
        ("raise ValueError('boo')\n", "line 1: ValueError: boo"),
        ("def fuse(infrared, visible:\n", "line 1: SyntaxError"),
        ("import sys\nsys.exit(0)\n", "line 2: SystemExit: 0"),
    ],
)
def test_an_error_while_a_plugin_is_imported_names_its_line(module, text, message):
    with pytest.raises(UserError, match=rf"mymodule\.py, {message}"):
        plugins.load_fusion_method(module(text))


@pytest.mark.parametrize("name", [".", "..x", "mypackage.", "my package.mymodule"])
def test_what_is_no_name_of_a_module_is_an_error(name):
    with pytest.raises(UserError, match="is no name of a module"):
        plugins.load_fusion_method(name)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return float('nan')", "measure returned float nan"),
        ("return 'a'", "measure returned str 'a'"),
        ("return fused", "measure returned ndarray of shape"),
        ("fused[:] = 0; return 1.0", "read-only"),
    ],
)
def test_a_fusion_metric_returns_a_number_and_changes_no_image(module, body, message):
    name = module(
        "VERSION = 1\nTITLE = 'x'\nVARIANTS = {'x': None}\n"
        f"def measure(infrared, visible, fused): {body}\n"
    )
    metric = Metric(name, plugins.load_fusion_metric(name), None)
    with pytest.raises((UserError, ValueError), match=message):
        score_images.score_pair(LARGE, LARGE, {"mine": LARGE}, [metric])
    assert LARGE.any()


@pytest.fixture
def broken_metric(monkeypatch, module):
    """A file among the fusion metrics that does not fit."""
    name = module("VERSION = 1\n")
    index = plugins._index_modules

    def index_with_broken(package):
        extra = {"broken": name} if package == plugins.FUSION_METRICS else {}
        return index(package) | extra

    monkeypatch.setattr(plugins, "_index_modules", index_with_broken)


def test_the_list_of_metrics_names_one_that_does_not_fit(broken_metric, capsys):
    with pytest.raises(SystemExit) as stop:
        quality.main(["--list"])
    assert stop.value.code == 2
    assert "is no fusion metric: TITLE is missing" in capsys.readouterr().err


def test_the_plan_names_a_metric_that_does_not_fit(broken_metric, tmp_path, capsys):
    (tmp_path / "tasks.yaml").write_text(
        "sources: {ir: {kind: infrared}}\n"
        "tasks: {q: {kind: quality, dataset: folder, sources: [ir], metrics: {broken: {}}}}\n"
    )
    assert __main__.main(["--plan"]) == 2
    assert "is no fusion metric: TITLE is missing" in capsys.readouterr().err
