"""A fusion method for tests: it waits, keeps a list of its calls, and fails where it is told to."""

import os
import socket
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

VERSION = 1


class Options(BaseModel):
    """Options of the method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = 0.0


def load(options, device):
    def fuse(infrared, visible):
        time.sleep(options.seconds)
        if calls := os.environ.get("FUSION_CALLS"):
            with Path(f"{calls}.{socket.gethostname()}").open("a") as file:
                file.write(f"{options.seconds} {infrared[0, 0]}\n")
        if os.environ.get("FUSION_FAILS") and infrared[0, 0] == 13:
            raise ValueError("this gray level is not fused")
        fused = visible.copy()
        fused[..., 0] = infrared
        return fused

    return fuse
