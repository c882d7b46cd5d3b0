"""From flagged images to merged labels against the loopback Amazon, over real HTTP."""

import itertools
import json

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.testing import CarefulWorker

STREETS = aa.datasets.path("stop_sign")


@pytest.fixture(scope="module")
def truth():
    return aa.datasets.stop_sign(gold=True)


@pytest.fixture(scope="module")
def labels(truth):
    """Both signs of the first street are drawn twice, and the second image is as it should be."""
    again = truth.boxes[:2].assign(left=[863.0, 326.0])
    boxes = pd.concat([truth.boxes[:2], again, truth.boxes[2:]], ignore_index=True)
    return aa.Labels(boxes.assign(checked=[True, False, True, False, True]), truth.frames)


@pytest.fixture(scope="module")
def findings(labels):
    return aa.audit(labels)


@pytest.fixture
def cloud(cloud, truth):
    cloud.ground_truth.worker = CarefulWorker(truth, complete=True)
    return cloud


@pytest.fixture
def plan(labels, findings, ready):
    return aa.aws.plan_adjustment(labels, findings, session=ready)


def finish(plan, session, folder):
    aa.aws.start_job(plan, session, confirm=True)
    assert aa.aws.follow_job(plan, session, pause=0.01).outcome == "complete"
    return aa.aws.bring_back(plan, session, folder)


def test_the_flagged_image_is_mended_and_the_others_stay(labels, truth, plan, ready, tmp_path):
    adjusted = finish(plan, ready, tmp_path)
    assert set(adjusted.boxes["label_attribute"]) == {"boxes-adjusted"}
    merged = aa.aws.merge_adjusted(labels, adjusted, plan)
    assert merged.problems.empty
    sides = ["frame", "left", "top", "width", "height"]
    assert merged.boxes[sides].to_numpy().tolist() == truth.boxes[sides].to_numpy().tolist()
    before, after = (t.boxes[t.boxes["frame"] == 1].reset_index(drop=True)
                     for t in (labels, merged))  # fmt: skip
    pd.testing.assert_frame_equal(before, after)
    changes = aa.compare(labels, merged)
    assert changes.counts[["open", "new"]].to_numpy().sum() == 0
    assert changes.boxes["change"].value_counts().to_dict() == {"unchanged": 3, "removed": 2}


def test_what_only_the_originals_know_of_a_box_stays_with_it(labels, plan, ready, tmp_path):
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    assert merged.boxes["checked"].tolist() == [True, False, True]


def test_the_merged_labels_are_saved_under_their_old_name(labels, plan, ready, tmp_path):
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    path = aa.save(merged, tmp_path / "merged.manifest")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [set(line) for line in lines] == [{"source-ref", "boxes", "boxes-metadata"}] * 3
    back = aa.load(path, frames=STREETS, sequence="stop_sign")
    assert len(back.boxes) == 3 and back.problems.empty


def test_a_missing_box_is_drawn_and_has_no_past(truth, ready, cloud, tmp_path):
    labels = aa.Labels(truth.boxes[1:].assign(votes=[3, 2]), truth.frames)
    found = aa.find_still_mistakes(labels.boxes.assign(annotator="ann"), truth)
    plan = aa.aws.plan_adjustment(labels, found, session=ready)
    merged = aa.aws.merge_adjusted(labels, finish(plan, ready, tmp_path), plan)
    assert merged.boxes.sort_values("left")["votes"].fillna(0).tolist() == [2, 3, 0]


def test_an_image_that_failed_keeps_its_labels_and_is_told_of(
    cloud, labels, findings, ready, tmp_path
):
    both = pd.concat([findings, findings.assign(frame=1)], ignore_index=True)
    plan = aa.aws.plan_adjustment(labels, both, session=ready)
    cloud.ground_truth.give_up = {0}
    aa.aws.start_job(plan, ready, confirm=True)
    state = aa.aws.follow_job(plan, ready, pause=0.01)
    assert (state.outcome, state.done, state.failed) == ("partial", 1, 1)
    adjusted = aa.aws.bring_back(plan, ready, tmp_path)
    assert "labelling failed: 'ClientError: given up'" in adjusted.problems["what"].iloc[0]
    merged = aa.aws.merge_adjusted(labels, adjusted, plan)
    assert merged.problems["where"].tolist()[-1] == "frame street_1.jpg"
    pd.testing.assert_frame_equal(merged.boxes, labels.boxes)


