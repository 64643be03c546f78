"""Simulated scenes: exact ground truth, and sensors that differ as real ones do."""

import hashlib

import numpy as np
import pytest

from fusebench.simulator import ground_truth
from fusebench.simulator.objects.primitives import LAMP, PERSON, SKY
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.rasterizer import SurfaceBuffer
from fusebench.simulator.scene import RenderedScene, render_scene

DEFAULTS = SceneParameters()


@pytest.fixture(scope="module")
def scenes() -> list[RenderedScene]:
    """Ten sequences."""
    return [render_scene(7, n, DEFAULTS) for n in range(40)]


def hash_images(scene: RenderedScene) -> str:
    arrays = (scene.infrared, scene.visible, scene.label_map)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_the_same_seed_and_number_give_the_same_pixels():
    first, second = render_scene(3, 9, DEFAULTS), render_scene(3, 9, DEFAULTS)
    assert hash_images(first) == hash_images(second)
    assert first.boxes == second.boxes


def test_another_seed_or_another_number_gives_another_scene():
    scenes = [render_scene(seed, n, DEFAULTS) for seed, n in ((3, 9), (4, 9), (3, 10))]
    assert len({hash_images(scene) for scene in scenes}) == 3


def test_every_label_and_every_box_class_occurs_in_forty_scenes(scenes):
    assert set(np.unique(np.stack([s.label_map for s in scenes]))) == set(range(15))
    names = {name for scene in scenes for name, *_ in scene.boxes}
    assert names == {"People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"}


def test_boxes_lie_inside_the_image(scenes):
    for scene in scenes:
        for _, left, top, right, bottom in scene.boxes:
            assert 0 <= left < right <= DEFAULTS.width
            assert 0 <= top < bottom <= DEFAULTS.height


def test_every_box_touches_pixels_of_its_class_on_all_four_sides(scenes):
    label_ids = {name: label for label, name in ground_truth.BOX_CLASS_NAMES.items()}
    for scene in scenes:
        for name, left, top, right, bottom in scene.boxes:
            inside = scene.label_map[top:bottom, left:right] == label_ids[name]
            for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert edge.any()


@pytest.mark.parametrize(
    ("width", "height", "area", "has_box"),
    [
        (5, 5, 25, True),
        (5, 5, 100, True),  # a quarter is visible
        (5, 5, 101, False),
        (5, 3, 15, False),  # 15 pixels
        (2, 10, 20, False),  # 2 pixels wide
    ],
)
def test_instances_that_are_tiny_or_more_than_three_quarters_occluded_have_no_box(
    width, height, area, has_box
):
    surface_index = np.zeros((40, 40), np.int32)
    surface_index[4 : 4 + 2 * height, 6 : 6 + 2 * width] = 1  # canvas pixels
    buffer = SurfaceBuffer(
        surface_index=surface_index,
        surfaces=np.zeros((2, 14), np.float32),
        surface_labels=np.array([SKY, PERSON], np.uint8),
        surface_instances=np.array([0, 1], np.int32),
        inverse_depth_planes=np.zeros((2, 3), np.float32),
        instance_labels=(PERSON,),
        instance_areas=(4.0 * area,),
    )
    expected = (("People", 3, 2, 3 + width, 2 + height),) if has_box else ()
    assert ground_truth.compute_boxes(buffer) == expected


def test_frames_of_a_sequence_share_the_condition_but_not_the_pixels(scenes):
    first, second = scenes[4], scenes[5]
    assert first.sequence == second.sequence != scenes[8].sequence
    assert first.condition == second.condition
    assert (first.label_map != second.label_map).any()


def test_four_consecutive_sequences_have_all_four_conditions(scenes):
    assert {scene.condition for scene in scenes[4:20]} == {"day", "overcast", "night", "challenge"}


def test_few_pixels_are_unlabeled(scenes):
    fraction = np.mean([(scene.label_map == 0).mean() for scene in scenes])
    assert 0.001 < fraction < 0.03


@pytest.mark.parametrize(("width", "height"), [(64, 64), (241, 127), (640, 480)])
def test_images_have_the_requested_size(width, height):
    scene = render_scene(0, 1, SceneParameters(width=width, height=height))
    assert scene.infrared.shape == scene.label_map.shape == (height, width)
    assert scene.visible.shape == (height, width, 3)


@pytest.fixture(scope="module")
def night_scenes() -> list[RenderedScene]:
    return [
        render_scene(11, number, SceneParameters(conditions=("night",)))
        for number in range(0, 48, 3)
    ]


