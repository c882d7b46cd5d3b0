"""From plan to merged labels against the loopback Amazon, over real HTTP, and interrupted."""

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError

import annotaudit as aa
from annotaudit.aws import jobs
from annotaudit.cli import main
from annotaudit.testing import CarefulWorker

STATION = Path(__file__).parents[2] / "data/station"
ROLE = "arn:aws:iam::111122223333:role/GroundTruth"
TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall"
BUCKET = "example-bucket"


@pytest.fixture(scope="module")
def labels():
    return aa.load(STATION / "SeqLabel.json", frames=STATION / "img1")


@pytest.fixture(scope="module")
def findings(labels):
    found = aa.audit(labels)
    return found[found["severity"] != "note"]


@pytest.fixture(scope="module")
def worker():
    return CarefulWorker(aa.load(STATION / "gt/gt.txt", frames=STATION / "img1"))


@pytest.fixture
def cloud(cloud, worker):
    cloud.ground_truth.worker = worker
    return cloud


@pytest.fixture
def plan(labels, findings, ready):
    return aa.aws.plan_adjustment(labels, findings, session=ready)


def everything(cloud):
    pages = cloud.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", [])}


def finish(plan, session, folder):
    assert aa.aws.follow_job(plan, session, pause=0.01).outcome == "complete"
    return aa.aws.bring_back(plan, session, folder)


def test_the_flagged_frames_are_mended_and_nothing_else_changes(labels, plan, ready, tmp_path):
    aa.aws.start_job(plan, ready, confirm=True)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    changes = aa.compare(labels, merged)
    changed = changes.boxes[changes.boxes["change"] != "unchanged"]
    planted = pd.read_csv(STATION / "planted.csv")
    assert changed[["frame", "track_after"]].to_numpy().tolist() == (
        planted[["frame", "track"]].to_numpy().tolist()
    )
    assert changes.counts.loc[["error", "warning"], ["open", "new"]].to_numpy().sum() == 0
    assert merged.problems.empty


def test_nothing_is_sent_without_confirm(cloud, plan, ready):
    steps = aa.aws.start_job(plan, ready)
    assert set(steps["result"]) == {"planned"}
    assert everything(cloud) == {}
    assert cloud.ground_truth.jobs == {}


def test_b34_a_bucket_without_cors_keeps_the_job_from_starting(cloud, session, labels, findings):
    plan = aa.aws.plan_adjustment(labels, findings, session=session)
    found = aa.aws.check_account(plan, session)
    assert found["found"].tolist() == ["no CORS rule"]
    with pytest.raises(ValueError, match="no CORS rule"):
        aa.aws.start_job(plan, session, confirm=True)
    assert everything(cloud) == {}
    assert "Would add" in aa.aws.set_cors(session)
    assert len(aa.aws.check_account(plan, session)) == 1
    aa.aws.set_cors(session, confirm=True)
    assert aa.aws.set_cors(session, confirm=True).endswith("already.")
    assert aa.aws.check_account(plan, session).empty


def test_a_second_start_sends_nothing_and_makes_no_second_job(cloud, plan, ready):
    first = aa.aws.start_job(plan, ready, confirm=True)
    stored = everything(cloud)
    again = aa.aws.start_job(plan, ready, confirm=True)
    assert set(first["result"]) == {"sent", "started"}
    assert set(again["result"]) == {"was there", "was started before"}
    assert everything(cloud) == stored
    assert len(cloud.ground_truth.jobs) == 1


def die_and_run_again(cloud, dying, call, after, run):
    """Die at a call and run again; return what came of it, or None if that call never came."""
    with dying(call, after=after) as first:
        run()
    if not first.died:
        return None
    with dying(0) as second:
        result = run()
    stored = [*first.stored, *second.stored]
    assert len(stored) == len(set(stored))  # nothing was sent twice
    assert len(cloud.ground_truth.jobs) == 1
    return result


@pytest.mark.parametrize(
    ("call", "after"), [(2, False), (7, True), (15, False), (18, True), (24, False)]
)
def test_killed_anywhere_and_run_again_gives_the_same_end(
    cloud, dying, labels, plan, ready, tmp_path, call, after
):
    def run():
        aa.aws.start_job(plan, ready, confirm=True)
        return aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)

    merged = die_and_run_again(cloud, dying, call, after, run)
    assert aa.compare(labels, merged).boxes["change"].value_counts()["moved"] == 3


