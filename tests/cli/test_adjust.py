"""The whole way on the command line, against the loopback Amazon."""

import json
from pathlib import Path

import pytest

import annotaudit as aa
from annotaudit.testing import CarefulWorker, LoopbackAmazon

STATION = Path(__file__).parents[2] / "data/station"
LABELS, FRAMES = STATION / "SeqLabel.json", STATION / "img1"
ROLE = "arn:aws:iam::111122223333:role/GroundTruth"
TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall"


@pytest.fixture
def cloud(monkeypatch):
    with LoopbackAmazon(storage=True) as amazon:
        for name, value in amazon.environment.items():
            monkeypatch.setenv(name, value)
        amazon.s3().create_bucket(Bucket="example-bucket")
        yield amazon


def plan(run, folder, *more):
    return run(
        "adjust", "plan", LABELS, "--frames", FRAMES, "--out", folder, "--bucket",
        "example-bucket", "--role", ROLE, "--work-team", TEAM, *more,
    )  # fmt: skip


def test_from_plan_to_merged_labels_and_what_it_helped(run, cloud, tmp_path):
    cloud.ground_truth.worker = CarefulWorker(aa.load(STATION / "gt/gt.txt", frames=FRAMES))
    job = tmp_path / "job"
    assert plan(run, job).exit_code == 0
    assert run("adjust", "check", job).exit_code == 0
    refused = run("adjust", "check", job, "--account")
    assert refused.exit_code == 2 and "set_cors" in refused.output
    assert "note: role GroundTruth: a role of another account" in refused.output
    session = aa.aws.Session("us-east-1", "example-bucket", ROLE, TEAM, cloud.session())
    aa.aws.set_cors(session, confirm=True)
    assert "Nothing was sent" in run("adjust", "start", job).output
    assert cloud.ground_truth.jobs == {}
    assert "1 job: started" in run("adjust", "start", job, "--yes").output
    assert "was started before" in run("adjust", "start", job, "--yes").output
    assert "Completed (complete)" in run("adjust", "follow", job, "--pause", "0.01").output
    assert "Completed" in run("adjust", "stop", job).output
    merged = tmp_path / "merged" / "SeqLabel.json"
    result = run("adjust", "merge", job, LABELS, merged, "--frames", FRAMES)
    assert "3 of 83 boxes changed" in result.output
    assert result.stdout.splitlines()[-2:] == [f"wrote {job / 'results'}", f"wrote {merged}"]
    picture = tmp_path / "answer.png"
    result = run("compare", LABELS, merged, "--picture", picture)
    assert result.exit_code == 0 and "IDF1 1.000" in result.output
    assert picture.stat().st_size > 1_000


def test_the_public_workforce_is_refused_with_the_reason(run, tmp_path):
    crowd = "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"
    result = plan(run, tmp_path / "job", "--work-team", crowd)
    assert result.exit_code == 2 and "not supported for video" in result.output


def test_the_quality_check_reads_and_writes_in_a_bucket(run, cloud):
    s3 = cloud.s3()
    s3.put_object(Bucket="example-bucket", Key="in/SeqLabel.json", Body=LABELS.read_bytes())
    command = ["run-quality-check", "--bucket", "example-bucket", "--lab_path", "in/SeqLabel.json",
               "--save_path", "out/quality_results.json"]  # fmt: skip
    assert run(*command).exit_code == 0
    with s3.get_object(Bucket="example-bucket", Key="out/quality_results.json")["Body"] as body:
        written = json.loads(body.read())
    assert written["sequences"]["in"]["Pedestrian:1"]["frames"] == [28]  # the step from 27
    assert "was there" in run(*command).output
    changed = run(*command, "--iou_thresh", "0.9")
    assert changed.exit_code == 3 and "nothing is overwritten" in changed.output
    missing = run(*command[:4], "in/nothing.json")
    assert missing.exit_code == 3 and "s3://example-bucket/in/nothing.json" in missing.output


STREETS = aa.datasets.path("stop_sign")


def of_stills(run, tmp_path, *more):
    return run(
        "adjust", "plan", STREETS / "assignments.json", "--frames", STREETS, "--out",
        tmp_path / "job", "--bucket", "example-bucket", "--role", ROLE, "--work-team", TEAM,
        "--workers", "3", "--hourly-pay", "20", *more,
    )  # fmt: skip


@pytest.fixture
def open_cloud(cloud):
    """A bucket that browsers may read, and somebody who knows the streets."""
    worker = CarefulWorker(aa.datasets.stop_sign(gold=True), complete=True)
    cloud.ground_truth.worker = worker
    session = aa.aws.Session("us-east-1", "example-bucket", ROLE, TEAM, cloud.session())
    aa.aws.set_cors(session, confirm=True)
    return cloud


def test_stills_of_several_people_go_the_whole_way(run, open_cloud, tmp_path):
    job, merged = tmp_path / "job", tmp_path / "merged.manifest"
    planned = of_stills(run, tmp_path)
    assert planned.exit_code == 0, planned.output
    assert "annotators are made one set" in planned.output and "images: 3" in planned.output
    assert "1 job: started" in run("adjust", "start", job, "--yes").output
    assert "3 done" in run("adjust", "follow", job, "--pause", "0.01").output
    result = run("adjust", "merge", job, STREETS / "assignments.json", merged, "--frames", STREETS)
    assert result.exit_code == 0, result.output
    back, gold = aa.load(merged, frames=STREETS), aa.datasets.stop_sign(gold=True)
    assert (
        aa.metrics.compare_to_gold(back.boxes, gold.boxes.assign(sequence="merged"))["iou"].min()
        > 0.8
    )


