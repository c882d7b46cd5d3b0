import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.voc.format import load, save


def entry(name="dog", corners=(48, 240, 195, 371), more=""):
    sides = "".join(
        f"<{tag}>{value}</{tag}>"
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name>{more}<bndbox>{sides}</bndbox></object>"


def voc(*objects, image="a.jpg", more=""):
    return (
        f"<annotation><folder>VOC</folder><filename>{image}</filename><size><width>500</width>"
        f"<height>400</height><depth>3</depth></size>{more}{''.join(objects)}</annotation>"
    )


@pytest.fixture
def write(tmp_path):
    def write(*texts):
        folder = tmp_path / "pets"
        folder.mkdir(exist_ok=True)
        for place, text in enumerate(texts):
            (folder / f"{place}.xml").write_text(text, encoding="utf-8")
        return folder

    return write


def shape(element):
    return (
        element.tag, element.attrib, (element.text or "").strip(),
        sorted(shape(each) for each in element),
    )  # fmt: skip


def content(folder):
    return {
        path.name: shape(ElementTree.parse(path).getroot()) for path in sorted(folder.glob("*.xml"))
    }


def test_corners_are_pixels_inside_counted_from_one(write):
    labels = aa.load(write(voc(entry()), voc(image="b.jpg")))
    assert labels.boxes[list(aa.boxes.SIDES)].to_numpy().tolist() == [[47, 239, 148, 132]]
    assert labels.boxes["label"].tolist() == ["dog"]
    assert labels.boxes["sequence"].tolist() == ["pets"]
    assert labels.boxes["track"].isna().all()
    assert labels.frames["image"].tolist() == ["a.jpg", "b.jpg"], "b.jpg has no boxes"
    assert labels.frames["image_width"].tolist() == [500, 500]
    assert labels.problems.empty
    from_zero = load(write(voc(entry())), first_pixel=0)
    assert from_zero.boxes["left"].tolist() == [48]


def test_what_labelimg_and_its_like_add_is_kept(write, tmp_path):
    turned = "<object><name>dog</name><robndbox><cx>1</cx><cy>2</cy></robndbox></object>"
    text = voc(entry(), turned).replace("<annotation>", '<annotation verified="yes">')
    folder = write(text)
    labels = aa.load(folder)
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["object 1"]
    saved = (save(labels, tmp_path / "again") / "0.xml").read_text()
    assert 'verified="yes"' in saved
    assert "<robndbox>" in saved
    assert len(load(tmp_path / "again").boxes) == 1


def test_one_pixel_is_a_box_of_one_pixel(write):
    labels = load(write(voc(entry(corners=(1, 1, 1, 1)))))
    assert labels.boxes[list(aa.boxes.SIDES)].to_numpy().tolist() == [[0, 0, 1, 1]]


def test_everything_is_written_back(write, tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    folder = write(
        voc(
            entry(more="<pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"),
            entry(
                "cat &amp; co", (1.5, 2, 3.25, 4), more=part + '<x y="z"/><truncated>?</truncated>'
            ),
            more="<segmented>0</segmented><mine a='b'>text</mine>",
        ),
        voc(image="b.jpg"),
    )
    labels = load(folder)
    assert labels.boxes["truncated"].isna().tolist() == [False, True]
    assert labels.boxes["truncated"].iloc[0]
    assert not labels.boxes["difficult"].iloc[0]
    assert labels.boxes["attribute.pose"].tolist()[0] == "Left"
    assert content(save(labels, tmp_path / "again")) == content(folder)


def test_saving_shifts_nothing_of_the_callers_table(write, tmp_path):
    labels = load(write(voc(entry(), entry("cat"))))
    before = labels.boxes.copy(deep=True)
    save(labels, tmp_path / "again")
    pd.testing.assert_frame_equal(labels.boxes, before)


def test_a_single_file_and_a_single_image(write, tmp_path):
    path = write(voc(entry())) / "0.xml"
    labels = aa.load(path)
    assert len(labels.boxes) == 1
    assert save(labels, tmp_path / "one.xml").is_file()
    both = load(write(voc(entry()), voc(image="b.jpg")))
    with pytest.raises(LabelFormatError, match="the labels have 2"):
        save(both, tmp_path / "one.xml")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (entry(corners=(1, "x", 3, 4)), "ymin is 'x'"),
        ("<object><name>a</name></object>", "xmin is None"),
        (entry(corners=(1, 2, 3, "nan")), "ymax is 'nan'"),
    ],
)
def test_what_is_no_box_is_a_problem_with_its_place(write, broken, says):
    folder = write(voc(entry(), broken, entry()))
    labels = load(folder)
    assert len(labels.boxes) == 2
    assert labels.problems["where"].tolist() == ["object 1"]
    assert labels.problems["source"].tolist() == [str(folder / "0.xml")]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="object 1"):
        load(folder, strict=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<annotation>", "not XML"),
        ("<other/>", "expected <annotation>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "DOCTYPE"),
    ],
)
def test_one_broken_file_never_costs_the_rest(write, text, says):
    folder = write(voc(entry()), text)
    labels = load(folder)
    assert len(labels.boxes) == 1
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match=says):
        load(folder / "1.xml")


