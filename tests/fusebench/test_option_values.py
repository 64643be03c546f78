"""Numbers in options: finite, of at most 64 bits, and bounded where they size something."""

import math
import typing
from dataclasses import replace
from types import UnionType

import pytest
from pydantic import BaseModel, Field

from fusebench import plugins
from fusebench.config import schema
from fusebench.config.engine_settings import EngineSettings
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusion.checkpoints.architecture_schema import SCHEMAS
from fusion.networks.dmnet_architecture import DMNetArchitecture
from fusion.training.recipe import presets
from fusion.training.recipe.schema import RECIPES

LARGEST_SIZE = 2**32  # a random seed; nothing that is built may be larger
# Numbers that nothing is built of: a block rule only compares them.
UNBOUNDED = {"BlockRule": {"length", "gap", "every", "first"}}
CHECKED_ELSEWHERE = {"DMNetArchitecture", "crop", "rescale", "scale"}  # each has a test below


def list_option_models():
    """Name and model of the options of every plug-in, recipe and part of the task file."""
    loaders = {
        plugins.METHODS: plugins.load_fusion_method,
        plugins.FUSION_METRICS: plugins.load_fusion_metric,
        plugins.DATASETS: plugins.load_dataset,
    }
    models = [("seeds", schema.DetectionTask), ("training", schema.FusionTraining)]
    models += [(f"engine {model.__name__}", model) for model in typing.get_args(EngineSettings)]
    for package, load in loaders.items():
        models += [(name, load(name).Options) for name in plugins.list_plugins(package)]
    for kind in ("detection", "segmentation"):
        for name in plugins.list_plugins(f"{kind}.metrics"):
            models.append((name, plugins.load_task_metric(kind, name).Options))
        for name in plugins.list_plugins(f"{kind}.models"):
            plugin = plugins.load_model(kind, name)
            models += [(name, plugin.Options), (f"{name}, predict", plugin.Predict)]
    models += [(f"recipe of {name}", model) for name, model in RECIPES.items()]
    return [*models, *((f"weights of {name}", model) for name, model in SCHEMAS.items())]


def list_types(annotation):
    """All types in an annotation, e.g. int and None of ``tuple[int, ...] | None``."""
    arguments = [each for each in typing.get_args(annotation) if isinstance(each, type | UnionType)]
    nested = [each for each in typing.get_args(annotation) if typing.get_args(each)]
    return {annotation, *arguments, *(t for each in nested for t in list_types(each))}


def list_number_fields(model, build=lambda value: value):
    """Name, type and builder of the values for every number in a model and the models in it."""
    for name, field in model.model_fields.items():
        types = list_types(field.annotation)
        tags = {
            other: each.default
            for other, each in model.model_fields.items()
            if typing.get_origin(each.annotation) is typing.Literal and other != name
        }
        is_list = any(typing.get_origin(t) is tuple for t in types)

        def build_values(value, name=name, tags=tags, is_list=is_list, build=build):
            return build({**tags, name: [value, value] if is_list else value})

        for number_type in {int, float} & types:
            yield name, number_type, build_values
        for inner in types:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from list_number_fields(inner, build_values)


NUMBERS = [
    pytest.param(model, field, number_type, build, id=f"{name}-{field}-{number_type.__name__}")
    for name, model in list_option_models()
    for field, number_type, build in list_number_fields(model)
]


def test_the_walk_reaches_the_numbers_of_every_kind_of_option():
    names = {parameter.id for parameter in NUMBERS}
    assert len(names) > 100
    assert names >= {
        *("yolov5-weight_decay-float", "yolov5, predict-confidence-float", "segformer-betas-float"),
        *("laplacian-levels-int", "dmfuse-tile-int", "scenes-haze-float", "m3fd-share-float"),
        *("seeds-seeds-int", "recipe of dmfuse-clip-float", "recipe of dmnet-first-int"),
        *("recipe of dmfuse-features_at-int", "weights of dmfuse-timesteps-int"),
    }


@pytest.mark.parametrize(("model", "field", "number_type", "build"), NUMBERS)
def test_no_number_may_be_infinite_nan_or_absurdly_large(model, field, number_type, build):
    values = [10**30, -(10**30), "1e400", "nan"]
    values += [math.inf, -math.inf, math.nan] if number_type is float else []
    for value in values:
        with pytest.raises(UserError, match=rf"\b{field}\b"):
            validate_model(model, build(value), "tasks.toy.options")


