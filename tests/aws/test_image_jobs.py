"""Image jobs are planned by the documented rules, and their page shows what the manifest says."""

import html
import json
import re
from html.parser import HTMLParser

import liquid
import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.aws import Session, load_plan, plan_adjustment
from annotaudit.aws.job_checks import check_job
from annotaudit.aws.regions import LAMBDA_ACCOUNTS, task_ui_arn

ROLE = "arn:aws:iam::111122223333:role/GroundTruth"
TEAM = "arn:aws:sagemaker:{}:111122223333:workteam/private-crowd/street"
CROWD = "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"
HOSTILE = '"></crowd-bounding-box><script>alert(1)</script>{{ 7 | times: 7 }} &amp; 語'


def session(region="us-east-1"):
    return Session(region, "example-bucket", ROLE, TEAM.format(region))


@pytest.fixture(scope="module")
def labels():
    """Two streets as a job left them; on the first the larger sign is drawn twice."""
    gold = aa.datasets.stop_sign(gold=True)
    twice = gold.boxes[:1].assign(left=865.0)
    return aa.Labels(pd.concat([gold.boxes, twice], ignore_index=True), gold.frames)


@pytest.fixture(scope="module")
def findings(labels):
    return aa.audit(labels)


@pytest.fixture(scope="module")
def plan(labels, findings):
    return plan_adjustment(labels, findings, session=session())


def content(plan, ending):
    return next(c for name, c in plan.files.items() if name.endswith(ending)).decode()


def lines(plan):
    return [json.loads(line) for line in content(plan, "input.manifest").splitlines()]


def changed(plan, ending, change):
    """Check the plan with its first manifest line, or its category file, changed."""
    files = dict(plan.files)
    name = next(name for name in files if name.endswith(ending))
    first, *others = files[name].decode().splitlines()
    whole = json.loads(first)
    change(whole)
    files[name] = "\n".join([json.dumps(whole), *others]).encode()
    return check_job(plan.request, files.get)


def rendered(plan, line, labels):
    """Render the worker's page as the service does, and return the attributes of its widget."""
    env = liquid.Environment()
    env.add_filter("to_json", lambda value: json.dumps(value))
    env.add_filter("grant_read_access", lambda address: address.replace("s3://", "https://"))
    page = env.from_string(content(plan, ".liquid.html"))
    task = {"input": {"taskObject": line["source-ref"], "labels": labels, "manifestLine": line}}
    text = page.render(task=task)
    widgets = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            widgets.setdefault(tag, []).append(dict(attrs))

    Reader().feed(text)
    return text, widgets


def test_only_images_with_findings_are_sent(plan, findings):
    assert findings["frame"].tolist() == [0]
    assert plan.sequences[["first_image", "boxes"]].to_numpy().tolist() == [["street_1.jpg", 3]]
    (place,) = plan.uploads
    assert place.startswith("s3://example-bucket/annotaudit/frames/stop-sign-")
    assert place.endswith("/street_1.jpg")
    assert plan.check().empty
    assert plan.is_of_images and plan.audited == "boxes" and not plan.is_verification


def test_the_manifest_chains_the_labels_as_they_were_read(plan, labels):
    (line,) = lines(plan)
    original = json.loads(labels.frames["source_entry"].iloc[0])
    assert line["boxes-metadata"] | {"objects": []} == original["boxes-metadata"]
    assert [box["left"] for box in line["boxes"]["annotations"]] == [862, 325, 865]
    assert line["source-ref"] == plan.sequences["name"].iloc[0]
    assert plan.request["LabelAttributeName"] == "boxes-adjusted"


def test_each_line_says_why_the_image_was_sent(plan, findings):
    (line,) = lines(plan)
    told = line["annotaudit"]
    assert (told["width"], told["height"]) == (1024, 768)
    assert [entry["reason"] for entry in told["findings"]] == findings["reason"].tolist()
    assert plan.sequences["reasons"].iloc[0] == " ".join(findings["reason"])


def test_the_page_shows_the_boxes_the_labels_and_the_reasons(plan):
    (line,) = lines(plan)
    text, widgets = rendered(plan, line, ["stop sign"])
    (widget,) = widgets["crowd-bounding-box"]
    shown = json.loads(widget["initial-value"])
    classes = {"label": "stop sign"}
    assert shown == [
        {key: value for key, value in ({**classes, **box}).items() if key != "class_id"}
        for box in line["boxes"]["annotations"]
    ]
    assert json.loads(widget["labels"]) == ["stop sign"]
    assert widget["src"].startswith("https://example-bucket/")
    assert html.escape(line["annotaudit"]["findings"][0]["reason"]) in text


