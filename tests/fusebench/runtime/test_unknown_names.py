"""Messages about unknown names: close matches, known names, at every depth of a model."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusebench.errors import format_validation_error
from fusebench.runtime.unknown_names import explain_unknown_options, suggest_names


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Square(Strict):
    kind: Literal["square"]
    side: int = Field(default=1, ge=1)


class Circle(Strict):
    kind: Literal["circle"]
    drawn_as: Literal["circle", "square"] = "circle"
    radius: int = 1


class Drawing(Strict):
    shapes: dict[str, Annotated[Square | Circle, Field(discriminator="kind")]] = {}
    frames: tuple[Square, ...] = ()
    title: str = ""


def explain(*others, **values):
    with pytest.raises(ValidationError) as error:
        Drawing(**values)
    return format_validation_error("file", explain_unknown_options(error.value, Drawing, others))


def test_close_match_and_known_names_are_told():
    assert suggest_names("epoch", ["epochs", "batch"]) == "; did you mean 'epochs'? Known: " + (
        "epochs, batch"
    )
    assert suggest_names("xyz", ["epochs"]) == "; known: epochs"
    assert suggest_names("xyz", []) == "; known: none"


def test_unknown_option_of_the_outer_model():
    assert explain(titel="x") == (
        "file: titel: no option is called 'titel'; did you mean 'title'? "
        "Known: shapes, frames, title (given: 'x')"
    )


def test_unknown_option_of_a_member_of_a_union_lists_that_member():
    message = explain(shapes={"a": {"kind": "circle", "radios": 3}})
    assert "did you mean 'radius'? Known: kind, drawn_as, radius (given: 3)" in message


def test_a_value_of_another_field_is_no_sign_of_a_member():
    message = explain(shapes={"a": {"kind": "square", "radius": 3}})
    assert "no option is called 'radius'; known: kind, side (given: 3)" in message


def test_unknown_option_in_a_list():
    message = explain(frames=[{"kind": "square", "sid": 3}])
    assert "did you mean 'side'? Known: kind, side (" in message


def test_option_of_elsewhere_is_suggested_but_not_listed():
    message = explain("sources", source=3)
    assert "did you mean 'sources'? Known: shapes, frames, title (" in message


def test_other_errors_keep_their_text():
    message = explain(shapes={"a": {"kind": "square", "side": 0}}, extra="{title}")
    first, second = message.splitlines()
    assert "Input should be greater than or equal to 1 (given: 0)" in first
    assert second.endswith("(given: '{title}')")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"radius": 2}, "expected a kind, e.g. {kind: square}; known: square, circle"),
        ("circle", "expected a kind, e.g. {kind: circle}; known: square, circle"),
        (None, "expected a kind, e.g. {kind: square}; known: square, circle"),
        (
            {"kind": "circel"},
            "no kind is called 'circel'; did you mean 'circle'? Known: square, circle",
        ),
        ({"kind": ["square"]}, "no kind is called ['square']"),
    ],
)
def test_missing_or_unknown_kind_names_the_kinds_that_exist(shape, message):
    assert f"file: shapes.a: {message}" in explain(shapes={"a": shape})
