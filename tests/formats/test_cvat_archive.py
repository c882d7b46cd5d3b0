import json
import stat
import struct
import zipfile
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.cvat import zips as cvat_zip
from annotaudit.formats.cvat.archive import load, recognises, save
from annotaudit.frames import s3_files

SIDES = list(aa.boxes.SIDES)


def attribute(name, value):
    return {"name": name, "value": value}


def key(frame, left=10.0, *, outside=False, colour="red", **others):
    """A keyframe of a track."""
    return {
        "type": "rectangle", "occluded": False, "outside": outside, "z_order": 0, "rotation": 0.0,
        "points": [left, 20.0, left + 30, 60.0], "frame": frame,
        "attributes": [attribute("colour", colour)],
    } | others  # fmt: skip


def track(*keys, **others):
    return {
        "frame": keys[0]["frame"], "group": 0, "source": "manual", "shapes": list(keys),
        "attributes": [attribute("brand", "saab")], "elements": [], "label": "car",
    } | others  # fmt: skip


def shape(frame, left=10.0, **others):
    usual = {"group": 0, "source": "manual", "elements": [], "label": "car"}
    return key(frame, left) | usual | others


def job(*, shapes=(), tracks=(), tags=()):
    return {"version": 0, "tags": list(tags), "shapes": list(shapes), "tracks": list(tracks)}


def about(n=10, *, jobs=None, name="street", **data):
    labels = [
        {"name": "car", "color": "#f00", "type": "any", "sublabels": [], "attributes": [
            {"name": "colour", "mutable": True, "input_type": "text", "default_value": "",
             "values": []},
            {"name": "brand", "mutable": False, "input_type": "text", "default_value": "",
             "values": []}]},
        {"name": "bus", "color": "#0f0", "attributes": [], "type": "any", "sublabels": []},
    ]  # fmt: skip
    usual = [{"start_frame": 0, "stop_frame": n - 1, "status": "annotation", "type": "annotation"}]
    return {
        "name": name, "bug_tracker": "", "status": "annotation", "subset": "", "labels": labels,
        "version": "1.0", "jobs": jobs or usual,
        "data": {"chunk_size": 72, "start_frame": 0, "stop_frame": n - 1, "deleted_frames": [],
                 **data},
    }  # fmt: skip


def manifest(n=10, skipped=()):
    lines = [{"version": "1.1"}, {"type": "images"}]
    lines += [
        {} if at in skipped else
        {"name": f"cam/{at}", "extension": ".jpg", "width": 640, "height": 480, "meta": {}}
        for at in range(n)
    ]  # fmt: skip
    return "\n".join(map(json.dumps, lines)) + "\n"


def task(*jobs, folder="", spec=None, n=10, more=None):
    """The members of a backup of a task."""
    members = {
        f"{folder}data/cam/0.jpg": b"\xff\xd8" + bytes(range(256)),
        f"{folder}data/manifest.jsonl": manifest(n),
        f"{folder}task.json": json.dumps(spec or about(n)),
        f"{folder}annotations.json": json.dumps(list(jobs)),
    }
    return members | (more or {})


@pytest.fixture
def pack(tmp_path):
    def pack(members, name="backup.zip", compression=ZIP_DEFLATED):
        path = tmp_path / name
        with ZipFile(path, "w", compression) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return pack


def unpack(path):
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def annotations(path, folder=""):
    return json.loads(unpack(path)[f"{folder}annotations.json"])