def test_the_page_draws_the_suggested_box(labels):
    findings = aa.find_still_mistakes(
        labels.boxes[:1].assign(left=800.0), aa.datasets.stop_sign(gold=True)
    )
    plan = plan_adjustment(labels, findings.assign(annotator="consolidated"), session=session())
    (line,) = lines(plan)
    _, widgets = rendered(plan, line, ["stop sign"])
    assert ["862", "251", "80", "80"] in [
        [rect[side] for side in ("x", "y", "width", "height")] for rect in widgets["rect"]
    ]


def test_a_hostile_label_and_reason_stay_text(labels, findings):
    frames = labels.frames.drop(columns="source_entry")
    boxes = labels.boxes.drop(columns=["class_id", "label_attribute"]).assign(label=HOSTILE)
    for verify in (False, True):
        plan = plan_adjustment(
            aa.Labels(boxes, frames),
            findings.assign(reason=HOSTILE),
            session=session(),
            verify=verify,
        )
        (line,) = lines(plan)
        text, widgets = rendered(plan, line, [HOSTILE])
        assert len(widgets["script"]) == 1 and "49" not in re.sub(r"\d*\.?\d*px", "", text)
        if verify:
            overlay = json.loads(widgets["crowd-image-classifier"][0]["overlay"])["boundingBox"]
            assert overlay["labels"] == [HOSTILE]
            assert {box["label"] for box in overlay["value"]} == {HOSTILE}
        else:
            shown = json.loads(widgets["crowd-bounding-box"][0]["initial-value"])
            assert {box["label"] for box in shown} == {HOSTILE}


def test_a_verification_offers_verdicts_and_shows_the_labels(labels, findings):
    plan = plan_adjustment(labels, findings, session=session(), verify=True)
    assert plan.check().empty and plan.is_verification
    task = plan.request["HumanTaskConfig"]
    assert task["PreHumanTaskLambdaArn"].endswith(":PRE-VerificationBoundingBox")
    assert plan.request["LabelAttributeName"] == "boxes-verified"
    choices = [
        entry["label"] for entry in json.loads(content(plan, "label-categories.json"))["labels"]
    ]
    assert choices == ["fine", "mistake", "unsure"]
    (line,) = lines(plan)
    _, widgets = rendered(plan, line, choices)
    (widget,) = widgets["crowd-image-classifier"]
    assert json.loads(widget["categories"]) == choices
    overlay = json.loads(widget["overlay"])["boundingBox"]
    assert overlay["labels"] == ["stop sign"] and len(overlay["value"]) == 3


def test_the_next_job_of_a_chain_writes_under_a_new_name(labels, findings):
    entry = json.loads(labels.frames["source_entry"].iloc[0])
    entry["boxes-adjusted"] = {"annotations": []}
    frames = labels.frames.copy()
    frames.loc[0, "source_entry"] = json.dumps(entry)
    plan = plan_adjustment(aa.Labels(labels.boxes, frames), findings, session=session())
    assert plan.request["LabelAttributeName"] == "boxes-adjusted-2"


@pytest.mark.parametrize("region", LAMBDA_ACCOUNTS)
@pytest.mark.parametrize("verify", [False, True])
def test_a_plan_is_right_in_every_region(labels, findings, region, verify):
    plan = plan_adjustment(labels, findings, session=session(region), verify=verify)
    assert plan.check().empty


def test_the_functions_of_image_jobs_are_those_of_aws_own_model():
    from botocore.session import get_session

    model = get_session().get_service_model("sagemaker")
    text = model.shape_for("HumanTaskConfig").members["PreHumanTaskLambdaArn"].documentation
    for task in ("AdjustmentBoundingBox", "VerificationBoundingBox"):
        found = dict(
            re.findall(rf"arn:aws:lambda:([a-z0-9-]+):(\d{{12}}):function:PRE-{task}", text)
        )
        assert found == LAMBDA_ACCOUNTS


