"""Which scenes a simulated data set holds, and what the folder they are drawn into is called."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from fusebench.simulator.parameters import SceneParameters
from fusebench.storage import hashing


class Options(BaseModel):
    """What tasks.yaml may set for simulated scenes.

    Attributes:
        train: Scenes for training.
        test: Scenes for testing; never from a sequence of the training scenes.
        seed: Another seed is another film. Those from 1000 on drew the scenes that the packaged
            weights were trained on.
        knobs: How the scenes look.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: int = Field(default=160, ge=1, le=99_999)
    test: int = Field(default=100, ge=1, le=99_999)
    seed: int = Field(default=0, ge=0, le=499_999)
    knobs: SceneParameters = SceneParameters()


def get_dataset_folder(labels: str, version: int, options: Options) -> Path:
    """Where scenes with these labels (``boxes`` or ``masks``) lie below the data folder."""
    spec = {"version": version, "options": options.model_dump(mode="json")}
    name = f"{labels}-{options.train}-{options.test}-seed{options.seed}"
    return Path("scenes") / f"{name}-{hashing.content_hash(spec)}"
