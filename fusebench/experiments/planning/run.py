"""A run: one task on one source with one seed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.data.box_labels import label_notes
from fusebench.data.pairs import Split
from fusebench.experiments.resolution import (
    ResolvedFusionMetric,
    ResolvedMetric,
    ResolvedModel,
    ResolvedSource,
)
from fusebench.experiments.robustness.corrupted_pairs import CorruptedPairs
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scalar
from fusebench.storage.store import Store


@dataclass(frozen=True)
class Run:
    """One task on one source with one seed.

    Attributes:
        task_name: The task's name in the task file.
        task: Its configuration in the task file.
        train_images: Training images of the model; None if nothing is trained.
        test_images: Images that the model is tested on, or that are scored.
        seed: Random seed of the training; None if nothing is trained.
        specs: Spec of each folder of the store that the run fills: ``record``; with a model also
            ``trained`` and ``predicted``.
        model: The model; None for a quality task.
        metrics: Metrics of a detection or segmentation task.
        fusion_metrics: Metrics of a quality task.
        members: The runs whose predictions an ensemble combines; empty for other sources. An
            ensemble trains nothing itself: it has the model of its first member, and no
            ``train_images``.
    """

    task_name: str
    task: schema.Task
    train_images: SourceImages | None
    test_images: SourceImages
    seed: int | None
    specs: Mapping[str, Mapping[str, Any]]
    model: ResolvedModel | None = None
    metrics: tuple[ResolvedMetric, ...] = ()
    fusion_metrics: tuple[ResolvedFusionMetric, ...] = ()
    members: tuple["Run", ...] = ()

    @property
    def source(self) -> ResolvedSource:
        """The source that is tested."""
        return self.test_images.source

    @property
    def source_name(self) -> str:
        """Name of the source that is tested."""
        return self.test_images.source.name

    @property
    def test_split(self) -> Split:
        """The test pairs."""
        return self.test_images.split

    @property
    def corruption(self) -> CorruptedPairs | None:
        """How the test pairs are corrupted; None: not at all."""
        return self.test_images.corruption

    @property
    def _source_and_seed(self) -> str:
        """Name of the source, the corruption if there is one, and the seed."""
        name = self.source_name
        if self.corruption is not None:
            name = f"{name}-{self.corruption.level.label}"
        return _format_source_and_seed(name, self.seed)

    @property
    def table_name(self) -> str:
        """Name of the task in its record; of corrupted pairs with the corruption."""
        if self.corruption is None:
            return self.task_name
        return f"{self.task_name}, {self.corruption.level.label}"

    @property
    def label(self) -> str:
        """Readable part of the name of the record's folder."""
        return f"{self.task_name}-{self._source_and_seed}"

    @property
    def prediction_label(self) -> str:
        """Readable part of the name of the predictions' folder, which other tasks may share."""
        return f"{self.test_split.dataset}-{self._source_and_seed}"

    @property
    def trained_label(self) -> str:
        """Readable part of the name of the trained model's folder."""
        if self.train_images is None:
            assert isinstance(self.task, schema.ModelTaskBase)
            return self.task.model
        name = self.train_images.source.name
        return f"{self.test_split.dataset}-{_format_source_and_seed(name, self.seed)}"

    @property
    def required_images(self) -> tuple[SourceImages, ...]:
        """The training images, if any, then the test images; those of all members."""
        if self.members:
            required = (images for run in self.members for images in run.required_images)
            return tuple({id(images): images for images in required}.values())
        return (
            (self.test_images,)
            if self.train_images is None
            else (self.train_images, self.test_images)
        )

    @property
    def splits(self) -> tuple[Split, ...]:
        """The training split, if anything is trained, and the test split."""
        return tuple({images.split.name: images.split for images in self.required_images}.values())

    def get_record_folder(self, store: Store) -> Path:
        """Return the path of the record's folder, whether the run is finished or not."""
        return store.get_path(self.task.kind, self.label, self.specs["record"])

    def read_record(self, store: Store) -> Record | None:
        """Read the record after checking its folder; None if the run is not finished.

        Raises:
            UserError: If a file of the folder is damaged.
        """
        folder = store.find_finished(self.task.kind, self.label, self.specs["record"])
        return None if folder is None else records.read_record(folder / records.FILE_NAME)

    def build_protocol(self) -> dict[str, Scalar]:
        """Build the protocol entries about data and source, which every record has."""
        splits = self.splits
        record = self.specs["record"]
        protocol = {"protocol": record["protocol"]} if "protocol" in record else {}
        chosen = {"chosen": ", ".join(record["chosen"])} if "chosen" in record else {}
        return {
            **protocol,
            "data": self.test_split.dataset,
            "simulated": self.test_split.is_simulated,
            "images": " / ".join(f"{len(split.pairs)} {split.name}" for split in splits),
            "split": self.test_split.rule_description,
            "split leaks": any(split.has_leakage for split in splits),
            "split hash": hashing.content_hash(
                {split.name: hashing.hash_keys(split) for split in splits}
            ),
            "fingerprint": hashing.content_hash(
                {
                    split.name: [hashing.hash_images(split), hashing.hash_labels(split)]
                    for split in splits
                }
            ),
            "color": self.test_images.describe_color(),
            **({} if self.corruption is None else {"corruption": self.corruption.describe()}),
            **_join_notes(splits),
            **self._describe_true_boxes(),
            **chosen,
            **self._describe_ensemble(),
        }

    def _describe_true_boxes(self) -> dict[str, str]:
        """Describe ignored boxes, and classes without boxes to train on, for detection."""
        if self.model is None or self.task.kind != "detection":
            return {}
        train = None
        if self.model.plugin.PROTOCOL == "retrained":
            train = next((split for split in self.splits if split.name == "train"), None)
        return {
            **label_notes.describe_ignored_boxes(train, self.test_split),
            **label_notes.describe_missing_boxes(train, self.test_split),
        }

    def _describe_ensemble(self) -> dict[str, str]:
        """Describe how predictions are combined, for an ensemble."""
        if self.source.ensemble is None:
            return {}
        members = [run.source_name for run in self.members]
        return {"ensemble": self.source.ensemble.describe(members)}


def _join_notes(splits: Iterable[Split]) -> dict[str, str]:
    """Join the notes of the splits by name, each text after the names of its splits.

    They are of the whole split, of which ``--limit`` may have selected a part.
    """
    joined: dict[str, dict[str, list[Split]]] = {}
    for split in splits:
        for name, text in split.notes:
            joined.setdefault(name, {}).setdefault(text, []).append(split)
    return {
        name: "; ".join(f"{_name_splits(noted)}: {text}" for text, noted in texts.items())
        for name, texts in joined.items()
    }


def _name_splits(splits: Sequence[Split]) -> str:
    whole = ", whole split" if any(split.excluded_keys for split in splits) else ""
    return " and ".join(split.name for split in splits) + whole


def _format_source_and_seed(source: str, seed: int | None) -> str:
    return source if seed is None else f"{source}-seed{seed}"
