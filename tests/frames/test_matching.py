"""Which image file shows which frame: by name first, by guess last, and never by chance."""

import pandas as pd
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import list_images, match_images, path_inside


def frames_named(names, sequence="street"):
    return pd.DataFrame({"sequence": sequence, "frame": range(len(names)), "image": names})


def found(frames, files):
    return match_images(frames, files)["image"].tolist()


def test_labels_on_every_other_frame_find_their_images_by_name():
    files = [f"img1/{number:06}.jpg" for number in range(1, 10)]
    frames = frames_named(["000001.jpg", "000003.jpg", "000005.jpg"])
    assert found(frames, files) == ["img1/000001.jpg", "img1/000003.jpg", "img1/000005.jpg"]


def test_another_ending_is_the_same_name():
    assert found(frames_named(["a.png", "b.png"]), ["x/b.JPG", "x/a.JPG"]) == ["x/a.JPG", "x/b.JPG"]


def test_what_label_studio_puts_before_a_name_is_no_part_of_it():
    files = ["img/street one (2).jpg", "img/34.jpg", "img/park.jpg", "img/1b9d6bcd-kept.jpg"]
    uploaded = [
        "data/upload/1/1b9d6bcd-street_one_2.jpg",
        "http://studio/data/upload/12/ab12cd34-park.png",  # 34 is no number of this image
        "data/upload/1/1b9d6bcd-kept.jpg",
    ]
    assert found(frames_named(uploaded[:1]), files) == files[:1]
    assert found(frames_named(uploaded[1:2]), files) == ["img/park.jpg"]
    assert found(frames_named(uploaded[2:]), files) == ["img/1b9d6bcd-kept.jpg"]


def test_two_uploads_of_one_name_are_not_taken_for_one_image():
    frames = frames_named([f"data/upload/1/{key}-a.jpg" for key in ("1b9d6bcd", "2b9d6bcd")])
    with pytest.raises(FrameError, match="none of the 2 images belongs"):
        match_images(frames, ["x/a.jpg", "x/b.jpg"])


def test_the_number_in_the_name_counts():
    assert found(frames_named(["frame_3.png"]), ["2021_000002.jpg", "2021_000003.jpg"]) == [
        "2021_000003.jpg"
    ]


def test_frames_without_names_are_counted_like_the_files():
    nameless = frames_named([None, None, None]).assign(frame=[0, 4, 9])
    files = [f"{number}.jpg" for number in range(1, 11)]
    assert found(nameless, files) == ["1.jpg", "5.jpg", "10.jpg"]
    from_zero = [f"{number}.jpg" for number in range(10)]
    assert found(nameless, from_zero) == ["0.jpg", "4.jpg", "9.jpg"]


def test_the_last_resort_is_counting_order():
    nameless = frames_named([None, None, None])
    assert found(nameless, ["shot10.jpg", "shot7.jpg", "shot9.jpg"]) == [
        "shot7.jpg",
        "shot9.jpg",
        "shot10.jpg",
    ]


def test_a_frame_without_a_file_keeps_its_name():
    assert found(frames_named(["a.jpg", "gone.jpg"]), ["x/a.jpg"]) == ["x/a.jpg", "gone.jpg"]


def test_two_files_for_one_frame_are_refused():
    with pytest.raises(FrameError, match=r"2 images fit 'a.jpg'.*'x/a.jpg', 'y/a.jpg'"):
        match_images(frames_named(["a.jpg"]), ["x/a.jpg", "y/a.jpg"])


def test_each_sequence_finds_the_files_in_its_folder():
    frames = pd.concat(
        [frames_named(["1.jpg"], "north"), frames_named(["1.jpg"], "south")], ignore_index=True
    )
    files = ["data/south/img1/1.jpg", "data/north/img1/1.jpg"]
    assert found(frames, files) == ["data/north/img1/1.jpg", "data/south/img1/1.jpg"]


def test_no_match_shows_both_sides():
    with pytest.raises(FrameError, match=r"'street'.*\['car.jpg'\].*\['dog.jpg', 'owl.jpg'\]"):
        match_images(frames_named(["car.jpg"]), ["dog.jpg", "owl.jpg"])


def test_the_rows_keep_their_order_index_and_columns():
    frames = frames_named(["b.jpg", "a.jpg"]).assign(weather="rain").set_index([[7, 3]])
    before = frames.copy()
    matched = match_images(frames, ["x/a.jpg", "x/b.jpg"])
    assert matched.index.tolist() == [7, 3]
    assert matched["image"].tolist() == ["x/b.jpg", "x/a.jpg"]
    assert matched["weather"].tolist() == ["rain", "rain"]
    pd.testing.assert_frame_equal(frames, before)


def test_a_folder_is_listed_in_counting_order(tmp_path):
    for name in ["f10.jpg", "f2.jpg", ".hidden.jpg", "notes.txt"]:
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["f2.jpg", "f10.jpg"]


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(FrameError, match="no image"):
        list_images(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(FrameError, match="a file"):
        list_images(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a.jpg", "/etc/passwd", "a/../../b.jpg", "a\0.jpg", "C:/a.jpg", "C:a.jpg"]
    + ["..\\a.jpg", "\\\\host\\share\\a.jpg"],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(FrameError, match="expected"):
        path_inside(tmp_path, name)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.jpg").touch()
    (tmp_path / "inside" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(FrameError, match="leads out"):
        path_inside(tmp_path / "inside", "link.jpg")


def test_names_inside_the_folder_pass(tmp_path):
    assert path_inside(tmp_path, "img1/000001.jpg") == (tmp_path / "img1/000001.jpg").resolve()