def boxes(**change):
    table = pd.DataFrame(
        {"sequence": "s", "frame": [0, 1], "track": None, "label": "dog", "annotator": "x",
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    return aa.check_boxes(table.assign(**change))


@pytest.mark.parametrize(
    ("change", "says"),
    [({"track": "1"}, "no place for tracks"), ({"annotator": ["x", "y"]}, "who drew"),
     ({"left": np.nan}, "no finite number")],
)  # fmt: skip
def test_what_voc_cannot_hold_is_refused(tmp_path, change, says):
    with pytest.raises(LabelFormatError, match=says):
        save(aa.Labels(boxes(**change)), tmp_path / "x")


def test_names_of_images_cannot_lead_out_of_the_folder(tmp_path):
    frames = pd.DataFrame({"sequence": "s", "frame": [0, 1], "image": ["a/0.jpg", "b/0.jpg"]})
    with pytest.raises(LabelFormatError, match="two images"):
        save(aa.Labels(boxes(), frames), tmp_path / "x")
    frames = frames.assign(source_name=["../../evil", "b"])
    with pytest.raises(LabelFormatError, match="leads out"):
        save(aa.Labels(boxes(), frames), tmp_path / "x")


number = st.integers(-(10**8), 10**8).map(lambda thousandths: thousandths / 1000)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=5)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), words, number, number, number, number, st.booleans()),
        max_size=5,
    )
)
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_law_saved_boxes_are_loaded_again(tmp_path_factory, rows):
    names = ["frame", "label", *aa.boxes.SIDES, "truncated"]
    table = pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=names)
    table = aa.check_boxes(
        table.assign(sequence="s", track=None, annotator="consolidated").astype({"frame": "int64"})
        if rows
        else boxes().head(0).assign(truncated=True)
    )
    frames = pd.DataFrame({"sequence": "s", "frame": range(4)})
    folder = save(aa.Labels(table, frames), tmp_path_factory.mktemp("law") / "s")
    again = load(folder)
    pd.testing.assert_frame_equal(
        again.boxes.reindex(columns=names), table[names], check_dtype=False, atol=1e-9
    )
    assert content(save(again, folder.with_name("t"))) == content(folder)


HOSTILE = ["", "x", "-1", "1e999", "nan", "9" * 30, "../..", "<a><b/></a>", "<!-- -->", "<name/>"]


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    text = voc(entry(more="<pose>Left</pose><truncated>1</truncated>"), entry("cat"))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.sampled_from(list(re.finditer(r"(?<=>)[^<>]*(?=<)|<[^>]*>", text))))
        text = text[: at.start()] + data.draw(st.sampled_from(HOSTILE)) + text[at.end() :]
    raw = text.encode()
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(0, len(raw)))
        raw = raw[:cut] + data.draw(st.binary(max_size=3)) + raw[cut + 1 :]
    path = tmp_path_factory.mktemp("fuzz") / "file.xml"
    path.write_bytes(raw)
    try:
        labels = load(path)
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    again = load(save(labels, path.with_name("saved.xml")))
    assert len(again.boxes) == len(labels.boxes)
