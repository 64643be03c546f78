"""The simulated scenes: exact truth, and sensors that differ as real ones do."""

import hashlib

import numpy as np
import pytest

from fusebench.simulator import ground_truth
from fusebench.simulator.objects.primitives import LAMP, PERSON, SKY
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.rasterizer import SurfaceBuffer
from fusebench.simulator.scene import RenderedScene, render_scene

KNOBS = SceneParameters()


@pytest.fixture(scope="module")
def film() -> list[RenderedScene]:
    """Ten sequences."""
    return [render_scene(7, n, KNOBS) for n in range(40)]


def _digest(scene: RenderedScene) -> str:
    arrays = (scene.infrared, scene.visible, scene.label_map)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_the_same_seed_and_number_give_the_same_bytes():
    first, second = render_scene(3, 9, KNOBS), render_scene(3, 9, KNOBS)
    assert _digest(first) == _digest(second)
    assert first.boxes == second.boxes


def test_another_seed_or_another_number_gives_another_scene():
    assert len({_digest(render_scene(s, n, KNOBS)) for s, n in ((3, 9), (4, 9), (3, 10))}) == 3


def test_every_label_and_every_box_class_occurs_in_forty_scenes(film):
    assert set(np.unique(np.stack([s.label_map for s in film]))) == set(range(15))
    names = {name for scene in film for name, *_ in scene.boxes}
    assert names == {"People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"}


def test_boxes_lie_inside_the_image(film):
    for scene in film:
        for _, left, top, right, bottom in scene.boxes:
            assert 0 <= left < right <= KNOBS.width
            assert 0 <= top < bottom <= KNOBS.height


def test_every_box_touches_pixels_of_its_class_on_all_four_sides(film):
    ids = {name: label for label, name in ground_truth.BOX_CLASS_NAMES.items()}
    for scene in film:
        for name, left, top, right, bottom in scene.boxes:
            inside = scene.label_map[top:bottom, left:right] == ids[name]
            for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert side.any()


@pytest.mark.parametrize(
    ("width", "height", "area", "boxed"),
    [
        (5, 5, 25, True),
        (5, 5, 100, True),  # a quarter is seen
        (5, 5, 101, False),
        (5, 3, 15, False),  # 15 pixels
        (2, 10, 20, False),  # 2 pixels wide
    ],
)
def test_what_is_hidden_by_more_than_three_quarters_or_tiny_has_no_box(width, height, area, boxed):
    index = np.zeros((40, 40), np.int32)
    index[4 : 4 + 2 * height, 6 : 6 + 2 * width] = 1  # the canvas is twice as large
    maps = SurfaceBuffer(
        surface_index=index,
        surfaces=np.zeros((2, 14), np.float32),
        surface_labels=np.array([SKY, PERSON], np.uint8),
        surface_instances=np.array([0, 1], np.int32),
        inverse_depth_planes=np.zeros((2, 3), np.float32),
        instance_labels=(PERSON,),
        instance_areas=(4.0 * area,),
    )
    expected = (("People", 3, 2, 3 + width, 2 + height),) if boxed else ()
    assert ground_truth.compute_boxes(maps) == expected


def test_frames_of_a_sequence_share_condition_and_group_but_not_pixels(film):
    first, second = film[4], film[5]
    assert first.sequence == second.sequence != film[8].sequence
    assert first.condition == second.condition
    assert (first.label_map != second.label_map).any()


def test_any_four_sequences_in_a_row_show_all_four_conditions(film):
    assert {scene.condition for scene in film[4:20]} == {"day", "overcast", "night", "challenge"}


def test_few_pixels_are_unlabeled(film):
    share = np.mean([(scene.label_map == 0).mean() for scene in film])
    assert 0.001 < share < 0.03


@pytest.mark.parametrize(("width", "height"), [(64, 64), (241, 127), (640, 480)])
def test_any_size_can_be_drawn(width, height):
    scene = render_scene(0, 1, SceneParameters(width=width, height=height))
    assert scene.infrared.shape == scene.label_map.shape == (height, width)
    assert scene.visible.shape == (height, width, 3)


