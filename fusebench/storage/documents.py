"""Single JSON files in a store, with a checksum in them: failures of runs and cost profiles."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from fusebench.errors import UserError, shorten
from fusebench.runtime import atomic_write, command_name
from fusebench.storage.hashing import content_hash
from fusebench.storage.records import StoredModel

CHECKSUM_KEY = "checksum"  # `content_hash` of the other keys

Document = TypeVar("Document", bound=StoredModel)


def write_document(path: Path, document: StoredModel) -> None:
    """Write a model as JSON, with its checksum."""
    content = document.model_dump(mode="json")
    text = json.dumps({**content, CHECKSUM_KEY: content_hash(content)}, indent=2)
    atomic_write.write_text_atomically(path, f"{text}\n")


def read_document(path: Path, model: type[Document]) -> Document:
    """Read what `write_document` wrote; files of earlier versions have no checksum.

    Raises:
        UserError: If the file is damaged or has other content.
    """
    fault = find_fault(path)
    if fault is None:
        content = json.loads(path.read_bytes())
        content.pop(CHECKSUM_KEY, None)
        try:
            return model.model_validate(content)
        except ValidationError as error:
            fault = shorten(error.errors()[0]["msg"])
    raise UserError(f"{path}: damaged ({fault}); {command_name.format_repair_advice(path)}")


def find_fault(path: Path) -> str | None:
    """Return what is wrong with the file of a document; None if nothing is."""
    try:
        content = json.loads(path.read_bytes())
        checksum = content.pop(CHECKSUM_KEY, None)
        is_intact = checksum is None or checksum == content_hash(content)
    except (OSError, ValueError, AttributeError, TypeError):
        return "cannot be read"
    return None if is_intact else "changed since it was written"
