"""The frames table is completed, not guessed."""

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from annotaudit.errors import FrameError
from annotaudit.frames import FRAME_COLUMNS, check_frames, in_windows


def test_missing_columns_are_filled_with_missing_values():
    frames = check_frames(pd.DataFrame({"sequence": ["street"], "frame": [3], "weather": ["rain"]}))
    assert set(FRAME_COLUMNS) < set(frames) and frames["weather"].tolist() == ["rain"]
    assert frames[["image", "image_width", "time"]].isna().all(axis=None)
    assert frames["frame"].dtype == "int64"


@pytest.mark.parametrize("column", ["sequence", "frame"])
def test_a_table_without_its_keys_is_refused(column):
    frames = pd.DataFrame({"sequence": ["street"], "frame": [0]}).drop(columns=column)
    with pytest.raises(FrameError, match=f"lacks \\['{column}'\\]"):
        check_frames(frames)


def test_a_frame_listed_twice_is_refused():
    with pytest.raises(FrameError, match="frame 2 of sequence 'street' twice"):
        check_frames(pd.DataFrame({"sequence": "street", "frame": [2, 2]}))


@pytest.mark.parametrize("frame", [[0.5], ["first"], [None]])
def test_a_frame_number_that_is_none_is_refused(frame):
    with pytest.raises(FrameError, match="Column 'frame'"):
        check_frames(pd.DataFrame({"sequence": "street", "frame": frame}))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9))),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9))),
)
def test_a_frame_is_inside_if_any_window_holds_it(frames, windows):
    """Windows may overlap, hold one another, or be empty."""
    found = in_windows(
        pd.DataFrame(frames, columns=["sequence", "frame"]).astype({"frame": "int64"}),
        pd.DataFrame(windows, columns=["sequence", "first", "last"]),
    )
    assert found.tolist() == [
        any(name == sequence and first <= frame <= last for name, first, last in windows)
        for sequence, frame in frames
    ]
