"""Curves for TensorBoard, written at once: its own writer does so in a thread.

What goes wrong in that thread, a full disk say, is a traceback there and may go unseen here.
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

from fusion.training.monitoring.write_errors import report_write_errors


class EventWriter:
    """An events file; it is opened anew for every point, a few hundred times in a training."""

    def __init__(self, folder: Path, first: int) -> None:
        """Begin a file.

        Args:
            folder: Where.
            first: The first step that will be told; what older files tell from there on, of a
                training that was stopped, is not shown.
        """
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / f"events.out.tfevents.{name}"
        self._append_events(
            Event(file_version="brain.Event:2"),
            Event(step=first, session_log=SessionLog(status=SessionLog.START)),
        )

    def add_scalars(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curves ``part/name``.

        Raises:
            UserError: If it cannot be written.
        """
        points = [Summary.Value(tag=f"{part}/{k}", simple_value=v) for k, v in values.items()]
        self._append_events(Event(step=step, summary=Summary(value=points)))

    def _append_events(self, *events: Any) -> None:
        with report_write_errors(self._path), self._path.open("ab") as file:
            for event in events:
                event.wall_time = time.time()
                RecordWriter(file).write(event.SerializeToString())
