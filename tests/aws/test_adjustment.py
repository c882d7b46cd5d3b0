"""Adjustment jobs are planned by the documented rules; each known mistake of others is pinned."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.aws import Session, load_plan, plan_adjustment
from annotaudit.aws.categories import MAX_FULL, MAX_SHORT, instruct
from annotaudit.aws.job_checks import check_job
from annotaudit.aws.job_requests import new_attribute
from annotaudit.aws.regions import LAMBDA_ACCOUNTS, lambda_arns

STATION = Path(__file__).parents[2] / "data/station"
ROLE = "arn:aws:iam::111122223333:role/GroundTruth"
TEAM = "arn:aws:sagemaker:{}:111122223333:workteam/private-crowd/hall"
CROWD = "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"


@pytest.fixture(scope="module")
def labels():
    return aa.load(f"{STATION}/SeqLabel.json", frames=f"{STATION}/img1")


@pytest.fixture(scope="module")
def findings(labels):
    found = aa.audit(labels)
    return found[found["severity"] != "note"]


def session(region="us-east-1"):
    return Session(region, "example-bucket", ROLE, TEAM.format(region))


@pytest.fixture(scope="module")
def plan(labels, findings):
    return plan_adjustment(labels, findings, session=session())


def content(plan, ending):
    found = [name for name in plan.files if name.endswith(ending)]
    return json.loads(plan.files[found[0]].decode())


def changed(plan, ending, change):
    """Check the plan with one of its files changed."""
    files = dict(plan.files)
    name = next(name for name in files if name.endswith(ending))
    whole = json.loads(files[name])
    change(whole)
    files[name] = json.dumps(whole).encode()
    return check_job(plan.request, files.get)


def test_the_window_is_around_the_planted_mistakes_and_nothing_else(plan):
    assert plan.sequences[["first", "last", "frames"]].to_numpy().tolist() == [[21, 30, 10]]
    assert plan.check().empty


def test_the_same_input_gives_the_same_plan_and_another_gives_another_name(labels, findings, plan):
    again = plan_adjustment(labels, findings.copy(), session=session())
    assert (again.job, again.files, again.request) == (plan.job, plan.files, plan.request)
    wider = plan_adjustment(labels, findings, session=session(), margin=4)
    assert wider.job != plan.job


def test_making_a_plan_changes_no_table(labels, findings):
    before = labels.boxes.copy(), labels.frames.copy(), findings.copy()
    plan_adjustment(labels, findings, session=session())
    for was, now in zip(before, (labels.boxes, labels.frames, findings), strict=True):
        pd.testing.assert_frame_equal(was, now)


def test_a_saved_plan_comes_back_the_same(plan, tmp_path):
    plan.save(tmp_path)
    back = load_plan(tmp_path)
    assert (back.job, back.files, back.request) == (plan.job, plan.files, plan.request)
    for name in ("sequences", "windows", "left_out"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(plan, name))
    with pytest.raises(ValueError, match="no plan"):
        load_plan(tmp_path / "nowhere")


def test_b04_the_public_workforce_is_refused_for_video_with_the_reason(plan):
    with pytest.raises(ValueError, match="not supported for video"):
        Session("us-east-1", "example-bucket", ROLE, CROWD)
    request = json.loads(json.dumps(plan.request))
    request["HumanTaskConfig"]["WorkteamArn"] = CROWD
    assert "WorkteamArn" in check_job(request, plan.files.get)["where"].tolist()


def test_b05_the_availability_is_ten_days_within_the_limit_of_private_teams(plan):
    assert plan.request["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] == 10 * 86_400


def test_b06_label_categories_use_the_documented_names(plan):
    written = content(plan, "label-categories.json")
    assert written["documentVersion"] == "2020-03-01"
    assert written["annotationType"] == "BoundingBox"
    assert not {"document-version", "attributes"} & written.keys()
    found = changed(
        plan, "label-categories.json", lambda file: file.update(documentVersion="2020-08-15")
    )
    assert found["where"].tolist() == ["documentVersion"]


def test_b07_the_new_attribute_ends_in_ref_and_is_not_the_old_one(plan):
    line = content(plan, "input.manifest")
    assert set(line) == {"source-ref", "Person-ref", "Person-ref-metadata"}
    assert plan.request["LabelAttributeName"] == "Person-adjusted-ref"
    assert content(plan, "label-categories.json")["auditLabelAttributeName"] == "Person-ref"
    request = {**plan.request, "LabelAttributeName": "Person-ref"}
    assert "another name" in check_job(request, plan.files.get)["expected"].iloc[0]
    assert new_attribute("a-adjusted-2-ref", verify=True) == "a-adjusted-2-verified-ref"


def test_b08_sequence_and_labels_number_the_same_frames_alike(plan):
    sequence, written = content(plan, "-seq.json"), content(plan, "SeqLabel.json")
    assert [(f["frame"], f["frame-no"]) for f in sequence["frames"]] == [
        (e["frame"], int(e["frame-no"])) for e in written["tracking-annotations"]
    ]
    found = changed(plan, "SeqLabel.json", lambda f: f["tracking-annotations"].pop(0))
    assert found.empty  # a frame without an entry is no mistake
    found = changed(
        plan, "SeqLabel.json", lambda f: f["tracking-annotations"][0].update({"frame-no": "1"})
    )
    assert "names and numbers" in found["expected"].iloc[0]


@pytest.mark.parametrize("mode", ["windows", "whole"])
def test_b09_every_frame_sent_has_its_labels(labels, findings, mode):
    plan = plan_adjustment(labels, findings, session=session(), mode=mode)
    names = {f["frame"] for f in content(plan, "-seq.json")["frames"]}
    assert names == {e["frame"] for e in content(plan, "SeqLabel.json")["tracking-annotations"]}
    assert len(names) == {"windows": 10, "whole": 32}[mode]


def test_b10_every_video_gets_its_own_labels(labels, findings):
    other = aa.Labels(
        labels.boxes.assign(sequence="other", left=labels.boxes["left"] + 1),
        labels.frames.assign(sequence="other"),
    )
    both = aa.Labels(
        pd.concat([labels.boxes, other.boxes], ignore_index=True),
        pd.concat([labels.frames, other.frames], ignore_index=True),
    )
    found = pd.concat([findings, findings.assign(sequence="other")], ignore_index=True)
    plan = plan_adjustment(both, found, session=session())
    written = [json.loads(c) for name, c in plan.files.items() if name.endswith("SeqLabel.json")]
    first, second = (w["tracking-annotations"][0]["annotations"][0]["left"] for w in written)
    assert abs(first - second) == 1
    assert plan.check().empty


def test_videos_whose_names_are_alike_in_letters_and_digits_do_not_meet_in_s3(labels, findings):
    names = ["hall 2", "hall_2", "ホール"]
    many = aa.Labels(
        *(
            pd.concat([table.assign(sequence=name) for name in names], ignore_index=True)
            for table in (labels.boxes, labels.frames)
        )
    )
    found = pd.concat([findings.assign(sequence=name) for name in names], ignore_index=True)
    plan = plan_adjustment(many, found, session=session())
    assert plan.check().empty
    assert plan.sequences["name"].is_unique and len(plan.uploads) == 30


def test_b11_numbers_count_up_and_times_are_those_of_the_frames(plan):
    sequence = content(plan, "-seq.json")
    assert sequence["seq-no"] == 1
    assert "version" not in sequence
    times = [frame["unix-timestamp"] for frame in sequence["frames"]]
    assert times == pytest.approx([0.08 * n for n in range(21, 31)])


def test_b12_the_metadata_is_the_original_jobs_to_the_letter(plan):
    with open(f"{STATION}/output.manifest", encoding="utf-8") as file:
        original = json.load(file)
    assert content(plan, "input.manifest")["Person-ref-metadata"] == original["Person-ref-metadata"]


def test_b13_workers_are_sent_to_files_by_name_also_in_the_reasons(plan):
    told = plan.instructions
    assert told["shortInstruction"].endswith("000049.jpg, 000051.jpg, 000055.jpg.")
    assert "from frame 000047.jpg to frame 000053.jpg" in told["fullInstruction"]
    assert not re.search(r"frame \d+[ .]", told["fullInstruction"].replace(".jpg", "jpg"))


@pytest.mark.parametrize("n", [0, 1, 46, 5_000])
def test_b14_instructions_stay_within_their_lengths_whatever_is_flagged(n):
    findings = pd.DataFrame({"track": "<b>car</b>:1", "reason": "Jumps & falls.", "score": 0.9},
                            index=range(n))  # fmt: skip
    names = pd.Series([f"{k:06}.jpg" for k in range(n)], dtype=object)
    told = instruct(findings, names)
    assert len(told["shortInstruction"]) <= MAX_SHORT and len(told["fullInstruction"]) <= MAX_FULL
    assert "<b>" not in told["fullInstruction"]
    if n > 40:
        shown = told["shortInstruction"].count(".jpg")
        assert f"and {n - shown} more" in told["shortInstruction"]
        assert f"and {n - told['fullInstruction'].count('.jpg')} more" in told["fullInstruction"]


def test_b33_the_labels_are_those_of_the_class_map_in_its_order(plan):
    labels = [entry["label"] for entry in content(plan, "label-categories.json")["labels"]]
    assert labels == ["Parcel", "Pedestrian"]
    found = changed(plan, "label-categories.json", lambda file: file["labels"].pop())
    assert found["expected"].tolist() == ["Parcel, Pedestrian"]


def test_b34_regions_without_ground_truth_are_refused_by_name():
    for region in ("us-west-1", "eu-north-1", None):
        with pytest.raises(ValueError, match="us-east-1, us-east-2"):
            Session(region, "example-bucket", ROLE, TEAM)


def test_the_account_of_every_region_is_the_one_in_aws_own_model():
    from botocore.session import get_session

    model = get_session().get_service_model("sagemaker")
    members = model.shape_for("HumanTaskConfig").members
    found = {}
    for name in ("PreHumanTaskLambdaArn",):
        text = members[name].documentation
        arns = r"arn:aws:lambda:([a-z0-9-]+):(\d{12}):function:PRE-AdjustmentVideoObjectTracking"
        found |= dict(re.findall(arns, text))
    assert found == LAMBDA_ACCOUNTS
    assert (
        lambda_arns("us-west-2", "X")[1] == "arn:aws:lambda:us-west-2:081040173940:function:ACS-X"
    )


@pytest.mark.parametrize("region", LAMBDA_ACCOUNTS)
def test_a_plan_is_right_in_every_region(labels, findings, region):
    assert plan_adjustment(labels, findings, session=session(region)).check().empty


def test_without_a_session_it_is_said_where_to_get_one(labels, findings):
    with pytest.raises(ValueError, match="session is NoneType; .*open_session"):
        plan_adjustment(labels, findings, session=None)


def test_a_verification_lets_nobody_change_a_box(labels, findings):
    plan = plan_adjustment(labels, findings, session=session(), verify=True)
    assert {e["editsAllowed"] for e in content(plan, "label-categories.json")["labels"]} == {"none"}
    assert plan.attribute == "Person-verified-ref"
    assert plan.check().empty


def test_names_in_another_order_than_the_frames_are_refused(labels, findings):
    frames = labels.frames.assign(image=[f"frame{n}.jpg" for n in range(len(labels.frames))])
    with pytest.raises(ValueError, match=r"frame10\.jpg comes before frame2\.jpg"):
        plan_adjustment(aa.Labels(labels.boxes, frames), findings, session=session())


def test_more_windows_than_a_job_may_have_are_left_for_the_next():
    n = 1_000
    boxes = pd.DataFrame(
        {
            "sequence": "road", "frame": range(n), "track": "car:1", "label": "car",
            "annotator": "ann", "left": 100.0, "top": 50.0, "width": 40.0, "height": 20.0,
        }
    )  # fmt: skip
    planted = range(20, 980, 60)  # sixteen
    boxes.loc[planted, "left"] += 15
    frames = boxes[["sequence", "frame"]].assign(image=[f"{k:06}.jpg" for k in range(n)])
    labels = aa.Labels(boxes, frames)
    found = aa.audit(labels)
    found = found[found["frame"].isin(planted)]
    plan = plan_adjustment(labels, found, session=session(), fps=25)
    assert (len(plan.sequences), len(plan.left_out)) == (10, 6)
    assert plan.check().empty
    objects = {e["object-id"] for f in content(plan, "SeqLabel.json")["tracking-annotations"]
               for e in f["annotations"]}  # fmt: skip
    assert len(objects) == 1
    assert content(plan, "-seq.json")["frames"][1]["unix-timestamp"] == pytest.approx(18 / 25)
    short = plan_adjustment(labels, found, session=session(), budget=20)
    assert short.sequences["frames"].sum() <= 20


def test_frames_in_the_root_of_a_bucket_are_found(labels, findings):
    plan = plan_adjustment(labels, findings, session=session(), frames_at="s3://example-bucket")
    assert "folder" in plan.check()["what"].iloc[0]


def test_images_that_lie_in_s3_are_not_uploaded(labels, findings):
    plan = plan_adjustment(labels, findings, session=session(), frames_at="s3://other-bucket/hall")
    assert content(plan, "-seq.json")["prefix"] == "s3://other-bucket/hall/"
    assert plan.uploads == {}
    images = "s3://other-bucket/hall/" + labels.frames["image"].str.rpartition("/")[2]
    there = aa.Labels(labels.boxes, labels.frames.assign(image=images))
    again = plan_adjustment(there, findings, session=session())
    assert again.files == plan.files and again.uploads == {}


def test_the_summary_tells_time_and_pay_with_what_they_rest_on(labels, findings):
    plan = plan_adjustment(labels, findings, session=session(), seconds_per_box=6, hourly_pay=20)
    assert plan.summary()["minutes of work"] == 3.0  # 30 boxes, 6 s each
    assert plan.summary()["pay"] == 1.0
    assert "seconds per box: 6" in plan.summary()["assumed"]


def test_a_session_shows_no_account_number():
    assert "111122223333" not in repr(session()) + str(session().describe())
