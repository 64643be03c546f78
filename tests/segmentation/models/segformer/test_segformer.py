"""SegFormer: published sizes, SegMiF's schedule and optimizer, augmentation, resuming."""

import hashlib
import re

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import load_file

from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.weights import checkpoint_times
from segmentation.models import segformer
from segmentation.models.segformer import augmentation, segmif_differences, training
from segmentation.models.segformer import network as networks
from segmentation.models.segformer.options import Options
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.paths import REPOSITORY

TINY = Options(
    backbone="mit_b0", embedding=16, iterations=6, schedule=None, warm_up=2, crop=64, rescale=(1, 1)
)
CLASSES = tuple("abcd")


def build_quietly(options, tmp_path, outputs=4):
    with networks.redirect_library_output(tmp_path / "log.txt"):
        return networks.build_network(options, outputs)


def hash_weights(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def train(root, folder, options=TINY, seed=3):
    folder.mkdir(exist_ok=True)
    data = tiny_segmentation_dataset.load_labeled_images(root)
    segformer.train(data, options, seed=seed, device="cpu", folder=folder)
    return folder


@pytest.fixture
def data_root(tmp_path):
    return tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data")


# --- the network ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backbone", "embedding", "encoder", "decoder"),
    [
        ("mit_b0", 256, 3.4, 0.4),
        ("mit_b1", 256, 13.1, 0.6),
        ("mit_b2", 768, 24.2, 3.3),
        ("mit_b3", 768, 44.0, 3.3),
    ],
)
def test_every_size_has_the_parameters_of_the_paper(
    backbone, embedding, encoder, decoder, tmp_path
):
    """Xie et al. 2021, table 1a: millions of parameters with the 150 classes of ADE20K."""
    net = build_quietly(Options(backbone=backbone, embedding=embedding), tmp_path, outputs=150)
    millions = [sum(p.numel() for p in part.parameters()) / 1e6 for part in net.children()][1:]
    assert millions == pytest.approx([encoder, decoder], abs=0.1)


def test_the_two_largest_sizes_have_the_blocks_of_the_paper():
    """Xie et al. 2021, table 6."""
    assert networks.BLOCKS_PER_STAGE["mit_b4"] == (3, 8, 27, 3)
    assert networks.BLOCKS_PER_STAGE["mit_b5"] == (3, 6, 40, 3)


def test_a_linear_head_computes_the_papers_equation(tmp_path):
    """Xie et al. 2021, eq. 4: linear, up, linear (with norm and ReLU in their code), linear."""
    net = build_quietly(Options(backbone="mit_b0", embedding=16, head="linear"), tmp_path).eval()
    head = net.decode_head
    for layer, width in zip(head.convs, (32, 64, 160, 256), strict=True):
        assert [tuple(p.shape) for p in layer.parameters()] == [(16, width, 1, 1), (16,)]
    features = [
        torch.randn(1, w, 16 // s, 16 // s)
        for w, s in zip((32, 64, 160, 256), (1, 2, 4, 8), strict=True)
    ]
    with torch.inference_mode():
        upsampled = [
            torch.nn.functional.interpolate(
                torch.einsum("oi,nihw->nohw", layer.weight[..., 0, 0], x)
                + layer.bias[:, None, None],
                size=(16, 16),
                mode="bilinear",
                align_corners=False,
            )
            for layer, x in zip(head.convs, features, strict=True)
        ]
        expected = head.conv_seg(head.fusion_conv(torch.cat(upsampled, dim=1)))
        assert torch.allclose(head(features), expected, atol=1e-5)


# --- the recipe ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 8e-5 * 1e-6),
        (1500, 8e-5 * (1 - 0.5 * (1 - 1e-6))),
        (3000, 8e-5 * 157_000 / 160_000),
        (10_000, 8e-5 * 150_000 / 160_000),
        (70_000, 8e-5 * 90_000 / 160_000),
    ],
)
def test_the_learning_rate_is_that_of_segmif(step, rate):
    """By hand from its PolyWarmupAdamW with configs/voc.yaml."""
    factor = training.compute_learning_rate_factor(step, Options())
    assert 8e-5 * factor == pytest.approx(rate, rel=1e-12)