def test_boxes_of_a_backup(pack):
    """One track that leaves, one to the end of the task, a shape of its own, a polygon."""
    polygon = shape(3, type="polygon", points=[1, 2, 3, 4, 5, 6])
    path = pack(
        task(
            job(
                tracks=[track(key(0, 10), key(4, 30), key(6, 30, outside=True)), track(key(8))],
                shapes=[polygon, shape(5, group=3, z_order=2, occluded=True)],
                tags=[{"frame": 0, "label": "car", "group": 0, "attributes": []}],
            )
        )
    )
    labels = aa.load(path)
    one = labels.boxes[labels.boxes["track"] == "0"]
    assert one["frame"].tolist() == [0, 1, 2, 3, 4, 5]
    assert one["left"].tolist() == [10, 15, 20, 25, 30, 30]
    assert one["keyframe"].tolist() == [True, False, False, False, True, False]
    assert one[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[30, 40]]
    assert labels.boxes.loc[labels.boxes["track"] == "1", "frame"].tolist() == [8, 9]
    alone = labels.boxes[labels.boxes["track"].isna()].iloc[0]
    assert alone[["frame", "shape_id", "group_id", "z_order"]].tolist() == [5, "1", "3", 2]
    assert alone["occluded"]
    assert labels.boxes["attribute.colour"].unique().tolist() == ["red"]
    assert one["attribute.brand"].unique().tolist() == ["saab"]
    assert labels.boxes["sequence"].unique().tolist() == ["street"]
    assert labels.frames["image"].tolist()[:2] == ["cam/0.jpg", "cam/1.jpg"]
    assert labels.frames["image_width"].unique().tolist() == [640]
    assert sorted(labels.problems["where"]) == ["1 of kind 'polygon'", "1 of kind 'tag'"]


def test_frames_count_in_the_task_and_the_manifest_in_the_video(pack):
    spec = about(3, start_frame=2, stop_frame=6, frame_filter="step=2", deleted_frames=[1])
    members = task(job(tracks=[track(key(0), key(2))]), spec=spec)
    members["data/manifest.jsonl"] = manifest(8)
    labels = load(pack(members))
    assert labels.frames["image"].tolist() == ["cam/2.jpg", "cam/6.jpg"], "frame 1 was taken out"
    assert labels.frames["frame"].tolist() == labels.boxes["frame"].tolist() == [0, 2]
    members["data/manifest.jsonl"] = manifest(8, skipped={0, 1, 3, 5, 7})
    assert load(pack(members)).frames["image"].tolist() == ["cam/2.jpg", "cam/6.jpg"]


def test_the_manifest_of_a_video_tells_its_size(pack):
    members = task(job(shapes=[shape(1)]), n=3)
    lines = [
        {"version": "1.1"}, {"type": "video"},
        {"properties": {"name": "a.mp4", "resolution": [1920, 1080], "length": 3}},
        {"number": 0, "pts": 0, "checksum": "x"},
    ]  # fmt: skip
    members["data/manifest.jsonl"] = "\n".join(map(json.dumps, lines))
    labels = load(pack(members))
    assert labels.frames["image_width"].tolist() == [1920] * 3
    assert labels.frames["image"].isna().all()


def test_jobs_that_are_second_opinions_are_annotators(pack):
    jobs = [
        {"start_frame": 0, "stop_frame": 4, "type": "annotation"},
        {"start_frame": 5, "stop_frame": 9, "type": "annotation"},
        {"start_frame": 0, "stop_frame": 9, "type": "ground_truth"},
    ]
    one, two = job(tracks=[track(key(3))]), job(shapes=[shape(7)])
    path = pack(task(one, two, job(shapes=[shape(7, 12.0)]), spec=about(jobs=jobs)))
    labels = load(path)
    assert labels.boxes["annotator"].tolist() == ["consolidated"] * 3 + ["ground_truth"]
    assert labels.boxes["frame"].tolist() == [3, 4, 7, 7], "a track ends with its job"


def test_jobs_that_share_frames_are_a_problem(pack):
    jobs = [{"start_frame": 0, "stop_frame": 6}, {"start_frame": 5, "stop_frame": 9}]
    labels = load(pack(task(job(), job(), spec=about(jobs=jobs))))
    assert labels.problems["where"].tolist() == ["2 frames of two jobs"]