@pytest.mark.parametrize(
    "model", [pytest.param(model, id=name) for name, model in list_option_models()]
)
def test_every_integer_has_an_upper_bound(model):
    document = model.model_json_schema()
    parts = [document, *document.get("$defs", {}).values()]
    for part in parts:
        allowed = UNBOUNDED.get(part.get("title"), set()) | CHECKED_ELSEWHERE
        if part.get("title") in CHECKED_ELSEWHERE:
            continue
        for name, field in part.get("properties", {}).items():
            if name not in allowed:
                assert list_unbounded_integers(field) == [], name


def list_unbounded_integers(node):
    """Parts of a JSON schema that are integers without an upper bound."""
    if isinstance(node, list):
        return [fault for each in node for fault in list_unbounded_integers(each)]
    if not isinstance(node, dict):
        return []
    bound = node.get("maximum", node.get("exclusiveMaximum", math.inf))
    is_unbounded = bound > LARGEST_SIZE and "enum" not in node
    faults = [node] if node.get("type") == "integer" and is_unbounded else []
    return faults + [fault for key, each in node.items() for fault in list_unbounded_integers(each)]


def test_the_architecture_of_dmnet_is_bounded():
    for name in ("inner", "features", "decoder_depth", "image_size"):
        with pytest.raises(ValueError, match=name):
            replace(DMNetArchitecture(), **{name: 80_000})
    for dropout in (math.inf, math.nan, -0.1, 1.0):
        with pytest.raises(ValueError, match="dropout"):
            replace(DMNetArchitecture(), dropout=dropout)
    with pytest.raises(ValueError, match="500 time steps, expected at most 100"):
        replace(DMNetArchitecture(), time_steps=range(1, 501))


def test_pairs_of_sizes_are_bounded():
    options = plugins.load_model("segmentation", "segformer").Options
    for values in ({"crop": 9000}, {"crop": [512, 9000]}, {"rescale": [0.5, 1000]}):
        with pytest.raises(UserError, match=r"at most 8192|0\.01 to 16"):
            validate_model(options, values, "options")
    for changes in ("fusion.scale=[1, 1000]", "fusion.scale=[.inf, .inf]"):
        with pytest.raises(UserError, match=r"fusion(\.scale\.0)?: "):
            presets.build_recipe("dmfuse", "small", {}, [changes])


class Toy(BaseModel):
    """Options of a user's plug-in, without any bound."""

    rate: float = 0.5
    rates: tuple[float, ...] = ()
    by_class: dict[str, float] = {}
    steps: int = Field(default=1)
    is_fast: bool = False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": math.inf}, "toy: rate: expected a finite number (given: inf)"),
        ({"rates": [1, math.nan]}, "toy: rates.1: expected a finite number (given: nan)"),
        ({"by_class": {"Car": -math.inf}}, "toy: by_class.Car: expected a finite number"),
        ({"rate": 1e308 * 10}, "toy: rate: expected a finite number"),
        ({"steps": 2**63}, "toy: steps: expected a number of at most 64 bits"),
        ({"steps": True}, "toy: steps: expected a number (given: true)"),
        ({"rate": False}, "toy: rate: expected a number (given: false)"),
        ({"rates": [0.5, True]}, "toy: rates.1: expected a number (given: true)"),
    ],
)
def test_options_of_a_users_plug_in_pass_the_same_check(values, message):
    with pytest.raises(UserError) as error:
        validate_model(Toy, values, "toy")
    assert message in str(error.value)


def test_all_numbers_that_cannot_be_options_are_named_at_once():
    with pytest.raises(UserError) as error:
        validate_model(Toy, {"rate": math.inf, "steps": True}, "toy")
    assert len(str(error.value).splitlines()) == 2


def test_other_values_stay_as_they_are():
    values = {
        "rate": 0.1,
        "rates": [1, 2.5],
        "by_class": {"Car": 0},
        "steps": 2**62,
        "is_fast": True,
    }
    assert validate_model(Toy, values, "toy").model_dump() == values | {"rates": (1, 2.5)}
