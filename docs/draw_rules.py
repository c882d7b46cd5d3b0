"""Draw the pictures of docs/rules.md: one planted mistake for each rule, as the audit finds it.

    python docs/draw_rules.py

Ten people walk along a street; one mistake is planted, the audit runs, and what it says of that
mistake stands over the picture. Takes half a minute.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

import annotaudit as aa
from annotaudit.plotting.style import ALERT, PALETTE

FOLDER = Path(__file__).parent / "images" / "rules"
IMAGE = (1280, 720)
FRAMES, PEOPLE = 120, 10
WALKER = "person:4"  # the one whose boxes are spoilt
OTHER = "person:5"
SIDES = ["left", "top", "width", "height"]
FLAG, EXPECTED = ALERT, "#009E73"
Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def street() -> pd.DataFrame:
    """People who walk, turn a little and bob, drawn with an unsteady hand on every frame."""
    rng = np.random.default_rng(3)
    at = np.arange(FRAMES) / 10  # seconds
    tables = []
    for number in range(1, PEOPLE + 1):
        pace, phase = rng.uniform(30, 55), rng.uniform(0, 6)
        way = 1 if number % 2 else -1
        x = 640 + 25 * (number - 5) + way * pace * (at - 6) + 12 * np.sin(at / 2 + phase)
        foot = 400 + 14 * number + 6 * np.sin(at / 3 + phase) + 1.5 * np.sin(11 * at + phase)
        tall = 90 + 9 * number + 3 * np.sin(at / 4 + phase)
        wide = 0.42 * tall * (1 + 0.02 * np.sin(5.5 * at + phase))
        drawn = np.column_stack([x - wide / 2, foot - tall, wide, tall])
        drawn += rng.normal(0, 0.5, drawn.shape)
        tables.append(
            pd.DataFrame(drawn, columns=SIDES).assign(
                sequence="street", frame=range(FRAMES), track=f"person:{number}",
                label="person", annotator="ann",
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def rows(boxes: pd.DataFrame, first: int, last: int, track: str = WALKER) -> pd.Index:
    """Return the rows of an object from one frame to another, both in."""
    return boxes.index[(boxes["track"] == track) & boxes["frame"].between(first, last)]


def off_course(boxes: pd.DataFrame) -> pd.DataFrame:
    """One box lies a third of its width to the right."""
    boxes.loc[rows(boxes, 60, 60), "left"] += 18
    return boxes


def size_jump(boxes: pd.DataFrame) -> pd.DataFrame:
    """Two boxes are a third too tall."""
    spoilt = rows(boxes, 60, 61)
    boxes.loc[spoilt, "top"] -= 22
    boxes.loc[spoilt, "height"] += 44
    return boxes


def end_of_track(boxes: pd.DataFrame) -> pd.DataFrame:
    """The last box was left where it lay."""
    boxes = boxes.drop(rows(boxes, 81, FRAMES))
    boxes.loc[rows(boxes, 80, 80), "left"] += 30
    return boxes


def drift(boxes: pd.DataFrame) -> pd.DataFrame:
    """The box lags behind, more and more, and is put right at once."""
    spoilt = rows(boxes, 49, 63)
    boxes.loc[spoilt, "left"] += np.linspace(1, 16, len(spoilt))
    return boxes


def bad_keyframe(boxes: pd.DataFrame) -> pd.DataFrame:
    """One keyframe is wrong, and what was worked out around it with it."""
    spoilt = rows(boxes, 55, 65)
    boxes.loc[spoilt, "top"] -= 26 * (1 - np.abs(np.linspace(-1, 1, len(spoilt))))
    return boxes


def sparse_keyframes(boxes: pd.DataFrame) -> pd.DataFrame:
    """Drawn at both ends only; between them boxes lie on a line that the person left."""
    spoilt = rows(boxes, 48, 70)
    way = np.linspace(0, 1, len(spoilt))[:, None]
    ends = boxes.loc[spoilt[[0, -1]], SIDES].to_numpy() + [[-10, 0, 0, 0], [10, 0, 0, 0]]
    boxes.loc[spoilt, SIDES] = ends[0] * (1 - way) + ends[1] * way
    return boxes


def frozen(boxes: pd.DataFrame) -> pd.DataFrame:
    """The box stands still while the person walks on."""
    spoilt = rows(boxes, 55, 63)
    boxes.loc[spoilt, SIDES] = boxes.loc[spoilt[0], SIDES].to_numpy(dtype=float)
    return boxes


def jitter(boxes: pd.DataFrame) -> pd.DataFrame:
    """For twenty frames somebody drew in a hurry."""
    spoilt = rows(boxes, 55, 74)
    boxes.loc[spoilt, SIDES] += np.random.default_rng(1).normal(0, 1.5, (len(spoilt), 4))
    return boxes


def swap(boxes: pd.DataFrame) -> pd.DataFrame:
    """Soon after they pass each other, two people carry each other's name."""
    paths = boxes.pivot(index="frame", columns="track", values="left")
    met = int((paths[WALKER] - paths[OTHER]).abs().idxmin()) + 5
    mine, theirs = rows(boxes, met, FRAMES), rows(boxes, met, FRAMES, OTHER)
    boxes.loc[mine, "track"], boxes.loc[theirs, "track"] = OTHER, WALKER
    return boxes


