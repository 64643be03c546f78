"""Small studies to inject faults into: every stage and every kind of stored file, in seconds."""

import json
from pathlib import Path

from tests.helpers import dataset_folders

# Simulated scenes of 96 x 80 pixels; what is trained is trained for a few steps.
SCENES = {
    "seed": 2,
    "train": 4,
    "test": 4,
    "knobs": {"width": 96, "height": 80, "frames_per_sequence": 2},
}
DETECTOR_OPTIONS = """{size: n, start_weights: packaged, image_size: 64, epochs: 2, batch: 4,
      nominal_batch: 4, optimizer: AdamW, learning_rate: 0.001, momentum: 0.9,
      warmup_epochs: 0.5, warmup_bias_learning_rate: 0, mosaic: 0}"""
TRAINED_STUDY = f"""
sources:
  visible: {{kind: visible}}
  laplacian: {{kind: method, method: laplacian, options: {{levels: 2}}}}
tasks:
  detect:
    kind: detection
    dataset: scenes
    data: &film {SCENES}
    sources: [visible, laplacian]
    options: {DETECTOR_OPTIONS}
    metrics: {{average_precision: {{}}}}
  segment:
    kind: segmentation
    dataset: scenes_seg
    data: *film
    sources: [visible, laplacian]
    options: {{backbone: mit_b0, embedding: 128, start_weights: packaged, iterations: 4,
      schedule: null, warm_up: 1, crop: 64, rescale: [1.0, 1.0], distortion: false,
      learning_rate: 4.0e-4, head_factor: 2, drop_path: 0}}
    metrics: {{iou: {{}}}}
  quality:
    kind: quality
    dataset: scenes
    data: *film
    sources: [laplacian]
    metrics: {{entropy: {{}}, mutual_information: {{}}}}
"""

# Images, boxes and label maps of one gray level in three folder layouts; nothing is trained.
UNTRAINED_STUDY = """
sources:
  visible: {kind: visible}
  average: {kind: method, method: average}
  theirs: {kind: folder, folder: theirs}
tasks:
  quality:
    kind: quality
    dataset: folder
    sources: [average, theirs]
    metrics: {entropy: {}, structural_similarity: {}}
  detect:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [visible]
    model: from_file
    options: {file: boxes.json}
    metrics: {average_precision: {}}
  segment:
    kind: segmentation
    dataset: fmb
    sources: [visible]
    model: from_folder
    options: {folder: maps}
    metrics: {iou: {}}
"""
TRAIN_KEYS = [f"{number:05d}" for number in range(3)]
TEST_KEYS = [f"{number:05d}" for number in range(3, 7)]
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")


def write_trained_study(folder: Path) -> None:
    """Write the task file into a folder; the scenes are rendered by the run."""
    folder.mkdir(parents=True)
    (folder / "tasks.yaml").write_text(TRAINED_STUDY)


def write_untrained_study(folder: Path) -> None:
    """Write the task file, its data sets and predictions into a folder."""
    keys = [*TRAIN_KEYS, *TEST_KEYS]
    (folder / "data").mkdir(parents=True)
    (folder / "tasks.yaml").write_text(UNTRAINED_STUDY)
    for sensor in ("ir", "vi"):
        dataset_folders.write_images(folder / "data/folder" / sensor, keys)
    dataset_folders.write_images(folder / "theirs", keys)
    m3fd = dataset_folders.write_m3fd(folder / "data/m3fd", keys)
    (m3fd / "meta").mkdir()
    (m3fd / "meta/train.txt").write_text("\n".join(TRAIN_KEYS))
    (m3fd / "meta/test.txt").write_text("\n".join(TEST_KEYS))
    dataset_folders.write_fmb(folder / "data/fmb", TRAIN_KEYS, TEST_KEYS)
    for key in TEST_KEYS:
        dataset_folders.write_image(folder / "maps" / f"{key}.png", level=1)
    (folder / "boxes.json").write_text(json.dumps(build_predictions()))


def build_predictions() -> dict:
    """Build one predicted car per test image, in COCO format."""
    return {
        "images": [{"id": i, "file_name": f"{key}.png"} for i, key in enumerate(TEST_KEYS)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [
            {"image_id": i, "category_id": 1, "bbox": [2, 3, 10, 10], "score": 0.5 + i / 10}
            for i in range(len(TEST_KEYS))
        ],
    }
