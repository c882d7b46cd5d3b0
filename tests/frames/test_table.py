"""The frames table is completed, not guessed."""

import pandas as pd
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import FRAME_COLUMNS, check_frames


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