def test_a_project_has_a_sequence_per_task(pack, tmp_path):
    members = {"project.json": json.dumps({"name": "all", "labels": about()["labels"]})}
    for at, name in enumerate(["street", "street"]):
        one = job(shapes=[shape(at)])
        members |= task(one, folder=f"task_{at}/", spec=about(name=name))
    path = pack(members)
    labels = aa.load(path)
    assert labels.boxes["sequence"].tolist() == ["street", "street (1)"]
    boxes = labels.boxes.assign(left=[10.0, 11.0])
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "new.zip")
    before, after = unpack(path), unpack(saved)
    assert list(after) == list(before)
    assert [name for name in after if after[name] != before[name]] == ["task_1/annotations.json"]
    assert annotations(saved, "task_1/")[0]["shapes"][0]["points"] == [11, 20, 41, 60]


def test_an_attribute_that_others_have_too_does_not_hide_where_labels_are_from(pack, tmp_path):
    truncated = [attribute("truncated", "1")]
    path = pack(task(job(shapes=[shape(1, attributes=truncated)])))
    assert unpack(aa.save(aa.load(path), tmp_path / "new.zip")) == unpack(path)


def everything():
    unknown = {"mine": {"a": [1, None]}}
    return task(
        job(
            shapes=[shape(1, **unknown), shape(2, type="ellipse"), shape(3, label="bus")],
            tracks=[
                track(key(0, **unknown), key(4, 30.0), key(6, 30.0, outside=True), **unknown),
                track(key(1, type="polygon", points=[1, 2, 3])),
                track(key(2, outside=True)),
                track(key(5)),
            ],
            tags=[{"frame": 0, "label": "car"}],
        )
    )


@pytest.mark.parametrize("interpolate", [True, False])
def test_what_was_not_changed_stays_to_the_byte(pack, tmp_path, interpolate):
    path = pack(everything())
    labels = load(path, interpolate=interpolate)
    saved = aa.save(labels, tmp_path / "new.zip")
    before, after = unpack(path), unpack(saved)
    assert list(before) == list(after)
    assert json.loads(after.pop("annotations.json")) == json.loads(before.pop("annotations.json"))
    assert after == before


def test_only_what_changed_is_changed(pack, tmp_path):
    path = pack(everything())
    labels = load(path)
    boxes = labels.boxes.copy()
    is_one = boxes["shape_id"] == "0"
    boxes.loc[is_one, "attribute.colour"] = "blue"
    boxes = boxes[boxes["shape_id"] != "2"]  # the bus goes
    boxes.loc[(boxes["track"] == "0") & (boxes["frame"] == 2), "left"] += 5
    saved = annotations(save(aa.Labels(boxes, labels.frames), tmp_path / "new.zip"))[0]
    given = json.loads(everything()["annotations.json"])[0]
    assert [each["type"] for each in saved["shapes"]] == ["rectangle", "ellipse"]
    assert (
        saved["shapes"][0]["attributes"]
        == [attribute("colour", "blue")] + [attribute("brand", "saab")] * 0
    )
    assert saved["shapes"][0]["mine"] == {"a": [1, None]}
    changed = saved["tracks"][0]
    assert [(each["frame"], each["points"][0]) for each in changed["shapes"]] == [
        (0, 10), (2, 25), (4, 30), (6, 30)
    ]  # fmt: skip
    assert [each["outside"] for each in changed["shapes"]] == [False] * 3 + [True]
    assert changed["mine"] == changed["shapes"][0]["mine"] == {"a": [1, None]}
    assert saved["tracks"][1:] == given["tracks"][1:]
    assert saved["tags"] == given["tags"]


def test_keyframes_alone_may_be_changed(pack, tmp_path):
    labels = load(pack(everything()), interpolate=False)
    boxes = labels.boxes.copy()
    boxes.loc[(boxes["track"] == "0") & (boxes["frame"] == 4), "left"] = 50
    saved = annotations(save(aa.Labels(boxes, labels.frames), tmp_path / "new.zip"))[0]
    found = [(each["frame"], each["outside"]) for each in saved["tracks"][0]["shapes"]]
    assert found == [(0, False), (4, False), (6, True)]
    assert saved["tracks"][0]["shapes"][1]["points"][0] == 50


