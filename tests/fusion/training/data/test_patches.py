"""Which patches a training sees: where they are cut, in which order, how they are varied."""

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import DatasetNotFoundError, UserError
from fusion.training.data import dataset, patches
from fusion.training.recipe.schema import (
    DMFuseRecipe,
    ImageDataOptions,
    PairDataOptions,
    StageOptions,
)
from tests.helpers import tiny_training as toys


def stage(**changes):
    return StageOptions.model_validate({**toys.STAGE_OPTIONS, "flips": False, **changes})


def found(root, seen="pairs", **part):
    return dataset.find_training_data([PairDataOptions(**{**toys.FOLDER_DATA, **part})], seen, root)


def row(root, seed=0, **changes):
    told = stage(**changes)
    items = found(root).images
    return patches.PatchSampler(
        patches.list_patch_locations(items, told),
        told,
        dataset.ImageReader("pairs", told.patch),
        seed,
    )


@pytest.fixture
def root(tmp_path):
    return toys.write_pairs(tmp_path / "data")


def test_a_stride_of_12_cuts_every_position_that_fits(root):
    # 48 x 40 pixels, patches of 32: left at 0 and 12, top at 0
    cuts = patches.list_patch_locations(found(root).images, stage(stride=12))
    assert [cut.corner for cut in cuts] == [(0, 0), (0, 12)] * 3


def test_a_stride_of_8_reaches_the_last_row(root):
    corners = {
        cut.corner for cut in patches.list_patch_locations(found(root).images, stage(stride=8))
    }
    assert corners == {(top, left) for top in (0, 8) for left in (0, 8, 16)}


def test_a_patch_cut_by_stride_is_that_piece_of_visible_and_infrared(root):
    told = row(root, stride=12)
    for position in range(told.epoch):
        key, pixels = told.at(position)
        stem = key.removeprefix("folder/")
        whole = [
            np.asarray(Image.open(root / "folder" / name / f"{stem}.png").convert("L"))
            for name in ("vi", "ir")
        ]
        pieces = [np.stack([image[:32, left : left + 32] for image in whole]) for left in (0, 12)]
        assert any(np.array_equal(pixels, piece) for piece in pieces)


def test_an_epoch_sees_every_patch_once_and_the_next_one_in_another_order(tmp_path):
    root = toys.write_pairs(tmp_path / "data", "abcdefgh")
    told = row(root)
    epochs = [[told.at(8 * e + i)[0] for i in range(8)] for e in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [sorted(epochs[0])] * 2
    assert len(set(epochs[0])) == 8
    assert epochs[0] != epochs[1]


def test_a_patch_depends_on_seed_and_position_alone(root):
    changes = {"flips": True, "turns": True, "scale": (0.8, 1.2)}
    forwards, backwards = row(root, **changes), row(root, **changes)
    there = [forwards.get_patch(i)[1] for i in range(9)]
    back = [backwards.get_patch(i)[1] for i in reversed(range(9))][::-1]
    for one, two in zip(there, back, strict=True):
        np.testing.assert_array_equal(one, two)
    other = row(root, seed=1, **changes)
    assert any(not np.array_equal(one, other.at(i)[1]) for i, one in enumerate(there))


def test_both_images_are_mirrored_and_turned_alike(tmp_path):
    root = toys.write_pairs(tmp_path / "data", "a", size=(32, 32))
    infrared = np.asarray(Image.open(root / "folder/ir/a.png"))
    Image.fromarray(np.dstack([infrared] * 3)).save(root / "folder/vi/a.png")
    told = row(root, flips=True, turns=True)
    seen = [told.get_patch(i)[1] for i in range(20)]
    assert all(np.array_equal(pixels[0], pixels[1]) for pixels in seen)
    assert len({pixels.tobytes() for pixels in seen}) == 8  # the symmetries of a square


def test_images_smaller_than_a_patch_are_enlarged(tmp_path):
    root = toys.write_pairs(tmp_path / "data", "ab", size=(24, 20))
    assert row(root).get_patch(0)[1].shape == (2, 32, 32)


def test_single_images_are_both_halves_of_a_pair(root):
    items = found(root, "gray").images
    assert [item.files[0].parent.name for item in items] == ["vi", "ir"] * 3


def test_color_is_read_as_it_is_and_gray_three_times(root):
    reader = dataset.ImageReader("color", 32)
    visible, infrared = (reader.read(item) for item in found(root, "color").images[:2])
    assert visible.shape == infrared.shape == (40, 48, 3)
    np.testing.assert_array_equal(infrared[..., 0], infrared[..., 2])


def test_the_first_keys_and_how_often(tmp_path):
    root = toys.write_pairs(tmp_path / "data", "abcde")
    some = found(root, first=2, times=3)
    assert [item.key for item in some.images] == ["folder/a", "folder/b"]
    assert len(patches.list_patch_locations(some.images, stage())) == 6
    assert some.descriptions == ("folder all: the first 2 pairs, each 3 times",)


def test_what_is_held_out_is_not_trained_on_and_spread_over_the_data(tmp_path):
    items = found(toys.write_pairs(tmp_path / "data", "abcdefgh")).images
    kept, held_out = dataset.split_held_out(items, 2)
    assert [item.key[-1] for item in held_out] == ["c", "g"]
    assert set(kept) | set(held_out) == set(items)
    assert not set(kept) & set(held_out)


def test_holding_everything_out_is_refused(root):
    with pytest.raises(UserError, match="3 image"):
        dataset.split_held_out(found(root).images, 3)


def test_a_folder_of_single_images(root):
    some = dataset.find_training_data([ImageDataOptions(images="folder/ir", first=2)], "gray", root)
    assert [item.key for item in some.images] == ["ir/a", "ir/b"]


def test_single_images_are_no_pairs(root):
    with pytest.raises(UserError, match="trains on pairs"):
        dataset.find_training_data([ImageDataOptions(images="folder/ir")], "pairs", root)


@pytest.mark.parametrize("part", [ImageDataOptions(images="coco"), PairDataOptions(dataset="msrs")])
def test_absent_data_is_named_with_the_way_out(root, part):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)(coco|msrs).*--scenes.*--data"):
        dataset.find_training_data([part], "gray", root)


def test_the_fingerprint_follows_the_pixels_and_not_the_place(tmp_path):
    roots = [toys.write_pairs(tmp_path / name) for name in ("one", "two")]
    prints = [found(root).fingerprint for root in roots]
    assert prints[0] == prints[1]
    toys.write_pairs(roots[1], "xyz")
    assert found(roots[1]).fingerprint != prints[0]


def test_a_part_must_be_one_of_two_kinds():
    with pytest.raises(ValueError, match="foo"):
        toys.build_recipe("dmfuse", fusion={"data": [{"images": "x", "foo": 1}]})
    assert isinstance(toys.build_recipe("dmfuse"), DMFuseRecipe)
