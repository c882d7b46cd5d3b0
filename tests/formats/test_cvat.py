import re
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.cvat.format import load, save


def box(frame, left=10.0, *, keyframe=1, outside=0, inner="", more=""):
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" '
        f'xtl="{left}" ytl="20.0" xbr="{left + 30}" ybr="60.0" z_order="0"{more}>{inner}</box>'
    )


def track(*boxes, number=0, more=""):
    return f'<track id="{number}" label="car" source="manual"{more}>{"".join(boxes)}</track>'


META = (
    "<task><id>4</id><name>street</name><size>{size}</size><start_frame>{start}</start_frame>"
    "<stop_frame>{stop}</stop_frame><frame_filter>{step}</frame_filter><labels><label>"
    "<name>car</name></label></labels><original_size><width>640</width><height>480</height>"
    "</original_size></task>"
)


def meta(size=10, start=0, stop=None, step=""):
    return META.format(size=size, start=start, stop=size - 1 if stop is None else stop, step=step)


def document(*elements, meta=""):
    about = f"<meta>{meta}</meta>" if meta else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>'
        f"{about}{''.join(elements)}</annotations>"
    )


@pytest.fixture
def write(tmp_path):
    def write(text, name="file.xml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def shape(element):
    """An element as nested tuples, numbers as numbers, so that 1.0 is 1."""

    def value(text):
        try:
            return text if text.lower() == "nan" else float(text)  # NaN is not itself
        except ValueError:
            return text

    attrs = {key: value(text) for key, text in element.attrib.items()}
    return element.tag, attrs, (element.text or "").strip(), [shape(each) for each in element]


def content(path):
    return shape(ElementTree.parse(path).getroot())


def test_boxes_move_evenly_between_keyframes(write):
    labels = aa.load(write(document(track(box(0, 10), box(4, 30), box(6, 30, outside=1)))))
    assert labels.boxes["frame"].tolist() == [0, 1, 2, 3, 4, 5]
    assert labels.boxes["left"].tolist() == [10, 15, 20, 25, 30, 30]
    assert labels.boxes["width"].unique().tolist() == [30]
    assert labels.boxes["keyframe"].tolist() == [True, False, False, False, True, False]
    assert labels.boxes["track"].unique().tolist() == ["0"]
    assert labels.boxes["label"].unique().tolist() == ["car"]
    assert labels.boxes["sequence"].unique().tolist() == ["file"]
    assert labels.problems.empty


def test_outside_is_a_gap_until_the_next_keyframe(write):
    labels = load(
        write(document(track(box(0), box(2, outside=1), box(5), box(6, outside=1)), meta=meta()))
    )
    assert labels.boxes["frame"].tolist() == [0, 1, 5]
    assert labels.frames["frame"].tolist() == list(range(10)), "the task tells what was looked at"
    assert labels.frames["image_width"].unique().tolist() == [640]


def test_the_last_box_lasts_to_the_end_of_the_task(write):
    labels = load(write(document(track(box(7, 10)), meta=meta(10))))
    assert labels.boxes["frame"].tolist() == [7, 8, 9]
    assert load(write(document(track(box(7))))).boxes["frame"].tolist() == [7]
    alone = load(write(document(track(box(7)), meta=meta(10))), interpolate=False)
    assert alone.boxes["frame"].tolist() == [7]


def test_frames_count_from_the_start_in_steps(write, tmp_path):
    about = meta(size=5, start=100, stop=108, step="step=2")
    path = write(document(track(box(100, 10), box(104, 30), box(106, 30, outside=1)), meta=about))
    labels = load(path)
    assert labels.boxes["frame"].tolist() == [0, 1, 2]
    assert labels.boxes["left"].tolist() == [10, 20, 30]
    assert labels.frames["frame"].tolist() == [0, 1, 2, 3, 4]
    saved = save(labels, tmp_path / "again.xml")
    numbers = [each.get("frame") for each in ElementTree.parse(saved).iter("box")]
    assert numbers == ["100", "102", "104", "106"]


def test_attributes_flags_and_unknown_keys_survive(write, tmp_path):
    colour = '<attribute name="colour">red &amp; &lt;blue&gt;</attribute>'
    path = write(
        document(
            track(box(0, inner=colour), box(1, keyframe=0, more=' mine="x"'), more=' a="b"'),
            '<track id="3" label="line" source="manual"><polyline frame="0" points="1,2;3,4"/>'
            "</track>",
            meta=meta(2),
        )
    )
    labels = load(path)
    assert labels.boxes["attribute.colour"].tolist()[0] == "red & <blue>"
    assert labels.boxes["source"].tolist() == ["manual"] * 2
    assert labels.problems["where"].tolist() == ["1 <polyline>"]
    assert content(save(labels, tmp_path / "again.xml")) == content(path)


def test_a_project_has_a_sequence_per_task(write, tmp_path):
    tasks = meta(3) + meta(4).replace("street", "park").replace("<id>4<", "<id>9<")
    path = write(
        document(
            track(box(0), box(1), box(2), more=' task_id="4"'),
            track(box(0), box(1, outside=1), number=1, more=' task_id="9"'),
            meta=f"<project><tasks>{tasks}</tasks></project>",
        )
    )
    labels = load(path)
    assert labels.boxes["sequence"].tolist() == ["street"] * 3 + ["park"]
    assert labels.frames["sequence"].value_counts().to_dict() == {"street": 3, "park": 4}
    assert content(save(labels, tmp_path / "again.xml")) == content(path)


def test_images_with_boxes_and_without(write, tmp_path):
    one = (
        '<box label="car" source="manual" occluded="1" xtl="1" ytl="2" xbr="4" ybr="6" '
        'z_order="3"><attribute name="colour">red</attribute></box>'
    )
    polygon = '<polygon label="car" points="1,2;3,4;5,6"/>'
    path = write(
        document(
            f'<image id="0" name="a.jpg" width="500" height="400" subset="x">{one}{polygon}</image>'
            '<image id="1" name="b.jpg" width="50" height="40"></image>',
            meta=meta(2),
        )
    )
    labels = aa.load(path)
    assert labels.boxes[list(aa.boxes.SIDES)].to_numpy().tolist() == [[1, 2, 3, 4]]
    assert labels.boxes["track"].isna().all()
    assert labels.boxes["occluded"].tolist() == [True]
    assert labels.boxes["z_order"].tolist() == [3]
    assert "keyframe" not in labels.boxes
    assert labels.frames["image"].tolist() == ["a.jpg", "b.jpg"]
    assert labels.frames["image_width"].tolist() == [500, 50]
    assert content(save(labels, tmp_path / "again.xml")) == content(path)


@pytest.mark.parametrize("inner", ["", '<image id="0" name="a.jpg" width="5" height="4"/>'])
def test_a_file_without_boxes_tells_what_was_looked_at(write, tmp_path, inner):
    labels = load(write(document(inner, meta=meta(2))))
    assert labels.boxes.empty
    assert labels.frames["frame"].tolist() == [0, 1]
    assert load(save(labels, tmp_path / "again.xml")).frames["frame"].tolist() == [0, 1]


def test_a_box_moved_off_its_path_is_saved_as_a_keyframe(write, tmp_path):
    labels = load(write(document(track(box(0, 10), box(4, 30)), meta=meta(5))))
    boxes = labels.boxes.copy()
    boxes.loc[2, "left"] += 5  # the correction
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "again.xml")
    keys = [each.get("keyframe") for each in ElementTree.parse(saved).iter("box")]
    assert keys == ["1", "0", "1", "0", "1"]
    only_keys = "".join(re.split(r'<box[^>]*keyframe="0"[^>]*/>', saved.read_text()))
    again = load(write(only_keys))
    assert again.boxes["left"].tolist() == [10, 17.5, 25, 27.5, 30], "as CVAT will show it"