def test_new_boxes_go_to_the_job_of_their_frame(pack, tmp_path):
    jobs = [{"start_frame": 0, "stop_frame": 4}, {"start_frame": 5, "stop_frame": 9}]
    labels = load(pack(task(job(), job(shapes=[shape(7)]), spec=about(jobs=jobs))))
    new = pd.DataFrame(
        {"sequence": "street", "frame": [2, 3, 4, 5, 6], "track": ["9"] * 4 + [None],
         "label": "car", "annotator": "consolidated", "left": 1.0, "top": 2.0, "width": 3.0,
         "height": 4.0, "attribute.colour": "red", "attribute.brand": "saab"}
    )  # fmt: skip
    boxes = pd.concat([labels.boxes, new], ignore_index=True)
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "new.zip")
    first, second = annotations(saved)
    assert [s["frame"] for s in first["tracks"][0]["shapes"]] == [2, 3, 4]
    assert [(s["frame"], s["outside"]) for s in second["tracks"][0]["shapes"]] == [
        (5, False), (6, True)
    ]  # fmt: skip
    assert [each["frame"] for each in second["shapes"]] == [7, 6]
    assert first["tracks"][0]["attributes"] == [attribute("brand", "saab")]
    assert first["tracks"][0]["shapes"][0]["attributes"] == [attribute("colour", "red")]
    again = load(saved).boxes
    assert sorted(again["frame"]) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "cow"}, "'cow' is not among those of the task"),
        ({"frame": 30}, "no job has frame 30"),
        ({"annotator": "ann"}, "no job has frame 1 of annotator 'ann'"),
        ({"left": np.nan}, "no finite number"),
        ({"sequence": "park"}, "'park' is not from"),
    ],
)
def test_what_cvat_would_refuse_is_refused(pack, tmp_path, change, says):
    labels = load(pack(task(job(shapes=[shape(1)]))))
    with pytest.raises(LabelFormatError, match=says):
        save(aa.Labels(labels.boxes.assign(**change), labels.frames), tmp_path / "new.zip")
    assert [each.name for each in tmp_path.iterdir()] == ["backup.zip"]


def test_the_archive_that_labels_are_from_must_be_there_and_the_same(pack, tmp_path):
    path = pack(task(job(shapes=[shape(1)])))
    labels = load(path)
    with pytest.raises(LabelFormatError, match="Name another file"):
        save(labels, path)
    pack(task(job(shapes=[shape(2)])))
    with pytest.raises(LabelFormatError, match="has changed since"):
        save(labels, tmp_path / "new.zip")
    path.unlink()
    with pytest.raises(LabelFormatError, match="not there any more"):
        save(labels, tmp_path / "new.zip")


XML = (
    '<?xml version="1.0"?><annotations><version>1.1</version><meta><task><id>1</id>'
    "<name>{name}</name><size>2</size></task></meta>"
    '<image id="0" name="a.jpg" width="64" height="48"><box label="car" occluded="0" xtl="1" '
    'ytl="2" xbr="4" ybr="6" z_order="0"/></image><image id="1" name="b.jpg"/></annotations>'
)


def test_an_export_and_one_with_several_tasks(pack, tmp_path):
    members = {"images/a.jpg": b"\xff\xd8", "annotations.xml": XML.format(name="pets")}
    path = pack(members, "export.zip", ZIP_STORED)
    labels = aa.load(path)
    assert labels.boxes[SIDES].to_numpy().tolist() == [[1, 2, 3, 4]]
    assert labels.frames["image"].tolist() == ["a.jpg", "b.jpg"]
    saved = save(aa.Labels(labels.boxes.assign(left=2.0), labels.frames), tmp_path / "new.zip")
    assert unpack(saved)["images/a.jpg"] == b"\xff\xd8"
    assert load(saved).boxes["left"].tolist() == [2]
    two = {f"{at}/annotations.xml": XML.format(name="pets") for at in "ab"}
    labels = load(pack(two, "two.zip"))
    assert labels.boxes["sequence"].tolist() == ["pets", "pets (1)"]
    boxes = labels.boxes.assign(left=[1.0, 9.0])
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "both.zip")
    assert load(saved).boxes["left"].tolist() == [1, 9]
    assert b"<name>pets</name>" in unpack(saved)["b/annotations.xml"]