def test_a_manifest_and_images_in_a_bucket_need_nothing_on_this_machine(run, open_cloud, tmp_path):
    s3, job = open_cloud.s3(), tmp_path / "job"
    lines = [json.loads(line) for line in (STREETS / "gold.manifest").read_text().splitlines()]
    for number, line in enumerate(lines, start=1):
        line["source-ref"] = f"s3://example-bucket/streets/street_{number}.jpg"
        s3.upload_file(str(STREETS / f"street_{number}.jpg"), "example-bucket",
                       f"streets/street_{number}.jpg")  # fmt: skip
    lines[0]["boxes"]["annotations"].append(lines[0]["boxes"]["annotations"][0])  # drawn twice
    text = "".join(json.dumps(line) + "\n" for line in lines)
    s3.put_object(Bucket="example-bucket", Key="labels.manifest", Body=text.encode())
    planned = run(
        "adjust", "plan", "s3://example-bucket/labels.manifest", "--out", job, "--bucket",
        "example-bucket", "--role", ROLE, "--work-team", TEAM,
    )  # fmt: skip
    assert planned.exit_code == 0, planned.output
    assert "images: 1" in planned.output and "images to upload: 0" in planned.output
    run("adjust", "start", job, "--yes")
    run("adjust", "follow", job, "--pause", "0.01")
    merged = "s3://example-bucket/merged/labels.manifest"
    result = run("adjust", "merge", job, "s3://example-bucket/labels.manifest", merged)
    assert result.exit_code == 0, result.output
    assert "1 of 4 boxes changed" in result.output
    assert len(aa.load(merged).boxes) == 3


def test_a_verification_goes_into_a_ledger_once(run, open_cloud, tmp_path):
    job, ledger = tmp_path / "job", tmp_path / "streets.verdicts.jsonl"
    assert of_stills(run, tmp_path, "--verify").exit_code == 0
    run("adjust", "start", job, "--yes")
    run("adjust", "follow", job, "--pause", "0.01")
    command = ["adjust", "verdicts", job, STREETS / "assignments.json", ledger, "--frames", STREETS]
    first = run(*command)
    assert first.exit_code == 0, first.output
    judged = len(aa.review.load(ledger))
    assert f"{judged} of {judged} findings were judged" in first.output and judged > 0
    assert "; 0 are new here" in run(*command).output
    assert len(aa.review.load(ledger)) == judged
    refused = run("adjust", "merge", job, STREETS / "assignments.json", tmp_path / "no.manifest")
    assert refused.exit_code == 2 and "adjust verdicts" in refused.output


def test_marks_that_were_sent_are_closed_or_kept_by_the_answer(run, open_cloud, tmp_path):
    """Two boxes nobody doubts but a reviewer, one that is wrong, two objects without a box."""
    truth = CarefulWorker(aa.load(STATION / "gt/gt.txt", frames=FRAMES))

    def worker(image, boxes):
        added = [{**boxes[0], "left": 700}] if image == "000057.jpg" else []
        return [*truth(image, boxes), *added]

    open_cloud.ground_truth.worker = worker
    read = aa.load(LABELS, frames=FRAMES)
    boxes = read.boxes.set_index(["frame", "track"], drop=False)
    path = tmp_path / "station.verdicts.jsonl"
    ledger = aa.review.Ledger(path, reviewer="ann", fingerprint=aa.review.fingerprint(read))
    place = {"sequence": boxes["sequence"].iloc[0], "annotator": boxes["annotator"].iloc[0]}
    ledger.mark(boxes.loc[26, "Pedestrian:2"], "wrong_label", corrected_label="Rider")
    ledger.mark(boxes.loc[24, "Pedestrian:2"], "wrong_box", corrected=(1, 2, 30, 40), note="Feet.")
    for frame, left in ((15, 600), (15, 650), (28, 700)):
        ledger.mark({**place, "frame": frame}, "missing_box", corrected=(left, 200, 50, 120))
    earlier = aa.review.marks(ledger.read(), read)
    assert len(earlier) == 5

    job = tmp_path / "job"
    planned = plan(run, job, "--verify", "--verdicts", path)
    assert planned.exit_code == 0, planned.output
    run("adjust", "start", job, "--yes")
    run("adjust", "follow", job, "--pause", "0.01")
    command = ["adjust", "verdicts", job, LABELS, path, "--frames", FRAMES]
    result = run(*command)
    assert result.exit_code == 0, result.output

    left = aa.review.marks(ledger.read(), read)
    assert left[["frame", "rule"]].to_numpy().tolist() == [
        [24, "seen_wrong_box"], [28, "seen_missing_box"],
    ]  # fmt: skip
    kept = earlier[earlier["frame"].isin(left["frame"])].reset_index(drop=True)
    of_job = ["id", "reviewer"]
    assert left.drop(columns=of_job).equals(
        kept.drop(columns=of_job)
    )  # with what ann drew and said
    assert set(left["reviewer"]) != {"ann"}
    mended = aa.review.apply(read, ledger.read()).boxes
    assert [1, 2, 30, 40] in mended[["left", "top", "width", "height"]].to_numpy().tolist()
    lines = path.read_bytes()
    assert "; 0 are new here" in run(*command).output
    assert path.read_bytes() == lines
