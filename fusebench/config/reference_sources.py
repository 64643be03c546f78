"""Reference sources in tasks.yaml (pydantic models): both sensors without a fused image.

ensemble    combines the predictions on other sources; no image, no training of its own
channels    infrared and visible stacked: the model is trained on images of four channels
replace     the infrared image in the place of one channel of the visible image
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fusebench.runtime.unknown_names import suggest_names

CHANNEL_NAMES = ("red", "green", "blue")  # of a visible image, in the order of its array
MAX_MEMBERS = 16


class ReferenceSource(BaseModel):
    """Base of the reference sources: unknown keys are errors, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_members(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is listed twice")
    return names


class EnsembleSource(ReferenceSource):
    """Predictions on several sources, combined image by image.

    Attributes:
        kind: ``ensemble``.
        of: Names of its members: two or more other sources of the task file.
        fuse: How predictions are combined: a file in detection/ensembles or
            segmentation/ensembles, according to the kind of the task.
        options: Options of that file.
    """

    kind: Literal["ensemble"]
    of: Annotated[
        tuple[str, ...],
        Field(min_length=2, max_length=MAX_MEMBERS),
        AfterValidator(_check_members),
    ]
    fuse: str
    options: dict[str, Any] = {}


class ChannelsSource(ReferenceSource):
    """Red, green, blue and infrared as the four channels of one image."""

    kind: Literal["channels"]


class ReplaceSource(ReferenceSource):
    """The visible image with the infrared image in the place of one channel."""

    kind: Literal["replace"]
    channel: Literal["red", "green", "blue"]

    @property
    def channel_index(self) -> int:
        """Index of the channel in an RGB array."""
        return CHANNEL_NAMES.index(self.channel)


def list_member_errors(sources: Mapping[str, Any]) -> list[str]:
    """List the errors in the members of the ensembles of a task file, as messages.

    Args:
        sources: All sources of the file by name.
    """
    errors = []
    for name, source in sources.items():
        if not isinstance(source, EnsembleSource):
            continue
        for member in source.of:
            if member not in sources:
                hint = suggest_names(member, sources)
                errors.append(f"sources.{name}.of: no source is called {member!r}{hint}")
            elif isinstance(sources[member], EnsembleSource):
                errors.append(
                    f"sources.{name}.of: {member} is an ensemble itself; name its members instead"
                )
    return errors
