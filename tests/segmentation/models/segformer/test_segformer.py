"""SegFormer: the published sizes, SegMiF's schedule and optimizer, start weights, resuming."""

import hashlib
import re

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import load_file

from fusebench.errors import UserError
from fusebench.runtime import library_log
from fusebench.storage import hashing as digests_of
from segmentation.models import segformer
from segmentation.models.segformer import (
    Options,
    augmentation,
    schedule,
    segmif_differences,
    training,
)
from segmentation.models.segformer import network as networks
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.paths import REPOSITORY

TINY = Options(
    backbone="mit_b0", embedding=16, iterations=6, schedule=None, warm_up=2, crop=64, rescale=(1, 1)
)
CLASSES = tuple("abcd")


def built(options, tmp_path, outputs=4):
    with library_log.redirect_library_output(tmp_path / "log.txt"):
        return networks.build_network(options, outputs)


def digest(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def train(root, folder, options=TINY, seed=3):
    folder.mkdir(exist_ok=True)
    data = tiny_segmentation_dataset.load_labeled_images(root)
    segformer.train(data, options, seed=seed, device="cpu", folder=folder)
    return folder


@pytest.fixture
def toys(tmp_path):
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
def test_sizes_are_those_of_the_paper(backbone, embedding, encoder, decoder, tmp_path):
    """Xie et al. 2021, table 1a: millions of parameters with the 150 classes of ADE20K."""
    net = built(Options(backbone=backbone, embedding=embedding), tmp_path, outputs=150)
    found = [sum(p.numel() for p in part.parameters()) / 1e6 for part in net.children()][1:]
    assert found == pytest.approx([encoder, decoder], abs=0.1)


def test_layers_of_the_two_largest_are_those_of_the_paper():
    """Xie et al. 2021, table 6."""
    assert networks.BLOCKS_PER_STAGE["mit_b4"] == (3, 8, 27, 3)
    assert networks.BLOCKS_PER_STAGE["mit_b5"] == (3, 6, 40, 3)


def test_a_linear_head_is_the_papers_and_segmifs(tmp_path):
    """Xie et al. 2021, eq. 4: linear, up, linear (with norm and ReLU in their code), linear."""
    net = built(Options(backbone="mit_b0", embedding=16, head="linear"), tmp_path).eval()
    head = net.decode_head
    for layer, width in zip(head.convs, (32, 64, 160, 256), strict=True):
        assert [tuple(p.shape) for p in layer.parameters()] == [(16, width, 1, 1), (16,)]
    features = [
        torch.randn(1, w, 16 // s, 16 // s)
        for w, s in zip((32, 64, 160, 256), (1, 2, 4, 8), strict=True)
    ]
    with torch.inference_mode():
        up = [
            torch.nn.functional.interpolate(
                torch.einsum("oi,nihw->nohw", layer.weight[..., 0, 0], x)
                + layer.bias[:, None, None],
                size=(16, 16),
                mode="bilinear",
                align_corners=False,
            )
            for layer, x in zip(head.convs, features, strict=True)
        ]
        by_hand = head.conv_seg(head.fusion_conv(torch.cat(up, dim=1)))
        assert torch.allclose(head(features), by_hand, atol=1e-5)


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
    assert 8e-5 * schedule.compute_learning_rate_factor(step, Options()) == pytest.approx(
        rate, rel=1e-12
    )


PAPER = Options(start_weights="imagenet", head="linear", padding="anywhere", distortion=False)


def test_the_preset_of_the_paper_is_segmifs_but_for_what_the_protocol_calls_ours():
    from fusebench.config import schema
    from fusebench.experiments.specs import load_model

    file = REPOSITORY / "tasks.yaml"
    _, options, how = load_model(
        "fmb", schema.load_task_file(file, "paper").tasks["fmb-segmentation"]
    )
    assert options == PAPER
    said = segformer.protocol(options, how)
    ours = said["ours (SegMiF's)"]
    assert ours.startswith("shuffle yes (no), last model (best on the test images), one training (")
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
        assert fact in said["as SegMiF"].split(", ")


def test_the_protocol_names_theirs_beside_what_is_ours(tmp_path):
    (tmp_path / "mine.pth").touch()
    options = Options(
        backbone="mit_b0", start_weights=str(tmp_path / "mine.pth"), ignore_unlabeled=True
    )
    ours = segformer.protocol(options, segformer.Predict())["ours (SegMiF's)"]
    for fact in (
        "backbone mit_b0 (mit_b3)",
        "head mmseg (linear)",
        "start weights mine.pth (imagenet)",
        "padding corner (anywhere)",
        "distortion yes (no)",
        "ignore unlabeled yes (no)",
    ):
        assert fact in ours.split(", ")
    assert str(tmp_path) not in ours


def test_every_option_is_compared_with_segmifs():
    assert set(segmif_differences.SEGMIF_OPTIONS) == set(Options.model_fields)


def test_younger_options_leave_the_digests_of_older_trainings_as_they_were():
    """Digests of the options before there were head, shuffle and padding."""
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
    digests = [digests_of.content_hash(o.model_dump(mode="json")) for o in (Options(), demo)]
    assert digests == ["3e73830424a3", "a90c40e015ee"]
    used = PAPER.model_dump(mode="json")
    assert (used["head"], used["padding"], "shuffle" in used) == ("linear", "anywhere", False)
    assert Options.model_validate(demo.model_dump(mode="json")) == demo


def test_the_schedule_ends_at_0_with_the_last_iteration_unless_it_is_longer():
    assert schedule.compute_learning_rate_factor(6, TINY) == 0.0


def test_the_head_learns_ten_times_faster_and_norms_of_the_encoder_do_not_decay(tmp_path):
    net = built(Options(backbone="mit_b0"), tmp_path)
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
        norm = ".norm" in name or re.match(r"backbone\.layers\.\d\.2\.", name)  # each stage's last
        assert group["weight_decay"] == (0.0 if norm else 0.01), name
    assert by_name["backbone.layers.0.1.0.attn.norm.weight"]["weight_decay"] == 0.0
    assert by_name["decode_head.fusion_conv.bn.weight"]["weight_decay"] == 0.01


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"iterations": 10, "schedule": 9}, "schedule 9 is shorter than 10"),
        ({"crop": 16}, "at least 32"),
        ({"rescale": (2, 1)}, "smaller end first"),
        ({"backbone": "mit_b9"}, "mit_b0"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        Options(**wrong)


def test_the_protocol_says_what_was_trained():
    said = segformer.protocol(Options(), segformer.Predict())
    assert said["model"] == "SegFormer mit_b3 (mmseg), head 256"
    assert said["start weights"] == "none (from scratch)"
    assert said["learning rate"] == "8e-05, head x10; warm-up 3000, poly 1 over 160000"
    assert said["augmentation"] == "rescale 0.5-2, crop 480x480, flip 0.5, color distortion"
    assert said["class 0 in training"] == "a class"


# --- training images -----------------------------------------------------------------------


def test_every_image_is_shown_once_in_every_epoch_in_another_order():
    first, second = (augmentation.shuffle_epoch(0, epoch, 50) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_an_image_depends_on_its_position_alone(toys):
    made = augmentation.TrainingCrops(
        tiny_segmentation_dataset.load_labeled_images(toys), TINY, seed=0, length=10
    )
    there = made[4]
    made[1]
    again = made[4]
    assert torch.equal(there["inputs"], again["inputs"])
    assert not torch.equal(there["inputs"], made[5]["inputs"])


def test_without_shuffling_images_come_in_their_order(toys):
    data = tiny_segmentation_dataset.load_labeled_images(toys)
    whole = Options(
        backbone="mit_b0",
        embedding=16,
        crop=(96, 64),
        rescale=(1, 1),
        flip=0,
        distortion=False,
        shuffle=False,
        crop_share=1,
    )
    shown = augmentation.TrainingCrops(data, whole, 5, 12)
    for position in range(12):
        pair = data.split.pairs[position % 6]
        image = np.array(Image.open(pair.visible)).transpose(2, 0, 1)
        np.testing.assert_array_equal(shown[position]["inputs"].numpy(), image)


def test_an_image_smaller_than_the_crop_lies_anywhere_in_it_and_the_rest_is_left_out():
    labels = np.random.default_rng(0).integers(0, 5, (40, 48)).astype(np.uint8)
    image = np.stack([labels * 10, labels * 20, labels * 30], axis=-1)
    options = TINY.model_copy(update={"padding": "anywhere", "distortion": False, "flip": 0.0})
    places = set()
    for seed in range(20):
        shown = augmentation.augment_image(image, labels, options, seed)
        there = shown["gt_seg_map"] != 255
        (top, left), (bottom, right) = (
            found(np.argwhere(there), axis=0) for found in (np.min, np.max)
        )
        places.add((top, left))
        assert (bottom - top + 1, right - left + 1) == labels.shape
        np.testing.assert_array_equal(shown["gt_seg_map"][there].reshape(labels.shape), labels)
        np.testing.assert_array_equal(shown["img"][there].reshape(image.shape), image)
        assert {tuple(color) for color in shown["img"][~there]} == {(124, 116, 104)}
        assert shown["img"].shape == (64, 64, 3)
    assert len(places) > 10
    assert max(top for top, _ in places) <= 64 - 40


def test_changing_an_image_leaves_numpys_global_generator_as_it_was():
    image = np.zeros((64, 64, 3), np.uint8)
    np.random.seed(5)  # noqa: NPY002 - the one in question
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    augmentation.augment_image(image, image[..., 0], TINY, 1)
    assert np.random.random() == expected  # noqa: NPY002


def test_image_and_labels_are_changed_alike():
    labels = np.random.default_rng(0).integers(0, 5, (8, 12)).repeat(8, 0).repeat(8, 1)
    labels = labels.astype(np.uint8)
    options = TINY.model_copy(update={"rescale": (1.0, 1.0), "distortion": False})
    image = np.stack([labels * 10, labels * 20, labels * 30], axis=-1)
    for seed in range(5):
        shown = augmentation.augment_image(image, labels, options, seed)
        np.testing.assert_array_equal(shown["img"][..., 0], shown["gt_seg_map"] * 10)
        np.testing.assert_array_equal(shown["img"][..., 2], shown["gt_seg_map"] * 30)
        assert shown["gt_seg_map"].shape == (64, 64)


def test_without_unlabeled_pixels_every_id_moves_down_by_one():
    labels = np.array([[0, 1, 14]], np.uint8)
    moved = augmentation.convert_to_training_labels(labels, Options(ignore_unlabeled=True))
    np.testing.assert_array_equal(moved, [[255, 0, 13]])
    assert augmentation.convert_to_training_labels(labels, Options()) is labels


# --- training ------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a signal: nothing catches it."""


@pytest.mark.slow
def test_a_killed_and_resumed_run_ends_with_the_same_weights_bit_for_bit(
    toys, tmp_path, monkeypatch
):
    options = TINY.model_copy(update={"rescale": (0.5, 2.0), "drop_path": 0.3})
    whole = train(toys, tmp_path / "whole", options)
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL_SECONDS", 0.0)
    note = training._record_loss

    def killed_at(step):
        def noted(state, loss, options):
            if state.step == step:
                raise Killed
            note(state, loss, options)

        monkeypatch.setattr(training, "_record_loss", noted)

    for step in (1, 4):
        killed_at(step)
        with pytest.raises(Killed):
            train(toys, tmp_path / "killed", options)
        assert (tmp_path / "killed/checkpoint.pt").exists()
    monkeypatch.setattr(training, "_record_loss", note)
    resumed = train(toys, tmp_path / "killed", options)
    assert digest(resumed) == digest(whole)
    assert (resumed / "losses.csv").read_text() == (whole / "losses.csv").read_text()
    assert not (resumed / "checkpoint.pt").exists()


@pytest.mark.slow
def test_a_training_killed_while_tidying_up_leaves_no_checkpoint_behind(toys, tmp_path):
    once = train(toys, tmp_path / "once")
    before = digest(once)
    for name in ("checkpoint.pt", ".checkpoint.pt.4711"):
        (once / name).touch()
    again = train(toys, once)
    assert digest(again) == before
    assert not list(again.glob("*checkpoint*"))


def test_a_checkpoint_that_cannot_be_read_is_named(toys, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(UserError, match=r"checkpoint\.pt: cannot be read .*delete it"):
        train(toys, folder)


@pytest.mark.slow
def test_another_seed_trains_another_model_and_a_finished_one_is_left_alone(toys, tmp_path):
    one = train(toys, tmp_path / "one", seed=0)
    before = digest(one)
    assert digest(train(toys, tmp_path / "other", seed=1)) != before
    changed = (one / "model.safetensors").stat().st_mtime_ns
    train(toys, one, seed=1)
    assert (one / "model.safetensors").stat().st_mtime_ns == changed


@pytest.mark.slow
def test_training_writes_nothing_outside_its_folder(toys, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    folder = train(toys, tmp_path / "model")
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert sorted(path.relative_to(folder).as_posix() for path in made) == [
        "log.txt",
        "losses.csv",
        "model.json",
        "model.safetensors",
        "time.json",
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_model_without_unlabeled_never_predicts_class_0(toys, tmp_path):
    options = TINY.model_copy(update={"ignore_unlabeled": True})
    folder = train(toys, tmp_path / "model", options)
    assert load_file(folder / "model.safetensors")["decode_head.conv_seg.bias"].shape == (14,)
    test = tiny_segmentation_dataset.load_labeled_images(toys, "test")
    for _, labels in segformer.predict(folder, test, options, segformer.Predict(), device="cpu"):
        assert labels.min() >= 1
        assert labels.dtype == np.uint8
        assert labels.shape == (64, 96)


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_with_advice(toys, tmp_path):
    with pytest.raises(UserError, match="lower learning_rate"):
        train(toys, tmp_path / "model", TINY.model_copy(update={"learning_rate": 1e30}))
