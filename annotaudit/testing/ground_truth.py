"""Ground Truth as documented: it reads a job's files from S3, refuses bad ones, plays a worker.

Rules played: those of :func:`annotaudit.aws.check_job` on the files as they lie in S3; frames that
the sequence names, and images, are there; buckets let a browser load them; a job's name is taken
once, whatever its case; a job goes from Initializing to InProgress to Completed, a step each time
it is looked at; stopped is stopped. It does not know what AWS does where the documentation is
silent.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

from annotaudit.aws.categories import MISSING
from annotaudit.aws.checking import service_model
from annotaudit.aws.image_checks import image_task, shown_attribute
from annotaudit.aws.job_checks import check_job
from annotaudit.aws.jobs import has_cors
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.formats.ground_truth.seq_label import LISTS
from annotaudit.frames.s3_files import read_object, split_address
from annotaudit.testing.image_work import VERIFICATION, adjust_image, judge_boxes, verify_image
from annotaudit.testing.service import ServiceError
from annotaudit.testing.workers import Worker


class GroundTruth:
    """Labelling jobs of one account, in memory; their files are in S3.

    Parameters
    ----------
    s3 : boto3 S3 client, optional
        Where the files of jobs are. Without it no job can be made.
    worker : callable, optional
        Does the work: called with the file name of a frame or image and the boxes on it, as they
        stand in ``SeqLabel.json`` or, of images, with ``label``, ``left``, ``top``, ``width`` and
        ``height``; returns the boxes after. In a verification, what it would change it calls a
        mistake. By default nothing is changed, or judged.
    """

    signing_name = "sagemaker"

    def __init__(self, s3: Any = None, worker: Worker | None = None) -> None:
        self.model = service_model("sagemaker")
        self.s3 = s3
        self.worker = worker
        self.give_up: set[int] = set()  # lines of the next manifests, from 0, that fail
        self.break_down = ""  # a reason, if the next jobs fail as a whole
        self.jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out an operation."""
        play = {
            "CreateLabelingJob": self._create,
            "DescribeLabelingJob": self._describe,
            "StopLabelingJob": self._stop,
            "ListLabelingJobs": self._list,
        }.get(operation)
        if play is None:
            raise ServiceError("UnknownOperationException", f"{operation} is not played here")
        with self._lock:
            return play(request)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["LabelingJobName"]
        if name.lower() in self.jobs:
            raise ServiceError("ResourceInUse", f"Labeling Job {name} already exists")
        self._refuse_bad(request)
        now = datetime.now(UTC)
        arn = f"arn:aws:sagemaker:us-east-1:111122223333:labeling-job/{name.lower()}"
        lines = self._lines(request)
        self.jobs[name.lower()] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "LabelingJobArn": arn,
            "LabelingJobStatus": "Initializing",
            "JobReferenceCode": f"{len(self.jobs) + 1:08d}",
            "CreationTime": now,
            "LastModifiedTime": now,
            "LabelCounters": _counters(0, 0, len(lines)),
        }
        return {"LabelingJobArn": arn}

    def _refuse_bad(self, request: dict[str, Any]) -> None:
        if self.s3 is None:
            raise ServiceError("ValidationException", "This loopback has no S3 to read from")
        problems = check_job(request, lambda address: read_object(self.s3, address))
        found = [
            f"{p.where}: found {p.found}, expected {p.expected}" for p in problems.itertuples()
        ]
        out = request["OutputConfig"]["S3OutputPath"].rstrip("/") + "/x"
        addresses = [out]
        if not found:
            for line in self._lines(request):
                names = [line["source-ref"]]
                if not image_task(request):
                    sequence = self._json(line["source-ref"])
                    names = [sequence["prefix"] + frame["frame"] for frame in sequence["frames"]]
                addresses += names[:1]
                found += [f"{name}: no such frame" for name in names if not self._is_there(name)]
        for bucket in sorted({split_address(address)[0] for address in addresses}):
            if not has_cors(self.s3, bucket):
                found.append(f"bucket {bucket}: has no CORS rule, the page could show nothing")
        if found:
            raise ServiceError("ValidationException", "; ".join(found))

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._job(request)
        following = {"Initializing": "InProgress", "InProgress": "Completed", "Stopping": "Stopped"}
        reply = dict(job)
        status = following.get(job["LabelingJobStatus"])
        if status == "Completed":
            if self.break_down:
                job["LabelingJobStatus"], job["FailureReason"] = "Failed", self.break_down
            else:
                self._work(job)
        elif status is not None:
            job["LabelingJobStatus"] = status
        return reply

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._job(request)
        if job["LabelingJobStatus"] not in ("Initializing", "InProgress"):
            raise ServiceError("ValidationException", f"The job is {job['LabelingJobStatus']}")
        job["LabelingJobStatus"] = "Stopping"
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        members = self.model.shape_for("LabelingJobSummary").members
        wanted, status = request.get("NameContains", "").lower(), request.get("StatusEquals")
        rows = []
        for name, job in self.jobs.items():
            if wanted in name and status in (None, job["LabelingJobStatus"]):
                row = {key: value for key, value in job.items() if key in members}
                task = job["HumanTaskConfig"]
                rows.append({**row, "WorkteamArn": task["WorkteamArn"],
                             "PreHumanTaskLambdaArn": task["PreHumanTaskLambdaArn"]})  # fmt: skip
        first = int(request.get("NextToken", 0))
        last = first + request.get("MaxResults", 10)
        more = {"NextToken": str(last)} if last < len(rows) else {}
        return {"LabelingJobSummaryList": rows[first:last], **more}

    def _job(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs.get(request["LabelingJobName"].lower())
        if job is None:
            raise ServiceError(
                "ResourceNotFound", f"Labeling Job {request['LabelingJobName']} does not exist"
            )
        return job

    def _work(self, job: dict[str, Any]) -> None:
        """Label every line of a job's manifest and write what Ground Truth writes."""
        attribute, name = job["LabelAttributeName"], job["LabelingJobName"]
        out = f"{job['OutputConfig']['S3OutputPath'].rstrip('/')}/{name}"
        categories = self._json(job["LabelCategoryConfigS3Uri"])
        page = job["HumanTaskConfig"]["UiConfig"].get("UiTemplateS3Uri")
        lines, done = self._lines(job), 0
        for number, line in enumerate(lines):
            about = {
                "job-name": f"labeling-job/{name}",
                "human-annotated": "yes",
                "creation-date": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            }
            if number in self.give_up:
                line[attribute + METADATA] = {"failure-reason": "ClientError: given up", **about}
                continue
            if page is None:
                at = f"{out}/annotations/consolidated-annotation/output/{number}/SeqLabel.json"
                line[attribute] = at
                line[attribute + METADATA] = self._label_video(line, categories, at) | about
            else:
                audited = shown_attribute(read_object(self.s3, page)) or ""
                play = verify_image if image_task(job) == VERIFICATION else adjust_image
                label, told = play(line, audited, categories, self.worker)
                line[attribute], line[attribute + METADATA] = label, told | about
            done += 1
        manifest = f"{out}/manifests/output/output.manifest"
        self._write(manifest, "".join(json.dumps(line) + "\n" for line in lines))
        job["LabelingJobStatus"] = "Completed"
        job["LastModifiedTime"] = datetime.now(UTC)
        job["LabelingJobOutput"] = {"OutputDatasetS3Uri": manifest}
        job["LabelCounters"] = _counters(done, len(lines) - done, 0)

    def _label_video(
        self, line: dict[str, Any], categories: dict[str, Any], address: str
    ) -> dict[str, Any]:
        """Let the worker do a clip, write its labels, and return what the manifest tells of it."""
        audited = categories["auditLabelAttributeName"]
        content = self._json(line[audited])
        before = json.dumps(content)
        if self.worker is not None:
            may_edit = any(entry.get("editsAllowed") != "none" for entry in categories["labels"])
            for entry in content[next(kind for kind in LISTS if kind in content)]:
                boxes = entry["annotations"]
                after = self.worker(entry["frame"], boxes)
                entry["annotations"] = after if may_edit else judge_boxes(boxes, after)
                if not may_edit:
                    told = entry.setdefault("frame-attributes", {})
                    told[MISSING["name"]] = "yes" if len(after) > len(boxes) else "no"
        changed = json.dumps(content) != before
        self._write(address, json.dumps(content))
        return {
            "class-map": line[audited + METADATA]["class-map"],
            "type": line[audited + METADATA]["type"],
            "adjustment-status": "adjusted" if changed else "unadjusted",
        }

    def _lines(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        address = request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
        content = read_object(self.s3, address) or b""
        return [json.loads(line) for line in content.decode().splitlines()]

    def _json(self, address: str) -> Any:
        return json.loads(read_object(self.s3, address) or b"null")

    def _is_there(self, address: str) -> bool:
        from botocore.exceptions import ClientError

        bucket, key = split_address(address)
        try:
            self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def _write(self, address: str, text: str) -> None:
        bucket, key = split_address(address)
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def _counters(done: int, failed: int, left: int) -> dict[str, int]:
    return {
        "TotalLabeled": done,
        "HumanLabeled": done,
        "MachineLabeled": 0,
        "FailedNonRetryableError": failed,
        "Unlabeled": left,
    }