@pytest.fixture(scope="module")
def nights() -> list[RenderedScene]:
    return [
        render_scene(11, number, SceneParameters(conditions=("night",)))
        for number in range(0, 48, 3)
    ]


def _contrasts(nights: list[RenderedScene], label: int) -> tuple[list[float], list[float]]:
    """|inside - around| in gray levels for every box of a class, infrared and visible."""
    pairs: tuple[list[float], list[float]] = ([], [])
    name = ground_truth.BOX_CLASS_NAMES[label]
    for scene in nights:
        gray = scene.visible.mean(axis=2)
        for kind, left, top, right, bottom in scene.boxes:
            if kind != name:
                continue
            rows = slice(max(top - 4, 0), bottom + 4)
            columns = slice(max(left - 4, 0), right + 4)
            inside = scene.label_map[rows, columns] == label
            if inside.all():
                continue
            for values, image in zip(pairs, (scene.infrared, gray), strict=True):
                window = image[rows, columns]
                values.append(abs(float(window[inside].mean() - window[~inside].mean())))
    return pairs


def test_people_at_night_stand_out_more_in_infrared(nights):
    infrared, visible = _contrasts(nights, PERSON)
    assert np.median(infrared) > 2 * np.median(visible)


def test_lamps_at_night_stand_out_more_in_visible(nights):
    infrared, visible = _contrasts(nights, LAMP)
    assert np.median(visible) > 1.5 * np.median(infrared)


def test_darkness_dims_the_visible_image_and_leaves_infrared():
    light, dark = render_scene(0, 0, KNOBS), render_scene(0, 0, SceneParameters(darkness=0.8))
    assert dark.visible.mean() < 0.7 * light.visible.mean()
    np.testing.assert_array_equal(dark.infrared, light.infrared)


def test_haze_takes_contrast_from_the_visible_image_and_leaves_infrared():
    clear, hazy = render_scene(0, 0, KNOBS), render_scene(0, 0, SceneParameters(haze=0.08))
    built = (clear.label_map != SKY) & (np.arange(256)[:, None] < 128)
    assert hazy.visible[built].std() < 0.6 * clear.visible[built].std()
    np.testing.assert_array_equal(hazy.infrared, clear.infrared)


def test_thermal_contrast_widens_the_infrared_histogram_and_leaves_visible():
    plain, flat = (
        render_scene(0, 0, KNOBS),
        render_scene(0, 0, SceneParameters(thermal_contrast=0.3)),
    )
    assert flat.infrared.std() < 0.7 * plain.infrared.std()
    np.testing.assert_array_equal(flat.visible, plain.visible)


def _best_shift(reference: np.ndarray, moved: np.ndarray) -> float:
    """Length of the whole-pixel shift that makes the two images most alike."""
    spectrum = np.fft.rfft2(reference - reference.mean()) * np.conj(
        np.fft.rfft2(moved - moved.mean())
    )
    peak = np.unravel_index(np.argmax(np.fft.irfft2(spectrum, reference.shape)), reference.shape)
    size = np.array(reference.shape)
    shift = (np.array(peak) + size // 2) % size - size // 2
    return float(np.hypot(*shift))


def test_misregistration_moves_infrared_by_the_given_pixels_and_nothing_else():
    still, moved = (
        render_scene(0, 0, SceneParameters(noise=0)),
        render_scene(0, 0, SceneParameters(noise=0, misregistration=4)),
    )
    assert _best_shift(still.infrared.astype(float), moved.infrared.astype(float)) == pytest.approx(
        4, abs=1.2
    )
    np.testing.assert_array_equal(still.visible, moved.visible)
    np.testing.assert_array_equal(still.label_map, moved.label_map)
    assert still.boxes == moved.boxes


def test_less_noise_is_a_smoother_infrared_sky():
    loud, quiet = render_scene(0, 4, KNOBS), render_scene(0, 4, SceneParameters(noise=0))
    high = np.s_[:20, :]
    assert (
        np.abs(np.diff(quiet.infrared[high].astype(float))).mean()
        < np.abs(np.diff(loud.infrared[high].astype(float))).mean()
    )


def test_conditions_can_be_chosen():
    assert {
        render_scene(0, n, SceneParameters(conditions=("night",))).condition for n in (0, 4, 8)
    } == {"night"}
