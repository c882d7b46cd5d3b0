"""Rules about names: labels that differ only in spelling, classes nobody declared, no annotator."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.linting.declared import declared_classes
from annotaudit.linting.findings import about_boxes, about_places, listing, no_findings
from annotaudit.linting.subject import Subject

MANY = 100  # boxes from which on a label that is used once stands out


def spelling_key(labels: pd.Series) -> pd.Series:
    """Bring labels that differ only in case, spaces, hyphens or underscores to one form.

    Examples
    --------
    >>> spelling_key(pd.Series(["Stop_Sign ", "stop sign"])).tolist()
    ['stop sign', 'stop sign']
    """
    return labels.str.replace(r"[\s_-]+", " ", regex=True).str.strip().str.casefold()


def spellings(boxes: pd.DataFrame, classes: Sequence[str] | None = None) -> pd.DataFrame:
    """List labels that share a spelling but for case and spaces, and which of them is meant.

    Parameters
    ----------
    boxes : DataFrame
    classes : list of str, optional
        The labels there should be; they take part even if no box has them.

    Returns
    -------
    DataFrame
        One row per label of such a group: ``label``, ``boxes``, ``usual`` (the spelling of most
        boxes, or the declared one; missing where neither decides), ``safe`` (whether renaming
        changes nothing but the spelling: the boxes have the same class id, or none).
    """
    used = boxes["label"].value_counts()
    names = pd.Index(
        used.index.tolist() + [n for n in dict.fromkeys(classes or ()) if n not in used]
    )
    counts = used.reindex(names, fill_value=0).rename_axis("label").reset_index(name="boxes")
    counts["label"] = counts["label"].astype(TEXT)
    counts["key"] = spelling_key(counts["label"])
    groups = counts[counts["key"].duplicated(keep=False) & (counts["key"] != "")]
    rows = []
    for _, group in groups.groupby("key", sort=True):
        declared = [label for label in group["label"] if classes is not None and label in classes]
        most = group.loc[group["boxes"] == group["boxes"].max(), "label"].tolist()
        meant = declared if len(declared) == 1 else most if not declared else []
        usual = meant[0] if len(meant) == 1 else None
        ids = (
            boxes.loc[boxes["label"].isin(group["label"]), "class_id"]
            if "class_id" in boxes
            else []
        )
        one_class = len(pd.unique(pd.Series(ids, dtype=object))) <= 1
        rows.append(group.assign(usual=usual, safe=usual is not None and one_class))
    if not rows:
        return counts.head(0).assign(usual=None, safe=False)
    return pd.concat(rows, ignore_index=True)


def find_spelling(subject: Subject) -> pd.DataFrame:
    """Find labels that differ from another only in case, spaces, hyphens or underscores."""
    table = spellings(subject.boxes, known_classes(subject))
    odd = table[(table["boxes"] > 0) & (table["usual"].isna() | (table["usual"] != table["label"]))]
    if odd.empty:
        return no_findings()
    others = {key: group["label"].tolist() for key, group in table.groupby("key")}
    found = about_boxes(
        subject.boxes,
        _first_rows(subject, odd["label"]),
        about="label",
        value=odd["boxes"],
        limit=0,
        unit="boxes",
        reason=[
            f"{n:,} {_boxes(n)} called {label!r}, the usual or declared name is {usual!r}; use one "
            "spelling."
            if isinstance(usual, str)
            else f"{n:,} {_boxes(n)} called {label!r}, others "
            f"{listing([repr(other) for other in others[key] if other != label])}; choose one "
            "spelling."
            for n, label, usual, key in zip(
                odd["boxes"], odd["label"], odd["usual"], odd["key"], strict=True
            )
        ],
    )
    safe = odd["safe"].to_numpy(dtype=bool)
    return found.assign(fix=pd.Series("label_case", index=found.index, dtype=found["fix"].dtype)
                        .where(safe))  # fmt: skip


def find_plurals(subject: Subject) -> pd.DataFrame:
    """Find labels that are the plural of another label."""
    counts = subject.label_counts
    first = pd.Series(counts.index, index=spelling_key(pd.Series(counts.index)))
    one = first[~first.index.duplicated()].to_dict()
    pairs = [
        (plural, one[key])
        for key in one
        for ending in (key + "s", key + "es", key[:-1] + "ies" if key.endswith("y") else "")
        if len(key) > 1 and (plural := one.get(ending)) is not None
    ]
    rarer = [(a, b) if counts[a] <= counts[b] else (b, a) for a, b in pairs]
    rows = _first_rows(subject, pd.Series([a for a, _ in rarer], dtype=object))
    return about_boxes(
        subject.boxes,
        rows,
        about="label",
        value=[counts[a] for a, _ in rarer],
        limit=0,
        unit="boxes",
        reason=[
            f"{counts[a]:,} {_boxes(counts[a])} called {a!r} and {counts[b]:,} {b!r}, one the "
            "plural of the other; if both mean one thing, use one name."
            for a, b in rarer
        ],
    )


def find_rare_labels(subject: Subject) -> pd.DataFrame:
    """Find labels that a single box has, in a set of a hundred or more."""
    counts = subject.label_counts
    once = counts.index[counts == 1] if counts.sum() >= MANY else counts.index[:0]
    labels = pd.Series(sorted(once), dtype=object)
    near = {
        label: difflib.get_close_matches(label, [name for name in counts.index if name != label], 1)
        for label in labels[:50]
    }
    return about_boxes(
        subject.boxes,
        _first_rows(subject, labels),
        about="label",
        value=1,
        limit=1,
        unit="boxes",
        reason=[
            f"The only box called {label!r} of {len(subject.boxes):,}; "
            + (f"meant {near[label][0]!r}?" if near.get(label) else "a slip of the keyboard?")
            for label in labels
        ],
    )


def find_missing_labels(subject: Subject) -> pd.DataFrame:
    """Find boxes without a label among boxes that have one."""
    missing = (
        subject.boxes["label"].isna() | (subject.boxes["label"].str.strip() == "")
    ).to_numpy()
    rows = np.flatnonzero(missing) if not missing.all() else np.zeros(0, np.intp)
    return about_boxes(
        subject.boxes, rows, value=np.nan, limit=np.nan, unit="",
        reason=["Has no label, though others do; name its class."] * len(rows),
    )  # fmt: skip


def find_missing_annotators(subject: Subject) -> pd.DataFrame:
    """Find boxes of nobody among boxes whose annotator is known."""
    missing = subject.boxes["annotator"].isna().to_numpy()
    rows = np.flatnonzero(missing) if not missing.all() else np.zeros(0, np.intp)
    return about_boxes(
        subject.boxes, rows, value=np.nan, limit=np.nan, unit="",
        reason=["Has no annotator, though others do; boxes of nobody are compared with nobody's."]
        * len(rows),
    )  # fmt: skip


def known_classes(subject: Subject) -> list[str] | None:
    """List the classes there should be: the caller's, else those that the source declares."""
    if subject.classes is not None:
        return list(subject.classes)
    return declared_classes(subject.listed)