def test_tracks_from_elsewhere_end_outside(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": "a", "frame": [0, 1, 4], "track": "Car:1", "label": "car", "annotator": "x",
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    frames = pd.DataFrame({"sequence": "a", "frame": range(8)})
    saved = save(aa.Labels(boxes, frames), tmp_path / "tracks.xml")
    (track,) = ElementTree.parse(saved).iter("track")
    assert track.get("id") == "0", "CVAT takes numbers only"
    found = [(b.get("frame"), b.get("outside")) for b in ElementTree.parse(saved).iter("box")]
    assert found == [("0", "0"), ("1", "0"), ("2", "1"), ("4", "0"), ("5", "1")]
    again = load(saved)
    assert again.boxes["frame"].tolist() == [0, 1, 4]
    assert again.frames["frame"].tolist() == list(range(8))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"left": np.nan}, "no finite"), ({"annotator": ["x", "y"]}, "2 annotators"),
     ({"track": ["1", None]}, "have no track")],
)  # fmt: skip
def test_what_cvat_cannot_hold_is_refused(tmp_path, change, says):
    boxes = pd.DataFrame(
        {"sequence": "a", "frame": [0, 1], "track": "1", "label": "car", "annotator": "x",
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    with pytest.raises(LabelFormatError, match=says):
        save(aa.Labels(boxes.assign(**change)), tmp_path / "x.xml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ('xtl="10.0"', "xtl is 'ten'"),
        ('frame="1"', "frame is 'ten'"),
        ('ybr="60.0"', "ybr is 'ten'"),
    ],
)
def test_what_is_no_box_is_a_problem_with_its_line(write, found, says):
    broken = box(1).replace(found, re.sub('"[^"]*"$', '"ten"', found))
    path = write(document("\n", track(box(0), "\n", broken, box(2))))
    labels = load(path, interpolate=False)
    assert labels.boxes["frame"].tolist() == [0, 2]
    assert labels.problems["where"].tolist() == ["line 3"]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="line 3"):
        load(path, strict=True)