def put(s3, key, path):
    s3.put_object(Bucket="hall", Key=key, Body=path.read_bytes())
    path.unlink()  # so that nothing but what is in S3 can be read again
    return f"s3://hall/{key}"


@pytest.mark.parametrize("kind", ["backup", "export"])
def test_an_archive_in_s3_is_corrected_in_s3(s3, pack, tmp_path, kind):
    export = {"annotations.xml": XML.format(name="pets"), "images/ü a.jpg": b"\xff\xd8"}
    members = everything() if kind == "backup" else export
    address = put(s3, "in/a b ü.zip", pack(members))
    labels = aa.load(address)
    moved = aa.Labels(labels.boxes.assign(left=labels.boxes["left"] + 1), labels.frames)
    new = "s3://hall/out/corrected.zip"
    assert aa.save(moved, new) == new
    assert aa.save(moved, new) == new, "the same once more is quiet"
    again = aa.load(new)
    assert again.boxes["left"].tolist() == moved.boxes["left"].tolist()
    with pytest.raises(LabelFormatError, match="corrected.zip: another file is there"):
        aa.save(labels, new)
    saved = unpack(aa.save(aa.load(new), tmp_path / "here.zip"))
    kept = [name for name in members if not name.startswith("annotations.")]
    given = {n: c if isinstance(c, bytes) else c.encode() for n, c in members.items()}
    assert [saved[name] for name in kept] == [given[name] for name in kept]
    assert aa.save(moved, address, replace=True) == address, "in place, for who means it"
    assert aa.load(address).boxes["left"].tolist() == moved.boxes["left"].tolist()


