"""Contract of a fusion method, a file in fusion/methods.

Each file has ``load(options, device)``, which returns a `FusionFunction`; ``VERSION`` (raised when
the output changes); ``COLOR`` (a description of how color is handled); ``Options`` (a pydantic
model); and ``dependency_hashes(options)`` (the sha256 of every file that the output depends on, by
name; empty for most). A method with a trained network also has ``load_network(options, device)``,
which returns the network that `load` uses, so that its operations can be counted.
"""

from typing import Protocol

from fusebench.data.images import Color, Gray


class FusionFunction(Protocol):
    """Function that fuses one pair."""

    def __call__(self, infrared: Gray, visible: Color) -> Color:
        """Fuse one pair; the inputs are not changed.

        Args:
            infrared: uint8, (H, W).
            visible: uint8 RGB, (H, W, 3).

        Returns:
            A new array, uint8 RGB, (H, W, 3).
        """
        ...
