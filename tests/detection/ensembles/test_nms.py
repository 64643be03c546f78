"""Non-maximum suppression over members: cases by hand."""

from detection.ensembles import nms
from fusebench.data.boxes import make_boxes

LEFT = [0, 0, 10, 10]
LEFT_SHIFTED = [0, 0, 10, 8]  # IoU with LEFT: 80 / 100
RIGHT = [50, 0, 60, 10]
NONE = make_boxes([], [])


def test_keeps_the_more_confident_of_two_boxes_of_an_object():
    first = make_boxes([LEFT], [0], [0.4])
    second = make_boxes([LEFT_SHIFTED, RIGHT], [0, 0], [0.7, 0.2])
    combined = nms.combine([first, second], nms.Options())
    assert combined.corners.tolist() == [LEFT_SHIFTED, RIGHT]
    assert combined.scores.tolist() == [0.7, 0.2]


def test_a_box_of_another_class_suppresses_nothing():
    boxes = [make_boxes([LEFT], [0], [0.4]), make_boxes([LEFT], [1], [0.7])]
    assert nms.combine(boxes, nms.Options()).class_ids.tolist() == [1, 0]


def test_an_iou_equal_to_the_threshold_suppresses_nothing():
    boxes = [make_boxes([LEFT], [0], [0.4]), make_boxes([LEFT_SHIFTED], [0], [0.7])]
    assert len(nms.combine(boxes, nms.Options(iou=0.8))) == 2
    assert len(nms.combine(boxes, nms.Options(iou=0.79))) == 1


def test_of_equal_scores_the_first_member_stays():
    boxes = [make_boxes([LEFT], [0], [0.5]), make_boxes([LEFT_SHIFTED], [0], [0.5])]
    assert nms.combine(boxes, nms.Options()).corners.tolist() == [LEFT]


def test_members_without_boxes():
    boxes = make_boxes([LEFT], [0], [0.5])
    assert nms.combine([NONE, boxes], nms.Options()).scores.tolist() == [0.5]
    assert len(nms.combine([NONE, NONE], nms.Options())) == 0