def test_a_flag_that_is_none_costs_itself_only(write):
    path = write(document(track(box(0).replace('outside="0"', 'outside=""'), box(1)), meta=meta(3)))
    labels = load(path)
    assert labels.boxes["frame"].tolist() == [0, 1, 2]
    assert labels.problems["what"].tolist() == ["outside is ''; expected 0 or 1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "has a DOCTYPE"),
        ("<annotations><track>", "line 1, column 21: not XML"),
        ("<annotations>&b;</annotations>", "not XML"),
        ("<other/>", "expected <annotations>"),
        ("<annotations>" + "<a>" * 100, "elements 51 deep"),
    ],
)
def test_other_xml_is_refused(write, text, says):
    with pytest.raises(LabelFormatError, match=says):
        load(write(text))


def test_a_name_that_cannot_be_used_is_written_back(write, tmp_path):
    path = write(
        document(
            '<image id="0" name="cam\\a.jpg" width="5" height="4" subset="x"></image>',
            '<image id="1" name="ü/b c.JPG" width="5" height="4"></image>',
            meta=meta(2),
        )
    )
    labels = load(path)
    assert labels.frames["image"].isna().tolist() == [True, False]
    assert "expected a file name" in labels.problems["what"].iloc[0]
    assert content(save(labels, tmp_path / "again.xml")) == content(path)


def test_boxes_before_the_start_of_their_task_cost_themselves_only(write):
    about = meta(size=5, start=100, stop=104)
    image = '<image id="99" name="a.jpg"/>'
    labels = load(write(document(track(box(90), box(101)), image, meta=about)))
    assert labels.boxes["frame"].tolist() == [1, 2, 3, 4]
    assert labels.frames["frame"].tolist() == [0, 1, 2, 3, 4]
    assert labels.problems["where"].tolist() == ["1 boxes", "1 images"]


def test_xml_in_utf_16_is_recognised(tmp_path):
    path = tmp_path / "file.xml"
    text = document(track(box(0)), meta=meta(1).replace("street", "straße"))
    path.write_bytes(text.replace("utf-8", "utf-16").encode("utf-16"))
    assert aa.load(path).boxes["sequence"].tolist() == ["straße"]


def test_frame_numbers_do_not_cost_all_memory(write):
    many = [track(box(0), box(9_000_000), number=number) for number in range(4)]
    with pytest.raises(LabelFormatError, match="interpolate=False"):
        load(write(document(*many)))
    labels = load(write(document(track(box(0)), meta=meta(10**9))))
    assert len(labels.problems) == 2
    assert len(labels.boxes) == 1


