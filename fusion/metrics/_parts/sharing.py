"""How metrics share work: a function of images is evaluated directly, or once per image.

A metric asks for what it needs as ``compute(function, image)``. `directly` calls the function, and
the metric is a pure formula. `Once` remembers what it was asked, so that the gradients of a source
are computed for the first fused image and the first metric, and for no other.
"""

from collections.abc import Callable, Hashable
from typing import Any, Literal, Protocol, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")

Precision = Literal["float64", "float32"]
VALUES = (str, bool, int, float)  # told apart by value


class Compute(Protocol):
    """Evaluate a function of images.

    Attributes:
        precision: What phase congruency is computed in.
    """

    precision: Precision

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """What ``function(*given)`` returns."""
        ...


class Directly:
    """Nothing is shared and everything is float64: the reference."""

    precision: Precision = "float64"

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """Call the function."""
        return function(*given)


directly = Directly()


class Once:
    """Every function of the same arrays is evaluated once.

    What is made of the sources alone is kept until the pair is done; what a fused image takes part
    in is dropped by `next_fused`. Arrays are told apart by identity, everything else by value.
    """

    def __init__(
        self, infrared: NDArray[Any], visible: NDArray[Any], precision: Precision = "float32"
    ) -> None:
        self.precision = precision
        self._lasting = {id(infrared), id(visible)}
        self._sources = (infrared, visible)  # an identity is unique as long as its array lives
        self._kept: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}
        self._passing: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """What ``function(*given)`` returned the first time."""
        key = (function, *(_name(one) for one in given))
        for memory in (self._kept, self._passing):
            if key in memory:
                found: T = memory[key][1]
                return found
        made = function(*given)
        if all(self._lasts(one) for one in given):
            self._kept[key] = (given, made)
            self._lasting.add(id(made))
            if isinstance(made, list | tuple):
                self._lasting.update(map(id, made))
        else:
            self._passing[key] = (given, made)
        return made

    def _lasts(self, given: Any) -> bool:
        return given is self or isinstance(given, VALUES) or id(given) in self._lasting

    def next_fused(self) -> None:
        """Forget what is not made of the sources alone."""
        self._passing.clear()


def _name(given: Any) -> Hashable:
    return given if isinstance(given, VALUES) else ("array", id(given))
