"""Headers of the images of a pair, which must have the same size."""

from pathlib import Path

from fusebench.data.image_files.content_hash import ContentHash, read_header_and_hash
from fusebench.data.image_files.orientation import QUARTER_TURNS
from fusebench.data.image_files.reader import ImageHeader
from fusebench.errors import UserError


def read_matching_headers(
    infrared: Path | str,
    visible: Path | str,
    image_hashes: dict[str, ContentHash] | None = None,
) -> tuple[ImageHeader, ImageHeader]:
    """Read the headers of two images of one pair.

    Args:
        infrared: One image.
        visible: The other.
        image_hashes: Gets the hashes that the same reading gives, by path; may be None.

    Raises:
        UserError: If a file is no image, or the sizes differ.
    """
    headers = _read_header(infrared, image_hashes), _read_header(visible, image_hashes)
    sizes = [f"{width}x{height}" for width, height in (header.size for header in headers)]
    if headers[0].size != headers[1].size:
        turned = [
            f"{Path(path).name} is stored as {header.size[1]}x{header.size[0]}, and its EXIF "
            f"orientation {header.orientation} turns it, as in viewers and OpenCV; "
            for path, header in zip((infrared, visible), headers, strict=True)
            if header.orientation in QUARTER_TURNS
        ]
        raise UserError(
            f"{infrared} is {sizes[0]} but {visible} is {sizes[1]}; {''.join(turned)}"
            "the images of a registered pair must have the same size"
        )
    return headers


def _read_header(path: Path | str, image_hashes: dict[str, ContentHash] | None) -> ImageHeader:
    header, content_hash = read_header_and_hash(path)
    if image_hashes is not None and content_hash is not None:
        image_hashes[str(path)] = content_hash
    return header
