"""One page that scrubs and records verdicts, with neither Python nor a server."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from annotaudit.errors import AnnotauditError, LimitError
from annotaudit.formats.saving import write_whole
from annotaudit.frames.s3_writing import write_to
from annotaudit.widgets.payload import Payload
from annotaudit.widgets.pictures import encode, read_picture

HERE = Path(__file__).parent
AROUND = 2  # frames on either side of a finding, as in the film strip

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
style-src 'unsafe-inline'; script-src '$hash'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>annotaudit review</title>
<style>
:root { color-scheme: light dark; }
body {
  max-width: 1500px; margin: 0 auto; padding: 20px 24px 28px;
  background: Canvas; color: CanvasText; font: 14px/1.5 system-ui, sans-serif;
}
.aa-lead { display: flex; flex-wrap: wrap; align-items: end; gap: 8px 24px; margin: 0 0 14px; }
.aa-lead h1 { flex: 1 1 auto; margin: 0; font-size: 19px; font-weight: 650; }
.aa-lead label { display: flex; align-items: center; gap: 8px; }
.aa-lead input {
  width: 180px; height: 30px; padding: 0 8px; border: 1px solid GrayText; border-radius: 7px;
  background: Canvas; color: CanvasText; font: inherit;
}
body > p { margin: 12px 2px 0; }
$css
</style>
</head>
<body>
<main>
<div class="aa-lead">
  <h1>Review of $count</h1>
  <label for="aa-reviewer">Your name <input id="aa-reviewer" autocomplete="name"></label>
</div>
<div id="aa-scrubber"></div>
</main>
<p>Your verdicts stay in this browser until you download them. Send the file back to whoever sent
you this page.</p>
<script type="application/json" id="aa-content">$content</script>
<script type="module">$script</script>
</body>
</html>
""")

START = """
const content = JSON.parse(document.getElementById("aa-content").textContent);
mount(document.getElementById("aa-scrubber"), content);
"""


def save_page(
    path: str | os.PathLike[str],
    payload: Payload,
    judged: Mapping[str, Any],
    seen: Sequence[Mapping[str, Any]] = (),
    *,
    frames: str = "all",
    width: int = 1280,
    height: int = 640,
    replace: bool = False,
) -> Path | str:
    """Write the page; see ``FrameScrubber.to_html``.

    Parameters
    ----------
    path : str or Path
        Where to.
    payload : Payload
        What the page shows.
    judged : mapping
        The verdicts that stand, by the finding's row number as text.
    seen : sequence of mappings
        What reviewers saw by themselves; see ``annotaudit.widgets.judged.seen_by_reviewers``.
    frames : {"all", "findings"}
        Which pictures go in.
    width : int
        About how wide the pictures are, in pixels.
    height : int
        The most a picture may take of the page, in pixels.
    replace : bool
        In S3 no other file is overwritten without it.

    Returns
    -------
    Path or str

    Raises
    ------
    LimitError
        If ``frames`` is neither of the two.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from annotaudit.boxes import COLUMNS, Labels, empty_table
    >>> from annotaudit.widgets.payload import pack
    >>> labels = Labels(empty_table(COLUMNS), pd.DataFrame({"sequence": ["s"], "frame": [0]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(save_page(f"{folder}/page.html", pack(labels, labels.boxes), {})).name
    'page.html'
    """
    if frames not in ("all", "findings"):
        raise LimitError(f"frames is 'all' or 'findings'; found {frames!r}.")
    findings = len(payload.meta["reasons"])
    meta = payload.meta | {
        "offline": True,
        "height": max(height, 640),
        "download": f"{Path(path).stem}.verdicts.jsonl",
        "judged": dict(judged),
        "seen": list(seen),
        "kept": "Verdicts stay in this browser until you download them.",
    }
    content = {
        "data": {
            "meta": meta,
            "arrays": {name: _text(array) for name, array in payload.arrays.items()},
        },
        "pictures": _pictures(payload, _positions(payload, seen, frames), width),
    }
    script = f"{(HERE / 'scrubber.js').read_text(encoding='utf-8')}{START}"
    page = PAGE.substitute(
        hash=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
        css=(HERE / "scrubber.css").read_text(encoding="utf-8"),
        count=f"{findings:,} finding{'' if findings == 1 else 's'}",
        # "<" inside a script could end it: JSON has another way to write it
        content=json.dumps(content, allow_nan=False).replace("<", "\\u003c"),
        script=script,
    )
    (written,) = write_to(path, lambda local: write_whole(local, page.encode()), replace=replace)
    return written


def _positions(payload: Payload, seen: Sequence[Mapping[str, Any]], frames: str) -> list[int]:
    if frames == "all":
        return list(range(len(payload.frames)))
    columns = payload.meta["finding_columns"]
    table = np.frombuffer(payload.arrays["findings"], "<f8").reshape(-1, len(columns))
    marked = [payload.position(line["sequence"], line["frame"]) for line in seen]
    at = np.append(table[:, columns.index("position")], marked).astype(int)
    around = np.unique(at[:, None] + np.arange(-AROUND, AROUND + 1))
    return [int(at) for at in around if 0 <= at < len(payload.frames)]


def _pictures(payload: Payload, positions: list[int], width: int) -> dict[str, Any]:
    """Encode pictures; those that cannot be read are left out, and the page says so."""
    pictures = {}
    places = payload.frames["image"]
    for position in positions:
        place = places.iloc[position]
        if not isinstance(place, str):
            continue
        try:
            picture = encode(read_picture(place), width)
        except (AnnotauditError, OSError):
            continue
        pictures[str(position)] = {
            "type": picture.type,
            "natural": picture.natural,
            "bytes": _text(picture.content),
        }
    return pictures


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")