PAPER = Options(start_weights="imagenet", head="linear", padding="anywhere", distortion=False)


def test_the_paper_preset_agrees_with_segmif_except_for_the_permanent_differences():
    from fusebench.config import schema
    from fusebench.experiments.resolution import resolve_tasks

    file = schema.load_task_file(REPOSITORY / "tasks.yaml", "paper")
    model = resolve_tasks(file, ["fmb-segmentation"], REPOSITORY, REPOSITORY)[
        "fmb-segmentation"
    ].model
    options, predict_options = model.options, model.predict_options
    assert options == PAPER
    protocol = segformer.protocol(options, predict_options)
    differences = protocol["differs from SegMiF (its value)"]
    assert differences.startswith(
        "shuffle yes (no), last model (best on the test images), one training ("
    )
    for fact in (
        "backbone mit_b3",
        "embedding 256",
        "head linear",
        "start weights imagenet",
        "iterations 70000",
        "schedule 160000",
        "batch 2",
        "crop 480",
        "rescale 0.5-2",
        "distortion no",
        "learning rate 8e-05",
        "head factor 10",
        "weight decay 0.01",
        "betas 0.9-0.999",
        "warm up ratio 1e-06",
        "ignore unlabeled no",
    ):
        assert fact in protocol["as SegMiF"].split(", ")


def test_the_protocol_names_every_difference_with_segmifs_value(tmp_path):
    (tmp_path / "own.pth").touch()
    options = Options(
        backbone="mit_b0", start_weights=str(tmp_path / "own.pth"), ignore_unlabeled=True
    )
    differences = segformer.protocol(options, segformer.Predict())[
        "differs from SegMiF (its value)"
    ]
    for fact in (
        "backbone mit_b0 (mit_b3)",
        "head mmseg (linear)",
        "start weights own.pth (imagenet)",
        "padding corner (anywhere)",
        "distortion yes (no)",
        "ignore unlabeled yes (no)",
    ):
        assert fact in differences.split(", ")
    assert str(tmp_path) not in differences


def test_every_option_is_compared_with_segmifs():
    # whether a network is compiled is no part of its recipe; the protocol says it apart
    assert set(segmif_differences.SEGMIF_OPTIONS) == set(Options.model_fields) - {"compile"}


def test_options_added_later_do_not_change_the_hash_of_older_specs():
    """Hashes of the options without head, shuffle and padding."""
    demo = Options(
        backbone="mit_b0",
        embedding=128,
        start_weights="packaged",
        iterations=250,
        schedule=None,
        warm_up=20,
        crop=256,
        rescale=(1.0, 1.5),
        distortion=False,
        learning_rate=4e-4,
        head_factor=2,
        drop_path=0,
    )
    hashes = [hashing.content_hash(o.model_dump(mode="json")) for o in (Options(), demo)]
    assert hashes == ["6b4a73c3598f", "8a0899376967"]
    values = PAPER.model_dump(mode="json")
    assert (values["head"], values["padding"], "shuffle" in values) == ("linear", "anywhere", False)
    assert Options.model_validate(demo.model_dump(mode="json")) == demo


def test_the_learning_rate_ends_at_0_without_a_longer_schedule():
    assert training.compute_learning_rate_factor(6, TINY) == 0.0


