"""What commands write, written to S3: once, quietly again, and over other files only when asked."""

import io
import json

import pandas as pd
import pytest

import annotaudit as aa


def there(s3):
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket="hall").get("Contents", [])}


def content(s3, key):
    return s3.get_object(Bucket="hall", Key=key)["Body"].read()


def test_findings_pictures_and_page_go_to_a_bucket(s3, run, label_file):
    result = run("audit", label_file, "--out", "s3://hall/a/findings.csv", "--plots",
                 "s3://hall/a/plots", "--report", "s3://hall/a/audit.html")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "wrote s3://hall/a/findings.csv" in result.stdout
    assert result.stdout.splitlines()[-1] == "wrote s3://hall/a/audit.html"
    assert there(s3) == {
        "a/findings.csv", "a/audit.html",
        *(f"a/plots/{n}.png" for n in ("worst", "timeline", "size_change", "rolling_iou")),
    }  # fmt: skip
    found = pd.read_csv(io.BytesIO(content(s3, "a/findings.csv")))
    assert found["frame"].iloc[0] == 6
    assert s3.head_object(Bucket="hall", Key="a/audit.html")["ContentType"] == "text/html"


def test_the_same_findings_are_quiet_and_other_ones_refused(s3, run, label_file):
    command = ["audit", label_file, "--rules", "aws", "--out", "s3://hall/findings.csv"]
    assert run(*command).exit_code == 0
    assert "was there: s3://hall/findings.csv" in run(*command).stdout
    before = content(s3, "findings.csv")
    refused = run(*command, "--iou-thresh", ".1", "--size-thresh", "1")
    assert refused.exit_code == 3
    assert "another file is there" in refused.stderr and "--replace" in refused.stderr
    assert content(s3, "findings.csv") == before
    meant = run(*command, "--iou-thresh", ".1", "--size-thresh", "1", "--replace")
    assert meant.exit_code == 0 and "replaced: s3://hall/findings.csv" in meant.stdout
    assert content(s3, "findings.csv") != before


def test_labels_are_converted_from_a_bucket_into_it(s3, run, label_file):
    s3.put_object(Bucket="hall", Key="in/SeqLabel.json", Body=label_file.read_bytes())
    result = run("convert", "s3://hall/in/SeqLabel.json", "s3://hall/out/gt.txt")
    assert result.exit_code == 0 and "wrote s3://hall/out/gt.txt" in result.stdout
    assert len(aa.load("s3://hall/out/gt.txt").boxes) == 24


def test_the_tutorials_command_writes_to_an_address_without_its_option(s3, run, label_file):
    result = run("run-quality-check", "--lab_path", label_file, "--save_path", "s3://hall/results")
    assert result.exit_code == 0, result.output
    written = json.loads(content(s3, "results/quality_results.json"))
    assert written["iou_thresh"] == 0.5


def test_pictures_of_other_commands_go_there_too(s3, run, label_file):
    result = run("compare", label_file, label_file, "--picture", "s3://hall/answer.png")
    assert result.exit_code == 0, result.output
    assert content(s3, "answer.png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("option", "place", "message"),
    [
        ("--out", "s3://hall/findings.docx", "expected .csv"),
        ("--out", "s3://UPPER/findings.csv", "no S3 address"),
        ("--report", "https://example.com/audit.html", "starts with s3://"),
    ],
)
def test_a_place_that_is_none_is_refused_before_the_work(run, option, place, message):
    result = run("audit", "no-such-file.json", option, place)
    assert result.exit_code in (2, 3) and message in result.stderr


def test_what_stays_on_this_machine_takes_no_address(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("demo", "--out", "s3://hall/demo")
    assert result.exit_code == 3 and "found an address" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_amazon_refuses_is_a_message_and_no_traceback(run, tmp_path, monkeypatch):
    import botocore.exceptions

    error = {"Error": {"Code": "AccessDenied", "Message": "not you"}}

    def refuse(*_):
        raise botocore.exceptions.ClientError(error, "DescribeLabelingJob")

    monkeypatch.setattr(aa.aws, "load_plan", refuse, raising=False)
    result = run("adjust", "check", tmp_path)
    assert result.exit_code == 3 and "not you" in result.stderr
