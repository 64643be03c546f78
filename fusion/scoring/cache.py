"""Evaluation of intermediate results of metrics, with or without a cache.

A metric computes every intermediate result as ``compute(function, image)``. With
`direct_evaluator`, which only calls the function, the metric is a pure function of its images.
`CachingEvaluator` stores the results, so that, for example, the gradients of a source are computed
once for all metrics and all fused images of a pair.
"""

from collections.abc import Callable, Hashable
from typing import Any, Literal, Protocol, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")

FloatPrecision = Literal["float64", "float32"]
VALUE_TYPES = (str, bool, int, float)  # compared by value


class Evaluator(Protocol):
    """Evaluate a function of images.

    Attributes:
        precision: dtype in which phase congruency is computed.
    """

    precision: FloatPrecision

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return ``function(*arguments)``."""
        ...


class DirectEvaluator:
    """Call every function directly, in float64: the reference."""

    precision: FloatPrecision = "float64"

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call the function."""
        return function(*arguments)


direct_evaluator = DirectEvaluator()


class CachingEvaluator:
    """Evaluate every function of the same arrays once.

    Results that depend on the sources only are kept as long as the evaluator; results that depend
    on a fused image are kept until `drop_fused_results`. Arrays are compared by identity,
    everything else by value.
    """

    def __init__(
        self, infrared: NDArray[Any], visible: NDArray[Any], precision: FloatPrecision = "float32"
    ) -> None:
        self.precision = precision
        self._source_ids = {id(infrared), id(visible)}
        self._sources = (infrared, visible)  # an id is unique only as long as its array exists
        self._source_results: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}
        self._fused_results: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return the stored result of ``function(*arguments)``, or compute and store it."""
        key = (function, *(_make_key(argument) for argument in arguments))
        for cache in (self._source_results, self._fused_results):
            if key in cache:
                stored: T = cache[key][1]
                return stored
        result = function(*arguments)
        if all(self._depends_on_sources_only(argument) for argument in arguments):
            self._source_results[key] = (arguments, result)
            self._source_ids.add(id(result))
            if isinstance(result, list | tuple):
                self._source_ids.update(map(id, result))
        else:
            self._fused_results[key] = (arguments, result)
        return result

    def _depends_on_sources_only(self, argument: Any) -> bool:
        return (
            argument is self
            or isinstance(argument, VALUE_TYPES)
            or id(argument) in self._source_ids
        )

    def drop_fused_results(self) -> None:
        """Drop the results that depend on a fused image."""
        self._fused_results.clear()


def _make_key(argument: Any) -> Hashable:
    return argument if isinstance(argument, VALUE_TYPES) else ("array", id(argument))
