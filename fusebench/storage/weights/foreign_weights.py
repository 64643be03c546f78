"""Tensors of weights files that other programs wrote; code in them is never run.

People have weights as a state dict, alone or in a checkpoint beside an optimizer and a log; with
the prefixes of ``DataParallel`` and ``torch.compile``; in safetensors files under any name. They
are read here in one way for all networks of this project.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.errors import UserError
from fusebench.storage.weights import checkpoint, weights_content
from fusebench.storage.weights.finite_weights import check_finite
from fusebench.storage.weights.weights_content import DOWNLOAD_AGAIN, SAVE_TENSORS

if TYPE_CHECKING:
    from torch import Tensor, dtype

CONTAINER_KEYS = (  # where checkpoints hold the tensors, in the order in which they are looked for
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "params_ema",
    "params",
    "weights",
    "generator",
    "model_ema",
    "ema_state_dict",
    "ema",
    "module",
)
MAX_DEPTH = 8  # of containers in containers; a pickled mapping may contain itself
WRAPPER_NAMES = ("module", "_orig_mod")  # of DataParallel, averaged and compiled networks
IGNORED_CLASSES = (  # of logs and settings beside the tensors; they are not built
    "argparse.Namespace",
    "builtins.getattr",
    "builtins.set",
    "datetime.datetime",
    "datetime.timedelta",
    "easydict.EasyDict",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
    "types.SimpleNamespace",
    "typing.Any",
    "uuid.UUID",
)
IGNORED_MAPPINGS = (
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)


class IgnoredObject:
    """Stands for an object of `IGNORED_CLASSES`; keeps nothing of it."""

    def __new__(cls, *_arguments: object) -> "IgnoredObject":
        """Accept the arguments of any class."""
        return super().__new__(cls)

    def __init__(self, *_arguments: object) -> None:
        """Accept the arguments of any class."""

    def __setstate__(self, _state: object) -> None:
        """Accept any state."""


@dataclass(frozen=True)
class ForeignWeights:
    """Content of a weights file.

    Attributes:
        path: The file.
        content: What the file holds: a mapping, unless it is an unusual torch file.
        metadata: Texts in the header of a safetensors file.
    """

    path: Path
    content: Any
    metadata: Mapping[str, str] = field(default_factory=dict)

    def select_tensors(self) -> "dict[str, Tensor]":
        """Return the tensors by name, on the CPU, without names of wrappers.

        Containers are opened in the order of `CONTAINER_KEYS`; NumPy arrays become tensors.

        Raises:
            UserError: If there are no tensors or several sets of them, or a tensor is quantized
                or has no values.
        """
        tensors = _collect_tensors(self.content, self.path)
        return _remove_wrapper_names(
            {name: _convert_to_plain(value, name, self.path) for name, value in tensors.items()}
        )


def read_file(path: Path, known_classes: Iterable[Any] = ()) -> ForeignWeights:
    """Read a safetensors file or a file of torch.save; the content decides which it is.

    Args:
        path: The file.
        known_classes: Further classes whose objects may be built.

    Raises:
        UserError: If the file is missing, damaged, something else than weights, or holds objects
            of other classes.
    """
    from safetensors import SafetensorError

    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    try:
        if weights_content.read_kind(path) == "safetensors":
            return _read_safetensors(path)
        known = [*known_classes, *_list_harmless_classes()]
        return ForeignWeights(path, checkpoint.load_torch_file(path, "cpu", known))
    except OSError as error:
        raise UserError(f"{path}: cannot be read as weights ({error.strerror or error})") from None
    except (*checkpoint.DAMAGED_FILE_ERRORS, SafetensorError) as error:
        raise UserError(_explain_refusal(path, error)) from None


def select_network(
    tensors: "Mapping[str, Tensor]", first_names: Sequence[str], path: Path
) -> "dict[str, Tensor]":
    """Select the tensors of one network by one of its names, and take the names' prefix off.

    Args:
        tensors: All tensors of a file.
        first_names: Names of which the network has one; the first that is found counts.
        path: The file, for the message.

    Returns:
        The tensors whose names have the same prefix, without it; all of them if no name is found.

    Raises:
        UserError: If there are several such networks in the file.
    """
    for first in first_names:
        prefixes = [
            name.removesuffix(first)
            for name in tensors
            if name == first or name.endswith(f".{first}")
        ]
        if len(prefixes) > 1:
            names = " and ".join(f"{prefix}{first}" for prefix in prefixes[:3])
            raise UserError(
                f"{path}: holds several networks ({names}); save one of them to a file of its own"
            )
        if prefixes:
            prefix = prefixes[0]
            return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    return dict(tensors)


def convert_values(
    tensors: "Mapping[str, Tensor]", dtypes: "Mapping[str, dtype]", where: str
) -> "dict[str, Tensor]":
    """Convert the values of tensors to the types of a network's tensors.

    Args:
        tensors: By name.
        dtypes: Type of each of them in the network.
        where: Start of the message.

    Raises:
        UserError: Naming a tensor of whole numbers where the network has floating-point numbers,
            or one that is not finite in the network's type.
    """
    converted = {name: tensor.to(dtypes[name]) for name, tensor in tensors.items()}
    for name, tensor in converted.items():
        if tensor.is_floating_point() and not tensors[name].is_floating_point():
            given = str(tensors[name].dtype).removeprefix("torch.")
            raise UserError(
                f"{where}: {name} is {given}; expected floating-point numbers; {DOWNLOAD_AGAIN}"
            )
    check_finite(converted, where, "use another file")
    return converted


def _read_safetensors(path: Path) -> ForeignWeights:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        names = file.keys()  # the file is no mapping: it cannot be iterated
        tensors = {name: file.get_tensor(name) for name in names}
        return ForeignWeights(path, tensors, file.metadata() or {})


def _list_harmless_classes() -> list[Any]:
    """List NumPy's numbers and arrays, and stand-ins for the classes that are not built."""
    import numpy as np

    core = np._core.multiarray  # type: ignore[attr-defined] # NumPy pickles values by it
    dtypes = [
        member
        for member in vars(np.dtypes).values()
        if isinstance(member, type) and issubclass(member, np.dtype)
    ]
    arrays = [
        *((core.scalar, f"numpy.{name}.multiarray.scalar") for name in ("core", "_core")),
        *(
            (core._reconstruct, f"numpy.{name}.multiarray._reconstruct")
            for name in ("core", "_core")
        ),
        np.ndarray,
        np.dtype,
    ]
    ignored = [(IgnoredObject, name) for name in IGNORED_CLASSES]
    return [*arrays, *dtypes, *ignored, *((OrderedDict, name) for name in IGNORED_MAPPINGS)]


