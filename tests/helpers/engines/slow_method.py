"""A fusion method for tests of shards: it waits, and fails for one gray level if it is told to."""

import os
import time

from pydantic import BaseModel, ConfigDict

VERSION = 1


class Options(BaseModel):
    """Options of the method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = 0.0


def load(options, device):
    def fuse(infrared, visible):
        time.sleep(options.seconds)
        if os.environ.get("FUSION_FAILS") and infrared[0, 0] == 13:
            raise ValueError("this gray level is not fused")
        fused = visible.copy()
        fused[..., 0] = infrared
        return fused

    return fuse
