"""Steps of SegFormer: the loss is mmseg's, loaders and reading of losses change no weight."""

import hashlib

import numpy as np
import pytest
import torch

from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime import torch_compile_cache
from fusebench.runtime.loading import training_batches
from fusebench.storage.weights import checkpoint_times
from segmentation.models import segformer
from segmentation.models.segformer import augmentation, inference, loss, network, training
from segmentation.models.segformer.options import Options
from tests.helpers import tiny_segmentation_dataset

TINY = Options(
    backbone="mit_b0", embedding=16, iterations=7, schedule=None, warm_up=2, crop=64, rescale=(1, 2)
)


@pytest.fixture
def data_root(tmp_path):
    return tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data")


def build_network(tmp_path):
    """Build mmseg's network without dropout, so that two passes have the same loss."""
    options = TINY.model_copy(update={"dropout": 0.0, "drop_path": 0.0})
    with network.redirect_library_output(tmp_path / "log.txt"):
        torch.manual_seed(0)
        return network.build_network(options, 4)


@pytest.mark.parametrize("labeled", [1.0, 0.5, 0.0])
def test_loss_and_gradients_are_mmsegs_bit_for_bit(tmp_path, labeled, one_thread):
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    net, rng = build_network(tmp_path), np.random.default_rng(0)
    batch = {"inputs": [], "labels": []}
    for height, width in ((64, 64), (40, 64)):  # the second one is padded
        labels = rng.integers(0, 4, (height, width), dtype=np.uint8)
        labels[rng.random((height, width)) >= labeled] = 255
        pixels = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
        batch["inputs"].append(torch.from_numpy(pixels))
        batch["labels"].append(torch.from_numpy(labels))
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=labels[None].long())) for labels in batch["labels"]
    ]
    data = net.data_preprocessor({"inputs": batch["inputs"], "data_samples": samples}, True)
    gradients = []
    for compute in (
        lambda: net(**data, mode="loss")["decode.loss_ce"],
        lambda: loss.compute_loss(net, training._build_forward_pass(net, TINY), batch, (64, 64)),
    ):
        net.zero_grad()
        value = compute()
        value.backward()
        gradients.append([value.detach(), *(p.grad.clone() for p in net.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_huge_batch_is_divided_by_its_number_of_labeled_pixels():
    # -log(1 / 2) per pixel; 255 is no label
    labels = torch.zeros(1, 100, 100, dtype=torch.long)
    labels[0, :50] = 255
    value = loss.compute_cross_entropy(torch.zeros(1, 2, 100, 100), labels)
    assert float(value) == pytest.approx(np.log(2), rel=1e-6)
    assert (
        float(loss.compute_cross_entropy(torch.zeros(1, 2, 9, 9), torch.full((1, 9, 9), 255))) == 0
    )


class KilledError(BaseException):
    """Simulates a kill: nothing catches it."""


def train(root, folder):
    folder.mkdir(exist_ok=True)
    data = tiny_segmentation_dataset.load_labeled_images(root)
    segformer.train(data, TINY, seed=3, device="cpu", folder=folder)
    content = (folder / "model.safetensors").read_bytes()
    return hashlib.sha256(content).hexdigest(), (folder / "losses.csv").read_text()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_loader_processes_a_cache_and_losses_read_later_change_no_bit_also_after_a_kill(
    data_root, tmp_path, monkeypatch
):
    expected = train(data_root, tmp_path / "one process")
    monkeypatch.setattr(training_batches, "count_workers", lambda device: 2)
    monkeypatch.setattr(training, "_get_read_interval", lambda device: 3)
    assert train(data_root, tmp_path / "workers") == expected
    monkeypatch.setattr(checkpoint_times, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_times, "WRITE_FACTOR", 0.0)
    save_checkpoint = training._save_checkpoint

    def save_and_kill(path, net, optimizer, state):
        save_checkpoint(path, net, optimizer, state)
        if state.finished_steps == 4:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training, "_save_checkpoint", save_and_kill)
        with pytest.raises(KilledError):
            train(data_root, tmp_path / "killed")
    assert train(data_root, tmp_path / "killed") == expected


def test_the_cache_changes_no_crop(data_root):
    examples = tiny_segmentation_dataset.load_labeled_images(data_root)
    crops = [
        augmentation.TrainingCrops(examples, TINY, 0, 20, augmentation.ImageCache(limit))
        for limit in (0, 10**9)
    ]
    crops[1].fill_cache(threads=2)
    for position in [*range(20), 0, 5]:
        first, second = (each[position] for each in crops)
        assert torch.equal(first["inputs"], second["inputs"])
        assert torch.equal(first["labels"], second["labels"])


def test_a_gpu_predicts_images_of_one_size_together_in_their_order(tmp_path):
    sizes = [(64, 48)] * 5 + [(640, 480)] * 2 + [(64, 48)]
    pairs = [Pair(f"{i}", tmp_path / "a", tmp_path / "b", size) for i, size in enumerate(sizes)]
    split = Split("fmb", "test", ("road", "car"), tuple(pairs))
    batches = inference._build_batches(split, 2 * 64 * 48)
    assert [[pair.key for pair in batch] for batch in batches] == [
        *(["0", "1"], ["2", "3"], ["4"]),
        *(["5"], ["6"], ["7"]),
    ]
    assert all(len(batch) == 1 for batch in inference._build_batches(split, 0))


def test_a_batch_of_images_has_the_labels_of_each(tmp_path):
    net = build_network(tmp_path).eval()
    pixels = torch.randint(0, 256, (3, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    pixels = pixels.to(torch.uint8)
    with torch.inference_mode():
        together = inference.predict_labels(net, pixels)
        apart = torch.cat([inference.predict_labels(net, image[None]) for image in pixels])
    assert together.shape == (3, 64, 96)
    assert (together == apart).float().mean() > 0.999  # convolutions of a batch round differently


def test_a_compiled_training_says_so_and_an_older_spec_does_not():
    assert "compile" not in Options().model_dump(mode="json")
    assert Options(compile=True).model_dump(mode="json")["compile"] is True
    assert "compiled" not in segformer.protocol(Options(), segformer.Predict())
    assert segformer.protocol(Options(compile=True), segformer.Predict())["compiled"] is True


def test_compiling_without_a_compiler_is_refused_with_the_way_out(monkeypatch):
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def find_none():
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", find_none)
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler .* set compile: false"):
        torch_compile_cache.require_compiler("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_predicts(data_root, tmp_path):
    data = tiny_segmentation_dataset.load_labeled_images(data_root)
    segformer.train(data, TINY, seed=3, device="cuda", folder=tmp_path)
    test = tiny_segmentation_dataset.load_labeled_images(data_root, "test")
    predicted = segformer.predict(tmp_path, test, TINY, segformer.Predict(), device="cuda")
    assert [key for key, _ in predicted] == list(test.split.keys)
