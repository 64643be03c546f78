"""Training images and patch sampling: location, order, augmentation."""

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import DatasetNotFoundError, UserError
from fusion.training.data import dataset, patches
from fusion.training.recipe.schema import DMFuseRecipe
from fusion.training.recipe.stage_options import ImageDataOptions, PairDataOptions, StageOptions
from tests.helpers.fusion import tiny_training


def build_options(**changes):
    return StageOptions.model_validate({**tiny_training.STAGE_OPTIONS, "flips": False, **changes})


def find_data(root, input_kind="pairs", **changes):
    part = PairDataOptions(**{**tiny_training.FOLDER_DATA, **changes})
    return dataset.find_training_data([part], input_kind, root)


def build_sampler(root, seed=0, **changes):
    options = build_options(**changes)
    return patches.PatchSampler(
        patches.list_patch_locations(find_data(root).images, options),
        options,
        dataset.ImageReader("pairs", options.patch),
        seed,
    )


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data")


def test_a_stride_of_12_cuts_every_position_that_fits(root):
    # 48 x 40 pixels, patches of 32: left at 0 and 12, top at 0
    locations = patches.list_patch_locations(find_data(root).images, build_options(stride=12))
    assert [location.corner for location in locations] == [(0, 0), (0, 12)] * 3


def test_a_stride_of_8_reaches_the_last_row(root):
    locations = patches.list_patch_locations(find_data(root).images, build_options(stride=8))
    corners = {location.corner for location in locations}
    assert corners == {(top, left) for top in (0, 8) for left in (0, 8, 16)}


def test_a_patch_cut_by_stride_equals_that_region_of_visible_and_infrared(root):
    sampler = build_sampler(root, stride=12)
    for position in range(sampler.patches_per_epoch):
        key, pixels = sampler.get_patch(position)
        stem = key.removeprefix("folder/")
        images = [
            np.asarray(Image.open(root / "folder" / name / f"{stem}.png").convert("L"))
            for name in ("vi", "ir")
        ]
        regions = [np.stack([image[:32, left : left + 32] for image in images]) for left in (0, 12)]
        assert any(np.array_equal(pixels, region) for region in regions)


def test_an_epoch_has_every_patch_once_and_the_next_epoch_another_order(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data", "abcdefgh")
    sampler = build_sampler(root)
    epochs = [[sampler.get_patch(8 * e + i)[0] for i in range(8)] for e in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [sorted(epochs[0])] * 2
    assert len(set(epochs[0])) == 8
    assert epochs[0] != epochs[1]


def test_a_patch_depends_on_seed_and_position_only(root):
    changes = {"flips": True, "turns": True, "scale": (0.8, 1.2)}
    first_sampler, second_sampler = build_sampler(root, **changes), build_sampler(root, **changes)
    forward = [first_sampler.get_patch(i)[1] for i in range(9)]
    backward = [second_sampler.get_patch(i)[1] for i in reversed(range(9))][::-1]
    for first, second in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(first, second)
    other_seed = build_sampler(root, seed=1, **changes)
    assert any(
        not np.array_equal(patch, other_seed.get_patch(i)[1]) for i, patch in enumerate(forward)
    )


def test_both_images_of_a_pair_are_flipped_and_rotated_alike(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data", "a", size=(32, 32))
    infrared = np.asarray(Image.open(root / "folder/ir/a.png"))
    Image.fromarray(np.dstack([infrared] * 3)).save(root / "folder/vi/a.png")
    sampler = build_sampler(root, flips=True, turns=True)
    augmented = [sampler.get_patch(i)[1] for i in range(20)]
    assert all(np.array_equal(pixels[0], pixels[1]) for pixels in augmented)
    assert len({pixels.tobytes() for pixels in augmented}) == 8  # the symmetries of a square


def test_images_smaller_than_a_patch_are_enlarged(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data", "ab", size=(24, 20))
    assert build_sampler(root).get_patch(0)[1].shape == (2, 32, 32)


def test_both_images_of_a_pair_serve_as_single_images(root):
    images = find_data(root, "gray").images
    assert [image.files[0].parent.name for image in images] == ["vi", "ir"] * 3


def test_color_images_have_three_channels_and_gray_images_three_equal_ones(root):
    reader = dataset.ImageReader("color", 32)
    visible, infrared = (reader.read(image) for image in find_data(root, "color").images[:2])
    assert visible.shape == infrared.shape == (40, 48, 3)
    np.testing.assert_array_equal(infrared[..., 0], infrared[..., 2])


def test_the_option_first_limits_the_keys_and_the_option_times_repeats_them(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data", "abcde")
    data = find_data(root, first=2, times=3)
    assert [image.key for image in data.images] == ["folder/a", "folder/b"]
    assert len(patches.list_patch_locations(data.images, build_options())) == 6
    assert data.descriptions == ("folder all: the first 2 pairs, each 3 times",)


def test_held_out_images_are_not_trained_on_and_are_spread_over_the_data(tmp_path):
    images = find_data(tiny_training.write_pairs(tmp_path / "data", "abcdefgh")).images
    train_images, held_out = dataset.split_held_out(images, 2)
    assert [image.key[-1] for image in held_out] == ["c", "g"]
    assert set(train_images) | set(held_out) == set(images)
    assert not set(train_images) & set(held_out)


def test_holding_all_images_out_is_refused(root):
    with pytest.raises(UserError, match="3 image"):
        dataset.split_held_out(find_data(root).images, 3)


def test_a_folder_of_single_images_is_found(root):
    part = ImageDataOptions(images="folder/ir", first=2)
    data = dataset.find_training_data([part], "gray", root)
    assert [image.key for image in data.images] == ["ir/a", "ir/b"]


def test_single_images_are_refused_where_pairs_are_needed(root):
    with pytest.raises(UserError, match="trains on pairs"):
        dataset.find_training_data([ImageDataOptions(images="folder/ir")], "pairs", root)


@pytest.mark.parametrize("part", [ImageDataOptions(images="coco"), PairDataOptions(dataset="msrs")])
def test_the_error_for_missing_data_names_the_data_and_the_flags(root, part):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)(coco|msrs).*--scenes.*--data"):
        dataset.find_training_data([part], "gray", root)


def test_the_fingerprint_depends_on_the_pixels_and_not_on_the_folder(tmp_path):
    roots = [tiny_training.write_pairs(tmp_path / name) for name in ("one", "two")]
    fingerprints = [find_data(root).fingerprint for root in roots]
    assert fingerprints[0] == fingerprints[1]
    tiny_training.write_pairs(roots[1], "xyz")
    assert find_data(roots[1]).fingerprint != fingerprints[0]


def test_a_data_part_has_the_options_of_exactly_one_kind():
    with pytest.raises(ValueError, match="foo"):
        tiny_training.build_recipe("dmfuse", fusion={"data": [{"images": "x", "foo": 1}]})
    assert isinstance(tiny_training.build_recipe("dmfuse"), DMFuseRecipe)