def test_a_long_file_is_streamed(write):
    """Beside the table, which grows with the file, nothing does: attributes least of all."""
    inner = '<attribute name="colour">red</attribute><attribute name="side">left</attribute>'
    many = "".join(box(n, n % 100, inner=inner) for n in range(40_000))
    path = write(document(track(many), "<track>" + "<x y='z'/>" * 5 + "</track>"))
    tracemalloc.start()
    labels = load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(labels.boxes) == 40_000
    assert labels.boxes["attribute.side"].unique().tolist() == ["left"]
    assert peak < 2.1 * path.stat().st_size


def test_usual_boxes_are_read_as_all_others(write):
    """The short way, for boxes as CVAT writes them, and the long one give the same table."""
    boxes = [
        box(0).replace('occluded="0"', 'occluded="1"'), box(3, -2.5, keyframe=0),
        box(5, outside=1), box(7).replace('z_order="0"', 'z_order="-3"'),
    ]  # fmt: skip
    tracks = [track(*boxes, number=4), track(box(2), number=1, more=' group_id="7"')]
    usual = load(write(document(*tracks, meta=meta(9))))
    others = load(write(document(*tracks, meta=meta(9)).replace("<box ", '<box rotation="0" ')))
    pd.testing.assert_frame_equal(usual.boxes, others.boxes)
    assert usual.boxes["z_order"].tolist() == [0] * 5 + [-3] * 2 + [0] * 7
    assert usual.boxes["occluded"].tolist() == [True] * 3 + [False] * 11


def test_tracks_and_keyframes_in_any_order(write):
    in_order = [track(box(0, 10), box(4, 30), number=0), track(box(1), box(2), number=1)]
    mixed = [
        track(box(2), box(1), number=1), track(box(4, 30), number=0), track(box(0, 10), number=0)
    ]  # fmt: skip
    expected, found = (
        load(write(document(*each, meta=meta(6)))).boxes.sort_values(
            ["track", "frame"], ignore_index=True
        )
        for each in (in_order, mixed)
    )
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("n", [8_191, 8_192, 8_193])
def test_columns_are_made_some_thousand_boxes_at_a_time(write, n):
    """An attribute first seen late, and a box that is none, at the seam of two batches."""
    late = '<attribute name="late">yes</attribute>'
    boxes = [box(at) for at in range(n)]
    boxes += [box(n).replace('xtl="10.0"', 'xtl="x"'), box(n + 1, inner=late)]
    labels = load(write(document(track(*boxes))), interpolate=False)
    assert labels.boxes["frame"].tolist() == [*range(n), n + 1]
    assert labels.boxes["attribute.late"].dropna().to_dict() == {n: "yes"}
    assert labels.problems["what"].tolist() == ["xtl is 'x'; expected a number of pixels"]


side = st.integers(0, 10**7).map(lambda hundredths: hundredths / 100)
text = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5)
a_run = st.builds(
    lambda first, sides, colours, flags: [
        (first + at, *each, colour, flag)
        for at, (each, colour, flag) in enumerate(zip(sides, colours, flags, strict=False))
    ],
    st.integers(0, 20),
    st.lists(st.tuples(side, side, side, side), min_size=1, max_size=4),
    st.lists(text, min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
)


@given(st.lists(a_run, min_size=1, max_size=3))
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_law_saved_boxes_are_loaded_again(tmp_path_factory, runs):
    rows = [
        ("s", frame, str(place), "car", "consolidated", *sides)
        for place, run in enumerate(runs)
        for frame, *sides in run
    ]
    names = [*aa.boxes.COLUMNS, "attribute.colour", "occluded"]
    boxes = aa.check_boxes(pd.DataFrame(rows, columns=names))
    frames = pd.DataFrame({"sequence": "s", "frame": range(30)})
    path = save(aa.Labels(boxes, frames), tmp_path_factory.mktemp("law") / "s.xml")
    again = load(path)
    pd.testing.assert_frame_equal(
        again.boxes[names], boxes, check_dtype=False, rtol=1e-9, atol=1e-9
    )
    assert content(save(again, path.with_name("t.xml"))) == content(path)


known = st.text("abcdefgh", min_size=1, max_size=4).map("x{}".format)  # no key that means a thing
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5)
keys = st.dictionaries(known, words, max_size=2)


