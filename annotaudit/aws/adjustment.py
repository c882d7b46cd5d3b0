"""Plan a job that sends only the doubtful labels back to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from annotaudit.aws.image_jobs import plan_images
from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.aws.sessions import Session
from annotaudit.aws.video_jobs import plan_video
from annotaudit.boxes import Labels
from annotaudit.errors import LimitError

SECONDS_PER_BOX = 4.0  # an assumption: to look at a box and, now and then, to mend it
Mode = Literal["windows", "whole", "images"]


def plan_adjustment(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    session: Session,
    mode: Mode | None = None,
    verify: bool = False,
    margin: int = 3,
    budget: int | str | timedelta | None = None,
    workers: int = 1,
    out: str | None = None,
    frames_at: str | Mapping[str, str] | None = None,
    fps: float | None = None,
    categories: Mapping[str, Any] | None = None,
    seconds_per_box: float = SECONDS_PER_BOX,
    hourly_pay: float = np.nan,
    price_per_frame: float = np.nan,
) -> AdjustmentPlan:
    """Plan a Ground Truth job that corrects, or verifies, labels where findings are. Sends nothing.

    Parameters
    ----------
    labels : Labels
        Of one annotator per video or set of images, with a frames table that names the images.
        Boxes of several annotators can be made one set with
        :func:`annotaudit.metrics.consensus_boxes`.
    findings : DataFrame
        What :func:`annotaudit.audit` or :func:`annotaudit.find_still_mistakes` returned, or the
        rows of it that matter. What they are about is sent, and the worker is told the reasons.
    session : Session
    mode : str, optional
        ``"windows"`` sends only windows around the findings, each a short sequence of its own;
        ``"whole"`` sends whole videos and leaves it to the instructions to direct the worker;
        ``"images"`` sends each image that has a finding, and no other. By default images where
        labels have neither tracks nor times, and windows otherwise.
    verify : bool
        The worker looks, judges, and may change nothing; see :func:`annotaudit.aws.verdicts_of`.
    margin : int
        Frames of video before and after a finding.
    budget : int, str or timedelta, optional
        Frames or time in all, as for :func:`annotaudit.review_queue`.
    workers : int
        How many work on each image, whose answers Ground Truth makes one; a video goes to one.
    out : str, optional
        ``s3://`` folder for the job's files and results; by default ``annotaudit/`` in the bucket.
    frames_at : str or mapping, optional
        ``s3://`` folder the images lie in, or one for each sequence. By default where the frames
        table says; images on this machine are uploaded when the job starts.
    fps : float, optional
        Gives the capture times of video where the frames table has none.
    categories : mapping, optional
        Content of the original job's label category file.
    seconds_per_box, hourly_pay, price_per_frame : float
        Assumptions of the estimate. Amazon charges for each image and each frame of video,
        whoever works on them; its price list says how much.

    Returns
    -------
    AdjustmentPlan
        Everything that would be sent, to look at. The same input gives the same plan, under the
        same job name.

    Raises
    ------
    LimitError
        If no finding leads to anything to send, or the mode does not fit the labels.
    LabelFormatError
        If frames have no names, or names in another order than the frames of a video, or boxes
        are of several annotators.

    Examples
    --------
    >>> import annotaudit as aa
    >>> plan = aa.aws.plan_adjustment(labels, findings, session=session)  # doctest: +SKIP
    >>> plan.check()  # doctest: +SKIP
    """
    if not isinstance(session, Session):
        raise LimitError(
            f"session is {type(session).__name__}; expected an annotaudit.aws.Session, which says "
            "where the job would run: annotaudit.aws.open_session(work_team=..., bucket=...)."
        )
    out = (out or f"s3://{session.bucket}/annotaudit/").rstrip("/") + "/"
    assumptions = {
        "seconds per box": seconds_per_box,
        "pay per hour": hourly_pay,
        "price per frame": price_per_frame,
    }
    if (mode or _usual_mode(labels)) == "images":
        if labels.boxes["track"].notna().any():
            raise LimitError(
                "mode='images', but the boxes have tracks, which an image job would lose. Leave "
                "the mode out: video goes back in windows."
            )
        return plan_images(
            labels,
            findings,
            session=session,
            verify=verify,
            budget=budget,
            out=out,
            frames_at=frames_at,
            categories=categories,
            assumptions={**assumptions, "workers per image": workers},
        )
    if workers != 1:
        raise LimitError(f"workers={workers}: a video goes to one worker. Leave it out.")
    return plan_video(
        labels,
        findings,
        session=session,
        whole=mode == "whole",
        verify=verify,
        margin=margin,
        budget=budget,
        out=out,
        frames_at=frames_at,
        fps=fps,
        categories=categories,
        assumptions=assumptions,
    )


def _usual_mode(labels: Labels) -> Mode:
    """Tell images from video: frames of video have tracks, times, or numbers in the label file."""
    frames = labels.frames
    timed = "time" in frames and frames["time"].notna().any()
    of_video = "source_manifest" in frames and frames["source_manifest"].notna().any()
    numbered = "source_entry" in frames and frames["source_entry"].str.contains('"frame-no"').any()
    tracked = labels.boxes["track"].notna().any()
    return "windows" if tracked or timed or of_video or numbered else "images"
