"""Reads predictions that others wrote in COCO's form, and says what is wrong with them.

Either one document with ``images``, ``categories`` and scored ``annotations``, or COCO's list of
results (``image_id``, ``category_id``, ``bbox``, ``score``) beside a document with the images and
categories that its ids mean, such as the file of the true boxes.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.errors import UserError

FORMAT_HINT = "expected COCO's form with images, categories and annotations"
MAX_NUMBER = 1e9  # of any number in the file
Rows = list[dict[str, Any]]


def read_document(file: Path, images: Path | None) -> dict[str, Any]:
    """The document of predictions, its ids and scores checked, ``file_name`` in every image.

    Args:
        file: The predictions.
        images: What the ids of a list of results mean; None if ``file`` is a whole document.

    Raises:
        UserError: Naming the file and the first fault.
    """
    content = _load_json(file)
    if isinstance(content, list) and images is None:
        raise UserError(
            f"{file}: a bare list of results does not say which images were looked at; add the "
            "option images: a COCO file that lists them and the categories, e.g. the true boxes'"
        )
    if isinstance(content, list) and images is not None:
        listing = _load_json(images)
        parts = {name: _get_rows(images, listing, name) for name in ("images", "categories")}
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
    """The document with the classes that the map names, renamed; what it does not name is dropped.

    Raises:
        UserError: If the map names a category that the file does not have.
    """
    there = [category["name"] for category in document["categories"]]
    lost = [name for name in class_map if name not in there]
    if lost:
        raise UserError(
            f"{file}: class_map names {lost[0]!r}, which is none of its categories: "
            f"{', '.join(map(str, there))}"
        )
    kept = [c for c in document["categories"] if class_map.get(c["name"]) is not None]
    ids = {category["id"] for category in kept}
    return {
        **document,
        "categories": [{**c, "name": class_map[c["name"]]} for c in kept],
        "annotations": [row for row in document["annotations"] if row["category_id"] in ids],
    }


def _load_json(file: Path) -> object:
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UserError(f"{file}: cannot be read ({fault.strerror})") from None
    except ValueError as fault:
        raise UserError(f"{file}: not JSON ({fault})") from None
    return content


def _get_rows(file: Path, content: object, name: str) -> Rows:
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise UserError(f"{file}: has no list of {name}; {FORMAT_HINT}")
    return _require_dicts(file, content[name], name)


def _require_dicts(file: Path, rows: Sequence[object], name: str) -> Rows:
    for row in rows:
        if not isinstance(row, dict):
            raise UserError(f"{file}: {name}: {row!r} is no entry; {FORMAT_HINT}")
    return [row for row in rows if isinstance(row, dict)]


def _check_document(file: Path, parts: Mapping[str, Rows]) -> None:
    """Refuse ids that mean nothing, names that are none, and rows that cannot be a prediction."""
    for name in ("images", "categories"):
        ids = Counter(_make_id_key(row.get("id")) for row in parts[name])
        for key, times in ids.items():
            if times > 1 or key == "None":
                said = f"id {key} is listed {times} times" if times > 1 else "an entry has no id"
                raise UserError(f"{file}: {name}: {said}")
    for category in parts["categories"]:
        if not isinstance(category.get("name"), str):
            raise UserError(f"{file}: categories: {category!r} has no name")
    known = {
        name: {_make_id_key(row["id"]) for row in parts[part]}
        for name, part in (("image_id", "images"), ("category_id", "categories"))
    }
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(parts["annotations"], 1):
        where = f"{file}: prediction {number}"
        for name, ids_there in known.items():
            if _make_id_key(row.get(name)) not in ids_there:
                raise UserError(
                    f"{where}: {name} {row.get(name)!r} is none of the {len(ids_there)} listed"
                )
        _check_box(f"{where} (image {row['image_id']})", row)
        mark = tuple(
            _make_id_key(row[name]) for name in ("image_id", "category_id", "bbox", "score")
        )
        if mark in seen:
            raise UserError(
                f"{where} (image {row['image_id']}): the same box, class and score as one before; "
                "each prediction must be there once"
            )
        seen.add(mark)


def _check_box(where: str, row: Mapping[str, Any]) -> None:
    score, box = row.get("score"), row.get("bbox")
    if not _is_number(score) or not 0 <= float(row["score"]) <= 1:
        raise UserError(f"{where}: expected a score from 0 to 1 for every box, got {score!r}")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise UserError(f"{where}: bbox {box!r}: expected [left, top, width, height], four numbers")
    if not (box[2] > 0 and box[3] > 0):
        raise UserError(
            f"{where}: bbox {box!r} has no area: width and height must be above 0 (COCO's form is "
            "left, top, width, height)"
        )


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -MAX_NUMBER < value < MAX_NUMBER  # not NaN either


def _make_id_key(value: object) -> str:
    """Ids 7 and "7" are different."""
    return repr(value)
