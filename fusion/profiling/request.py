"""What is profiled: one method at one image size, and how often it is timed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fusebench import plugins
from fusebench.config import paths
from fusebench.contracts import FusionMethod
from fusebench.option_values import validate_model

TILE = 512  # pixels; side of the tiles where a whole image does not fit into memory


@dataclass(frozen=True)
class ProfileRequest:
    """One method at one image size, as plain values.

    Attributes:
        source: Name of the source.
        method: Name of the fusion method.
        options: Options of the method.
        width: In pixels.
        height: In pixels.
        base_folder: Folder that relative paths among the options are relative to.
    """

    source: str
    method: str
    options: dict[str, Any]
    width: int
    height: int
    base_folder: Path = Path()

    @property
    def name(self) -> str:
        """Source, and its tiles if it has some."""
        tile = self.options.get("tile")
        return f"{self.source} (tile {tile})" if tile else self.source

    @property
    def label(self) -> str:
        """Source and size, for messages."""
        return f"{self.name} at {self.width}x{self.height}"

    def load_method(self) -> tuple[FusionMethod, Any]:
        """Load the method and its validated options.

        Raises:
            UserError: If there is no such method, or an option is wrong.
        """
        method = plugins.load_fusion_method(self.method)
        where = f"{self.source}: options"
        options = validate_model(method.Options, self.options, where)
        return method, paths.resolve_options(options, self.base_folder, where)

    def build_tiled(self) -> "ProfileRequest | None":
        """Build the request that fuses tile by tile; None if the method has or needs no tiles."""
        method, options = self.load_method()
        has_tiles = getattr(options, "tile", 0) is not None  # 0: there is no such option
        if method.load_network is None or has_tiles or max(self.width, self.height) <= TILE:
            return None
        return replace(self, options={**self.options, "tile": TILE})


@dataclass(frozen=True)
class RunLimits:
    """When the timed fusions of one method at one size end.

    The first fusion warms up and is not counted, unless it is the only one.

    Attributes:
        max_runs: Runs after which they end.
        min_runs: Runs that are made however long they take; 0: the first fusion is enough.
        seconds: No further run is started that would end later than this after the first start.
    """

    max_runs: int
    min_runs: int
    seconds: float

    def is_reached(self, seconds: list[float]) -> bool:
        """Return whether no further run is made.

        Args:
            seconds: Duration of every fusion until now; one or more.
        """
        runs = len(seconds) - 1
        would_end_late = sum(seconds) + seconds[-1] > self.seconds
        return runs >= self.max_runs or (runs >= self.min_runs and would_end_late)


@dataclass(frozen=True)
class TimingOptions:
    """Device, threads and number of runs of a time measurement.

    Attributes:
        device: ``cpu``, ``cuda:0``, ...
        threads: Number of CPU threads of torch; None keeps its default.
        limits: When the runs end.
    """

    device: str
    threads: int | None
    limits: RunLimits
