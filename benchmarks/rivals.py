"""Simple rivals: the tutorial's rule, robust z of second differences, Kalman/RTS innovation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.geometry import iou

SIDES = ["left", "top", "width", "height"]


def _ordered(boxes: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    table = boxes.sort_values(["sequence", "track", "frame"], kind="stable").reset_index(drop=True)
    same = (table[["sequence", "track"]] == table[["sequence", "track"]].shift()).all(axis=1)
    return table, (same & (table["frame"].diff() == 1)).to_numpy()


def _findings(table: pd.DataFrame, score: np.ndarray, limit: float) -> pd.DataFrame:
    score = np.nan_to_num(score, nan=0.0, posinf=1e9)
    out = table[["sequence", "frame", "track"]].assign(score=score, flag=score > limit)
    return out[out["score"] > 0]


def tutorial(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Size change > 25 % or IoU < .5 with the box before; flags the later frame of the step."""
    table, follows = _ordered(boxes)
    now, before = table[SIDES].to_numpy(), table[SIDES].shift().to_numpy()
    with np.errstate(all="ignore"):
        change = np.abs(now[:, 2] * now[:, 3] / (before[:, 2] * before[:, 3]) - 1)
        overlap = iou(now, np.nan_to_num(before))
    score = np.where(follows, np.fmax(change / 0.25, (1 - overlap) / 0.5), np.nan)
    return _findings(table, score, 1.0)


def second_differences(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Robust z, per track, of the second difference of the four sides; the largest of four."""
    table, follows = _ordered(boxes)
    sides = table[SIDES].to_numpy()
    inner = follows[1:-1] & follows[2:]
    second = np.full(sides.shape, np.nan)
    second[1:-1][inner] = (sides[2:] - 2 * sides[1:-1] + sides[:-2])[inner]
    second = pd.DataFrame(second).replace([np.inf, -np.inf], np.nan)
    keys = [table["sequence"], table["track"]]
    centre = second - second.groupby(keys).transform("median")
    mad = centre.abs().groupby(keys).transform("median")
    z = centre.abs() / (1.4826 * mad.clip(lower=0.5))
    return _findings(table, z.max(axis=1).to_numpy(), 6.0)


def kalman(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Distance of each box from a constant-velocity Kalman smoother, in its own deviations."""
    table, _ = _ordered(boxes)
    score = np.full(len(table), np.nan)
    for rows in table.groupby(["sequence", "track"]).indices.values():
        sides = table[SIDES].to_numpy()[rows]
        if len(rows) > 4 and np.isfinite(sides).all():
            size = np.sqrt(np.maximum(np.abs(sides[:, 2] * sides[:, 3]), 1.0))
            gap = np.diff(table["frame"].to_numpy()[rows], prepend=0)
            score[rows] = _smoothed_distance(sides, gap, np.median(size))
    return _findings(table, score, 4.0)


def _smoothed_distance(sides: np.ndarray, gap: np.ndarray, size: float) -> np.ndarray:
    """Rauch–Tung–Striebel residuals; the four sides share one covariance."""
    q, r = (0.02 * size) ** 2, (0.02 * size) ** 2
    n = len(sides)
    mean, cov = np.zeros((n, 2, 4)), np.zeros((n, 2, 2))
    ahead, ahead_cov, steps = np.zeros((n, 2, 4)), np.zeros((n, 2, 2)), np.zeros((n, 2, 2))
    m, p = np.vstack([sides[0], np.zeros(4)]), np.diag([r, 100 * q])
    for i in range(n):
        dt = gap[i] if i else 0
        f = np.array([[1.0, dt], [0.0, 1.0]])
        noise = q * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        m, p = f @ m, f @ p @ f.T + noise
        ahead[i], ahead_cov[i], steps[i] = m, p, f
        gain = p[:, 0] / (p[0, 0] + r)
        m, p = m + np.outer(gain, sides[i] - m[0]), p - np.outer(gain, p[0])
        mean[i], cov[i] = m, p
    for i in range(n - 2, -1, -1):
        back = cov[i] @ steps[i + 1].T @ np.linalg.pinv(ahead_cov[i + 1])
        mean[i] += back @ (mean[i + 1] - ahead[i + 1])
        cov[i] += back @ (cov[i + 1] - ahead_cov[i + 1]) @ back.T
    spread = np.sqrt(np.maximum(r - cov[:, 0, 0], 1e-3 * r))
    return np.abs(sides - mean[:, 0]).max(axis=1) / spread


RIVALS = {
    "tutorial's rule": tutorial,
    "2nd differences": second_differences,
    "Kalman/RTS": kalman,
}
