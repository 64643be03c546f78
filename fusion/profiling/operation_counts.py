"""Parameters and operations of a fusion method at one image size, counted on the meta device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fusion.networks import tiled_inference
from fusion.profiling.request import ProfileRequest


@dataclass(frozen=True)
class OperationCounts:
    """Parameters and operations of one pair; None where there is nothing to count.

    Attributes:
        parameters: Number of trainable values.
        macs: Multiply-accumulates.
        paper_parameters: Millions, as counted in the method's paper.
        paper_macs: Billions, as counted in the method's paper.
    """

    parameters: int = 0
    macs: int | None = None
    paper_parameters: float | None = None
    paper_macs: float | None = None


def iterate_counts(requests: Sequence[ProfileRequest]) -> Iterator[OperationCounts]:
    """Count one request after the other in the current process, with one thread of torch.

    Threads that wait for each other take many times longer on a busy machine.

    Raises:
        UserError: See `count_operations`.
    """
    import torch

    torch.set_num_threads(1)
    yield from map(count_operations, requests)


def count_operations(request: ProfileRequest) -> OperationCounts:
    """Count the parameters and operations of a method's network, on the meta device.

    Raises:
        UserError: If the options or the weights are wrong.
    """
    plugin, options = request.load_method()
    if plugin.load_network is None:
        return OperationCounts()
    from fusion.profiling import mac_counting

    network = plugin.load_network(options, "meta")
    # A method of the user's own may have no tiles.
    tiling = getattr(options, "tiling_options", tiled_inference.TilingOptions())
    height, width = tiled_inference.compute_padded_size(
        request.height, request.width, tiling.padding
    )
    tile = tiling.tile or max(height, width)
    rows, columns = (
        len(tiled_inference.compute_tile_starts(side, tile, tiling.overlap))
        for side in (height, width)
    )
    tile_counts = mac_counting.count_pair_macs(network, min(tile, height), min(tile, width))
    paper_counts = mac_counting.count_as_in_paper(network, height, width)
    return OperationCounts(
        parameters=mac_counting.count_parameters(network),
        macs=rows * columns * tile_counts.macs,
        paper_parameters=paper_counts.parameters,
        paper_macs=paper_counts.macs,
    )