def test_archives_in_a_folder_of_s3_are_loaded_and_pictures_stay_there(s3, pack, monkeypatch):
    for name, members in {
        "a": everything(),
        "b": {"annotations.xml": XML.format(name="b")},
    }.items():
        put(s3, f"in/{name}/cvat.zip", pack(members))
    noise = np.random.default_rng(0).bytes(1_000_000)
    put(s3, "in/pictures.zip", pack({"images/0.jpg": noise}, compression=ZIP_STORED))
    whole = pack(everything()).read_bytes()
    s3.put_object(Bucket="hall", Key="in/torn.ZIP", Body=whole[: len(whole) // 2])
    fetched, get = [], s3_files.download
    monkeypatch.setattr(s3_files, "download", lambda *what: fetched.append(what[1]) or get(*what))
    labels = aa.load("s3://hall/in/")
    names = ["a/cvat.zip", "b/cvat.zip", "torn.ZIP"]
    assert sorted(fetched) == [f"s3://hall/in/{name}" for name in names]
    assert len(labels.boxes) == len(load(pack(everything())).boxes) + 1
    assert labels.problems.set_index("source")["what"]["s3://hall/in/torn.ZIP"].startswith(
        "s3://hall/in/torn.ZIP is no whole zip archive"
    )
    assert labels.frames["source_file"].dropna().str.contains("s3://hall/in/").all()


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_folder_of_s3_without_labels_says_what_was_looked_for(s3, pack):
    put(s3, "in/pictures.zip", pack({"images/0.jpg": b""}))
    with pytest.raises(LabelFormatError, match="and no archive that holds labels"):
        aa.load("s3://hall/in/")


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_an_archive_of_this_machine_is_corrected_in_s3(s3, pack):
    labels = aa.load(pack(everything()))
    moved = aa.Labels(labels.boxes.assign(left=labels.boxes["left"] + 1), labels.frames)
    address = aa.save(moved, "s3://hall/new.zip", format="cvat-archive")
    assert aa.load(address).boxes["left"].tolist() == moved.boxes["left"].tolist()


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_an_archive_that_went_from_s3_is_named(s3, pack, tmp_path):
    address = put(s3, "in.zip", pack(everything()))
    labels = aa.load(address)
    put(s3, "in.zip", pack(task(job(shapes=[shape(2)]))))
    with pytest.raises(LabelFormatError, match="^s3://hall/in.zip has changed since"):
        aa.save(labels, "s3://hall/new.zip")
    s3.delete_object(Bucket="hall", Key="in.zip")
    with pytest.raises(LabelFormatError, match=r"^s3://hall/in\.zip, which .* not there any more"):
        aa.save(labels, tmp_path / "new.zip")
    assert "Contents" not in s3.list_objects_v2(Bucket="hall")


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_large_archive_goes_to_s3_in_parts_and_whole(s3, pack):
    noise = np.random.default_rng(0).bytes(18_000_000)  # more than two parts
    address = put(s3, "in.zip", pack(everything() | {"data/cam/0.jpg": noise}))
    labels = aa.load(address)
    moved = aa.Labels(labels.boxes.assign(left=labels.boxes["left"] + 1), labels.frames)
    aa.save(moved, "s3://hall/new.zip")
    assert s3.head_object(Bucket="hall", Key="new.zip")["ETag"].endswith('-3"')
    assert aa.load("s3://hall/new.zip").boxes["left"].tolist() == moved.boxes["left"].tolist()


def test_labels_from_elsewhere_make_an_archive_that_cvat_imports(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": "a", "frame": [0, 1], "track": "7", "label": "car", "annotator": "x",
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    path = aa.save(aa.Labels(boxes), tmp_path / "new.zip", format="cvat-archive")
    assert list(unpack(path)) == ["annotations.xml"]
    pd.testing.assert_frame_equal(
        aa.load(path).boxes[["frame", "track", *SIDES]], boxes[["frame", "track", *SIDES]],
        check_dtype=False,
    )  # fmt: skip


def link(name="data/a.jpg"):
    entry = ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../../etc/passwd", "leads out of the archive"),
        ("/etc/passwd", "no relative path"),
        ("data\\a.jpg", "no relative path"),
        ("C:/a.jpg", "no relative path"),
        (link(), "is a link"),
    ],
)
def test_entries_that_could_do_harm_are_refused(pack, name, says):
    path = pack(everything())
    with ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(LabelFormatError, match=says):
        aa.load(path)


def test_bombs_are_refused_before_they_unpack(pack, monkeypatch):
    path = pack(everything() | {"data/zeros": bytes(1 << 20)})
    monkeypatch.setattr(cvat_zip, "_FREE", 1 << 16)
    with pytest.raises(LabelFormatError, match="unpacks to 1,048,576 bytes from"):
        aa.load(path)


def test_many_entries_over_the_same_bytes_are_refused(pack, monkeypatch):
    """Each harmless by itself; together they unpack to far more than there is."""
    monkeypatch.setattr(cvat_zip, "_FREE", 1 << 16)
    monkeypatch.setattr(cvat_zip, "MAX_RATIO", 3)
    path = pack(everything() | {f"data/{at}": bytes(range(256)) * 250 for at in range(20)})
    with pytest.raises(LabelFormatError, match="more than 3 times its size|unpacks to"):
        aa.load(path)


def test_a_doubled_entry_is_refused(pack):
    path = pack(everything())
    with pytest.warns(UserWarning, match="Duplicate"), ZipFile(path, "a") as archive:
        archive.writestr("annotations.json", b"[]")
    with pytest.raises(LabelFormatError, match="twice"):
        load(path)


def test_an_encrypted_entry_is_refused(pack):
    path = pack(everything())
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(LabelFormatError, match="is encrypted"):
        load(path)


def test_broken_archives_say_so(pack):
    path = pack(everything(), compression=ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LabelFormatError, match="no whole zip archive"):
        aa.load(path)
    at = whole.index(b'"rectangle"')
    path.write_bytes(whole[:at] + b"#" + whole[at + 1 :])
    with pytest.raises(LabelFormatError, match=r"annotations.json cannot be unpacked"):
        aa.load(path)


@pytest.mark.parametrize(
    ("member", "content", "says"),
    [
        ("annotations.json", "{}", "expected a list of the annotations"),
        ("annotations.json", "[", "annotations.json, line 1"),
        ("annotations.json", "[" * 20_000, "nested too deep"),
        ("task.json", "[]", "expected an object"),
        ("task.json", '{"a": NaN', "task.json, line 1"),
    ],
)
def test_a_backup_with_a_broken_file_is_refused(pack, member, content, says):
    with pytest.raises(LabelFormatError, match=says):
        load(pack(everything() | {member: content}))


def test_a_key_that_stands_twice_is_a_problem(pack, tmp_path):
    members = task(job(shapes=[shape(1)]))
    doubled = members["annotations.json"].replace('"frame": 1', '"frame": 0, "frame": 1')
    path = pack(members | {"annotations.json": doubled})
    labels = load(path)
    assert labels.boxes["frame"].tolist() == [1]
    assert labels.problems["where"].tolist() == ["annotations.json"]
    assert labels.problems["what"].str.contains("the key 'frame' twice").all()
    assert unpack(save(labels, tmp_path / "new.zip")) == unpack(path)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (shape(1, points=[1, 2, 3]), "points are"),
        (shape(1, points=[1, 2, 3, "4"]), "points are"),
        (shape(1, points=[1, 2, 3, 1e300]), "points are"),
        (shape("1"), "frame is '1'"),
        (shape(10**9), "frame is 1000000000"),
        (3, "found 3"),
    ],
)
def test_what_is_no_box_is_a_problem_with_its_place(pack, bad, says):
    path = pack(task(job(shapes=[shape(0), bad])))
    labels = load(path)
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["job 0, shape 1"]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="shape 1"):
        load(path, strict=True)


