"""The loopback's Ground Truth: the documented rules, asked with an unmodified boto3 client."""

import copy
import json
from pathlib import Path

import pytest

import annotaudit as aa
from annotaudit.testing import CarefulWorker, GroundTruth, LoopbackAmazon

STATION = Path(__file__).parents[2] / "data/station"
BUCKET = "example-bucket"


@pytest.fixture(scope="module")
def plan():
    labels = aa.load(STATION / "SeqLabel.json", frames=STATION / "img1")
    findings = aa.audit(labels, rules="aws")
    session = aa.aws.Session(
        "us-east-1", BUCKET, "arn:aws:iam::111122223333:role/GroundTruth",
        "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall",
    )  # fmt: skip
    return aa.aws.plan_adjustment(labels, findings, session=session)


@pytest.fixture(scope="module")
def server():
    with LoopbackAmazon(storage=True) as amazon:
        yield amazon


@pytest.fixture(scope="module")
def client(server):
    return server.session().client("sagemaker", endpoint_url=server.endpoint)


@pytest.fixture
def amazon(server, plan):
    """Everything the planned job needs lies in the bucket."""
    server.ground_truth = server.services["SageMaker"] = GroundTruth(server.s3())
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    rule = {"AllowedMethods": ["GET", "HEAD", "PUT"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    for address, content in plan.files.items():
        s3.put_object(Bucket=BUCKET, Key=key(address), Body=content)
    for address in plan.uploads:
        s3.put_object(Bucket=BUCKET, Key=key(address), Body=b"picture")
    yield server
    server.storage.forget()


def key(address):
    return address.removeprefix(f"s3://{BUCKET}/")


def refusal(client, request):
    with pytest.raises(client.exceptions.ClientError) as error:
        client.create_labeling_job(**request)
    return error.value.response["Error"]["Message"]


def test_a_job_goes_through_its_states_and_is_listed(amazon, client, plan):
    client.create_labeling_job(**plan.request)
    seen = [
        client.describe_labeling_job(LabelingJobName=plan.job)["LabelingJobStatus"]
        for _ in range(4)
    ]
    assert seen == ["Initializing", "InProgress", "Completed", "Completed"]
    listed = client.list_labeling_jobs(NameContains="station")["LabelingJobSummaryList"]
    assert [job["LabelingJobName"] for job in listed] == [plan.job]
    assert listed[0]["LabelCounters"]["TotalLabeled"] == len(plan.sequences)


def test_jobs_are_listed_page_by_page_and_by_status(amazon, client, plan):
    for number in range(3):
        name = f"{plan.job}-{number}"
        client.create_labeling_job(**{**plan.request, "LabelingJobName": name})
    client.stop_labeling_job(LabelingJobName=f"{plan.job}-1")
    pages = client.get_paginator("list_labeling_jobs").paginate(MaxResults=2)
    sizes = [len(page["LabelingJobSummaryList"]) for page in pages]
    assert sizes == [2, 1]
    stopping = client.list_labeling_jobs(StatusEquals="Stopping")["LabelingJobSummaryList"]
    assert [job["LabelingJobName"] for job in stopping] == [f"{plan.job}-1"]


def test_a_name_is_taken_once_whatever_its_case(amazon, client, plan):
    client.create_labeling_job(**plan.request)
    with pytest.raises(client.exceptions.ResourceInUse):
        client.create_labeling_job(**{**plan.request, "LabelingJobName": plan.job.upper()})


def test_a_job_nobody_made_is_not_found(amazon, client):
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_labeling_job(LabelingJobName="nobodys")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.stop_labeling_job(LabelingJobName="nobodys")


def test_a_frame_that_is_not_there_is_refused(amazon, client, plan):
    amazon.s3().delete_object(Bucket=BUCKET, Key=key(next(iter(plan.uploads))))
    assert "no such frame" in refusal(client, plan.request)


def test_a_bucket_a_browser_may_not_read_is_refused(amazon, client, plan):
    amazon.s3().delete_bucket_cors(Bucket=BUCKET)
    assert "CORS" in refusal(client, plan.request)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"LabelAttributeName": "Person"}, "-ref"),
        ({"LabelAttributeName": "Person-ref"}, "another name"),
        ({"LabelCategoryConfigS3Uri": f"s3://{BUCKET}/nothing.json"}, "label categories"),
        ({"LabelingJobName": "has_underscore"}, "LabelingJobName"),
    ],
)
def test_a_request_against_the_rules_is_refused(amazon, client, plan, change, told):
    assert told in refusal(client, {**plan.request, **change})


def test_two_workers_for_a_video_are_refused(amazon, client, plan):
    request = copy.deepcopy(plan.request)
    request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] = 2
    assert "NumberOfHumanWorkersPerDataObject" in refusal(client, request)


def test_a_sequence_of_more_than_2000_frames_is_refused(amazon, client, plan):
    address = next(name for name in plan.files if name.endswith("-seq.json"))
    sequence = json.loads(plan.files[address])
    sequence["frames"] = [{"frame-no": n, "frame": f"{n:06}.jpg"} for n in range(2_001)]
    sequence["number-of-frames"] = 2_001
    amazon.s3().put_object(Bucket=BUCKET, Key=key(address), Body=json.dumps(sequence).encode())
    assert "1 to 2000" in refusal(client, plan.request)


def test_a_careful_worker_moves_only_what_is_off():
    truth = aa.load(STATION / "gt/gt.txt", frames=STATION / "img1")
    first = truth.boxes[truth.boxes["frame"] == 0].iloc[0]
    box = {side: float(first[side]) for side in ("left", "top", "width", "height")}
    off = {**box, "left": box["left"] + box["width"] / 2, "object-id": "kept"}
    worker = CarefulWorker(truth)
    assert worker("000001.jpg", [box]) == [box]
    mended = worker("000001.jpg", [off])[0]
    assert mended["left"] == round(box["left"]) and mended["object-id"] == "kept"
    assert worker("elsewhere.jpg", [off]) == [off]


def test_a_worker_who_completes_draws_what_is_missing_and_removes_what_is_nothing():
    truth = aa.datasets.stop_sign(gold=True)
    worker = CarefulWorker(truth, complete=True)
    nothing = {"label": "stop sign", "left": 5, "top": 5, "width": 9, "height": 9}
    near = {"label": "stop sign", "left": 862, "top": 251, "width": 80, "height": 80}
    far = {"label": "stop sign", "left": 325, "top": 323, "width": 28, "height": 28}
    assert worker("street_1.jpg", [nothing, near]) == [near, far]
    assert worker("street_3.jpg", [nothing]) == [] == worker("street_3.jpg", [])