def fragment(boxes: pd.DataFrame) -> pd.DataFrame:
    """After two frames without a box the person comes back under another name."""
    boxes.loc[rows(boxes, 60, FRAMES), "track"] = "person:11"
    return boxes.drop(rows(boxes, 58, 59))


def duplicate(boxes: pd.DataFrame) -> pd.DataFrame:
    """The person is drawn twice for twelve frames."""
    again = boxes.loc[rows(boxes, 54, 65)].assign(track="person:11")
    again[SIDES] += np.random.default_rng(5).normal(0, 1.5, (len(again), 4))
    return pd.concat([boxes, again], ignore_index=True)


def label_change(boxes: pd.DataFrame) -> pd.DataFrame:
    """The person is called a bicycle for five frames."""
    boxes.loc[rows(boxes, 58, 62), "label"] = "bicycle"
    return boxes


def gap(boxes: pd.DataFrame) -> pd.DataFrame:
    """Nobody drew the person on three frames."""
    return boxes.drop(rows(boxes, 59, 61))


def impossible_box(boxes: pd.DataFrame) -> pd.DataFrame:
    """The box has no width."""
    boxes.loc[rows(boxes, 60, 60), "width"] = 0
    return boxes


def off_image(boxes: pd.DataFrame) -> pd.DataFrame:
    """The track goes on after the person has left."""
    at = boxes.loc[rows(boxes, 118, 118), "left"].iloc[0]
    boxes.loc[rows(boxes, 0, FRAMES), "left"] -= at + 55
    return boxes


def repeated_track(boxes: pd.DataFrame) -> pd.DataFrame:
    """The person has two boxes on one frame."""
    again = boxes.loc[rows(boxes, 60, 60)]
    return pd.concat([boxes, again.assign(left=again["left"] + 80)], ignore_index=True)


def one_frame_track(boxes: pd.DataFrame) -> pd.DataFrame:
    """A box of a name that is used once."""
    again = boxes.loc[rows(boxes, 60, 60)].assign(track="person:11")
    return pd.concat([boxes, again.assign(left=again["left"] + 6)], ignore_index=True)


SPOILT: tuple[Spoil, ...] = (
    off_course, size_jump, end_of_track, drift, bad_keyframe, sparse_keyframes, frozen, jitter,
    swap, fragment, duplicate, label_change, gap, impossible_box, off_image, repeated_track,
    one_frame_track,
)  # fmt: skip


def found_for(spoil: Spoil) -> tuple[pd.DataFrame, pd.Series]:
    """Plant a mistake; return the boxes and what the audit says of it."""
    boxes = spoil(street()).reset_index(drop=True)
    frames = pd.DataFrame({"sequence": "street", "frame": range(FRAMES), "image": None})
    frames = frames.assign(
        image_width=float(IMAGE[0]), image_height=float(IMAGE[1]), time=frames["frame"] / 10
    )
    findings = aa.audit(aa.Labels(boxes, frames))
    spoilt = findings["track"].isin([WALKER, OTHER, "person:11"])
    own = findings[(findings["rule"] == spoil.__name__) & spoilt]
    if own.empty:
        worst = findings[["rule", "frame", "track", "score"]].head()
        raise SystemExit(f"{spoil.__name__}: the audit says something else\n{worst}")
    return boxes, own.iloc[0]


