"""Discovery of plug-ins: every file in a plug-in folder is a plug-in, named like the file.

Sub-folders only group files. A name with a dot is a module of the user.
"""

import importlib
import pkgutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from fusebench.contracts import (
    Corruption,
    Dataset,
    Ensemble,
    FusionFunction,
    FusionMethod,
    FusionMetric,
    Model,
    TaskMetric,
    check_function,
    load_contract,
)
from fusebench.errors import PluginError, UserError
from fusebench.runtime import system_errors
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage.hashing import compute_file_sha256

METHODS = "fusion.methods"
FUSION_METRICS = "fusion.metrics"
DATASETS = "fusebench.datasets"
CORRUPTIONS = "fusebench.corruptions"


def list_plugins(package: str) -> list[str]:
    """List the plug-ins in ``package`` and its sub-folders, sorted by name."""
    return sorted(_index_modules(package))


def load_fusion_method(name: str) -> FusionMethod:
    """Load a fusion method: a file in fusion/methods, or a module of the user.

    A user's module may define a complete method, or only ``fuse(infrared, visible)``.

    Raises:
        UserError: If there is no such module, or it does not fit its contract.
    """
    module = load_plugin(METHODS, name)
    is_plain_function = hasattr(module, "fuse") and not hasattr(module, "load")
    if is_plain_function:
        check_function(module, "fuse", "infrared, visible", "fusion method")
    if "." not in name and not is_plain_function:
        return load_contract(FusionMethod, module, name)
    return load_contract(FusionMethod, _complete_user_method(module), name)


def load_fusion_metric(name: str) -> FusionMetric:
    """Load a fusion metric: a file in fusion/metrics, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    return load_contract(FusionMetric, load_plugin(FUSION_METRICS, name), name)


def load_task_metric(kind: str, name: str) -> TaskMetric:
    """Load a task metric: a file in <kind>/metrics, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    return load_contract(TaskMetric, load_plugin(f"{kind}.metrics", name), name)


def load_model(kind: str, name: str) -> Model:
    """Load a model: a file in <kind>/models, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    return load_contract(Model, load_plugin(f"{kind}.models", name), name)


def load_ensemble(kind: str, name: str) -> Ensemble:
    """Load a method of ensembling: a file in <kind>/ensembles, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    return load_contract(Ensemble, load_plugin(f"{kind}.ensembles", name), name)


def load_dataset(name: str) -> Dataset:
    """Load a data set: a file in fusebench/datasets, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    return load_contract(Dataset, load_plugin(DATASETS, name), name)


def load_corruption(name: str) -> Corruption:
    """Load a corruption: a file in fusebench/corruptions, or a module of the user.

    Raises:
        UserError: If there is no such file, or it does not fit its contract.
    """
    module = load_plugin(CORRUPTIONS, name)
    corruption = load_contract(Corruption, module, name)
    if "." not in name or module.__file__ is None:
        return corruption
    return replace(corruption, module_hash=compute_file_sha256(Path(module.__file__)))


def load_plugin(package: str, name: str) -> ModuleType:
    """Import one plug-in, e.g. ``load_plugin("fusion.methods", "average")``.

    Raises:
        UserError: If there is no such module, or it cannot be imported: an exception in it is a
            fault of that file, and is named with its line.
    """
    modules = _index_modules(package)
    if name in modules:
        return _import_module(modules[name], name)
    if "." in name:
        return _import_user_module(package, name)
    raise UserError(
        f"no {name!r} in {package}{suggest_names(name, sorted(modules))}. "
        f"To add it, write {package.replace('.', '/')}/{name}.py"
    )


@contextmanager
def name_failing_input(where: str) -> Iterator[None]:
    """Let exceptions of a plug-in that is called within the block name its input.

    Args:
        where: E.g. ``metric area, image 00017``.

    Raises:
        UserError: The plug-in's, with ``where`` before its message.
        PluginError: Instead of any other exception, which is its cause; a fault of the machine,
            e.g. a full disk, is raised as it is.
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    except Exception as error:
        if system_errors.describe_fault(error) is not None:
            raise
        raise PluginError(f"{where}: {type(error).__name__}: {error}") from error


def _index_modules(package: str) -> dict[str, str]:
    """Map each plug-in's name to the full name of its module.

    Sub-folders are imported, because one that defines ``VERSION`` is a plug-in itself.
    """
    modules: dict[str, str] = {}
    for entry in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if entry.name.startswith("_"):
            continue
        full_name = f"{package}.{entry.name}"
        if entry.ispkg and not hasattr(importlib.import_module(full_name), "VERSION"):
            modules |= _index_modules(full_name)
        else:
            modules[entry.name] = full_name
    return modules


def _import_user_module(package: str, name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(
            f"{name!r} for {package}: is no name of a module; expected names with dots between, "
            "e.g. mypackage.mymodule for mypackage/mymodule.py"
        )
    try:
        return _import_module(name, name)
    except ModuleNotFoundError:
        raise UserError(
            f"no module {name!r} for {package}: it has to be importable, e.g. as "
            f"{name.replace('.', '/')}.py in the folder where the program is started"
        ) from None


def _import_module(full_name: str, name: str) -> ModuleType:
    """Import a plug-in.

    Raises:
        ModuleNotFoundError: If there is no such module.
        UserError: With file and line, if the module is there and importing it fails.
    """
    try:
        return importlib.import_module(full_name)
    except (Exception, SystemExit) as fault:  # SystemExit: a script that ends itself on import
        missing = fault.name if isinstance(fault, ModuleNotFoundError) else None
        if missing is not None and f"{full_name}.".startswith(f"{missing}."):
            raise
        if isinstance(fault, SyntaxError):
            where = f"{fault.filename}, line {fault.lineno}" if fault.filename else full_name
            reason = fault.msg
        else:
            frames = traceback.extract_tb(fault.__traceback__)
            own = [f for f in frames if not f.filename.startswith("<frozen ")][2:]
            where = f"{own[-1].filename}, line {own[-1].lineno}" if own else full_name
            reason = str(fault)
        raise UserError(
            f"plug-in {name!r} cannot be imported: {where}: {type(fault).__name__}: {reason}; "
            "correct that file"
        ) from fault


def _complete_user_method(module: ModuleType) -> Any:
    """Complete a user's module to a fusion method: add missing names, and the hash of its file."""
    file = module.__file__
    hashes = {} if file is None else {"module": compute_file_sha256(Path(file))}
    values = {"VERSION": 1, **vars(module)}
    if hasattr(module, "fuse") and not hasattr(module, "load"):
        values["load"] = _PlainFunction(module.fuse)
    values["dependency_hashes"] = _MergedHashes(hashes, values.get("dependency_hashes"))
    return SimpleNamespace(**values)


@dataclass(frozen=True)
class _PlainFunction:
    """``load`` of a method that only defines ``fuse``; unlike a closure, picklable."""

    fuse: FusionFunction

    def __call__(self, _options: Any, _device: str) -> FusionFunction:
        return self.fuse


@dataclass(frozen=True)
class _MergedHashes:
    """``dependency_hashes`` of a user's method: its module's hash and its own hashes, if any."""

    hashes: Mapping[str, str]
    own_hashes: Callable[[Any], Mapping[str, str]] | None

    def __call__(self, options: Any) -> dict[str, str]:
        own_hashes = {} if self.own_hashes is None else self.own_hashes(options)
        return {**self.hashes, **own_hashes}
