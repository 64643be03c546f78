"""Kind of a weights file, decided by its content: a file's name is often wrong.

A clone without Git LFS has text in place of each weights file, a browser saves a page under the
name of the file that it links to, and safetensors files are renamed to ``.pth``.
"""

import struct
import zipfile
from pathlib import Path
from typing import Literal

from fusebench.errors import UserError
from fusebench.runtime.reading.zip_archives import list_entries

HEAD_LENGTH = 512  # bytes that decide the kind
SAVE_TENSORS = (
    "where the network can be built, save its tensors alone with "
    'torch.save(network.state_dict(), "weights.pth") and name that file'
)
DOWNLOAD_AGAIN = "copy or download it again"
FOREIGN_CONTENT = (  # first bytes of a file that holds no weights, what it is, what to do
    (
        b"version https://git-lfs.github.com",
        "a Git LFS pointer, not the weights themselves",
        "run git lfs pull in its repository, or download the file from the project's page",
    ),
    (b"<!doctype html", "a web page", "download the file that the page links to"),
    (b"<html", "a web page", "download the file that the page links to"),
    (b"<?xml", "an XML text, e.g. the error message of a server", DOWNLOAD_AGAIN),
    (b"{", "a JSON text, e.g. a configuration or the error message of a server", DOWNLOAD_AGAIN),
    (b"\x89hdf", "an HDF5 file (Keras)", SAVE_TENSORS),
    (b"\x1f\x8b", "a gzip archive", "unpack it and name the weights file in it"),
    (b"bzh", "a bzip2 archive", "unpack it and name the weights file in it"),
    (b"\xfd7zxz", "an xz archive", "unpack it and name the weights file in it"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it and name the weights file in it"),
    (b"rar!", "a RAR archive", "unpack it and name the weights file in it"),
    (b"%pdf", "a PDF document", DOWNLOAD_AGAIN),
    (b"gguf", "a GGUF file", SAVE_TENSORS),
    (b"\x93numpy", "a NumPy array", SAVE_TENSORS),
)


def find_weights_in_folder(path: Path) -> Path:
    """Return ``path``; if it is a folder, the one weights file in it (as Hugging Face stores it).

    Raises:
        UserError: If it is a folder with no weights file, or with several.
    """
    if not path.is_dir():
        return path
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (path / name).is_file():
            return path / name
    suffixes = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
    files = sorted(file for file in path.iterdir() if file.suffix in suffixes and file.is_file())
    if len(files) == 1:
        return files[0]
    count = f"{len(files)} ({', '.join(f.name for f in files[:3])}, ...)" if files else "none"
    raise UserError(
        f"{path}: a folder; expected one weights file in it, found {count}; name a file"
    )


def read_kind(path: Path) -> Literal["safetensors", "torch"]:
    """Return the format of a weights file; anything that may be a file of torch is ``torch``.

    Raises:
        UserError: If the file is empty or recognizably something else; says what it is.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_LENGTH)
    if not head:
        raise UserError(f"{path}: is empty (0 bytes); {DOWNLOAD_AGAIN}")
    if head[8:9] == b"{":
        _check_length(path, head)
        return "safetensors"
    start = head.lstrip().lower()
    for first_bytes, content, advice in FOREIGN_CONTENT:
        if start.startswith(first_bytes):
            raise UserError(f"{path}: is {content}; {advice}")
    if head.startswith(b"PK\x03\x04"):
        _check_archive(path)
    return "torch"


def _check_length(path: Path, head: bytes) -> None:
    """Raise if a safetensors file ends within its header."""
    (header_length,) = struct.unpack("<Q", head[:8])
    size = path.stat().st_size
    if 8 + header_length > size:
        raise UserError(
            f"{path}: damaged or cut short: a safetensors file of {size} bytes with a header of "
            f"{header_length}; {DOWNLOAD_AGAIN}"
        )


def _check_archive(path: Path) -> None:
    """Raise if a zip archive is not one of torch.save."""
    try:
        names = list_entries(path)
    except zipfile.BadZipFile:
        raise UserError(f"{path}: damaged or cut short; {DOWNLOAD_AGAIN}") from None
    if any("/code/" in name for name in names):
        raise UserError(f"{path}: is a TorchScript program, whose code is not run; {SAVE_TENSORS}")
    if names and all(name.endswith(".npy") for name in names):
        raise UserError(f"{path}: is an archive of NumPy arrays; {SAVE_TENSORS}")
    if not any(name.rpartition("/")[2] == "data.pkl" for name in names):
        raise UserError(
            f"{path}: is a zip archive that torch.save did not write; unpack it and name the "
            "weights file in it"
        )