def _explain_refusal(path: Path, error: Exception) -> str:
    refused = checkpoint.find_refused_object(error)
    if refused is not None:
        return (
            f"{path}: cannot be read as weights: it holds an object of {refused}, which only code "
            f"of the file could build, and such code is not run; {SAVE_TENSORS}"
        )
    reason = checkpoint.describe_error(error)
    return (
        f"{path}: cannot be read as weights ({reason}): damaged, or no file of torch or "
        f"safetensors; {DOWNLOAD_AGAIN}"
    )


def _collect_tensors(content: Any, path: Path) -> dict[str, Any]:
    """Find the mapping of names to tensors or arrays in the content of a file."""
    for _ in range(MAX_DEPTH):
        inner = [content[key] for key in CONTAINER_KEYS if _has_content(content, key)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping):
        raise UserError(
            f"{path}: holds a {type(content).__name__}; expected tensors by name; {SAVE_TENSORS}"
        )
    tensors = _get_tensors(content)
    if tensors:
        return tensors
    holders = [str(key) for key, value in content.items() if _get_tensors(value)]
    if len(holders) == 1:
        return _get_tensors(content[holders[0]])
    content_text = f"several sets of them ({', '.join(holders[:5])})" if holders else "none"
    raise UserError(f"{path}: expected tensors by name, found {content_text}; {SAVE_TENSORS}")


def _has_content(content: Any, key: str) -> bool:
    value = content.get(key) if isinstance(content, Mapping) else None
    return isinstance(value, Mapping) and bool(value)


def _get_tensors(content: Any) -> dict[str, Any]:
    """Return the tensors and arrays of numbers in a mapping, by name."""
    import numpy as np
    import torch

    if not isinstance(content, Mapping):
        return {}
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str)
        and (
            isinstance(value, torch.Tensor)
            or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")
        )
    }


def _convert_to_plain(value: Any, name: str, path: Path) -> "Tensor":
    """Convert an array or a sparse tensor to a dense tensor without gradient."""
    import torch

    if not isinstance(value, torch.Tensor):
        return torch.tensor(value.astype(value.dtype.newbyteorder("=")))
    if value.is_quantized:
        raise UserError(
            f"{path}: {name} is quantized ({str(value.dtype).removeprefix('torch.')}); expected "
            "floating-point numbers: save the tensors of the network before its quantization"
        )
    if value.is_meta:
        raise UserError(
            f"{path}: {name} has no values (device meta); save the network after its weights "
            "were loaded"
        )
    plain = value.detach()
    return plain if plain.layout == torch.strided else plain.to_dense()


def _remove_wrapper_names(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Remove `WRAPPER_NAMES` from the dotted names, unless two names would become equal."""
    plain = {
        ".".join(part for part in name.split(".") if part not in WRAPPER_NAMES): tensor
        for name, tensor in tensors.items()
    }
    return plain if len(plain) == len(tensors) else dict(tensors)
