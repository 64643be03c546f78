"""SegFormer by this project's training and by mmengine's Runner with mmseg's configuration.

The Runner has mmseg's own file of the backbone with the images, classes, crop, batch and schedule
of the options, one process instead of synchronized batch norm, and random initial weights.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.trainers.examples import load_visible_images
from benchmarks.trainers.meter import Meter
from fusebench.data.labeled_images import LabeledImages
from fusebench.datasets import scenes_seg
from fusebench.runtime.program import run_program
from segmentation.models import segformer
from segmentation.models.segformer import training

WARM_UP_STEPS = 2


def train_here(examples: LabeledImages, options: segformer.Options, folder: Path) -> Meter:
    """Train with this project's loop."""
    meter, iterate_batches = Meter(WARM_UP_STEPS), training._iterate_batches

    def iterate_and_measure(*args: Any) -> Any:
        batches = iterate_batches(*args)
        meter.start()
        for step, batch in batches:
            yield step, batch
            meter.stop()
            if step + 1 < options.iterations:
                meter.start()

    training._iterate_batches = iterate_and_measure
    segformer.train(examples, options, seed=0, device="cpu", folder=folder)
    return meter


def train_with_mmengine(examples: LabeledImages, options: segformer.Options, folder: Path) -> Meter:
    """Train with mmengine's Runner."""
    import mmseg
    from mmengine.config import Config
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    meter = Meter(WARM_UP_STEPS)

    class MeterHook(Hook):  # type: ignore[misc]  # mmengine is untyped
        priority = "LOWEST"

        def before_train(self, runner: Runner) -> None:
            meter.start()

        def after_train_iter(self, runner: Runner, *args: object, **keywords: object) -> None:
            meter.stop()
            if runner.iter + 1 < options.iterations:
                meter.start()

    name = f"segformer_{options.backbone.replace('_', '-')}_8xb2-160k_ade20k-512x512.py"
    config = Config.fromfile(Path(mmseg.__file__).parent / ".mim/configs/segformer" / name)
    model = config.model
    model.data_preprocessor.size = options.crop_size[::-1]
    model.backbone.init_cfg = None
    model.decode_head |= {
        "num_classes": len(examples.split.classes),
        "channels": options.embedding,
        "norm_cfg": {"type": "BN"},
    }
    link_files(examples, folder / "data")
    config.merge_from_dict(
        {
            "train_dataloader": {
                **{"batch_size": options.batch, "num_workers": 0, "persistent_workers": False},
                "dataset": build_dataset_config(config, examples, options, folder / "data"),
            },
            "train_cfg": {"max_iters": options.iterations, "val_interval": 10**9},
            "work_dir": str(folder),
        }
    )
    config.train_dataloader.dataset.pop("reduce_zero_label", None)
    for name in ("val_dataloader", "val_cfg", "val_evaluator"):
        config[name] = None
    for name in ("test_dataloader", "test_cfg", "test_evaluator"):
        config[name] = None
    runner = Runner.from_cfg(config)
    runner.register_hook(MeterHook(), "LOWEST")
    runner.train()
    return meter


def build_dataset_config(
    config: Any, examples: LabeledImages, options: segformer.Options, folder: Path
) -> dict[str, Any]:
    """Build mmseg's configuration of the images, with its own pipeline for the crop."""
    pipeline = config.train_pipeline
    pipeline[1] = {"type": "LoadAnnotations", "reduce_zero_label": False}
    width, height = examples.split.pairs[0].size
    pipeline[2] |= {"scale": (width, height), "ratio_range": options.rescale}
    pipeline[3]["crop_size"] = options.crop_size[::-1]
    return {
        "_delete_": True,
        "type": "BaseSegDataset",
        "metainfo": {"classes": examples.split.classes},
        "data_root": str(folder),
        "data_prefix": {"img_path": "images", "seg_map_path": "labels"},
        "img_suffix": ".png",
        "seg_map_suffix": ".png",
        "reduce_zero_label": False,
        "pipeline": pipeline,
    }


def link_files(examples: LabeledImages, folder: Path) -> None:
    """Link images and label maps under the names that mmseg expects."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for pair in examples.split.pairs:
        assert pair.label_map is not None
        (folder / f"images/{pair.key}.png").symlink_to(examples.images[pair.key].resolve())
        (folder / f"labels/{pair.key}.png").symlink_to(pair.label_map.resolve())


def main() -> int:
    """Train with the program, folders and options of the command line (JSON), and print."""
    settings = json.loads(sys.argv[1])
    options = segformer.Options(**settings["options"])
    data = Path(settings["data"])
    index = scenes_seg.load(data, scenes_seg.Options(**settings["scenes"]))
    examples = load_visible_images(index, data)
    train = {"here": train_here, "mmengine": train_with_mmengine}[settings["program"]]
    meter = train(examples, options, Path(settings["folder"]))
    meter.print_measurement(options.batch)
    return 0


if __name__ == "__main__":
    run_program(main)
