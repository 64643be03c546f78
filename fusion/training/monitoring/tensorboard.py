"""Event files for TensorBoard, written synchronously.

TensorBoard's own writer uses a thread. An error there, such as a full disk, is a traceback of
that thread and may go unnoticed by the training.
"""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from fusebench.runtime.system_errors import name_file


class EventWriter:
    """Writer of one event file, which is opened for every point: a few hundred times a training."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Create the event file.

        Args:
            folder: Folder of the event file.
            first_step: The first step to be written. TensorBoard drops the points of older files
                from this step on; an interrupted training may have written some.
        """
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / f"events.out.tfevents.{name}"
        self._append_events(
            Event(file_version="brain.Event:2"),
            Event(step=first_step, session_log=SessionLog(status=SessionLog.START)),
        )

    def add_scalars(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """Add one point to each curve ``group/name``.

        Raises:
            OSError: If the file cannot be written.
        """
        points = [Summary.Value(tag=f"{group}/{k}", simple_value=v) for k, v in values.items()]
        self._append_events(Event(step=step, summary=Summary(value=points)))

    def _append_events(self, *events: Any) -> None:
        """Append events to the file, with the present time."""
        with name_file(self._path), self._path.open("ab") as file:
            for event in events:
                event.wall_time = time.time()
                RecordWriter(file).write(event.SerializeToString())