def test_the_head_has_ten_times_the_rate_and_norms_of_the_encoder_no_decay(tmp_path):
    net = build_quietly(Options(backbone="mit_b0"), tmp_path)
    optimizer = torch.optim.AdamW(networks.build_parameter_groups(net, Options()))
    by_name = {
        name: group
        for name, parameter in net.named_parameters()
        for group in optimizer.param_groups
        if any(parameter is p for p in group["params"])
    }
    assert len(by_name) == len(list(net.parameters()))
    for name, group in by_name.items():
        assert group["lr"] == pytest.approx(8e-4 if name.startswith("decode_head") else 8e-5)
        is_norm = ".norm" in name or re.match(
            r"backbone\.layers\.\d\.2\.", name
        )  # each stage's last
        assert group["weight_decay"] == (0.0 if is_norm else 0.01), name
    assert by_name["backbone.layers.0.1.0.attn.norm.weight"]["weight_decay"] == 0.0
    assert by_name["decode_head.fusion_conv.bn.weight"]["weight_decay"] == 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": 10, "schedule": 9}, "schedule 9 is shorter than 10"),
        ({"crop": 16}, "at least 32"),
        ({"rescale": (2, 1)}, "smaller end first"),
        ({"backbone": "mit_b9"}, "mit_b0"),
    ],
)
def test_inconsistent_options_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Options(**changes)


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({"crop": 32, "batch": 1}, 1),
        ({"crop": 32, "batch": 2}, 2),
        ({"crop": (33, 32), "batch": 1}, 2),
        ({"crop": 64, "batch": 1}, 4),
    ],
)
def test_batch_norm_has_more_than_one_value_per_channel(tmp_path, changes, values):
    """The encoder halves width and height five times, rounding up: 1/32 of the crop."""
    if values == 1:
        with pytest.raises(ValidationError, match=r"crop 32 x 32 and batch 1 .* head: linear"):
            Options(**changes)
        changes = changes | {"head": "linear"}
    options = Options(backbone="mit_b0", embedding=16, **changes)
    net = build_quietly(options, tmp_path)
    width, height = options.crop_size
    deepest = net.backbone(torch.zeros(options.batch, 3, height, width))[-1]
    assert deepest[:, 0].numel() == values


def test_a_network_of_one_class_is_refused():
    options = Options(ignore_unlabeled=True)
    (error,) = segformer.config_errors(options, ("unlabelled", "road"), "tasks.toy.options")
    assert error.startswith("tasks.toy.options: the only class to train is road (ignore_unlabeled")
    assert segformer.config_errors(Options(), ("unlabelled", "road"), "") == []
    assert segformer.config_errors(options, ("unlabelled", "road", "car"), "") == []


def test_the_protocol_names_model_weights_schedule_and_augmentation():
    protocol = segformer.protocol(Options(), segformer.Predict())
    assert protocol["model"] == "SegFormer mit_b3 (mmseg), head 256"
    assert protocol["start weights"] == "none (from scratch)"
    assert protocol["learning rate"] == "8e-05, head x10; warm-up 3000, poly 1 over 160000"
    assert protocol["augmentation"] == "rescale 0.5-2, crop 480x480, flip 0.5, color distortion"
    assert protocol["class 0 in training"] == "a class"


# --- training images -----------------------------------------------------------------------


