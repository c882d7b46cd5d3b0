"""Files to and from two S3 servers that share no code, over real HTTP."""

import io
import os
import tempfile
from pathlib import Path

import pytest

import annotaudit as aa
from annotaudit.frames import s3_writing
from annotaudit.frames.s3_files import copy_here, download, read_object, s3_client, split_address
from annotaudit.frames.s3_writing import put_new, upload_new, write_to

STATION = Path(__file__).parents[2] / "data/station"


def test_a_file_is_written_once_and_never_over_another(s3):
    assert put_new(s3, "s3://hall/a/b.json", b"{}") == "sent"
    assert put_new(s3, "s3://hall/a/b.json", b"{}") == "was there"
    with pytest.raises(ValueError, match="nothing is overwritten"):
        put_new(s3, "s3://hall/a/b.json", b"[]")
    assert read_object(s3, "s3://hall/a/b.json") == b"{}"
    assert read_object(s3, "s3://hall/a/c.json") is None


@pytest.mark.parametrize("size", [10, 9_000_000])  # in one piece, and in parts
@pytest.mark.parametrize("s3", ["moto"], indirect=True)  # s3rver knows no conditional writes
def test_of_two_who_write_at_once_the_second_loses(s3, monkeypatch, size):
    """The look before the write saw nothing; the write itself must still refuse."""
    first, second = size * b"1", size * b"2"
    put_new(s3, "s3://hall/x", first)
    whole = s3_writing._listing
    looks = iter([lambda *_: {}, whole, lambda *_: {}, whole])
    monkeypatch.setattr(s3_writing, "_listing", lambda *given: next(looks)(*given))
    with pytest.raises(ValueError, match="nothing is overwritten"):
        put_new(s3, "s3://hall/x", second)
    assert read_object(s3, "s3://hall/x") == first
    assert put_new(s3, "s3://hall/x", first) == "was there"


def test_replacing_is_possible_for_who_means_it(s3):
    put_new(s3, "s3://hall/x", b"first")
    assert put_new(s3, "s3://hall/x", b"first", replace=True) == "was there"
    assert put_new(s3, "s3://hall/x", b"second", replace=True) == "replaced"
    assert read_object(s3, "s3://hall/x") == b"second"


def test_a_folder_is_sent_once_and_then_only_what_is_new(s3, tmp_path):
    files = {}
    for number in range(12):
        path = tmp_path / f"{number:03}.jpg"
        path.write_bytes(bytes([number]) * 1_000)
        files[f"s3://hall/img/{path.name}"] = str(path)
    told = []
    some = dict(list(files.items())[:5])
    assert set(upload_new(s3, some).values()) == {"sent"}
    sent = upload_new(s3, files, progress=lambda done, of: told.append((done, of)))
    assert list(sent.values()) == ["was there"] * 5 + ["sent"] * 7
    assert told[-1] == (12, 12)
    (tmp_path / "003.jpg").write_bytes(b"!" * 1_000)  # the same size, another picture
    (tmp_path / "012.jpg").write_bytes(b"new")
    files["s3://hall/img/012.jpg"] = tmp_path / "012.jpg"
    with pytest.raises(ValueError, match=r"003\.jpg: another file.*--replace"):
        upload_new(s3, files)
    assert read_object(s3, "s3://hall/img/012.jpg") is None  # all or nothing


def test_a_large_file_goes_and_comes_in_parts(s3, tmp_path):
    whole = os.urandom(20_000_000)
    (tmp_path / "film.bin").write_bytes(whole)
    files = {"s3://hall/film.bin": str(tmp_path / "film.bin")}
    assert upload_new(s3, files) == {"s3://hall/film.bin": "sent"}
    assert upload_new(s3, files) == {"s3://hall/film.bin": "was there"}
    back = download(s3, "s3://hall/film.bin", tmp_path / "there" / "film.bin")
    assert back.read_bytes() == whole
    (tmp_path / "film.bin").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="another file"):
        upload_new(s3, files)


def test_parts_of_another_size_are_compared_by_their_content(s3, tmp_path):
    from boto3.s3.transfer import TransferConfig

    path = tmp_path / "film.bin"
    path.write_bytes(os.urandom(12_000_000))
    parts = TransferConfig(multipart_threshold=1, multipart_chunksize=6 * 1024**2)
    s3.upload_file(str(path), "hall", "film.bin", Config=parts)
    assert upload_new(s3, {"s3://hall/film.bin": path}) == {"s3://hall/film.bin": "was there"}


def test_what_a_function_writes_goes_to_an_address_with_what_stands_beside(s3):
    def write(path, text="{}"):
        path.with_name("beside.txt").write_text("x")
        path.write_text(text)
        return path

    assert write_to("s3://hall/a/b.json", write) == {"s3://hall/a/b.json": "wrote"}
    assert write_to("s3://hall/a/b.json", write) == {"s3://hall/a/b.json": "was there"}
    assert read_object(s3, "s3://hall/a/beside.txt") == b"x"
    with pytest.raises(ValueError, match="nothing is overwritten"):
        write_to("s3://hall/a/b.json", lambda path: write(path, "[]"))
    write_to("s3://hall/a/b.json", lambda path: write(path, "[]"), replace=True)
    assert read_object(s3, "s3://hall/a/b.json") == b"[]"
    assert s3.head_object(Bucket="hall", Key="a/b.json")["ContentType"] == "application/json"


