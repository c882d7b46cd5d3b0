import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.geometry import area, iou, pairwise_iou, xywh_to_xyxy, xyxy_to_xywh

numbers = st.integers(-1000, 1000)
sizes = st.integers(1, 500)
box = st.tuples(numbers, numbers, sizes, sizes)
pairs = st.lists(st.tuples(box, box), min_size=1, max_size=20)


def arrays(some_pairs):
    first, second = zip(*some_pairs, strict=True)
    return np.array(first, dtype=float), np.array(second, dtype=float)


def by_hand(a, b):
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


@given(pairs)
def test_overlap_is_what_a_person_works_out(some):
    a, b = arrays(some)
    expected = [by_hand(*pair) for pair in some]
    np.testing.assert_allclose(iou(a, b), expected, rtol=1e-12)


@given(pairs)
def test_overlap_is_the_same_from_either_side(some):
    a, b = arrays(some)
    np.testing.assert_array_equal(iou(a, b), iou(b, a))


@given(pairs)
def test_overlap_lies_between_nothing_and_all(some):
    share = iou(*arrays(some))
    assert ((share >= 0) & (share <= 1)).all()


@given(pairs)
def test_a_box_overlaps_itself_wholly(some):
    a, _ = arrays(some)
    np.testing.assert_array_equal(iou(a, a), 1.0)


@given(pairs, numbers, numbers)
def test_shifting_both_boxes_changes_nothing(some, right, down):
    a, b = arrays(some)
    moved = np.array([right, down, 0, 0])
    np.testing.assert_array_equal(iou(a + moved, b + moved), iou(a, b))


@given(box, st.integers(0, 100), st.integers(0, 100))
def test_of_a_box_inside_another_the_overlap_is_the_share_of_area(outer, x, y):
    left, top, width, height = outer
    inner = [left + x % width, top + y % height, 0, 0]
    inner[2:] = [left + width - inner[0], top + height - inner[1]]
    share = iou([inner], [outer])[0]
    assert share == pytest.approx(inner[2] * inner[3] / (width * height))


def test_boxes_that_only_touch_share_nothing():
    assert iou([[0, 0, 10, 10]] * 2, [[10, 0, 10, 10], [0, 10, 10, 10]]).tolist() == [0, 0]
    assert iou([[0, 0, 10, 10]], [[10, 10, 10, 10]]).tolist() == [0]


def test_boxes_apart_share_nothing_however_far():
    assert iou([[0, 0, 10, 10]], [[25, 25, 10, 10]]).tolist() == [0]


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_side_that_is_missing_or_infinite_leaves_the_overlap_unknown(side, value):
    bad = [0.0, 0.0, 10.0, 10.0]
    bad[side] = value
    assert np.isnan(iou([bad], [[0, 0, 10, 10]])).all()
    assert np.isnan(pairwise_iou([[0, 0, 10, 10]], [bad])).all()


def test_a_negative_side_leaves_the_overlap_unknown():
    assert np.isnan(iou([[0, 0, -10, 10]], [[0, 0, 10, 10]])).all()
    assert np.isnan(iou([[0, 0, -10, -10]], [[0, 0, 10, 10]])).all()


def test_an_empty_box_shares_nothing_and_two_empty_boxes_are_unknown():
    assert iou([[5, 5, 0, 0]], [[0, 0, 10, 10]]).tolist() == [0]
    assert np.isnan(iou([[5, 5, 0, 0]], [[5, 5, 0, 0]])).all()


def test_huge_and_tiny_boxes_cause_no_warning():
    assert iou([[0, 0, 1e150, 1e150]], [[0, 0, 1e150, 1e150]]).tolist() == [1]
    assert np.isnan(iou([[0, 0, 1e200, 1e200]], [[0, 0, 1e200, 1e200]])).all()
    assert iou([[0, 0, 1e-150, 1e-150]], [[0, 0, 1e-150, 1e-150]]).tolist() == [1]


@given(st.lists(box, max_size=6), st.lists(box, max_size=6))
def test_each_with_each_agrees_with_row_by_row(first, second):
    a = np.array(first, dtype=float).reshape(-1, 4)
    b = np.array(second, dtype=float).reshape(-1, 4)
    share = pairwise_iou(a, b)
    assert share.shape == (len(a), len(b))
    rows, columns = np.indices(share.shape).reshape(2, -1)
    np.testing.assert_array_equal(share.ravel(), iou(a[rows], b[columns]))


@settings(max_examples=50)
@given(pairs)
def test_corners_and_sides_say_the_same(some):
    a, _ = arrays(some)
    np.testing.assert_array_equal(xyxy_to_xywh(xywh_to_xyxy(a)), a)


def test_area_of_a_box_that_is_none_is_unknown():
    boxes = [[0, 0, 4, 5], [0, 0, 0, 5], [0, 0, -1, -1], [0, 0, np.nan, 5]]
    np.testing.assert_array_equal(area(boxes), [20, 0, np.nan, np.nan])


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[1, 2, 3]], np.zeros((2, 2, 4)), [[]]])
def test_an_array_of_another_shape_is_refused_with_a_hint(boxes):
    with pytest.raises(ValueError, match=r"shape .*expected \(n, 4\)"):
        iou(boxes, boxes)


def test_lists_of_different_length_are_not_paired():
    with pytest.raises(ValueError, match=r"1 boxes and b has 2.*pairwise_iou"):
        iou([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2)


def test_arrays_stay_as_they_were():
    a = np.array([[0, 0, 10, 10]])
    iou(a, a), pairwise_iou(a, a), area(a), xywh_to_xyxy(a)
    assert a.tolist() == [[0, 0, 10, 10]]
