"""YOLOv5 by this project's training and by ultralytics' own trainer, on the same files.

Both start from the same weights and have the same images, options and optimizer. ultralytics reads
the YOLO files that `fusebench.export` writes for any program; it validates after the last epoch,
which is not counted.
"""

import json
import sys
from pathlib import Path

from benchmarks.trainers.examples import load_visible_images
from benchmarks.trainers.meter import Meter
from detection.models import yolov5
from detection.models.yolov5 import (
    dataset,
    initial_weights,
    network,
    training,
    ultralytics_config,
    ultralytics_import,
)
from fusebench.data.labeled_images import LabeledImages
from fusebench.datasets import scenes
from fusebench.runtime.program import run_program

WARM_UP_EPOCHS = 1
CONFIG_NAMES = (  # of ultralytics' configuration that `ultralytics_config.build_config` sets
    *("imgsz", "epochs", "batch", "seed", "mosaic", "fliplr", "hsv_h", "hsv_s", "hsv_v", "scale"),
    *("translate", "degrees", "box", "cls", "dfl", "plots", "augmentations"),
)


def train_here(examples: LabeledImages, options: yolov5.Options, folder: Path) -> Meter:
    """Train with this project's loop."""
    meter, train_epoch = Meter(WARM_UP_EPOCHS), training._train_epoch

    def train_and_measure(*args: object) -> None:
        meter.start()
        train_epoch(*args)  # type: ignore[arg-type]  # passed on as they are
        meter.stop()

    training._train_epoch = train_and_measure  # type: ignore[assignment]  # the same arguments
    yolov5.train(examples, options, seed=0, device="cpu", folder=folder)
    return meter


def train_with_ultralytics(examples: LabeledImages, options: yolov5.Options, folder: Path) -> Meter:
    """Train with ultralytics' trainer."""
    ultralytics_import.import_ultralytics(folder)
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.utils import YAML

    meter, classes = Meter(WARM_UP_EPOCHS), examples.split.classes

    class Trainer(DetectionTrainer):  # type: ignore[misc]  # ultralytics is untyped
        def setup_model(self) -> None:
            ultralytics_import.seed_everything(0, 0)
            self.model = network.build_network(options.size, classes)
            tensors = initial_weights.load_tensors(options.start_weights, options.size, folder)
            if tensors is not None:
                network.load_matching_weights(self.model, tensors, options.start_weights)

    image_folder = dataset.write_yolo_dataset(examples, folder / "dataset")
    names = dict(enumerate(classes))
    YAML.save(
        folder / "data.yaml", {"train": str(image_folder), "val": str(image_folder), "names": names}
    )
    config = ultralytics_config.build_config(options, 0)
    trainer = Trainer(
        overrides={name: getattr(config, name) for name in CONFIG_NAMES}
        | {
            "model": f"yolov5{options.size}.yaml",
            "data": str(folder / "data.yaml"),
            "optimizer": options.optimizer,
            "lr0": options.learning_rate,
            "lrf": options.final_learning_rate,
            "momentum": options.momentum,
            "weight_decay": options.weight_decay,
            "warmup_epochs": options.warmup_epochs,
            "nbs": options.nominal_batch,
            "close_mosaic": options.close_mosaic,
            "val": False,
            "device": "cpu",
            "project": str(folder),
            "name": "ultralytics",
        }
    )
    trainer.add_callback("on_train_epoch_start", lambda _: meter.start())
    trainer.add_callback("on_train_epoch_end", lambda _: meter.stop())
    trainer.train()
    return meter


def main() -> int:
    """Train with the program, folders and options of the command line (JSON), and print."""
    settings = json.loads(sys.argv[1])
    options = yolov5.Options(**settings["options"])
    data = Path(settings["data"])
    index = scenes.load(data, scenes.Options(**settings["scenes"]))
    examples = load_visible_images(index, data)
    train = {"here": train_here, "ultralytics": train_with_ultralytics}[settings["program"]]
    meter = train(examples, options, Path(settings["folder"]))
    meter.print_measurement(len(examples.split.pairs))
    return 0


if __name__ == "__main__":
    run_program(main)
