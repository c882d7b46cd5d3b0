"""What AWS's own model has against a request, found before it is sent."""

import pytest

from annotaudit.aws.checking import check_request

FINE = {
    "Title": "Draw a box around each stop sign",
    "Description": "One picture",
    "Reward": "0.05",
    "LifetimeInSeconds": 3600,
    "AssignmentDurationInSeconds": 600,
}
JOB = {
    "LabelingJobName": "station-again",
    "LabelAttributeName": "Person-adjusted-ref",
    "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://b/in.manifest"}}},
    "OutputConfig": {"S3OutputPath": "s3://b/out/"},
    "RoleArn": "arn:aws:iam::123456789012:role/labels",
    "HumanTaskConfig": {
        "WorkteamArn": "arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/team",
        "UiConfig": {},
        "TaskTitle": "Look again",
        "TaskDescription": "Look again at some frames",
        "NumberOfHumanWorkersPerDataObject": 1,
        "TaskTimeLimitInSeconds": 3600,
    },
}


def test_a_good_request_has_no_problems():
    assert check_request("mturk", "CreateHIT", FINE).empty
    assert check_request("sagemaker", "CreateLabelingJob", JOB).empty


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        ({"Reward": "5 cents"}, "Reward", "text like"),
        ({"Reward": 0.05}, "Reward", "a string"),
        ({"LifetimeInSeconds": True}, "LifetimeInSeconds", "a long"),
        ({"Titel": "typing error"}, "Titel", "one of"),
        ({"UniqueRequestToken": "x" * 65}, "UniqueRequestToken", "at most 64 characters"),
    ],
)
def test_one_mistake_is_named_with_its_place(change, where, expected):
    problems = check_request("mturk", "CreateHIT", {**FINE, **change})
    assert problems["where"].tolist() == [where]
    assert problems["expected"].str.contains(expected)[0]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        # boto3 lets each of these pass
        ({"LabelingJobName": "-bad_name!"}, "LabelingJobName"),
        ({"LabelingJobName": "a" * 200}, "LabelingJobName"),
        ({"TaskDescription": "x" * 400}, "HumanTaskConfig.TaskDescription"),
        ({"NumberOfHumanWorkersPerDataObject": 50}, "HumanTaskConfig.NumberOfHumanWorkersPerDataO"),
    ],
)
def test_what_boto3_lets_pass_is_found(change, where):
    name, value = next(iter(change.items()))
    job = {**JOB, name: value} if name in JOB else {
        **JOB, "HumanTaskConfig": {**JOB["HumanTaskConfig"], name: value}
    }  # fmt: skip
    problems = check_request("sagemaker", "CreateLabelingJob", job)
    assert len(problems) >= 1
    assert problems["where"].str.startswith(where).all()


def test_all_problems_come_at_once():
    problems = check_request("mturk", "CreateHIT", {"Reward": "free"})
    assert set(problems["where"]) == {
        "LifetimeInSeconds", "AssignmentDurationInSeconds", "Title", "Description", "Reward"
    }  # fmt: skip


def test_an_unknown_value_names_the_known_ones():
    request = {"HITId": "ABC", "AssignmentStatuses": ["Done"]}
    problem = check_request("mturk", "ListAssignmentsForHIT", request).iloc[0]
    assert problem["where"] == "AssignmentStatuses[0]"
    assert problem["expected"] == "one of Submitted, Approved, Rejected"