def test_other_archives_are_not_of_cvat(pack, tmp_path):
    path = pack({"images/a.jpg": b"x"})
    assert not recognises(path, path.read_bytes())
    with pytest.raises(
        LabelFormatError, match="a backup of CVAT, .* Unpack it, and load the folder"
    ):
        aa.load(path)
    with pytest.raises(LabelFormatError, match="neither"):
        load(path)


def test_what_is_written_is_what_the_server_takes(pack, tmp_path):
    """Held against the models of CVAT's own client, which check every key, type and range."""
    models = pytest.importorskip("cvat_sdk.api_client.models", reason="pip install cvat-sdk")
    configuration = pytest.importorskip("cvat_sdk.api_client.configuration").Configuration()
    labels = load(pack(everything()))
    boxes = labels.boxes.assign(left=labels.boxes["left"] + 1)
    new = boxes.iloc[[0]].assign(track="new", frame=8)
    boxes = pd.concat([boxes, new], ignore_index=True)
    saved = annotations(save(aa.Labels(boxes, labels.frames), tmp_path / "new.zip"))[0]

    def as_sent(entry):
        """A backup has names where the server has numbers."""
        if isinstance(entry, list):
            return [as_sent(each) for each in entry]
        if not isinstance(entry, dict):
            return entry
        sent = {name: as_sent(value) for name, value in entry.items() if name != "mine"}
        if "label" in sent:
            sent["label_id"] = ["car", "bus"].index(sent.pop("label"))
        if "name" in sent:
            sent["spec_id"] = ["colour", "brand"].index(sent.pop("name"))
        return sent

    sent = {name: as_sent(saved[name]) for name in ("shapes", "tracks")}
    for name, kind in {"shapes": "LabeledShapeRequest", "tracks": "LabeledTrackRequest"}.items():
        for entry in sent[name]:
            model = getattr(models, kind)._from_openapi_data(
                **entry, _check_type=True, _configuration=configuration
            )
            assert model.to_dict().keys() >= {"label_id", "frame", "attributes"}