def test_an_image_that_is_not_there_is_refused(cloud, labels, findings, ready):
    plan = aa.aws.plan_adjustment(
        labels, findings, session=ready, frames_at="s3://example-bucket/elsewhere"
    )
    with pytest.raises(Exception, match="no such frame"):
        aa.aws.start_job(plan, ready, confirm=True)
    assert cloud.ground_truth.jobs == {}


def test_a_verification_says_which_findings_are_none(labels, findings, ready, cloud, tmp_path):
    on_the_second = findings[:1].assign(
        frame=1, **labels.boxes.loc[4, ["left", "top", "width", "height"]]
    )
    asked = pd.concat([findings[:1], on_the_second], ignore_index=True)
    plan = aa.aws.plan_adjustment(labels, asked, session=ready, verify=True)
    judged = finish(plan, ready, tmp_path)
    verdicts = aa.aws.verdicts_of(labels, asked, judged, plan)
    assert verdicts["verdict"].tolist() == ["mistake", "fine"]
    assert verdicts["note"].tolist() == ["Boxes that are wrong: 2.", ""]
    assert set(verdicts["reviewer"]) == {plan.job}
    left = aa.review.leave_out_fine(asked, verdicts)
    assert left["frame"].tolist() == [0]
    merged = aa.aws.merge_adjusted(labels, judged, plan)
    pd.testing.assert_frame_equal(merged.boxes, labels.boxes)


def test_a_mistake_on_an_image_with_several_findings_is_blamed_on_none(
    labels, findings, ready, cloud, tmp_path
):
    assert len(findings) == 2
    plan = aa.aws.plan_adjustment(labels, findings, session=ready, verify=True)
    verdicts = aa.aws.verdicts_of(labels, findings, finish(plan, ready, tmp_path), plan)
    assert verdicts["verdict"].tolist() == ["unsure", "unsure"]
    assert verdicts["note"].str.contains("which finding is not said").all()


def test_a_mark_is_not_answered_where_which_finding_is_a_mistake_is_not_said(
    labels, findings, ready, cloud, tmp_path
):
    mark = findings[:1].assign(rule="seen_wrong_label")
    asked = pd.concat([findings[:1], mark], ignore_index=True)
    plan = aa.aws.plan_adjustment(labels, asked, session=ready, verify=True)
    verdicts = aa.aws.verdicts_of(labels, asked, finish(plan, ready, tmp_path), plan)
    assert verdicts["rule"].tolist() == findings["rule"][:1].tolist()
    assert verdicts["verdict"].tolist() == ["unsure"]


def test_what_a_job_wrote_can_be_verified_by_the_next(plan, findings, ready, tmp_path):
    finish(plan, ready, tmp_path)
    chained = aa.load(tmp_path / "manifests/output/output.manifest", sequence="stop_sign")
    second = aa.aws.plan_adjustment(chained, findings[:1], session=ready, verify=True)
    assert (second.audited, second.attribute) == ("boxes-adjusted", "boxes-adjusted-verified")
    assert second.check().empty and second.uploads == {}
    judged = finish(second, ready, tmp_path / "second")
    assert judged.frames["verification.boxes-adjusted-verified"].tolist() == ["fine"]


def test_a_correction_gives_no_verdicts(labels, findings, plan):
    with pytest.raises(ValueError, match="verify=True"):
        aa.aws.verdicts_of(labels, findings, labels, plan)


def test_labels_of_another_job_are_refused(labels, plan):
    with pytest.raises(ValueError, match="expected images of job"):
        aa.aws.merge_adjusted(labels, labels, plan)


@pytest.mark.slow
def test_killed_after_every_single_call_gives_the_same_end(
    cloud, dying, labels, plan, ready, tmp_path
):
    ends = []
    for call in itertools.count(1):
        cloud.storage.forget()
        cloud.s3().create_bucket(Bucket="example-bucket")
        cloud.ground_truth.jobs.clear()
        aa.aws.set_cors(ready, confirm=True)
        folder = tmp_path / str(call)

        def run(folder=folder):
            merged = aa.aws.merge_adjusted(labels, finish(plan, ready, folder), plan)
            return aa.save(merged, folder / "merged.manifest").read_bytes()

        with dying(call, after=True) as first:
            run()
        if not first.died:
            break
        with dying(0) as second:
            ends.append(run())
        stored = [*first.stored, *second.stored]
        assert len(stored) == len(set(stored))
        assert len(cloud.ground_truth.jobs) == 1
    assert len(ends) > 10 and len(set(ends)) == 1
