"""Messages about names that do not exist: close matches and the names that do."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from fusebench.errors import format_value

# Faults of a value that should be one of several models, told apart by a field such as ``rule``
UNION_FAULTS = ("union_tag_not_found", "union_tag_invalid", "model_attributes_type")


def suggest_names(name: str, known: Collection[str], others: Collection[str] = ()) -> str:
    """Return the end of a message about an unknown name: a close match, and the known names.

    E.g. ``"; did you mean 'epochs'? Known: batch, epochs, size"``. The close match can also be
    one of ``others``, which are not listed.
    """
    close = get_close_matches(name, [*known, *others], n=1)
    hint = f"; did you mean {close[0]!r}? Known: " if close else "; known: "
    return f"{hint}{', '.join(known) or 'none'}"


def explain_unknown_options(
    error: ValidationError, model: type[BaseModel], other_names: Collection[str] = ()
) -> ValidationError:
    """Return the error with close matches and known names where a name does not exist.

    Pydantic only says "Extra inputs are not permitted", and "Unable to extract tag using
    discriminator 'rule'".

    Args:
        error: The error of validating ``model``.
        model: The model.
        other_names: Names that are valid elsewhere, and are suggested too.
    """
    lines: list[InitErrorDetails] = []
    for fault in error.errors():
        message = fault["msg"]
        if fault["type"] in UNION_FAULTS:
            union = _follow_location(model, fault["loc"])
            message = _explain_union(union, fault["input"]) or message
        if fault["type"] == "extra_forbidden":
            *parents, name = fault["loc"]
            models = _follow_location(model, parents)
            known = dict.fromkeys(option for each in models for option in each.model_fields)
            hint = suggest_names(str(name), known, other_names)
            message = f"no option is called {name!r}{hint}"
        # Without a context pydantic replaces nothing in this template.
        kind = PydanticCustomError(fault["type"], message)
        lines.append(InitErrorDetails(type=kind, loc=fault["loc"], input=fault["input"]))
    return ValidationError.from_exception_data(error.title, lines)


def _follow_location(
    model: type[BaseModel], location: Collection[str | int]
) -> Collection[type[BaseModel]]:
    """Return the models that a location leads to: the members of a union, or a single one."""
    models: Collection[type[BaseModel]] = [model]
    for step in location:
        models = _find_inner_models(models, step)
    return models


def _explain_union(members: Collection[type[BaseModel]], given: Any) -> str:
    """Explain how to choose one of the models of a union, by the field that tells them apart.

    E.g. ``no rule is called 'halves'; known: blocks, random``; empty if it is no such union.
    """
    if len(members) < 2:
        return ""
    fields = [
        {name: get_args(field.annotation) for name, field in member.model_fields.items()}
        for member in members
    ]
    tags = {
        name: [tag for each in fields for tag in each[name]]
        for name in fields[0]
        if all(each.get(name) and isinstance(each[name][0], str) for each in fields)
    }
    if not tags:
        return ""
    name, known = next(iter(tags.items()))
    if isinstance(given, dict) and name in given:
        hint = suggest_names(str(given[name]), known)
        return f"no {name} is called {format_value(given[name])}{hint}"
    example = given if isinstance(given, str) and given in known else known[0]
    return f"expected a {name}, e.g. {{{name}: {example}}}; known: {', '.join(known)}"


def _find_inner_models(
    models: Collection[type[BaseModel]], step: str | int
) -> Collection[type[BaseModel]]:
    """Return the models that one step of a location leads to.

    A step is a field, a key or an index of a collection, or the tag of a union's member.
    """
    inner: list[type[BaseModel]] = []
    for model in models:
        if step in model.model_fields:
            inner += _iterate_models(model.model_fields[str(step)].annotation)
    if inner:
        return inner
    shared = set.intersection(*(set(model.model_fields) for model in models)) if models else set()
    tagged = [
        model
        for model in models
        if any(step in get_args(model.model_fields[name].annotation) for name in shared)
    ]
    return tagged or models  # a key or an index: still the collection's models


def _iterate_models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the pydantic models in a type, e.g. both of ``dict[str, A | B]``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _iterate_models(argument)
