"""Labels saved to an address: as on the disk, and never over other ones."""

from pathlib import Path

import pandas as pd
import pytest

import annotaudit as aa

DATA = Path(__file__).parents[2] / "data"
SIDES = ["left", "top", "width", "height"]


@pytest.fixture(scope="module")
def station():
    return aa.load(DATA / "station/SeqLabel.json", frames=DATA / "station/img1")


@pytest.fixture(scope="module")
def stills(station):
    """The same boxes without tracks, each frame an image of known size."""
    boxes = station.boxes.assign(track=None, annotator="ann")
    frames = station.frames.assign(image_width=960.0, image_height=540.0)
    return aa.Labels(boxes, frames)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("SeqLabel.json", None), ("gt.txt", None), ("folder", "motchallenge"),
        ("labels.manifest", None), ("cvat.xml", "cvat"),
    ],
)  # fmt: skip
def test_tracks_come_back_from_where_they_were_saved(s3, station, name, format):
    address = f"s3://hall/out/{name}"
    assert aa.save(station, address, format=format) == address
    assert aa.save(station, address, format=format) == address  # a rerun is fine, and quiet
    back = aa.load(address if name != "folder" else f"{address}/")
    order = ["frame", *SIDES]
    saved, read = (
        table.sort_values(order, ignore_index=True)[order] for table in (station.boxes, back.boxes)
    )
    pd.testing.assert_frame_equal(saved, read, atol=0.011)  # what CVAT keeps of a pixel


@pytest.mark.parametrize(("name", "format"), [("yolo", "yolo"), ("voc/", "voc")])
def test_folders_of_a_file_per_image_come_back(s3, stills, name, format):
    address = f"s3://hall/{name}"
    assert aa.save(stills, address, format=format) == address.rstrip("/")
    options = {"image_size": (960, 540)} if format == "yolo" else {}  # the images are elsewhere
    back = aa.load(f"{address.rstrip('/')}/", **options)
    assert len(back.boxes) == len(stills.boxes)
    assert back.boxes[SIDES].sum().tolist() == pytest.approx(stills.boxes[SIDES].sum().tolist())


def test_other_labels_are_refused_until_they_are_meant(s3, station):
    address = "s3://hall/SeqLabel.json"
    aa.save(station, address)
    moved = aa.Labels(station.boxes.assign(left=station.boxes["left"] + 1), station.frames)
    with pytest.raises(ValueError, match=r"SeqLabel.json: another file .* replace=True"):
        aa.save(moved, address)
    assert aa.load(address).boxes["left"].equals(station.boxes["left"])
    assert aa.save(moved, address, replace=True) == address
    assert aa.load(address).boxes["left"].equals(moved.boxes["left"])


def test_one_file_in_the_way_and_nothing_of_a_folder_is_sent(s3, stills):
    s3.put_object(Bucket="hall", Key="yolo/data.yaml", Body=b"names: [other]")
    with pytest.raises(ValueError, match=r"yolo/data\.yaml: another file"):
        aa.save(stills, "s3://hall/yolo", format="yolo")
    listed = s3.list_objects_v2(Bucket="hall")["Contents"]
    assert [entry["Key"] for entry in listed] == ["yolo/data.yaml"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://example.com/x.json", "starts with s3://"),
        ("s3://UPPER/x.json", "no S3 address"),
        ("s3://hall/../..", "name of a file"),
    ],
)
def test_what_nothing_can_be_written_to_is_refused(station, address, message):
    with pytest.raises(ValueError, match=message):
        aa.save(station, address, format="ground-truth-video")


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_labels_beside_a_manifest_go_before_the_ones_it_was_made_from(s3, station):
    """A manifest keeps the addresses it was read with; what was saved with it must not be lost."""
    text = (DATA / "station/output.manifest").read_text().replace("example-bucket", "hall")
    s3.put_object(Bucket="hall", Key="job/output.manifest", Body=text.encode())
    for name in ("SeqLabel.json", "station-seq.json"):
        content = (DATA / "station" / name).read_bytes()
        s3.put_object(Bucket="hall", Key=f"station/{name}", Body=content)
    read = aa.load("s3://hall/job/output.manifest")
    moved = aa.Labels(read.boxes.assign(left=read.boxes["left"] + 1), read.frames)
    aa.save(moved, "s3://hall/moved/output.manifest")
    assert aa.load("s3://hall/moved/output.manifest").boxes["left"].equals(moved.boxes["left"])
    assert aa.load("s3://hall/job/output.manifest").boxes["left"].equals(read.boxes["left"])


