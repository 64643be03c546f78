"""Names of the sources in a table: the name of a folder, or of the method that fused it here."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.data.matching.image_files import get_folder_label
from fusebench.errors import UserError
from fusebench.runtime.file_names import SPEC_FILE
from fusebench.runtime.reading.json_files import read_json

STORE_NAME = re.compile(r"(?P<label>.+)-[0-9a-f]{12}")  # of a folder in the store


def name_sources(folders: Sequence[Path]) -> list[str]:
    """Name every folder of fused images.

    A folder of the store (``runs/fused/msrs-test-laplacian-c7f4fa91614f``) is named after its
    method, with the options in which folders of one method differ. Any other is named after itself,
    or after what a template adds to the key. Names that are still the same become paths.
    """
    specs = [_read_store_spec(folder) for folder in folders]
    names = [
        get_folder_label(folder) if spec is None else str(spec["method"])
        for folder, spec in zip(folders, specs, strict=True)
    ]
    same: dict[str, list[Mapping[str, Any]]] = {}
    for name, spec in zip(names, specs, strict=True):
        if spec is not None:
            same.setdefault(name, []).append(spec)
    named = [
        name if spec is None else name + _describe_differing_options(spec, same[name])
        for name, spec in zip(names, specs, strict=True)
    ]
    if len(set(named)) < len(named):
        return [str(folder) for folder in folders]
    return named


def _read_store_spec(folder: Path) -> Mapping[str, Any] | None:
    """Read the spec of a folder that a fusion method wrote into the store; None for any other."""
    if not STORE_NAME.fullmatch(folder.resolve().name) or not (folder / SPEC_FILE).is_file():
        return None
    try:
        spec = read_json(folder / SPEC_FILE)
    except UserError:
        return None  # the images can be scored all the same
    return spec if isinstance(spec, dict) and isinstance(spec.get("method"), str) else None


def _describe_differing_options(
    spec: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> str:
    """Describe the options in which the specs of one method differ, e.g. ``" levels=3"``."""
    options = spec.get("options") or {}
    texts = [
        f" {name}={value}"
        for name, value in options.items()
        if any((other.get("options") or {}).get(name) != value for other in others)
    ]
    return "".join(texts)