@pytest.mark.slow
def test_killed_after_every_single_call_gives_the_same_end(
    cloud, dying, labels, findings, ready, tmp_path
):
    plan = aa.aws.plan_adjustment(labels, findings, session=ready, margin=0)  # two small clips
    ends = []
    for call in itertools.count(1):
        cloud.storage.forget()
        cloud.s3().create_bucket(Bucket=BUCKET)
        cloud.ground_truth.jobs.clear()
        aa.aws.set_cors(ready, confirm=True)
        folder = tmp_path / str(call)

        def run(folder=folder):
            aa.aws.start_job(plan, ready, confirm=True)
            merged = aa.aws.merge_adjusted(labels, finish(plan, ready, folder), plan)
            return aa.save(merged, folder / "merged" / "SeqLabel.json").read_bytes()

        if (end := die_and_run_again(cloud, dying, call, True, run)) is None:
            break
        ends.append(end)
    assert len(ends) > 15 and len(set(ends)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("objects", [1, 12])
def test_a_process_that_was_killed_is_taken_up_by_the_next(cloud, plan, tmp_path, objects):
    plan.save(tmp_path / "job")
    command = [sys.executable, "-m", "annotaudit", "adjust", "start", tmp_path / "job", "--yes"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and len(everything(cloud)) < objects:
        time.sleep(0.005)
    first.kill()
    first.wait()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1 job: " in again.stdout
    assert len(everything(cloud)) == len(plan.files) + len(plan.uploads)
    assert len(cloud.ground_truth.jobs) == 1


def command_that_dies(call, words, environment, told):
    """Run a command in a process of its own, which dies at its n-th call to Amazon."""
    os.environ.update(environment)
    whole, calls = BaseClient._make_api_call, itertools.count(1)

    def dies(client, *arguments):
        if next(calls) == call:
            os._exit(9)
        return whole(client, *arguments)

    BaseClient._make_api_call = dies
    sys.argv = ["annotaudit", *words]
    with told.open("w") as sys.stdout:
        main()


@pytest.mark.slow
def test_commands_that_die_are_run_again_to_the_same_end(cloud, labels, findings, ready, tmp_path):
    job, merged = tmp_path / "job", tmp_path / "merged" / "SeqLabel.json"
    aa.aws.plan_adjustment(labels, findings, session=ready, margin=0).save(job)
    told = tmp_path / "told.txt"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, "boto3", "annotaudit.aws.submitting"])

    def command(call, *words):
        arguments = (call, ["adjust", *map(str, words)], cloud.environment, told)
        process = processes.Process(target=command_that_dies, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == (9 if call else 0)

    merge = ["merge", job, STATION / "SeqLabel.json", merged, "--frames", STATION / "img1"]
    for calls, words in (
        ([3, 9, 0], ["start", job, "--yes"]),
        ([2, 0], ["follow", job, "--pause", "0.01"]),
        ([1, 3, 0], merge),
    ):
        for call in calls:
            assert not merged.exists()
            command(call, *words)
    assert "3 of 83 boxes changed" in told.read_text()
    assert len(cloud.ground_truth.jobs) == 1
    assert [job["LabelingJobStatus"] for job in cloud.ground_truth.jobs.values()] == ["Completed"]


def test_a_lost_reply_to_the_creation_starts_no_second_job(cloud, plan, ready):
    cloud.fail("CreateLabelingJob", "lost reply")
    result = aa.aws.start_job(plan, ready, confirm=True)["result"].iloc[-1]
    assert result == "was started before"
    assert len(cloud.ground_truth.jobs) == 1


def test_evidence_is_never_overwritten(cloud, plan, ready):
    address = next(iter(plan.files))
    key = address.removeprefix(f"s3://{BUCKET}/")
    cloud.s3().put_object(Bucket=BUCKET, Key=key, Body=b"someone else's")
    with pytest.raises(ValueError, match="nothing is overwritten"):
        aa.aws.start_job(plan, ready, confirm=True)
    assert cloud.ground_truth.jobs == {}


def test_completed_with_a_failure_is_partial_and_the_rest_comes_back(
    cloud, labels, findings, ready, tmp_path
):
    plan = aa.aws.plan_adjustment(labels, findings, session=ready, margin=0)
    assert len(plan.sequences) == 2
    cloud.ground_truth.give_up = {1}
    aa.aws.start_job(plan, ready, confirm=True)
    state = aa.aws.follow_job(plan, ready, pause=0.01)
    assert (state.status, state.outcome, state.failed) == ("Completed", "partial", 1)
    adjusted = aa.aws.bring_back(plan, ready, tmp_path)
    assert len(adjusted.problems) == 1
    merged = aa.aws.merge_adjusted(labels, adjusted, plan)
    assert aa.compare(labels, merged).boxes["change"].value_counts()["moved"] == 2
    assert merged.problems["what"].str.contains("did not come back").sum() == 1


def test_a_failed_job_says_why_and_changes_nothing(cloud, plan, ready, tmp_path):
    cloud.ground_truth.break_down = "ClientError: Access Denied to the manifest"
    aa.aws.start_job(plan, ready, confirm=True)
    state = aa.aws.follow_job(plan, ready, pause=0.01)
    assert (state.outcome, state.reason) == ("failed", cloud.ground_truth.break_down)
    with pytest.raises(ValueError, match="Access Denied"):
        aa.aws.bring_back(plan, ready, tmp_path)


def test_following_ends_at_the_deadline_and_the_job_goes_on(plan, ready):
    aa.aws.start_job(plan, ready, confirm=True)
    assert aa.aws.follow_job(plan, ready, deadline=0).outcome == "running"


def test_following_asks_more_and_more_seldom(plan, ready, monkeypatch):
    aa.aws.start_job(plan, ready, confirm=True)
    pauses, seen = [], []
    monkeypatch.setattr(jobs.time, "sleep", pauses.append)
    aa.aws.follow_job(plan, ready, pause=10, progress=lambda state: seen.append(state.status))
    assert seen == ["Initializing", "InProgress", "Completed"]
    assert 8 <= pauses[0] <= 12 <= pauses[1] <= 18


def outage(times, error):
    """Make a service that cannot be asked so many times, and answers then."""
    left = [times]

    def state(job, session):
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return jobs.JobState("j", "Completed", 1, 0, 0)

    return state


DOWN = [
    EndpointConnectionError(endpoint_url="https://example.com"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeLabelingJob"),
    ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "DescribeLabelingJob"),
]


@pytest.mark.parametrize("error", DOWN)
def test_following_sits_an_outage_out_but_not_beyond_the_deadline(monkeypatch, error):
    monkeypatch.setattr(jobs, "job_state", outage(3, error))
    assert aa.aws.follow_job("j", None, pause=0.001).outcome == "complete"
    monkeypatch.setattr(jobs, "job_state", outage(3, error))
    with pytest.raises(type(error)):
        aa.aws.follow_job("j", None, deadline=0)


def test_following_a_job_that_is_not_there_ends_at_once(ready):
    with pytest.raises(ClientError, match="does not exist"):
        aa.aws.follow_job("nobodys", ready, pause=60)


def test_b01_a_job_is_stopped_by_keyword_and_only_when_confirmed(plan, ready):
    aa.aws.start_job(plan, ready, confirm=True)
    assert aa.aws.stop_job(plan, ready, confirm=True).status == "Stopping"
    assert aa.aws.follow_job(plan, ready, pause=0.01).status == "Stopped"
    assert aa.aws.stop_job(plan, ready, confirm=True).status == "Stopped"


def test_a_job_goes_on_where_its_end_is_not_confirmed(plan, ready):
    aa.aws.start_job(plan, ready, confirm=True)
    assert aa.aws.stop_job(plan, ready).status == "Initializing"
    assert aa.aws.follow_job(plan, ready, pause=0.01).outcome == "complete"


def test_a_bucket_that_is_not_there_or_elsewhere_is_refused(cloud, session):
    with pytest.raises(ValueError, match="cannot be reached"):
        aa.aws.open_session(work_team=TEAM, bucket="nobodys", role=ROLE, boto=cloud.session())
    cloud.s3().create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(ValueError, match="in eu-west-1, the job would run in us-east-1"):
        aa.aws.open_session(work_team=TEAM, bucket="far-away", role=ROLE, boto=cloud.session())
    found = aa.aws.open_session(work_team=TEAM, bucket=BUCKET, role=ROLE, boto=cloud.session())
    assert found == session


def test_a_verification_brings_everything_back_as_it_was(labels, findings, ready, tmp_path):
    plan = aa.aws.plan_adjustment(labels, findings, session=ready, verify=True)
    aa.aws.start_job(plan, ready, confirm=True)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    pd.testing.assert_frame_equal(merged.boxes, labels.boxes)


def test_who_verifies_video_judges_each_box(labels, findings, ready, tmp_path):
    missing = findings[:1].assign(
        track="Pedestrian:9", rule="gap", left=float("nan"), top=float("nan"),
        width=float("nan"), height=float("nan"),
    )  # fmt: skip
    sound = labels.boxes.query("frame == 26 and track == 'Pedestrian:2'")
    false = findings[:1].assign(
        **sound.iloc[0][["frame", "track", "left", "top", "width", "height"]]
    )
    asked = pd.concat([findings, missing, false], ignore_index=True)
    plan = aa.aws.plan_adjustment(labels, asked, session=ready, verify=True)
    assert plan.check().empty and plan.is_verification
    assert plan.request["HumanTaskConfig"]["PreHumanTaskLambdaArn"].endswith("Tracking")
    aa.aws.start_job(plan, ready, confirm=True)
    verdicts = aa.aws.verdicts_of(labels, asked, finish(plan, ready, tmp_path), plan)
    by_box = verdicts.drop_duplicates(["frame", "track"]).set_index(["frame", "track"])["verdict"]
    assert by_box.to_dict() == {
        (24, "Pedestrian:2"): "mistake", (25, "Pedestrian:2"): "mistake",
        (27, "Pedestrian:1"): "mistake", (26, "Pedestrian:2"): "fine",
        (findings["frame"].iloc[0], "Pedestrian:9"): "fine",
    }  # fmt: skip
    assert aa.review.with_verdicts(asked, verdicts)["verdict"].notna().all()


def test_a_change_outside_the_windows_is_reported_and_not_taken_over(
    cloud, labels, findings, ready, tmp_path, worker
):
    flagged = {"000049.jpg", "000051.jpg", "000055.jpg"}

    def careless(image, boxes):
        if image == "000003.jpg":
            return [box | {"left": box["left"] + 9} for box in boxes]
        return worker(image, boxes) if image in flagged else boxes

    cloud.ground_truth.worker = careless
    plan = aa.aws.plan_adjustment(labels, findings, session=ready, mode="whole")
    aa.aws.start_job(plan, ready, confirm=True)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    told = merged.problems
    assert told["where"].tolist() == ["frame 000003.jpg"]
    assert "2 boxes were changed outside" in told["what"].iloc[0]
    changed = aa.compare(labels, merged).boxes.query("change != 'unchanged'")
    assert changed["frame"].tolist() == [24, 25, 27]


def test_an_object_the_worker_added_gets_a_name_of_its_own(
    cloud, labels, findings, ready, tmp_path
):
    new = {"left": 5, "top": 5, "width": 20, "height": 60, "class-id": "1", "object-id": "new-id",
           "object-name": "Pedestrian:3", "label-category-attributes": {}}  # fmt: skip
    cloud.ground_truth.worker = lambda image, boxes: [*boxes, new]
    plan = aa.aws.plan_adjustment(labels, findings, session=ready)
    aa.aws.start_job(plan, ready, confirm=True)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    added = aa.compare(labels, merged).boxes.query("change == 'added'")
    assert set(added["track_after"]) == {"Pedestrian:4"}
    assert len(added) == 10


def test_labels_of_another_job_are_refused(labels, plan):
    with pytest.raises(ValueError, match="expected clips of job"):
        aa.aws.merge_adjusted(labels, labels, plan)


def test_the_merged_labels_can_be_saved_and_adjusted_again(labels, plan, ready, tmp_path):
    aa.aws.start_job(plan, ready, confirm=True)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    path = aa.save(merged, tmp_path / "merged" / "SeqLabel.json")
    entries = json.loads(path.read_bytes())["tracking-annotations"]
    assert [entry["frame-no"] for entry in entries] == [str(n) for n in range(32)]
    assert set(entries[0]) == {"frame-no", "frame", "annotations"}
