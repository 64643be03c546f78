"""Training is ultralytics' recipe: its own trainer ends with the same weights on equal batches."""

import types

import pytest
import torch
from safetensors.torch import load_file

from detection.models import yolov5
from detection.models.yolov5 import dataset, network, ultralytics_import
from detection.models.yolov5.ultralytics_config import build_config
from tests.helpers.tiny_detection_dataset import write_labeled_images

pytestmark = pytest.mark.slow
OPTIONS = yolov5.Options(
    image_size=64,
    epochs=3,
    batch=4,
    nominal_batch=8,
    warmup_epochs=0.5,
    learning_rate=0.02,
    close_mosaic=1,
)
BATCHES = 3  # of ten images


class Loader:
    """Yields the batches of one epoch after the other, as ultralytics' trainer expects."""

    batch_size, drop_last, num_workers, sampler = OPTIONS.batch, False, 0, range(10)

    def __init__(self, yolo_dataset):
        self.dataset = yolo_dataset
        self.epoch = 0

    def __len__(self):
        return BATCHES

    def __iter__(self):
        samples = dataset.TrainingSamples(self.dataset, OPTIONS, 0)
        yield from dataset.iterate_batches(samples, range(self.epoch, self.epoch + 1), "cpu")
        self.epoch += 1

    def reset(self):
        pass


def build_ultralytics_trainer(loader, classes, folder):
    """Build ultralytics' trainer with given batches, without validation and checkpoints."""
    from ultralytics.models.yolo.detect import DetectionTrainer

    class Trainer(DetectionTrainer):
        def get_dataset(self):
            return {
                "names": dict(enumerate(classes)),
                "nc": 2,
                "channels": 3,
                "train": "",
                "val": "",
            }

        def setup_model(self):
            ultralytics_import.seed_everything(0, 0)
            self.model = network.build_network("n", classes)

        def get_dataloader(self, *args, **kwargs):
            return loader

        def get_validator(self):
            return types.SimpleNamespace(metrics=types.SimpleNamespace(keys=[]))

        def validate(self):
            return {}, 0.0

        def save_model(self):
            return False

        def final_eval(self):
            pass

    config = build_config(OPTIONS, 0)
    values = {k: getattr(config, k) for k in ("imgsz", "epochs", "batch", "box", "cls", "dfl")}
    return Trainer(
        overrides=values
        | {
            "model": "yolov5n.yaml",
            "optimizer": OPTIONS.optimizer,
            "lr0": OPTIONS.learning_rate,
            "lrf": OPTIONS.final_learning_rate,
            "momentum": OPTIONS.momentum,
            "weight_decay": OPTIONS.weight_decay,
            "warmup_epochs": OPTIONS.warmup_epochs,
            "nbs": OPTIONS.nominal_batch,
            "close_mosaic": OPTIONS.close_mosaic,
            "device": "cpu",
            "amp": False,
            "plots": False,
            "project": str(folder),
            "name": "ultralytics",
        }
    )


def test_ultralytics_own_trainer_ends_with_the_same_weights(tmp_path, monkeypatch, one_thread):
    # ultralytics keeps channels first on a CPU; with it the sums have the same order
    monkeypatch.setattr(torch, "channels_last", torch.contiguous_format)
    examples = write_labeled_images(tmp_path / "images", 10)
    yolov5.train(examples, OPTIONS, seed=0, device="cpu", folder=tmp_path)
    expected = load_file(tmp_path / network.WEIGHTS_FILE)

    from ultralytics.utils import callbacks, torch_utils

    monkeypatch.setattr(torch_utils, "NUM_THREADS", 1)  # its trainer sets the threads
    monkeypatch.setattr(callbacks, "add_integration_callbacks", lambda trainer: None)
    with (
        ultralytics_import.redirect_library_output(tmp_path),
        ultralytics_import.use_deterministic_algorithms(),
    ):
        image_folder = dataset.write_yolo_dataset(examples, tmp_path / "dataset")
        loader = Loader(dataset.load_yolo_dataset(image_folder, examples, build_config(OPTIONS, 0)))
        trainer = build_ultralytics_trainer(loader, examples.split.classes, tmp_path)
        trainer.train()
    values = trainer.ema.ema.state_dict()
    assert trainer.ema.updates > OPTIONS.epochs
    for name, value in expected.items():
        assert torch.equal(values[name].float(), value.float()), name
