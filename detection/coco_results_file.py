"""Reading and validation of predictions of other programs in COCO format.

Either one document with ``images``, ``categories`` and scored ``annotations``, or COCO's list of
results (``image_id``, ``category_id``, ``bbox``, ``score``) with a second document that lists the
images and categories of its ids, such as the file of the true boxes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.data.boxes import get_image_key
from fusebench.errors import UserError, format_value, shorten
from fusebench.runtime.reading.json_files import read_json

FORMAT_HINT = "expected COCO format with images, categories and annotations"
MAX_NUMBER = 1e9  # limit of the absolute value of any number in the file
Rows = list[dict[str, Any]]


def read_document(file: Path, images: Path | None, known_keys: Mapping[str, str]) -> dict[str, Any]:
    """Read the predictions; check their ids, names, scores and boxes.

    Args:
        file: The predictions.
        images: The document that lists images and categories, if ``file`` is a list of results;
            None if ``file`` is a whole document.
        known_keys: See `fusebench.data.matching.keys.index_keys`.

    Returns:
        A COCO document with scores, and with ``file_name`` in every image.

    Raises:
        UserError: If the file is invalid; names the file and the first error.
    """
    content = read_json(file)
    if isinstance(content, list) and images is None:
        raise UserError(
            f"{file}: a bare list of results does not list the images without any detection; add "
            "the option images: a COCO file with the images and categories, e.g. the true boxes"
        )
    if isinstance(content, list) and images is not None:
        image_list = read_json(images)
        parts = {name: _get_rows(images, image_list, name) for name in ("images", "categories")}
        parts["annotations"] = _require_dicts(file, content, "results")
    elif images is not None:
        raise UserError(f"{file}: lists its images itself; leave the option images out")
    else:
        names = ("images", "categories", "annotations")
        parts = {name: _get_rows(file, content, name) for name in names}
    for name in ("images", "categories"):
        _check_ids(images or file, name, parts[name])
    named = [{**i, "file_name": str(i.get("file_name", i["id"]))} for i in parts["images"]]
    document = {**parts, "images": named}
    _check_predictions(file, document, known_keys)
    return document


def map_categories(
    file: Path, document: Mapping[str, Any], class_map: Mapping[str, str | None]
) -> dict[str, Any]:
    """Rename the categories of a document by a class map; drop those that it does not name.

    Args:
        file: Where the document was read, for messages.
        document: See `read_document`.
        class_map: Category to class of the data set; None drops the category.

    Returns:
        A new document, with the annotations of the remaining categories.

    Raises:
        UserError: If the map names a category that the file does not have.
    """
    names = [category["name"] for category in document["categories"]]
    unknown = [name for name in class_map if name not in names]
    if unknown:
        raise UserError(
            f"{file}: class_map names {unknown[0]!r}, which is none of its categories: "
            f"{shorten(', '.join(names))}"
        )
    mapped = [c for c in document["categories"] if class_map.get(c["name"]) is not None]
    ids = {category["id"] for category in mapped}
    return {
        **document,
        "categories": [{**c, "name": class_map[c["name"]]} for c in mapped],
        "annotations": [row for row in document["annotations"] if row["category_id"] in ids],
    }


def _get_rows(file: Path, content: object, name: str) -> Rows:
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise UserError(f"{file}: has no list of {name}; {FORMAT_HINT}")
    return _require_dicts(file, content[name], name)


def _require_dicts(file: Path, rows: Sequence[object], name: str) -> Rows:
    for row in rows:
        if not isinstance(row, dict):
            raise UserError(
                f"{file}: {name}: {format_value(row)} is not a JSON object; {FORMAT_HINT}"
            )
    return [row for row in rows if isinstance(row, dict)]


def _check_ids(file: Path, name: str, rows: Rows) -> None:
    """Raise on duplicate or missing ids of images or categories, and on unnamed categories."""
    for row in rows:
        if row.get("id") is None:
            raise UserError(f"{file}: {name}: an entry has no id")
        if not _is_id(row["id"]):
            raise UserError(
                f"{file}: {name}: id {format_value(row['id'])} is neither a number nor text"
            )
        if name == "categories" and not isinstance(row.get("name"), str):
            raise UserError(f"{file}: categories: {format_value(row)} has no name")
    for row_id, count in Counter(row["id"] for row in rows).items():
        if count > 1:
            raise UserError(f"{file}: {name}: id {format_value(row_id)} is listed {count} times")


def _check_predictions(
    file: Path, document: Mapping[str, Any], known_keys: Mapping[str, str]
) -> None:
    """Raise on an unlisted image or category, a contradiction, an invalid box, or a duplicate."""
    keys = {row["id"]: get_image_key(row["file_name"], known_keys) for row in document["images"]}
    names = {row["id"]: row["name"] for row in document["categories"]}
    previous: set[tuple[object, ...]] = set()
    for number, row in enumerate(document["annotations"], 1):
        where = f"{file}: prediction {number}"
        for field, listed in (("image_id", keys), ("category_id", names)):
            if not _is_id(row.get(field)) or row[field] not in listed:
                is_other_type = str(row.get(field)) in map(str, listed)
                raise UserError(
                    f"{where}: {field} {format_value(row.get(field))} is none of the {len(listed)} "
                    "listed"
                    + ("; write the ids as numbers in both places" if is_other_type else "")
                )
        where = f"{where} (image {format_value(row['image_id'])})"
        _check_names(where, row, keys[row["image_id"]], names[row["category_id"]], known_keys)
        _check_box(where, row)
        identity = (row["image_id"], row["category_id"], *row["bbox"], row["score"])
        if identity in previous:
            raise UserError(
                f"{where}: same box, class and score as an earlier prediction; list each "
                "prediction once"
            )
        previous.add(identity)


def _check_names(
    where: str, row: Mapping[str, Any], key: str, category: str, known_keys: Mapping[str, str]
) -> None:
    """Raise if a row names another image or category than its ids do."""
    file_name = row.get("file_name")
    if isinstance(file_name, str) and get_image_key(file_name, known_keys) != key:
        raise UserError(
            f"{where}: file_name {format_value(file_name)} contradicts image_id, which is listed "
            f"as {format_value(key)}; list the images with the ids that the predictions use"
        )
    name = row.get("category_name")
    if isinstance(name, str) and name != category:
        raise UserError(
            f"{where}: category_name {format_value(name)} contradicts category_id, which is listed "
            f"as {format_value(category)}; list the categories with the ids of the predictions"
        )


def _check_box(where: str, row: Mapping[str, Any]) -> None:
    score, box = row.get("score"), row.get("bbox")
    if not _is_number(score) or not 0 <= row["score"] <= 1:
        is_percentage = _is_number(score) and 1 < row["score"] <= 100
        raise UserError(
            f"{where}: expected a score from 0 to 1 for every box, got {format_value(score)}"
            + ("; divide percentages by 100" if is_percentage else "")
        )
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(
            f"{where}: bbox {format_value(box)}: expected [left, top, width, height], four numbers"
        )
    if not (box[2] > 0 and box[3] > 0):
        raise UserError(
            f"{where}: bbox {box!r} has no area: expected a width and height above 0 (COCO format: "
            "left, top, width, height)"
        )


def _is_id(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and -MAX_NUMBER < value < MAX_NUMBER  # False for NaN
