"""Conflicts between a task and reference sources, each of which is valid by itself."""

from collections.abc import Iterator

from fusebench.config import schema
from fusebench.config.reference_sources import ChannelsSource, EnsembleSource
from fusebench.contracts import Model

ModelTask = schema.DetectionTask | schema.SegmentationTask
STACKED_CHANNELS = 4  # red, green, blue, infrared
COLOR_CHANNELS = 3


def list_source_conflicts(
    file: schema.TaskFile, task_name: str, model: Model | None
) -> Iterator[str]:
    """Yield the conflicts of one task as messages.

    Args:
        file: The task file.
        task_name: Name of the task.
        model: Its model; None for a quality task, or if the model is wrong itself.
    """
    task = file.tasks[task_name]
    where = f"tasks.{task_name}"
    if isinstance(task, schema.QualityTask):
        for name in task.sources:
            config = file.sources[name]
            if isinstance(config, EnsembleSource | ChannelsSource):
                yield (
                    f"{where}.sources: {name} is of kind {config.kind} and has no fused image that "
                    "a fusion metric could score; list it in tasks of detection or segmentation"
                )
        return
    yield from _check_training(file, task_name, task)
    if model is not None:
        yield from _check_model(file, task, where, model)


def count_channels(config: schema.Source) -> int:
    """Return the number of channels of the images of a source."""
    return STACKED_CHANNELS if isinstance(config, ChannelsSource) else COLOR_CHANNELS


def _list_image_sources(file: schema.TaskFile, task: schema.TaskBase) -> dict[str, schema.Source]:
    """List the sources whose images a task reads: those listed, and the members of ensembles."""
    names: dict[str, None] = {}
    for name in task.sources:
        config = file.sources[name]
        names |= dict.fromkeys(config.of if isinstance(config, EnsembleSource) else (name,))
    return {name: file.sources[name] for name in names if name in file.sources}


def _check_training(file: schema.TaskFile, task_name: str, task: ModelTask) -> Iterator[str]:
    """Yield the conflicts with the source that all models are trained on."""
    teacher = file.get_training_source_name(task_name)
    if teacher is None or teacher not in file.sources:
        return
    where, config = f"tasks.{task_name}.train_on", file.sources[teacher]
    if isinstance(config, EnsembleSource):
        yield f"{where}: {teacher} is an ensemble, which has no images to train on; name a member"
        return
    for name, tested in _list_image_sources(file, task).items():
        if count_channels(tested) != count_channels(config):
            yield (
                f"{where}: a model trained on {teacher} ({count_channels(config)} channels) cannot "
                f"read {name} ({count_channels(tested)} channels); remove one of them"
            )


def _check_model(file: schema.TaskFile, task: ModelTask, where: str, model: Model) -> Iterator[str]:
    """Yield the conflicts with what the model can read and predict."""
    for name, config in _list_image_sources(file, task).items():
        if count_channels(config) not in model.INPUT_CHANNELS:
            yield (
                f"{where}.sources: {name} has images of {count_channels(config)} channels, and "
                f"model {task.model} ({model.TITLE}) reads "
                f"{' or '.join(map(str, model.INPUT_CHANNELS))}; remove it, or choose a model that "
                "is trained here"
            )
    if task.kind == "segmentation" and model.predict_probabilities is None:
        for name in task.sources:
            if isinstance(file.sources[name], EnsembleSource):
                yield (
                    f"{where}.sources: ensemble {name} needs class probabilities, which model "
                    f"{task.model} ({model.TITLE}) does not predict; remove it, or choose a model "
                    "that does, such as segformer"
                )
