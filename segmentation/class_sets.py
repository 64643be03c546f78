"""Class sets: the classes that a mean is taken over. The literature uses at least five on FMB.

all15      every id, the unlabeled pixels as a class of their own (SegMiF's and MRFS's code)
all14      without unlabeled
present13  also without bicycle, which has no pixels in FMB's test label maps
segmif8    the eight classes of the SegMiF paper
dmfuse8    the eight classes of the DMFuse paper; not the same eight
all        every class of any data set: the default where the others do not apply

The class set is part of every protocol, because the same model scores differently on each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fusebench.datasets.fmb import CLASSES as FMB
from fusebench.errors import UserError

ClassSetName = Literal["all15", "all14", "present13", "segmif8", "dmfuse8", "all"]
CLASS_SETS: dict[str, tuple[str, ...]] = {
    "all15": FMB,
    "all14": FMB[1:],
    "present13": tuple(name for name in FMB[1:] if name != "bicycle"),
    "segmif8": ("car", "person", "truck", "lamp", "sign", "building", "vegetation", "pole"),
    "dmfuse8": ("road", "sidewalk", "lamp", "sign", "vegetation", "sky", "person", "pole"),
}


@dataclass(frozen=True)
class ClassSet:
    """A named subset of the classes of a split.

    Attributes:
        name: See the module.
        indices: Class ids, in the order of the class set.
    """

    name: str
    indices: tuple[int, ...]


def build_class_set(name: str | None, classes: Sequence[str]) -> ClassSet:
    """Look up a class set for the classes of a split.

    Args:
        name: See the module. None means ``all14`` for FMB's classes and ``all`` for any others.
        classes: Class names in the order of their ids.

    Raises:
        UserError: If there is no such class set, or the classes are not FMB's.
    """
    lowercase = [class_name.lower() for class_name in classes]
    name = name or ("all14" if tuple(lowercase) == FMB else "all")
    if name == "all":
        return ClassSet(name, tuple(range(len(classes))))
    if name not in CLASS_SETS:
        raise UserError(f"class set {name!r}: expected one of {', '.join(CLASS_SETS)}, all")
    missing = [class_name for class_name in CLASS_SETS[name] if class_name not in lowercase]
    if missing:
        raise UserError(
            f"class set {name} is one of FMB's classes, but {', '.join(missing)} is none of "
            f"{', '.join(classes)}; use class set all"
        )
    return ClassSet(name, tuple(lowercase.index(class_name) for class_name in CLASS_SETS[name]))