def test_nothing_to_send_and_what_is_not_on_this_machine(s3, tmp_path):
    assert upload_new(s3, {}) == {}
    files = {"s3://hall/x": b"1", "s3://hall/y": tmp_path / "missing.jpg"}
    with pytest.raises(ValueError, match=r"missing\.jpg is not on this machine"):
        upload_new(s3, files)
    assert "Contents" not in s3.list_objects_v2(Bucket="hall")


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_write_that_is_refused_is_one_error(s3):
    from botocore.exceptions import ClientError

    error = {
        "Error": {"Code": "AccessDenied"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }

    def refuse(**_):
        raise ClientError(error, "PutObject")

    s3.meta.events.register("before-call.s3.PutObject", refuse)
    with pytest.raises(ValueError, match="could not be written .* allowed to list, read and write"):
        put_new(s3, "s3://hall/x", b"1")


def test_a_bucket_that_is_not_there_is_not_made(s3):
    with pytest.raises(ValueError, match="Create the bucket first"):
        put_new(s3, "s3://no-such-bucket/x", b"")
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["hall"]


def test_a_server_with_a_name_is_asked_with_the_bucket_in_the_path(s3, monkeypatch):
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"].replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    put_new(s3_client(), "s3://hall/x", b"1")
    assert read_object(s3, "s3://hall/x") == b"1"
    assert s3_client() is s3_client()


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_an_answer_that_ends_too_early_is_no_file(s3, monkeypatch):
    """The server breaks off; half a label file must not be taken for the whole."""
    from botocore.response import StreamingBody

    put_new(s3, "s3://hall/x.json", b"[1, 2]")
    whole = s3.get_object

    def broken(**request):
        reply = whole(**request)
        return reply | {"Body": StreamingBody(io.BytesIO(reply["Body"].read()[:3]), 6)}

    monkeypatch.setattr(s3, "get_object", broken)
    with pytest.raises(ValueError, match=r"x\.json: could not be read"):
        read_object(s3, "s3://hall/x.json")


def test_labels_load_from_an_address_as_from_the_disk(s3):
    put_new(s3, "s3://hall/station/SeqLabel.json", (STATION / "SeqLabel.json").read_bytes())
    labels = aa.load("s3://hall/station/SeqLabel.json")
    assert repr(labels) == "Labels(83 boxes, 3 tracks, 32 frames, 1 sequence, 0 problems)"
    assert set(labels.boxes["sequence"]) == {"station"}


def test_a_manifest_brings_the_labels_it_names(s3):
    text = (STATION / "output.manifest").read_text().replace("example-bucket", "hall")
    put_new(s3, "s3://hall/out/job/manifests/output/output.manifest", text.encode())
    for name in ("SeqLabel.json", "station-seq.json"):
        put_new(s3, f"s3://hall/station/{name}", (STATION / name).read_bytes())
    labels = aa.load("s3://hall/out/job/manifests/output/output.manifest")
    assert labels.problems.empty
    assert labels.boxes["label"].unique().tolist() == ["Pedestrian"]
    assert labels.frames["time"].iloc[1] == pytest.approx(0.08)


def test_a_folder_loads_and_images_stay_where_they_are(s3, tmp_path):
    files = {
        f"s3://hall/set/{name}": str(STATION / name)
        for name in ("gt/gt.txt", "seqinfo.ini", "img1/000001.jpg")
    }
    upload_new(s3, files)
    folder = copy_here(s3, "s3://hall/set/", tmp_path)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))
    assert names == ["gt/gt.txt", "seqinfo.ini"]
    assert len(aa.load("s3://hall/set/").boxes) > 100


@pytest.mark.slow
def test_more_files_than_one_page_lists(s3, tmp_path):
    (tmp_path / "x.json").write_bytes(b"{}")
    files = {f"s3://hall/many/{n:04}.json": str(tmp_path / "x.json") for n in range(1_005)}
    upload_new(s3, files)
    assert set(upload_new(s3, files).values()) == {"was there"}


def test_what_is_not_there_is_said_with_the_address(s3):
    for address in ("s3://hall/nothing.json", "s3://hall/nothing/"):
        with pytest.raises(ValueError, match=address):
            aa.load(address)


def test_what_cannot_be_read_is_said_with_the_address(s3):
    put_new(s3, "s3://hall/in/x.json", b'{"tracking-annotations": ')
    with pytest.raises(ValueError, match="s3://hall/in/x.json") as refused:
        aa.load("s3://hall/in/x.json")
    assert tempfile.gettempdir() not in str(refused.value)


@pytest.mark.parametrize("address", ["s3://UPPER/x", "s3://b", "http://b/x", "s3://bucket/\n"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="no S3 address"):
        split_address(address)
