import json
import time

import pandas as pd
import pytest
import traitlets

import annotaudit as aa
from annotaudit import review
from annotaudit.errors import BoxTableError
from annotaudit.widgets import FrameScrubber
from annotaudit.widgets.judged import MARK_COLUMNS


@pytest.fixture
def scrubber(labels, findings):
    scrubber = FrameScrubber(labels, findings)
    yield scrubber
    scrubber.close()


@pytest.fixture
def sent(scrubber, monkeypatch):
    """What goes to the browser."""
    messages = []
    monkeypatch.setattr(
        scrubber, "send", lambda content, buffers=None: messages.append((content, buffers))
    )
    return messages


def hear(scrubber, **message):
    scrubber._handle_custom_msg(message, [])


def test_it_is_a_public_name():
    assert aa.FrameScrubber is FrameScrubber


def test_choosing_a_finding_moves_there(scrubber):
    seen = []
    scrubber.observe(lambda change: seen.append(change["new"]), "frame")
    scrubber.selected = 1
    assert (scrubber.sequence, scrubber.frame, scrubber.track) == ("street", 8, "car:2")
    assert seen == [8]


def test_what_does_not_exist_is_refused_in_words(scrubber):
    with pytest.raises(traitlets.TraitError, match="no frame 12 .* 0 to 11"):
        scrubber.frame = 12
    with pytest.raises(traitlets.TraitError, match="no sequence 'yard'"):
        scrubber.sequence = "yard"
    with pytest.raises(traitlets.TraitError, match="no finding 3"):
        scrubber.selected = 3


def test_a_verdict_from_the_browser_reaches_the_ledger(scrubber, labels, sent):
    hear(scrubber, kind="verdict", finding=0, verdict="mistake", corrected=[70, 100, 60, 100])
    hear(scrubber, kind="verdict", finding=2, verdict="fine", note="all is well")
    verdicts = scrubber.verdicts
    assert verdicts["verdict"].tolist() == ["mistake", "fine"]
    assert verdicts["rule"].tolist() == ["size_jump", "low_overlap"]
    assert verdicts["note"].tolist() == ["", "all is well"]
    assert set(verdicts["fingerprint"]) == {review.fingerprint(labels)}
    assert scrubber.progress == {"total": 3, "reviewed": 2, "mistake": 1, "fine": 1, "unsure": 0}
    assert [message["kind"] for message, _ in sent] == ["judged", "judged"]


def test_corrections_are_put_into_the_labels(scrubber, labels):
    scrubber.judge(0, "mistake", corrected=(70, 100, 60, 100))
    scrubber.judge(1, "mistake", corrected=(480, 100, 60, 100))  # the box that was missing
    corrected = scrubber.corrected.boxes
    assert len(corrected) == len(labels.boxes) + 1
    assert (corrected["height"] == 100).all()
    assert labels.boxes["height"].min() == 60  # the caller's table stays


def test_the_reviewer_is_told_where_verdicts_go(labels, findings, tmp_path):
    lost = FrameScrubber(labels, findings)
    kept = FrameScrubber(labels, findings, ledger=tmp_path / "street.jsonl")
    assert "ledger=" in lost._data["meta"]["kept"]
    assert kept._data["meta"]["kept"] == "Verdicts go to street.jsonl."
    lost.close()
    kept.close()


def test_undo_brings_back_what_was_said_before(scrubber):
    scrubber.judge(0, "fine")
    scrubber.judge(0, "unsure")
    scrubber.undo(0)
    assert scrubber.verdicts["verdict"].tolist() == ["fine"]
    scrubber.undo(0)
    assert scrubber.verdicts.empty and scrubber.progress["reviewed"] == 0
    scrubber.undo(0)  # nothing left to take back


def test_verdicts_survive_a_new_kernel_and_a_new_order(labels, findings, tmp_path):
    path = tmp_path / "verdicts.jsonl"
    first = FrameScrubber(labels, findings, ledger=path, reviewer="ann")
    first.judge(0, "mistake", corrected=(70, 100, 60, 100), note="cut off")
    first.close()
    again = FrameScrubber(labels, findings.iloc[::-1].reset_index(drop=True), ledger=path)
    assert again._judged == {
        "2": {"verdict": "mistake", "note": "cut off", "corrected": [70.0, 100.0, 60.0, 100.0]}
    }
    again.undo(2)
    assert again.progress["reviewed"] == 0
    assert again.verdicts.empty
    again.close()


def test_a_ledger_can_be_handed_in(labels, findings, tmp_path):
    ledger = review.Ledger(tmp_path / "mine.jsonl", reviewer="ben")
    scrubber = FrameScrubber(labels, findings, ledger=ledger)
    scrubber.judge(1, "unsure")
    assert review.load(ledger.path)["reviewer"].tolist() == ["ben"]
    scrubber.close()


def test_what_cannot_be_recorded_is_told_to_the_reviewer(scrubber, sent, monkeypatch):
    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(scrubber.ledger, "append", full)
    hear(scrubber, kind="verdict", finding=0, verdict="fine")
    hear(scrubber, kind="verdict", finding=99, verdict="fine")
    assert [message["kind"] for message, _ in sent] == ["problem", "judged"] * 2
    assert sent[0][0]["words"] == "Not recorded. No space left on device"
    assert sent[1][0]["entry"] is None  # the browser takes its mark back
    assert scrubber.progress["reviewed"] == 0


def test_pictures_are_sent_when_asked_for(scrubber, sent):
    hear(scrubber, kind="pictures", positions=[3], width=300, exact=False)
    end = time.monotonic() + 10
    while not sent and time.monotonic() < end:
        time.sleep(0.01)
    message, buffers = sent[0]
    assert (message["position"], message["natural"]) == (3, (640, 360))
    assert buffers[0].startswith(b"\xff\xd8")


