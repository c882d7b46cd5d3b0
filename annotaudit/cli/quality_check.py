"""``annotaudit run-quality-check``: the command of the Ground Truth video tutorial, done right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotaudit.cli.audit import audit_options, chosen_embedder
from annotaudit.cli.export import ReplaceOption, keep_what_is_read
from annotaudit.cli.screen import busy, screen, show_labels, show_written

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.boxes import Labels


NAME = "quality_results.json"


def run_quality_check(
    lab_path: Annotated[
        str, typer.Option("--lab_path", "--lab-path", help="The label file, such as SeqLabel.json.")
    ],
    size_thresh: Annotated[
        float,
        typer.Option(
            "--size_thresh",
            "--size-thresh",
            help="A box may change by this share of its area from frame to frame.",
        ),
    ] = 0.25,
    iou_thresh: Annotated[
        float,
        typer.Option(
            "--iou_thresh",
            "--iou-thresh",
            help="A box must share this much of itself with the frame before.",
        ),
    ] = 0.5,
    save_path: Annotated[
        str,
        typer.Option(
            "--save_path",
            "--save-path",
            help="The .json file to write; in a folder, quality_results.json. s3:// too.",
        ),
    ] = NAME,
    imgs: Annotated[
        str | None,
        typer.Option("--imgs", help="Where the images are: names the flagged ones, for --embed."),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket", help="Read and write in this S3 bucket: the paths are keys in it."
        ),
    ] = None,
    embed: Annotated[
        bool,
        typer.Option("--embed", help="Look into the boxes, too: flag crops unlike their track."),
    ] = False,
    replace: ReplaceOption = False,
) -> None:
    """Flag the frames on which an object jumps in size or place, as the tutorial's command does.

    Takes the tutorial's options. Writes one JSON object: for each sequence and object the flagged
    frames, by number and file name, each with what was measured. A frame is flagged for what
    happened between it and the labelled frame before, never across a gap or at an entry.

    `annotaudit audit` finds more, and ranks it.
    """
    import annotaudit as aa
    from annotaudit.formats.saving import write_whole
    from annotaudit.frames.s3_writing import check_place, write_to

    if bucket is not None:
        lab_path = f"s3://{bucket}/{lab_path.lstrip('/')}"
        save_path = f"s3://{bucket}/{save_path.lstrip('/')}"
    place = _file(save_path)
    check_place(place)
    keep_what_is_read("--save_path", place, lab_path)
    with busy("Reading the labels ..."):
        labels = aa.load(lab_path, frames=imgs)
    show_labels(labels)
    findings = aa.audit(
        labels,
        **audit_options("aws", size_thresh, iou_thresh),
        embedder=chosen_embedder(labels, embed, "--imgs"),
    )
    flagged = flagged_frames(labels, findings)
    results = {
        "labels": lab_path,
        "size_thresh": size_thresh,
        "iou_thresh": iou_thresh,
        "sequences": flagged,
    }
    content = json.dumps(results, indent=2, allow_nan=False).encode()
    _show(flagged)
    show_written(write_to(place, lambda path: write_whole(path, content), replace=replace))


def _file(place: str) -> str:
    """Give the results a name where a folder was named."""
    is_folder = not place.endswith(".json") if "://" in place else Path(place).is_dir()
    return f"{place.rstrip('/')}/{NAME}" if is_folder else place


def flagged_frames(labels: Labels, findings: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """List per sequence and object the flagged frames and what was measured on each.

    Parameters
    ----------
    labels : Labels
        What was checked; objects without a flag are listed too.
    findings : DataFrame
        What ``annotaudit.audit(labels, rules="aws")`` returns.
    """
    names = _image_names(labels)
    results: dict[str, dict[str, Any]] = {}
    objects = labels.boxes[["sequence", "track"]].dropna().drop_duplicates()
    for sequence, track in objects.itertuples(index=False):
        results.setdefault(sequence, {})[track] = {"frames": [], "images": [], "flags": []}
    ordered = findings.sort_values(["sequence", "track", "frame", "rule"], kind="stable")
    for row in ordered.to_dict("records"):
        place = (row["sequence"], row["frame"])
        entry = results[row["sequence"]][row["track"]]
        if row["frame"] not in entry["frames"]:
            entry["frames"].append(row["frame"])
            entry["images"].append(names.get(place))
        entry["flags"].append(
            {
                "rule": row["rule"],
                "frame": row["frame"],
                "from_frame": _whole(row["from_frame"]),
                "image": names.get(place),
                "value": row["value"],
                "limit": row["limit"],
                "unit": row["unit"],
            }
        )
    return results


def _image_names(labels: Labels) -> dict[tuple[str, int], str]:
    from annotaudit.frames.table import last_part

    if "image" not in labels.frames:
        return {}
    known = labels.frames.dropna(subset="image")
    names = last_part(known["image"])
    return dict(zip(zip(known["sequence"], known["frame"], strict=True), names, strict=True))


def _whole(number: float) -> int | None:
    return int(number) if number == number else None


def _show(sequences: dict[str, dict[str, Any]]) -> None:
    from annotaudit.cli.screen import printable

    for sequence, objects in sequences.items():
        for name, entry in objects.items():
            frames = ", ".join(map(str, entry["frames"])) or "none"
            screen().print(printable(f"{sequence}  {name}  frames: {frames}"), soft_wrap=True)
