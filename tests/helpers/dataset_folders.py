"""Writers of small data sets for tests: images of one gray level, labels as given."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

IMAGE_SIZE = (32, 24)
ONE_CAR = [("Car", 2, 3, 12, 13)]


def write_image(
    path: Path, size: tuple[int, int] = IMAGE_SIZE, mode: str = "L", level: int = 7
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    color = level if mode in ("L", "P") else (level,) * 3
    Image.new(mode, size, color).save(path)


def write_images(folder: Path, keys: Iterable[str]) -> None:
    for key in keys:
        write_image(folder / f"{key}.png")


def write_voc_xml(path: Path, objects: Iterable[tuple], size: tuple[int, int] = IMAGE_SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom in objects
    )
    width, height = size
    path.write_text(
        f"<annotation><size><width>{width}</width><height>{height}</height></size>{rows}"
        "</annotation>"
    )


def write_m3fd(folder: Path, keys: Iterable[str]) -> Path:
    for key in keys:
        write_image(folder / "Ir" / f"{key}.png")
        write_image(folder / "Vis" / f"{key}.png", mode="RGB")
        write_voc_xml(folder / "Annotation" / f"{key}.xml", ONE_CAR)
    return folder


def write_yolo_text_dataset(folder: Path, labels: Mapping[str, str]) -> Path:
    (folder / "labels").mkdir(parents=True)
    for key, rows in labels.items():
        write_image(folder / "ir" / f"{key}.png")
        write_image(folder / "vi" / f"{key}.png", mode="RGB")
        (folder / "labels" / f"{key}.txt").write_text(rows)
    return folder


def write_fmb(folder: Path, train: Iterable[str], test: Iterable[str]) -> Path:
    for part, keys in (("train", train), ("test", test)):
        for key in keys:
            write_image(folder / part / "Infrared" / f"{key}.png")
            write_image(folder / part / "Visible" / f"{key}.png", mode="RGB")
            write_image(folder / part / "Label" / f"{key}.png", level=1)
    return folder