@pytest.fixture(scope="module")
def forklifts(station):
    return aa.Labels(station.boxes.assign(label="forklift"), station.frames)


@pytest.mark.parametrize("name", ["gt.txt", "hall/gt/gt.txt", "SeqLabel.json", "labels.csv"])
def test_what_stands_beside_a_file_is_read_with_it(s3, forklifts, name):
    """Names of classes lie in files of their own; without them a forklift would be a person."""
    boxes = forklifts.boxes.assign(track=forklifts.boxes["track"].str.replace("Pedestrian:", ""))
    labels = aa.Labels(boxes, forklifts.frames)
    aa.save(labels, f"s3://hall/{name}")
    back = aa.load(f"s3://hall/{name}")
    assert set(back.boxes["label"]) == {"forklift"}
    assert len(back.frames) == len(labels.frames)


def test_the_rate_of_a_video_is_found_above_its_boxes(s3, station):
    aa.save(station, "s3://hall/street", format="motchallenge")
    s3.put_object(Bucket="hall", Key="street/seqinfo.ini", Body=b"[Sequence]\nname=street\n"
                  b"frameRate=10\nseqLength=80\nimWidth=960\nimHeight=540\n")  # fmt: skip
    frames = aa.load("s3://hall/street/gt/gt.txt").frames
    assert frames["image_width"].iloc[0] == 960
    assert frames["time"].iloc[1] == pytest.approx(0.1)


def test_the_head_of_a_yolo_set_brings_its_labels(s3, stills):
    aa.save(stills, "s3://hall/set", format="yolo")
    labels = aa.load("s3://hall/set/data.yaml", image_size=(960, 540))
    assert len(labels.boxes) == len(stills.boxes)


def test_problems_name_the_address(s3):
    s3.put_object(Bucket="hall", Key="a/gt/gt.txt", Body=b"1,1,0,0,10,10,1,1,1\n1,x,0,0\n")
    s3.put_object(Bucket="hall", Key="a/seqinfo.ini", Body=b"[Sequence]\nframeRate=fast\n")
    sources = set(aa.load("s3://hall/a/gt/gt.txt").problems["source"])
    assert sources and all(source.startswith("s3://hall/a/") for source in sources)


@pytest.mark.parametrize("address", ["s3://hall/gt.txt", "s3://hall/street"])
def test_class_names_of_an_earlier_save_are_not_taken_for_these(s3, station, forklifts, address):
    options = {"format": "motchallenge", "replace": True}
    aa.save(forklifts, address, **options)
    people = station.boxes.assign(label="pedestrian")  # a class MOTChallenge knows itself
    aa.save(aa.Labels(people, station.frames), address, **options)
    back = aa.load(address if address.endswith(".txt") else f"{address}/")
    assert set(back.boxes["label"]) == {"pedestrian"}


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_who_may_not_list_a_bucket_still_gets_the_names_of_classes(s3, forklifts):
    from botocore.exceptions import ClientError

    from annotaudit.frames.s3_files import s3_client

    aa.save(forklifts, "s3://hall/street/gt/gt.txt")

    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")

    client = s3_client()
    client.meta.events.register("before-call.s3.ListObjectsV2", refuse)
    try:
        assert set(aa.load("s3://hall/street/gt/gt.txt").boxes["label"]) == {"forklift"}
        with pytest.raises(ValueError, match="allowed to list"):
            aa.save(forklifts, "s3://hall/street/gt/gt.txt")
    finally:
        client.meta.events.unregister("before-call.s3.ListObjectsV2", refuse)