def test_every_epoch_has_every_image_once_in_another_order():
    first, second = (augmentation.shuffle_epoch(0, epoch, 50) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_a_crop_depends_on_its_position_alone(data_root):
    crops = augmentation.TrainingCrops(
        tiny_segmentation_dataset.load_labeled_images(data_root), TINY, seed=0, length=10
    )
    first = crops[4]["inputs"]
    crops[1]
    assert torch.equal(crops[4]["inputs"], first)
    assert not torch.equal(crops[5]["inputs"], first)


def test_without_shuffling_images_keep_their_order(data_root):
    data = tiny_segmentation_dataset.load_labeled_images(data_root)
    options = Options(
        backbone="mit_b0",
        embedding=16,
        crop=(96, 64),
        rescale=(1, 1),
        flip=0,
        distortion=False,
        shuffle=False,
        crop_share=1,
    )
    crops = augmentation.TrainingCrops(data, options, 5, 12)
    for position in range(12):
        pair = data.split.pairs[position % 6]
        image = np.array(Image.open(pair.visible)).transpose(2, 0, 1)
        np.testing.assert_array_equal(crops[position]["inputs"].numpy(), image)


def test_a_small_image_is_padded_at_a_random_position_with_ignored_pixels():
    labels = np.random.default_rng(0).integers(0, 5, (40, 48)).astype(np.uint8)
    image = np.stack([labels * 10, labels * 20, labels * 30], axis=-1)
    options = TINY.model_copy(update={"padding": "anywhere", "distortion": False, "flip": 0.0})
    positions = set()
    for seed in range(20):
        augmented = augmentation.augment_image(image, labels, options, seed)
        padded_image, padded_labels = augmented["img"], augmented["gt_seg_map"]
        inside = padded_labels != 255
        indices = np.argwhere(inside)
        (top, left), (bottom, right) = indices.min(axis=0), indices.max(axis=0)
        positions.add((top, left))
        assert (bottom - top + 1, right - left + 1) == labels.shape
        np.testing.assert_array_equal(padded_labels[inside].reshape(labels.shape), labels)
        np.testing.assert_array_equal(padded_image[inside].reshape(image.shape), image)
        assert {tuple(color) for color in padded_image[~inside]} == {(124, 116, 104)}
        assert padded_image.shape == (64, 64, 3)
    assert len(positions) > 10
    assert max(top for top, _ in positions) <= 64 - 40


def test_augmentation_restores_numpys_global_generator():
    image = np.zeros((64, 64, 3), np.uint8)
    np.random.seed(5)  # noqa: NPY002 - the tested generator
    expected = np.random.random()  # noqa: NPY002 - the tested generator
    np.random.seed(5)  # noqa: NPY002 - the tested generator
    augmentation.augment_image(image, image[..., 0], TINY, 1)
    assert np.random.random() == expected  # noqa: NPY002 - the tested generator


def test_image_and_labels_are_augmented_alike():
    labels = np.random.default_rng(0).integers(0, 5, (8, 12)).repeat(8, 0).repeat(8, 1)
    labels = labels.astype(np.uint8)
    options = TINY.model_copy(update={"rescale": (1.0, 1.0), "distortion": False})
    image = np.stack([labels * 10, labels * 20, labels * 30], axis=-1)
    for seed in range(5):
        augmented = augmentation.augment_image(image, labels, options, seed)
        np.testing.assert_array_equal(augmented["img"][..., 0], augmented["gt_seg_map"] * 10)
        np.testing.assert_array_equal(augmented["img"][..., 2], augmented["gt_seg_map"] * 30)
        assert augmented["gt_seg_map"].shape == (64, 64)


def test_without_unlabeled_pixels_every_id_decreases_by_1():
    labels = np.array([[0, 1, 14]], np.uint8)
    converted = augmentation.convert_to_training_labels(labels, Options(ignore_unlabeled=True))
    np.testing.assert_array_equal(converted, [[255, 0, 13]])
    assert augmentation.convert_to_training_labels(labels, Options()) is labels


# --- training ------------------------------------------------------------------------------


class KilledError(BaseException):
    """Simulates a kill: nothing catches it."""


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(
    data_root, tmp_path, monkeypatch
):
    options = TINY.model_copy(update={"rescale": (0.5, 2.0), "drop_path": 0.3})
    uninterrupted = train(data_root, tmp_path / "uninterrupted", options)
    monkeypatch.setattr(checkpoint_times, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_times, "WRITE_FACTOR", 0.0)
    record_loss = training._record_loss

    def kill_at(step):
        def record_or_kill(state, loss, options):
            if state.finished_steps == step:
                raise KilledError
            record_loss(state, loss, options)

        monkeypatch.setattr(training, "_record_loss", record_or_kill)

    for step in (1, 4):
        kill_at(step)
        with pytest.raises(KilledError):
            train(data_root, tmp_path / "killed", options)
        assert (tmp_path / "killed/checkpoint.pt").exists()
    monkeypatch.setattr(training, "_record_loss", record_loss)
    resumed = train(data_root, tmp_path / "killed", options)
    assert hash_weights(resumed) == hash_weights(uninterrupted)
    assert (resumed / "losses.csv").read_text() == (uninterrupted / "losses.csv").read_text()
    assert not (resumed / "checkpoint.pt").exists()


@pytest.mark.slow
def test_a_training_killed_during_cleanup_leaves_no_checkpoint(data_root, tmp_path):
    folder = train(data_root, tmp_path / "model")
    before = hash_weights(folder)
    for name in ("checkpoint.pt", ".checkpoint.pt.4711"):
        (folder / name).touch()
    train(data_root, folder)
    assert hash_weights(folder) == before
    assert not list(folder.glob("*checkpoint*"))


def test_an_unreadable_checkpoint_is_an_error_that_names_it(data_root, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(UserError, match=r"checkpoint\.pt: cannot be read .*verify --repair"):
        train(data_root, folder)


@pytest.mark.slow
def test_another_seed_trains_other_weights_and_a_finished_training_is_not_repeated(
    data_root, tmp_path
):
    folder = train(data_root, tmp_path / "seed0", seed=0)
    other = train(data_root, tmp_path / "seed1", seed=1)
    assert hash_weights(other) != hash_weights(folder)
    modified = (folder / "model.safetensors").stat().st_mtime_ns
    train(data_root, folder, seed=1)
    assert (folder / "model.safetensors").stat().st_mtime_ns == modified


@pytest.mark.slow
def test_training_writes_nothing_outside_its_folder(data_root, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    folder = train(data_root, tmp_path / "model")
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert sorted(path.relative_to(folder).as_posix() for path in written) == [
        "log.txt",
        "losses.csv",
        "model.json",
        "model.safetensors",
        "time.json",
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_model_trained_without_class_0_never_predicts_it(data_root, tmp_path):
    options = TINY.model_copy(update={"ignore_unlabeled": True})
    folder = train(data_root, tmp_path / "model", options)
    assert load_file(folder / "model.safetensors")["decode_head.conv_seg.bias"].shape == (14,)
    test = tiny_segmentation_dataset.load_labeled_images(data_root, "test")
    for _, labels in segformer.predict(folder, test, options, segformer.Predict(), device="cpu"):
        assert labels.min() >= 1
        assert labels.dtype == np.uint8
        assert labels.shape == (64, 96)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_an_error_with_advice(data_root, tmp_path):
    with pytest.raises(UserError, match="lower learning_rate"):
        train(data_root, tmp_path / "model", TINY.model_copy(update={"learning_rate": 1e30}))


def test_weights_that_the_last_step_makes_infinite_are_an_error():
    net = torch.nn.Linear(2, 1)
    state = training.SegmenterTrainingState(finished_steps=1, loss_curve=[(1, 0.5)])
    training._check_result(net, state, TINY)
    net.bias.data[0] = torch.nan
    with pytest.raises(UserError, match=r"trained weights: bias is not finite .*learning_rate"):
        training._check_result(net, state, TINY)


@pytest.mark.slow
def test_a_training_that_never_saw_a_label_is_an_error(data_root, tmp_path):
    for path in (data_root / "fmb/train/Label").iterdir():
        Image.new("L", tiny_segmentation_dataset.SIZE, 255).save(path)
    options = TINY.model_copy(update={"ignore_unlabeled": True, "iterations": 2})
    with pytest.raises(UserError, match="nothing was trained, the loss was 0 in all 2 steps"):
        train(data_root, tmp_path / "model", options)
    assert not list((tmp_path / "model").glob("model.*"))