def test_the_same_input_gives_the_same_plan_and_it_can_be_saved(labels, findings, plan, tmp_path):
    again = plan_adjustment(labels, findings.copy(), session=session())
    assert (again.job, again.files, again.request) == (plan.job, plan.files, plan.request)
    assert plan_adjustment(labels, findings, session=session(), workers=2).job != plan.job
    plan.save(tmp_path)
    back = load_plan(tmp_path)
    assert (back.files, back.request, back.uploads) == (plan.files, plan.request, plan.uploads)
    pd.testing.assert_frame_equal(back.sequences, plan.sequences)


def test_several_workers_cost_as_much_more(labels, findings):
    plan = plan_adjustment(
        labels, findings, session=session(), workers=3, seconds_per_box=10, hourly_pay=20,
        price_per_frame=0.5,
    )  # fmt: skip
    assert plan.request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 3
    assert plan.summary()["minutes of work"] == 1.5  # three boxes, ten seconds, three workers
    assert plan.summary()[["images", "pay", "Amazon's price"]].tolist() == [1, 0.5, 0.5]
    assert "workers per image: 3" in plan.summary()["assumed"]
    with pytest.raises(ValueError, match="a video goes to one worker"):
        plan_adjustment(labels, findings, session=session(), workers=3, mode="windows")


def many(n, every=1):
    """Make n images of one car each; on one in so many it is drawn twice."""
    boxes = pd.DataFrame(
        {
            "sequence": "street", "frame": range(n), "track": None, "label": "car",
            "annotator": "ann", "left": 10.0, "top": 10.0, "width": 40.0, "height": 20.0,
        }
    )  # fmt: skip
    images = [f"s3://photos/street/{k:05}.jpg" for k in range(n)]
    frames = boxes[["sequence", "frame"]].assign(image=images, image_width=100.0, image_height=80.0)
    again = boxes[::every].assign(left=11.0)
    return aa.Labels(pd.concat([boxes, again], ignore_index=True), frames)


def test_the_budget_counts_images_also_where_they_follow_on_each_other():
    labels = many(30)
    findings = aa.audit(labels)
    assert len(plan_adjustment(labels, findings, session=session()).sequences) == 30
    few = plan_adjustment(labels, findings, session=session(), budget=7)
    assert len(few.sequences) == 7 and few.uploads == {}
    assert len(plan_adjustment(labels, findings, session=session(), budget="30 s").sequences) == 10
    with pytest.raises(ValueError, match="nothing to send"):
        plan_adjustment(labels, findings, session=session(), budget=0)


def test_images_of_other_formats_get_a_manifest_of_their_own(tmp_path):
    labels = many(4, every=2)
    aa.save(labels, tmp_path / "coco.json", format="coco")
    back = aa.load(tmp_path / "coco.json")
    at = "s3://photos/street"
    plan = plan_adjustment(back, aa.audit(back), session=session(), frames_at=at)
    assert [line["source-ref"] for line in lines(plan)] == [
        f"{at}/00000.jpg", f"{at}/00002.jpg"
    ]  # fmt: skip
    assert lines(plan)[0]["boxes-metadata"]["class-map"] == {"0": "car"}
    assert plan.check().empty


def test_files_of_the_same_name_in_two_folders_do_not_meet_in_s3():
    labels = many(2)
    frames = labels.frames.assign(image=["a/1.jpg", "b/1.jpg"])
    plan = plan_adjustment(aa.Labels(labels.boxes, frames), aa.audit(labels), session=session())
    assert sorted(plan.uploads.values()) == ["a/1.jpg", "b/1.jpg"]
    assert len(plan.uploads) == 2


def test_two_sets_of_images_go_out_together_each_from_its_own_place():
    one = many(2)
    other = aa.Labels(
        one.boxes.assign(sequence="lane"),
        one.frames.assign(sequence="lane", image=["here/1.jpg", "here/2.jpg"]),
    )
    both = aa.Labels(
        pd.concat([one.boxes, other.boxes], ignore_index=True),
        pd.concat([one.frames, other.frames], ignore_index=True),
    )
    findings = aa.audit(both)
    plan = plan_adjustment(both, findings, session=session(), frames_at={"street": "s3://b/new/"})
    at = "s3://example-bucket/annotaudit/frames/lane"
    assert plan.sequences["name"].tolist() == [
        f"{at}/1.jpg", f"{at}/2.jpg", "s3://b/new/00000.jpg", "s3://b/new/00001.jpg"
    ]  # fmt: skip
    assert list(plan.uploads.values()) == ["here/1.jpg", "here/2.jpg"]
    assert plan.check().empty
    assert plan_adjustment(one, aa.audit(one), session=session(), frames_at={}).uploads == {}