def draw_place(ax: Axes, boxes: pd.DataFrame, finding: pd.Series) -> None:
    """The boxes around the finding, in the image."""
    near = boxes[boxes["frame"].between(finding["frame"] - 9, finding["frame"] + 9)]
    shown = near[near["track"].isin(_involved(near, finding))]
    for box in shown.itertuples():
        far = abs(box.frame - finding["frame"])
        color = PALETTE[0] if box.track == finding["track"] else PALETTE[2]
        ax.add_patch(_outline(box, edgecolor=color, alpha=max(0.12, 0.7 - 0.08 * far)))
    drawn = finding[SIDES].to_numpy(dtype=float)
    wanted = finding[[f"expected_{side}" for side in SIDES]].to_numpy(dtype=float)
    for box, color, style in ((drawn, FLAG, "-"), (wanted, EXPECTED, "--")):
        if not np.isnan(box).any():
            ax.add_patch(
                Rectangle(
                    box[:2], *box[2:], fill=False, edgecolor=color, linewidth=2, linestyle=style
                )
            )
    ax.set(xlabel="x (px)", ylabel="y (px)", aspect="equal")
    ax.autoscale_view()
    ax.margins(0.08)
    ax.invert_yaxis()


def draw_course(ax: Axes, boxes: pd.DataFrame, finding: pd.Series, spoil: Spoil) -> None:
    """The side that the mistake moves most, frame by frame."""
    right = boxes[boxes["frame"].between(finding["frame"] - 25, finding["frame"] + 25)]
    honest = street()
    both = right.merge(honest, on=["frame", "track"], suffixes=("", "_honest"))
    moved = {side: (both[side] - both[f"{side}_honest"]).abs().max() for side in SIDES}
    side = {off_image: "left", jitter: "width"}.get(spoil) or max(SIDES, key=moved.__getitem__)
    for name in _involved(right, finding):
        own = right[right["track"] == name].sort_values("frame")
        whole = own.set_index("frame")[side]
        whole = whole[~whole.index.duplicated()]
        whole = whole.reindex(range(int(whole.index.min()), int(whole.index.max()) + 1))
        color = PALETTE[0] if name == finding["track"] else PALETTE[2]
        ax.plot(whole.index, whole, ".-", color=color, markersize=4, linewidth=1, label=name)
    expected = finding[f"expected_{side}"]
    if not np.isnan(expected):
        ax.plot(
            finding["frame"],
            expected,
            "D",
            markerfacecolor="none",
            color=EXPECTED,
            label="expected",
        )
    drawn = finding[side]
    if np.isnan(drawn):
        ax.axvline(finding["frame"], color=FLAG, linestyle=":", label="finding")
    else:
        ax.plot(
            finding["frame"],
            drawn,
            "o",
            markerfacecolor="none",
            color=FLAG,
            markersize=9,
            label="finding",
        )
    ax.set(xlabel="frame", ylabel=f"{side} (px)")
    ax.legend(fontsize=7, loc="best", frameon=False)


def _involved(boxes: pd.DataFrame, finding: pd.Series) -> list[str]:
    """Names of the object, and of the one it is mixed up with."""
    two = {"swap": OTHER, "fragment": WALKER, "duplicate": WALKER, "one_frame_track": WALKER}
    names = [finding["track"]]
    if finding["rule"] in two:
        names += [name for name in (WALKER, OTHER if finding["rule"] == "swap" else "person:11")
                  if name not in names and name in set(boxes["track"])]  # fmt: skip
    return names


def _outline(box: object, **style: object) -> Rectangle:
    corner = (box.left, box.top)  # type: ignore[attr-defined]
    return Rectangle(corner, box.width, box.height, fill=False, linewidth=1, **style)  # type: ignore[attr-defined]


def draw(spoil: Spoil) -> None:
    """Draw the picture of one rule."""
    boxes, finding = found_for(spoil)
    figure, (place, course) = plt.subplots(
        1, 2, figsize=(8, 2.6), layout="constrained", width_ratios=[1, 1.3]
    )
    draw_place(place, boxes, finding)
    draw_course(course, boxes, finding, spoil)
    figure.suptitle(f"{finding['reason']}", fontsize=9, x=0.01, ha="left", parse_math=False)
    content = io.BytesIO()
    figure.savefig(content, dpi=85)
    plt.close(figure)
    image = Image.open(content).convert("RGB").quantize(64)
    image.save(FOLDER / f"{spoil.__name__}.png", optimize=True)


def main() -> None:
    """Draw all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for spoil in SPOILT:
        draw(spoil)


if __name__ == "__main__":
    main()
