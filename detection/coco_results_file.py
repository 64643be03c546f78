"""Reading and validation of predictions of other programs in COCO format.

Either one document with ``images``, ``categories`` and scored ``annotations``, or COCO's list of
results (``image_id``, ``category_id``, ``bbox``, ``score``) with a second document that lists the
images and categories of its ids, such as the file of the true boxes.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime.regular_file import require_regular_file

FORMAT_HINT = "expected COCO format with images, categories and annotations"
MAX_NUMBER = 1e9  # limit of the absolute value of any number in the file
Rows = list[dict[str, Any]]


def read_document(file: Path, images: Path | None) -> dict[str, Any]:
    """Read the predictions; check their ids, scores and boxes.

    Args:
        file: The predictions.
        images: The document that lists images and categories, if ``file`` is a list of results;
            None if ``file`` is a whole document.

    Returns:
        A COCO document with scores, and with ``file_name`` in every image.

    Raises:
        UserError: If the file is invalid; names the file and the first error.
    """
    content = _load_json(file)
    if isinstance(content, list) and images is None:
        raise UserError(
            f"{file}: a bare list of results does not list the images without any detection; add "
            "the option images: a COCO file with the images and categories, e.g. the true boxes"
        )
    if isinstance(content, list) and images is not None:
        image_list = _load_json(images)
        parts = {name: _get_rows(images, image_list, name) for name in ("images", "categories")}
        parts["annotations"] = _require_dicts(file, content, "results")
    elif images is not None:
        raise UserError(f"{file}: lists its images itself; leave the option images out")
    else:
        names = ("images", "categories", "annotations")
        parts = {name: _get_rows(file, content, name) for name in names}
    _check_document(file, parts)
    named = [{**i, "file_name": str(i.get("file_name", i.get("id")))} for i in parts["images"]]
    return {**parts, "images": named}


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
            f"{', '.join(map(str, names))}"
        )
    mapped = [c for c in document["categories"] if class_map.get(c["name"]) is not None]
    ids = {category["id"] for category in mapped}
    return {
        **document,
        "categories": [{**c, "name": class_map[c["name"]]} for c in mapped],
        "annotations": [row for row in document["annotations"] if row["category_id"] in ids],
    }


def _load_json(file: Path) -> object:
    try:
        require_regular_file(file)
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UserError(f"{file}: not JSON ({error})") from None
    return content


def _get_rows(file: Path, content: object, name: str) -> Rows:
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise UserError(f"{file}: has no list of {name}; {FORMAT_HINT}")
    return _require_dicts(file, content[name], name)


def _require_dicts(file: Path, rows: Sequence[object], name: str) -> Rows:
    for row in rows:
        if not isinstance(row, dict):
            raise UserError(f"{file}: {name}: {row!r} is not a JSON object; {FORMAT_HINT}")
    return [row for row in rows if isinstance(row, dict)]


def _check_document(file: Path, parts: Mapping[str, Rows]) -> None:
    """Raise on duplicate or missing ids, unnamed categories and invalid predictions."""
    for name in ("images", "categories"):
        counts = Counter(_make_id_key(row.get("id")) for row in parts[name])
        for key, count in counts.items():
            if count > 1 or key == "None":
                problem = f"id {key} is listed {count} times" if count > 1 else "an entry has no id"
                raise UserError(f"{file}: {name}: {problem}")
    for category in parts["categories"]:
        if not isinstance(category.get("name"), str):
            raise UserError(f"{file}: categories: {category!r} has no name")
    _check_predictions(file, parts)


def _check_predictions(file: Path, parts: Mapping[str, Rows]) -> None:
    """Raise on a prediction of an unlisted image or category, an invalid box, or a duplicate."""
    listed = {
        name: {_make_id_key(row["id"]) for row in parts[part]}
        for name, part in (("image_id", "images"), ("category_id", "categories"))
    }
    previous: set[tuple[str, ...]] = set()
    for number, row in enumerate(parts["annotations"], 1):
        where = f"{file}: prediction {number}"
        for name, ids in listed.items():
            if _make_id_key(row.get(name)) not in ids:
                raise UserError(
                    f"{where}: {name} {row.get(name)!r} is none of the {len(ids)} listed"
                )
        where = f"{where} (image {row['image_id']})"
        _check_box(where, row)
        fields = ("image_id", "category_id", "bbox", "score")
        identity = tuple(_make_id_key(row[name]) for name in fields)
        if identity in previous:
            raise UserError(
                f"{where}: same box, class and score as an earlier prediction; list each "
                "prediction once"
            )
        previous.add(identity)


def _check_box(where: str, row: Mapping[str, Any]) -> None:
    score, box = row.get("score"), row.get("bbox")
    if not _is_number(score) or not 0 <= float(row["score"]) <= 1:
        raise UserError(f"{where}: expected a score from 0 to 1 for every box, got {score!r}")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(f"{where}: bbox {box!r}: expected [left, top, width, height], four numbers")
    if not (box[2] > 0 and box[3] > 0):
        raise UserError(
            f"{where}: bbox {box!r} has no area: expected a width and height above 0 (COCO format: "
            "left, top, width, height)"
        )


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and -MAX_NUMBER < value < MAX_NUMBER  # False for NaN


def _make_id_key(value: object) -> str:
    """Return a hashable key of an id; 7 and "7" are different."""
    return repr(value)