@pytest.mark.parametrize(
    ("image", "told"),
    [(None, "no file name"), ("https://example.com/1.jpg", "lie in S3"), ("s3://b/1.jpg", "twice")],
)
def test_images_that_a_job_cannot_show_are_refused(image, told):
    labels = many(2)
    frames = labels.frames.assign(image=pd.Series([image] * 2, dtype="str"))
    with pytest.raises(ValueError, match=told):
        plan_adjustment(aa.Labels(labels.boxes, frames), aa.audit(labels), session=session())


def test_boxes_of_several_annotators_are_refused_with_the_way_out():
    labels = aa.datasets.stop_sign()
    findings = aa.find_still_mistakes(labels)
    with pytest.raises(ValueError, match="consensus_boxes"):
        plan_adjustment(labels, findings, session=session())
    agreed = aa.Labels(aa.metrics.consensus_boxes(labels.boxes), labels.frames)
    assert plan_adjustment(agreed, findings, session=session()).check().empty


def test_tracks_are_not_sent_as_images():
    labels = aa.datasets.station()
    with pytest.raises(ValueError, match="have tracks"):
        plan_adjustment(labels, aa.audit(labels), session=session(), mode="images")


def test_a_box_that_cannot_be_drawn_is_left_to_the_worker():
    labels = many(2)
    findings = aa.audit(labels)
    labels.boxes.loc[0, "width"] = np.nan
    plan = plan_adjustment(labels, findings, session=session())
    assert [len(line["boxes"]["annotations"]) for line in lines(plan)] == [1, 2]
    assert plan.check().empty


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda line: line.pop("boxes"), "'boxes' with annotations"),
        (
            lambda line: line["boxes"]["annotations"][0].update(class_id=7),
            "one of the class-map: 0",
        ),
        (lambda line: line["boxes"]["annotations"][0].update(width=0), "sizes above 0"),
        (lambda line: line["boxes-metadata"]["class-map"].update({"1": "tree"}), "stop sign, tree"),
        (lambda line: line.update({"source-ref": "https://example.com/1.jpg"}), "an s3:// address"),
        (lambda line: line.update({"$name": 1}), "another"),
        (lambda line: line.update({"notes": "x" * 20_001}), "at most 100000, 20000 a value"),
    ],
)
def test_a_manifest_against_the_rules_is_found(plan, change, told):
    assert [told in text for text in changed(plan, "input.manifest", change)["expected"]] == [True]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"LabelAttributeName": "boxes"}, "another name than the labels that are adjusted"),
        ({"LabelAttributeName": "boxes-ref"}, "a name that does not end in -ref"),
        ({"LabelAttributeName": "boxes-metadata"}, "neither source, source-ref"),
        ({"WorkteamArn": CROWD}, "a private team"),
        ({"TaskTimeLimitInSeconds": 28_801}, "at most 28800"),
        ({"TaskAvailabilityLifetimeInSeconds": 2_592_001}, "at most 2592000"),
        ({"UiConfig": {"HumanTaskUiArn": task_ui_arn("us-east-1", "VideoObjectTracking")}},
         "the address of a worker page"),
        ({"UiConfig": {"UiTemplateS3Uri": "s3://example-bucket/nothing.html"}}, "the worker page"),
        ({"PreHumanTaskLambdaArn":
          "arn:aws:lambda:us-east-1:999999999999:function:PRE-AdjustmentBoundingBox"},
         "the two functions of one kind"),
        ({"WorkteamArn": TEAM.format("eu-west-1")}, "one region of Ground Truth"),
    ],
)  # fmt: skip
def test_a_request_against_the_rules_is_found(plan, change, told):
    request = json.loads(json.dumps(plan.request))
    for name, value in change.items():
        (request if name in request else request["HumanTaskConfig"])[name] = value
    assert any(
        expected.startswith(told) for expected in check_job(request, plan.files.get)["expected"]
    )


def test_categories_against_the_rules_are_found(plan, labels, findings):
    change = {"document-version": "2020-03-01"}
    found = changed(plan, "label-categories.json", lambda file: file.update(change))
    assert found["where"].tolist() == ["document-version"]
    verification = plan_adjustment(labels, findings, session=session(), verify=True)
    found = changed(verification, "label-categories.json", lambda file: file["labels"].clear())
    assert found["expected"].tolist() == ["2 to 50, each once"]
