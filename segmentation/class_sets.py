"""Which classes a mean is taken over. The literature uses at least five sets on FMB.

all15      every id, the unlabeled pixels as a class of their own (SegMiF's and MRFS's code)
all14      without unlabeled
present13  without bicycle too: it has no pixels in FMB's test masks
segmif8    the eight classes SegMiF's paper prints
dmfuse8    the eight classes DMFuse's paper prints; not the same eight
all        every class, whatever the data set: what is used where the others do not apply

A set is named in every protocol, because the same model scores differently on each.
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
    """A named choice of classes, as positions in the class names of a split."""

    name: str
    indices: tuple[int, ...]


def build_class_set(name: str | None, classes: Sequence[str]) -> ClassSet:
    """The set of that name for these classes, in the order in which the set names them.

    Args:
        name: See above. None means ``all14`` for FMB's classes and ``all`` for any others.
        classes: Class names in the order of their ids.

    Raises:
        UserError: If there is no such set, or the classes are not FMB's.
    """
    known = [each.lower() for each in classes]
    name = name or ("all14" if tuple(known) == FMB else "all")
    if name == "all":
        return ClassSet(name, tuple(range(len(classes))))
    if name not in CLASS_SETS:
        raise UserError(f"class set {name!r}: there is {', '.join(CLASS_SETS)} and all")
    lacking = [each for each in CLASS_SETS[name] if each not in known]
    if lacking:
        raise UserError(
            f"class set {name} is one of FMB's classes, but {', '.join(lacking)} is none of "
            f"{', '.join(classes)}; use class set all"
        )
    return ClassSet(name, tuple(known.index(each) for each in CLASS_SETS[name]))