def find_undeclared(subject: Subject) -> pd.DataFrame:
    """Find labels that are not among the declared classes."""
    classes = known_classes(subject)
    if not classes:
        return no_findings()
    counts = subject.label_counts
    labels = pd.Series([name for name in counts.index if name not in set(classes)], dtype=object)
    near = {label: difflib.get_close_matches(label, classes, 1) for label in labels[:50]}
    return about_boxes(
        subject.boxes,
        _first_rows(subject, labels),
        about="label",
        value=[counts[label] for label in labels],
        limit=0,
        unit="boxes",
        reason=[
            f"{counts[label]:,} {_boxes(counts[label])} called {label!r}, which is not among the "
            f"{len(classes)} declared classes"
            + (f"; meant {near[label][0]!r}?" if near.get(label) else "; declare it or rename it.")
            for label in labels
        ],
    )


def find_unused(subject: Subject) -> pd.DataFrame:
    """Say which declared classes no box has."""
    classes = known_classes(subject)
    unused = sorted(set(classes or ()) - set(subject.boxes["label"].dropna().unique()))
    if not unused or not len(subject.boxes):
        return no_findings()
    return about_places(
        subject.boxes[["sequence", "frame"]].head(1),
        about="label",
        value=len(unused),
        limit=0,
        unit="classes",
        reason=[
            f"{len(unused)} of {len(set(classes or ()))} declared classes have no box: "
            f"{listing(unused, 5)}. Nothing of the kind in sight, or called otherwise?"
        ],
    )


def _first_rows(subject: Subject, labels: pd.Series) -> np.ndarray:
    """Find for each label the first row that has it."""
    label = subject.boxes["label"]
    first = pd.Series(np.arange(len(label)), index=label.array)
    rows: np.ndarray = first[~first.index.duplicated()].reindex(labels).to_numpy(dtype=np.intp)
    return rows


def _boxes(n: int) -> str:
    return "box is" if n == 1 else "boxes are"
