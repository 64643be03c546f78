"""Options of the simulated data sets, and the folder that each choice of options is stored in."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from fusebench.simulator.parameters import SceneParameters
from fusebench.storage import hashing


class Options(BaseModel):
    """Options that tasks.yaml may set for simulated scenes.

    Attributes:
        train: Number of training scenes.
        test: Number of test scenes; they never share a sequence with the training scenes.
        seed: Random seed of the scenes. Seeds from 1000 on were used for the scenes that the
            packaged weights were trained on.
        knobs: Appearance of the scenes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: int = Field(default=160, ge=1, le=99_999)
    test: int = Field(default=100, ge=1, le=99_999)
    seed: int = Field(default=0, ge=0, le=499_999)
    knobs: SceneParameters = SceneParameters()


def get_dataset_folder(labels: str, version: int, options: Options) -> Path:
    """Return the folder of a simulated data set, relative to the data folder.

    Args:
        labels: Kind of labels, ``boxes`` or ``masks``.
        version: Version of the data set plug-in; part of the hash.
        options: Options of the data set; part of the hash.
    """
    spec = {"version": version, "options": options.model_dump(mode="json")}
    name = f"{labels}-{options.train}-{options.test}-seed{options.seed}"
    return Path("scenes") / f"{name}-{hashing.content_hash(spec)}"
