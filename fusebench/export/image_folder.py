"""The images of one split of a source, placed into a folder of an export."""

from collections.abc import Mapping
from pathlib import Path

from fusebench.data import images
from fusebench.data.image_files import plain_copies
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.data.pairs import Split
from fusebench.runtime import progress


def place_images(
    files: Mapping[str, Path],
    split: Split,
    folder: Path,
    mode: PlacingMode,
    *,
    has_one_extension: bool = False,
) -> dict[str, Path]:
    """Place the images of a split into a folder, each named after its key.

    Args:
        files: Image file per key.
        split: The pairs.
        folder: Where to place them; is created.
        mode: See `fusebench.data.image_files.plain_copies.place_image`.
        has_one_extension: Write PNG files if the images would have different extensions.

    Returns:
        The new file per key.

    Raises:
        UserError: If an image cannot be read or has another size than its pair.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_mixed = has_one_extension and len({_get_extension(files[key]) for key in split.keys}) > 1
    placed = {}
    for pair in progress.track_progress(split.pairs, f"export {folder.name}"):
        image = files[pair.key]
        plain_copies.check_image_size(image, pair)
        if is_mixed and _get_extension(image) != ".png":
            placed[pair.key] = folder / f"{pair.key}.png"
            images.write_png(placed[pair.key], images.read_color(image))
        else:
            placed[pair.key] = plain_copies.place_image(image, folder, pair.key, mode)
    return placed


def _get_extension(image: Path) -> str:
    """Return the extension that the placed image has."""
    return image.suffix.lower() if plain_copies.is_plain_image(image) else ".png"
