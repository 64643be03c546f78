"""How metrics share work: a function of images is evaluated directly, or once per image.

A metric asks for what it needs as ``compute(function, image)``. `direct_evaluator` calls the function, and
the metric is a pure formula. `CachingEvaluator` remembers what it was asked, so that the gradients of a source
are computed for the first fused image and the first metric, and for no other.
"""

from collections.abc import Callable, Hashable
from typing import Any, Literal, Protocol, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")

FloatPrecision = Literal["float64", "float32"]
VALUE_TYPES = (str, bool, int, float)  # told apart by value


class Evaluator(Protocol):
    """Evaluate a function of images.

    Attributes:
        precision: What phase congruency is computed in.
    """

    precision: FloatPrecision

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """What ``function(*given)`` returns."""
        ...


class DirectEvaluator:
    """Nothing is shared and everything is float64: the reference."""

    precision: FloatPrecision = "float64"

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """Call the function."""
        return function(*given)


direct_evaluator = DirectEvaluator()


class CachingEvaluator:
    """Every function of the same arrays is evaluated once.

    What is made of the sources alone is kept until the pair is done; what a fused image takes part
    in is dropped by `next_fused`. Arrays are told apart by identity, everything else by value.
    """

    def __init__(
        self, infrared: NDArray[Any], visible: NDArray[Any], precision: FloatPrecision = "float32"
    ) -> None:
        self.precision = precision
        self._source_ids = {id(infrared), id(visible)}
        self._sources = (infrared, visible)  # an identity is unique as long as its array lives
        self._source_results: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}
        self._fused_results: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """What ``function(*given)`` returned the first time."""
        key = (function, *(_make_key(one) for one in given))
        for memory in (self._source_results, self._fused_results):
            if key in memory:
                found: T = memory[key][1]
                return found
        made = function(*given)
        if all(self._depends_on_sources_only(one) for one in given):
            self._source_results[key] = (given, made)
            self._source_ids.add(id(made))
            if isinstance(made, list | tuple):
                self._source_ids.update(map(id, made))
        else:
            self._fused_results[key] = (given, made)
        return made

    def _depends_on_sources_only(self, given: Any) -> bool:
        return given is self or isinstance(given, VALUE_TYPES) or id(given) in self._source_ids

    def drop_fused_results(self) -> None:
        """Forget what is not made of the sources alone."""
        self._fused_results.clear()


def _make_key(given: Any) -> Hashable:
    return given if isinstance(given, VALUE_TYPES) else ("array", id(given))
