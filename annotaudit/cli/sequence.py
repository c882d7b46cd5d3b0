"""``annotaudit sequence``: anyone's frames or video, as Ground Truth takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.screen import progress_bar, show_written
from annotaudit.errors import LimitError


def sequence(
    source: Annotated[str, typer.Argument(help="A folder of frames, or a video file.")],
    out: Annotated[
        str,
        typer.Argument(help="An s3:// folder for frames and sequence file; or a folder here."),
    ],
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of a folder; of a video, take at most this many."),
    ] = None,
    step: Annotated[int, typer.Option(min=1, help="Take every second, third, ... frame.")] = 1,
    prefix: Annotated[
        str | None, typer.Option(help="Where the frames will be in S3, if OUT is a folder here.")
    ] = None,
    number: Annotated[int, typer.Option(min=1, help="Of the sequence in its manifest.")] = 1,
) -> None:
    """Make a sequence for Ground Truth: the frames, and the file that lists them with their times.

    Frames of a video are written as images by ffmpeg. Run it again if it was interrupted: what is
    in S3 is not sent again, and never overwritten.
    """
    from annotaudit.aws.sequences import make_sequence, sequence_name, upload_sequence
    from annotaudit.formats.saving import write_whole
    from annotaudit.frames.s3_files import s3_client
    from annotaudit.frames.s3_writing import check_place, is_address

    check_place(out)
    if is_address(out) == bool(prefix):
        raise LimitError(
            "Name one place in S3: either OUT is an s3:// folder, or --prefix says where the "
            "frames will be."
        )
    with progress_bar() as bar:
        task = bar.add_task("Sending frames" if prefix is None else "Writing frames", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of or None)

        if prefix is None:
            written: Path | str = upload_sequence(
                source, out, s3=s3_client(), fps=fps, step=step, number=number, progress=progress
            )
        else:
            content = make_sequence(
                source, prefix=prefix, folder=out, fps=fps, step=step, number=number,
                progress=progress,
            )  # fmt: skip
            path = Path(out) / f"{sequence_name(source)}-seq.json"
            written = write_whole(path, json.dumps(content).encode())
    show_written([written])