def test_the_last_view_that_goes_takes_threads_and_pictures_along(scrubber, sent):
    hear(scrubber, kind="view", open=True)
    hear(scrubber, kind="pictures", positions=[3], width=100, exact=False)
    hear(scrubber, kind="view", open=False)
    assert scrubber._feed._threads is None
    assert scrubber._feed.kept_bytes == 0


def test_a_box_table_alone_is_enough(labels):
    scrubber = FrameScrubber(labels.boxes)
    assert "12 frames, 23 boxes, 0 of 0 findings" in repr(scrubber)
    scrubber.close()


def test_a_cell_run_again_closes_what_it_had_opened(labels, monkeypatch):
    class Shell:
        run = "1"

        def get_parent(self):
            return {"metadata": {"cellId": "c"}, "header": {"msg_id": self.run}}

    monkeypatch.setattr("IPython.get_ipython", Shell)
    one, two = FrameScrubber(labels), FrameScrubber(labels)
    closed = []
    for scrubber in (one, two):
        monkeypatch.setattr(scrubber, "close", lambda: closed.append(1))
    monkeypatch.setattr(Shell, "run", "2")
    FrameScrubber(labels).close()
    assert len(closed) == 2


def test_widget_data_travel_as_bytes(scrubber):
    state = scrubber.get_state()
    assert isinstance(state["_data"]["arrays"]["boxes_sides"], bytes)
    assert "ResizeObserver" in str(state["_esm"]) and ".aa-scrubber" in str(state["_css"])


def test_findings_of_a_wrong_kind_are_refused(labels):
    with pytest.raises(BoxTableError, match="findings lack"):
        FrameScrubber(labels, pd.DataFrame({"frame": [1]}))


def of_the_browser(labels, **changes):
    """What ``m`` sends for the box of car:1 on frame 3."""
    line = {name: None for name in MARK_COLUMNS} | {"id": "x1", "note": "", "reviewer": ""}
    box = labels.boxes.iloc[3].to_dict()
    return line | box | {"rule": "seen_wrong_label", "corrected_label": "bus"} | changes


def test_a_mark_from_the_browser_reaches_the_ledger_and_the_labels(scrubber, labels, sent):
    hear(scrubber, kind="seen", finding="x1", entry=of_the_browser(labels), replaces=None)
    (said,) = scrubber.verdicts.itertuples()
    assert (said.id, said.rule, said.verdict, said.label) == (
        "x1",
        "seen_wrong_label",
        "mistake",
        "car",
    )
    assert sent[-1][0]["kind"] == "seen"
    assert [line["id"] for line in sent[-1][0]["seen"]] == ["x1"]
    assert json.dumps(sent[-1][0], allow_nan=False)
    assert scrubber.corrected.boxes["label"].tolist().count("bus") == 1
    assert scrubber.progress["reviewed"] == 0  # no finding was judged
    changed = of_the_browser(labels, id="x2", rule="seen_extra_box", corrected_label=None)
    hear(scrubber, kind="seen", finding="x2", entry=changed, replaces="x1")
    assert scrubber.marks["rule"].tolist() == ["seen_extra_box"]
    hear(scrubber, kind="seen", finding="x2", entry=None, replaces="x2")
    assert scrubber.marks.empty and scrubber.verdicts.empty


def test_a_name_that_holds_on_from_the_browser_is_put_right_to_the_end(scrubber, labels):
    other = {"rule": "seen_wrong_identity", "corrected_label": None, "corrected_track": "car:9"}
    entry = of_the_browser(labels, **other, onward=True)
    hear(scrubber, kind="seen", finding="x1", entry=entry, replaces=None)
    assert scrubber.verdicts["onward"].tolist() == [True]
    assert scrubber._seen[0]["onward"] is True
    of_car = labels.boxes["track"].eq(labels.boxes["track"].iloc[3])
    later = of_car & labels.boxes["frame"].ge(labels.boxes["frame"].iloc[3])
    assert scrubber.corrected.boxes["track"].eq("car:9").sum() == later.sum() > 1


def test_marks_survive_a_new_kernel_and_stand_once(labels, findings, tmp_path):
    path = tmp_path / "verdicts.jsonl"
    first = FrameScrubber(labels, findings, ledger=path, reviewer="ann")
    first.mark(labels.boxes.iloc[3], "wrong_box", corrected=(50, 100, 60, 100), note="too far left")
    name = first.mark({"frame": 2}, "missing_box", corrected=(1, 2, 30, 40), corrected_label="dog")
    first.close()
    again = FrameScrubber(labels, findings, ledger=path)
    assert again._seen == first._seen
    assert again._seen[0]["note"] == "too far left"
    assert again._seen[1]["annotator"] == "ann" and again._seen[1]["left"] is None
    again.unmark(name)
    assert [line["rule"] for line in again._seen] == ["seen_wrong_box"]
    again.close()
    among = review.with_marks(findings, review.load(path), labels)
    assert FrameScrubber(labels, among, ledger=path)._seen == []


def test_where_no_kernel_runs_a_mark_is_shown(labels):
    scrubber = FrameScrubber(labels)
    assert "image/jpeg" not in scrubber._repr_mimebundle_()[0]
    scrubber.mark(labels.boxes.iloc[3], "extra_box")
    assert "image/jpeg" in scrubber._repr_mimebundle_()[0]
    scrubber.close()


def test_a_mark_that_cannot_be_recorded_is_taken_back_in_the_browser(scrubber, labels, sent):
    hear(scrubber, kind="seen", finding="x1", entry=of_the_browser(labels, rule="gap"))
    assert [message["kind"] for message, _ in sent] == ["problem", "seen"]
    assert sent[1][0]["seen"] == []
    assert scrubber.verdicts.empty