def measure_contrasts(scenes: list[RenderedScene], label: int) -> tuple[list[float], list[float]]:
    """|mean inside - mean around| in gray levels per box of a class, infrared and visible."""
    contrasts: tuple[list[float], list[float]] = ([], [])
    class_name = ground_truth.BOX_CLASS_NAMES[label]
    for scene in scenes:
        gray = scene.visible.mean(axis=2)
        for box_class, left, top, right, bottom in scene.boxes:
            if box_class != class_name:
                continue
            rows = slice(max(top - 4, 0), bottom + 4)
            columns = slice(max(left - 4, 0), right + 4)
            inside = scene.label_map[rows, columns] == label
            if inside.all():
                continue
            for values, image in zip(contrasts, (scene.infrared, gray), strict=True):
                window = image[rows, columns]
                values.append(abs(float(window[inside].mean() - window[~inside].mean())))
    return contrasts


def test_people_at_night_have_more_contrast_in_infrared(night_scenes):
    infrared, visible = measure_contrasts(night_scenes, PERSON)
    assert np.median(infrared) > 2 * np.median(visible)


def test_lamps_at_night_have_more_contrast_in_visible(night_scenes):
    infrared, visible = measure_contrasts(night_scenes, LAMP)
    assert np.median(visible) > 1.5 * np.median(infrared)


def test_darkness_dims_visible_and_does_not_change_infrared():
    light, dark = render_scene(0, 0, DEFAULTS), render_scene(0, 0, SceneParameters(darkness=0.8))
    assert dark.visible.mean() < 0.7 * light.visible.mean()
    np.testing.assert_array_equal(dark.infrared, light.infrared)


def test_haze_lowers_visible_contrast_and_does_not_change_infrared():
    clear, hazy = render_scene(0, 0, DEFAULTS), render_scene(0, 0, SceneParameters(haze=0.08))
    upper_half_without_sky = (clear.label_map != SKY) & (np.arange(256)[:, None] < 128)
    assert (
        hazy.visible[upper_half_without_sky].std()
        < 0.6 * clear.visible[upper_half_without_sky].std()
    )
    np.testing.assert_array_equal(hazy.infrared, clear.infrared)


def test_thermal_contrast_changes_the_spread_of_infrared_and_not_visible():
    default, low_contrast = (
        render_scene(0, 0, DEFAULTS),
        render_scene(0, 0, SceneParameters(thermal_contrast=0.3)),
    )
    assert low_contrast.infrared.std() < 0.7 * default.infrared.std()
    np.testing.assert_array_equal(low_contrast.visible, default.visible)


def estimate_shift(reference: np.ndarray, shifted: np.ndarray) -> float:
    """Length of the whole-pixel shift with the largest cross-correlation."""
    spectrum = np.fft.rfft2(reference - reference.mean()) * np.conj(
        np.fft.rfft2(shifted - shifted.mean())
    )
    peak = np.unravel_index(np.argmax(np.fft.irfft2(spectrum, reference.shape)), reference.shape)
    size = np.array(reference.shape)
    shift = (np.array(peak) + size // 2) % size - size // 2
    return float(np.hypot(*shift))


def test_misregistration_shifts_only_infrared_by_the_given_number_of_pixels():
    aligned, shifted = (
        render_scene(0, 0, SceneParameters(noise=0)),
        render_scene(0, 0, SceneParameters(noise=0, misregistration=4)),
    )
    assert estimate_shift(
        aligned.infrared.astype(float), shifted.infrared.astype(float)
    ) == pytest.approx(4, abs=1.2)
    np.testing.assert_array_equal(aligned.visible, shifted.visible)
    np.testing.assert_array_equal(aligned.label_map, shifted.label_map)
    assert aligned.boxes == shifted.boxes


def test_the_infrared_sky_is_smoother_with_less_noise():
    noisy, noiseless = render_scene(0, 4, DEFAULTS), render_scene(0, 4, SceneParameters(noise=0))
    sky = np.s_[:20, :]
    assert (
        np.abs(np.diff(noiseless.infrared[sky].astype(float))).mean()
        < np.abs(np.diff(noisy.infrared[sky].astype(float))).mean()
    )


def test_conditions_can_be_chosen():
    assert {
        render_scene(0, n, SceneParameters(conditions=("night",))).condition for n in (0, 4, 8)
    } == {"night"}
