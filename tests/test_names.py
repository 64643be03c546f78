"""Names that say nothing about their value are used nowhere, in the code or in the tests."""

import ast

import pytest

from tests.helpers.source_tree import parse_modules

BANNED = {"found", "said", "told", "asked", "shown", "seen", "mine", "theirs", "words"}
BANNED_FUNCTIONS = BANNED | {"of"}


def bound_names(tree):
    """Line and name of every variable, attribute, parameter and import alias that gets a value."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.arg():
                yield node.lineno, node.arg
            case ast.alias(asname=str()):
                yield node.lineno, node.asname
            case (
                ast.ExceptHandler(name=str()) | ast.MatchAs(name=str()) | ast.MatchStar(name=str())
            ):
                yield node.lineno, node.name
            case ast.MatchMapping(rest=str()):
                yield node.lineno, node.rest


def function_names(tree):
    """Line and name of every function, method and class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def banned_uses(tree):
    """Line and name of every banned name of a variable, parameter or function."""
    return sorted(
        {
            *((line, name) for line, name in bound_names(tree) if name in BANNED),
            *((line, name) for line, name in function_names(tree) if name in BANNED_FUNCTIONS),
        }
    )


def test_no_value_or_function_has_a_name_that_says_nothing():
    faults = [
        f"{module}, line {line}: {name}"
        for module, tree in parse_modules().items()
        for line, name in banned_uses(tree)
    ]
    assert not faults, f"{len(faults)} names to replace:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "for key, found in pairs: pass",
        "boxes = [found for found in pairs]",
        "self.found = 1",
        "def load(*, found): pass",
        "def load(*found): pass",
        "check = lambda found: 0",
        "def found(): pass",
        "def of(): pass",
        "with open(path) as found: pass",
        "import numpy as found",
        "if (found := 1): pass",
        "class Record:\n    found: int",
        "match pair:\n    case [found, *_]: pass",
    ],
)
def test_a_banned_name_is_noticed_wherever_it_gets_a_value(code):
    assert len(banned_uses(ast.parse(code))) == 1


def test_banned_words_in_texts_and_inside_longer_names_are_allowed():
    assert banned_uses(ast.parse("found_boxes = load('found', number_of=3)  # found")) == []