@st.composite
def an_element(draw, tag, attrs, *inner):
    """An element with unknown keys beside those it has to have."""
    element = ElementTree.Element(tag, {**attrs, **draw(keys)})
    element.extend(inner)
    return element


@st.composite
def a_file(draw):
    """Images of up to two tasks: empty ones, boxes in any order, shapes that are none."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    n_tasks = draw(st.integers(1, 2))
    tasks = "".join(
        f"<task><id>{n}</id><name>task {n}</name><size>3</size><mine>x</mine></task>"
        for n in range(n_tasks)
    )
    whole = tasks if n_tasks == 1 else f"<project><tasks>{tasks}</tasks></project>"
    root.append(ElementTree.fromstring(f"<meta>{whole}</meta>"))
    for task in range(n_tasks):
        for number in range(3):
            head = {"id": str(number), "name": f"ü/{number}.jpg", "width": "640", "height": "480"}
            head |= {"task_id": str(task)} if n_tasks > 1 else {}
            image = draw(an_element("image", head))
            for left, top, width, height in draw(st.lists(st.tuples(*[side] * 4), max_size=3)):
                corners = {"xtl": left, "ytl": top, "xbr": left + width, "ybr": top + height}
                about = {"label": draw(words), "occluded": draw(st.sampled_from("01"))}
                about |= {key: repr(round(value, 2)) for key, value in corners.items()}
                about["z_order"] = str(draw(st.integers(-3, 3)))
                if draw(st.booleans()):
                    about["source"] = "manual"
                box = draw(an_element("box", about))
                for name, value in draw(st.dictionaries(known, words, max_size=2)).items():
                    ElementTree.SubElement(box, "attribute", {"name": name}).text = value
                image.append(box)
            if draw(st.booleans()):
                image.append(draw(an_element("polygon", {"label": "x", "points": "1,2;3,4;5,6"})))
            root.append(image)
    return root


def unordered(element):
    """As :func:`shape`, attributes of a box in one order: CVAT does not mind theirs."""
    tag, attrs, text, inner = shape(element)
    inner = [unordered(each) for each in element]
    return tag, attrs, text, sorted(inner, key=repr) if tag == "box" else inner


@given(a_file())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, root):
    path = tmp_path_factory.mktemp("law") / "given.xml"
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    labels = load(path)
    assert len(labels.boxes) == len(list(root.iter("box")))
    saved = save(labels, path.with_name("saved.xml"))
    assert unordered(ElementTree.parse(saved).getroot()) == unordered(root)


HOSTILE = ["", "x", "-1", "1e999", "nan", "9" * 30, "\u0663", "../..", "true", "0.5", "&lt;", "2"]


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    inner = '<attribute name="colour">red</attribute>'
    valid = document(
        track(box(0, inner=inner), box(3), box(5, outside=1), more=' task_id="4"'),
        '<image id="0" name="a.jpg" width="5" height="4"><tag label="x"/></image>',
        meta=meta(6, step="step=1"),
    )
    values = list(re.finditer(r'(?<==")[^"]*(?=")|(?<=>)[^<>]+(?=<)', valid))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.sampled_from(values))
        valid = valid[: at.start()] + data.draw(st.sampled_from(HOSTILE)) + valid[at.end() :]
        values = list(re.finditer(r'(?<==")[^"]*(?=")|(?<=>)[^<>]+(?=<)', valid))
    raw = valid.encode()
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(0, len(raw)))
        raw = (
            raw[:cut] + data.draw(st.binary(max_size=3)) + raw[cut + data.draw(st.integers(0, 9)) :]
        )
    path = tmp_path_factory.mktemp("fuzz") / "file.xml"
    path.write_bytes(raw)
    try:
        labels = load(path)
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    assert not labels.frames.duplicated(["sequence", "frame"]).any()
    again = load(save(labels, path.with_name("saved.xml")), interpolate=False)
    assert len(again.boxes) == len(labels.boxes)
