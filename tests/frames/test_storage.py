"""Pictures in S3, with the client handed in."""

import io

import PIL.Image
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import open_image


class Bucket:
    """Answers like S3 for one object."""

    def __init__(self, content):
        self.content = content
        self.asked = []

    def get_object(self, **request):
        self.asked.append(request)
        if request["Key"] != "img1/000001.png":
            exceptions = pytest.importorskip("botocore.exceptions")
            raise exceptions.ClientError(
                {"Error": {"Code": "NoSuchKey", "Message": "The key does not exist."}}, "GetObject"
            )
        return {"Body": io.BytesIO(self.content)}


@pytest.fixture
def bucket():
    pytest.importorskip("boto3")
    file = io.BytesIO()
    PIL.Image.new("RGB", (6, 4), "red").save(file, "PNG")
    return Bucket(file.getvalue())


def test_a_picture_comes_from_its_bucket(bucket):
    image = open_image("s3://some-bucket/img1/000001.png", s3_client=bucket)
    assert image.size == (6, 4)
    assert bucket.asked == [{"Bucket": "some-bucket", "Key": "img1/000001.png"}]


def test_a_missing_object_is_named(bucket):
    with pytest.raises(FrameError, match=r"s3://some-bucket/none.png.*does not exist"):
        open_image("s3://some-bucket/none.png", s3_client=bucket)


def test_a_large_object_is_refused(bucket):
    with pytest.raises(FrameError, match="more than 10 bytes"):
        open_image("s3://some-bucket/img1/000001.png", s3_client=bucket, max_bytes=10)


@pytest.mark.parametrize(
    "address",
    ["s3://", "s3://bucket", "s3://bucket/", "s3://../a.png", "s3://some-bucket/a\nb.png"],
)
def test_what_is_no_s3_address_is_refused(address, bucket):
    with pytest.raises(FrameError, match="no S3 address"):
        open_image(address, s3_client=bucket)
    assert not bucket.asked