number = st.integers(0, 10**6).map(lambda hundredths: hundredths / 100)
text = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=4)
a_shape = st.builds(
    lambda frame, left, colour, unknown, kind: shape(
        frame, left, attributes=[attribute("colour", colour)], type=kind, **unknown
    ),
    st.integers(0, 9), number, text,
    st.dictionaries(text.map("x{}".format), st.none() | text | st.integers(), max_size=2),
    st.sampled_from(["rectangle", "rectangle", "polygon"]),
)  # fmt: skip
a_track = st.builds(
    lambda frames, lefts, hidden, colours: track(
        *(
            key(frame, left, outside=out, colour=colour)
            for frame, left, out, colour in zip(
                sorted(frames), lefts, hidden, colours, strict=False
            )
        )
    ),
    st.sets(st.integers(0, 9), min_size=1, max_size=4), st.lists(number, min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4), st.lists(text, min_size=4, max_size=4),
)  # fmt: skip


@given(st.lists(a_shape, max_size=3), st.lists(a_track, max_size=3), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, shapes, tracks, interpolate, move):
    """As it was; and a change to every box is in the copy, everywhere CVAT would show it."""
    folder = tmp_path_factory.mktemp("law")
    path = folder / "backup.zip"
    with ZipFile(path, "w") as archive:
        for name, content in task(job(shapes=shapes, tracks=tracks)).items():
            archive.writestr(name, content)
    labels = load(path, interpolate=interpolate)
    assert annotations(save(labels, folder / "same.zip")) == annotations(path)
    if move and interpolate:  # of keyframes alone, an unseen one that is "outside" stays
        boxes = labels.boxes.assign(top=labels.boxes["top"] + 1)
        again = load(save(aa.Labels(boxes, labels.frames), folder / "moved.zip"))
        order = ["track", "shape_id", "frame"]
        order = [name for name in order if name in boxes]
        names = [*order, "label", "attribute.colour", *SIDES]
        names = [name for name in names if name in boxes]
        expected = load(path).boxes
        expected = expected.assign(top=expected["top"] + 1) if len(expected) else expected
        by = {"by": order, "ignore_index": True}
        pd.testing.assert_frame_equal(
            again.boxes.sort_values(**by)[names], expected.sort_values(**by)[names],
            check_dtype=False, atol=0.011,
        )  # fmt: skip


HOSTILE = [
    None, True, -1, 10**400, 2**63, 1.5, "", "x", "../../etc/passwd", "\0", [], {}, [[]],
    float("nan"), float("inf"), 1e300, 10**7,
]  # fmt: skip


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inside in items:
            yield from places(inside, (*path, name))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    members = everything()
    for _ in range(data.draw(st.integers(0, 3))):
        member = data.draw(st.sampled_from(["task.json", "annotations.json"]))
        value = json.loads(members[member])
        at = data.draw(st.sampled_from(list(places(value))))
        members[member] = json.dumps(replaced(value, at, data.draw(st.sampled_from(HOSTILE))))
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "backup.zip"
    with ZipFile(path, "w", data.draw(st.sampled_from([ZIP_STORED, ZIP_DEFLATED]))) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    if data.draw(st.booleans()):
        raw = path.read_bytes()
        at = data.draw(st.integers(0, len(raw)))
        path.write_bytes(raw[:at] + data.draw(st.binary(max_size=4)) + raw[at + 2 :])
    recognises(path, path.read_bytes())
    try:
        labels = load(path)
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    assert not labels.frames.duplicated(["sequence", "frame"]).any()
    if len(labels.boxes) < 1000:
        try:
            save(labels, folder / "new.zip")
        except LabelFormatError as error:
            assert len(str(error)) > 20


@given(st.binary(max_size=200))
def test_recognition_never_raises(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(b"PK\3\4" + raw + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 9, 9, 0))
    recognises(path, path.read_bytes())
    assert isinstance(zipfile.is_zipfile(path), bool)
