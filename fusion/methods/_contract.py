"""The contract of a file in fusion/methods, in types.

Beside `load`, each file has ``VERSION`` (raised when its output changes), ``COLOUR`` (how color
is handled, in words), ``Options`` (a pydantic model) and ``pins(options)`` (the sha256 of every
file its result depends on, by name; empty for most). A method with a trained network also has
``network(options, device)``, what `load` fuses with, so that it can be counted.
"""

from typing import Protocol

from fusebench.data.images import Color, Gray


class FusionFunction(Protocol):
    """Fuse one pair: uint8 (H, W) and uint8 RGB (H, W, 3) in, uint8 RGB (H, W, 3) out."""

    def __call__(self, infrared: Gray, visible: Color) -> Color:
        """Return a new array; the inputs are left as they were."""
        ...
