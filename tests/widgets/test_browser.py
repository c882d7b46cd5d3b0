"""The scrubber in a real JupyterLab and on a page of its own, with real mouse and keyboard."""

import json
import os
from pathlib import Path

import axe_playwright_python
import pandas as pd
import pytest
from browser_lab import (
    FLAGS,
    MISSING,
    ask,
    find_chromium,
    open_notebook,
    run_all,
    running_lab,
    write_notebook,
)
from planted_street import draw_labels, planted
from playwright.sync_api import expect, sync_playwright

from annotaudit import review
from annotaudit.boxes import Labels
from annotaudit.widgets import FrameScrubber

pytestmark = pytest.mark.browser

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
LOAD = """
import pandas as pd, annotaudit as aa
labels = aa.Labels(pd.read_pickle("boxes.pkl"), pd.read_pickle("frames.pkl"))
findings = pd.read_pickle("findings.pkl")
"""
SHOW = """
scrubber = aa.FrameScrubber(labels, findings, ledger="verdicts.jsonl", reviewer="ann")
scrubber"""
COMPARE = """
before = aa.Labels(labels.boxes.assign(height=90.0), labels.frames)
both = aa.FrameScrubber(labels, findings, before=before)
both"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def shared_labels(folder):
    """Labels of the module: picture 10 is broken, picture 11 does not exist."""
    labels = draw_labels(folder / "img")
    (folder / "img" / "000010.jpg").write_bytes(b"torn")
    (folder / "img" / "000011.jpg").unlink()
    labels.boxes.to_pickle(folder / "boxes.pkl")
    labels.frames.to_pickle(folder / "frames.pkl")
    planted(labels).to_pickle(folder / "findings.pkl")
    write_notebook(folder / "review.ipynb", [LOAD, SHOW])
    write_notebook(folder / "compare.ipynb", [LOAD, COMPARE])
    return labels


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(folder, shared_labels):
    with running_lab(folder) as address:
        yield address


def watched(context):
    """Open a page that remembers what went wrong on it."""
    page = context.new_page()
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.set_default_timeout(20_000)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on(
        "console",
        lambda message: page.wrong.append(message.text) if message.type == "error" else None,
    )
    return page


@pytest.fixture(scope="module")
def notebook(browser, lab):
    page = watched(browser)
    open_notebook(page, lab, "review.ipynb")
    run_all(page)
    yield page
    page.close()


@pytest.fixture
def page(notebook):
    """The notebook, with the first frame shown, nothing chosen and no verdict given."""
    notebook.wrong.clear()
    ask(notebook, "for row in scrubber.verdicts['id']: scrubber.ledger.withdraw(row)")
    run_all(notebook)  # a fresh scrubber over the same ledger
    notebook.wait_for_selector(".aa-scrubber[data-picture=exact]")
    notebook.locator(".aa-scrubber").focus()
    yield notebook
    assert notebook.wrong == []


def told(page, code, expected):
    """Check what Python says; it hears of a key a little after the browser."""
    for _ in range(50):
        said = ask(page, code).strip()
        if said == expected:
            return
        page.wait_for_timeout(100)
    assert said == expected


def shown(page, frame):
    page.wait_for_selector(f".aa-scrubber[data-shown='{frame}']")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def on_stage(page, x, y, stage=0):
    """Where a point of the 640 x 360 picture is on the page, when all of it is shown."""
    box = page.locator(".aa-stage canvas").nth(stage).bounding_box()
    scale = min(box["width"] / 640, box["height"] / 360)
    left = box["x"] + (box["width"] - 640 * scale) / 2
    top = box["y"] + (box["height"] - 360 * scale) / 2
    return left + x * scale, top + y * scale


def serious(page, within):
    """What axe-core finds wrong, if serious."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("(within) => window.axe.run(within)", within)
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


def test_keys_move(page):
    press(page, "ArrowRight")
    shown(page, 1)
    press(page, "ArrowRight", "ArrowLeft")
    shown(page, 1)
    press(page, "Shift+ArrowRight")
    shown(page, 11)
    press(page, "Home")
    shown(page, 0)
    press(page, "End")
    shown(page, 11)
    press(page, "j")
    page.keyboard.type("3\n")
    shown(page, 3)
    press(page, "ArrowRight")  # the keys work on after a jump
    shown(page, 4)


def test_n_and_p_go_through_the_findings(page):
    reason = page.locator(".aa-reason")
    press(page, "n")
    shown(page, 5)
    expect(reason).to_have_text("car:1 is 40 % lower.")
    press(page, "n")
    shown(page, 8)
    press(page, "p", "p")
    shown(page, 9)
    # words from a label file are words, whatever they look like
    expect(reason).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator(".aa-scrubber img").count() == 0


def test_keys_stay_in_the_scrubber(page):
    cells = page.locator(".jp-Cell").count()
    press(page, "b", "a", "z")  # in JupyterLab: a cell below, a cell above, undo
    assert page.locator(".jp-Cell").count() == cells


def test_ten_verdict_keys_reach_python_and_the_ledger(page, folder):
    press(page, "n", "1")
    shown(page, 8)  # the next finding comes by itself
    press(page, "a")
    shown(page, 9)
    press(page, "2")
    expect(page.locator(".aa-progress-words")).to_have_text("3 of 3 reviewed, 2 mistakes")
    press(page, "u")
    expect(page.locator(".aa-progress-words")).to_have_text("2 of 3 reviewed, 2 mistakes")
    press(page, "w")
    page.keyboard.type("a shadow\n")
    press(page, "3")
    expect(page.locator(".aa-progress-words")).to_have_text("3 of 3 reviewed, 2 mistakes")
    told(
        page,
        "print(scrubber.verdicts[['frame', 'verdict', 'note']].values.tolist())",
        "[[5, 'mistake', ''], [8, 'mistake', ''], [9, 'unsure', 'a shadow']]",
    )
    told(page, "print(len(scrubber.corrected.boxes))", "24")
    told(page, "print(scrubber.progress['reviewed'])", "3")
    ledger = review.load(folder / "verdicts.jsonl")
    assert ledger["verdict"].tolist() == ["mistake", "mistake", "unsure"]
    assert ledger["corrected_left"].tolist()[1] == 480
    assert set(ledger["reviewer"]) == {"ann"}


def test_dragging_a_corner_corrects_the_box(page):
    press(page, "n")
    shown(page, 5)
    page.mouse.move(*on_stage(page, 130, 160))  # the lower right corner of a box 60 high
    page.mouse.down()
    page.mouse.move(*on_stage(page, 132, 190), steps=4)
    page.mouse.move(*on_stage(page, 130, 200), steps=4)
    page.mouse.up()
    expect(page.locator(".aa-correction")).to_contain_text("60 × 100 at 70, 100")
    press(page, "Alt+Shift+ArrowRight", "1")
    shown(page, 8)
    box = ask(
        page, "print(scrubber.verdicts.filter(regex='_(le|to|w|h)').round().values.tolist()[-1])"
    )
    assert box.strip() == "[70.0, 100.0, 61.0, 100.0]"


def test_wheel_drag_and_keys_zoom_and_pan(page):
    zoom = page.locator(".aa-zoom")
    assert zoom.is_hidden()
    page.mouse.move(*on_stage(page, 320, 180))
    page.mouse.wheel(0, -600)
    expect(zoom).to_be_visible()
    page.mouse.down()
    page.mouse.move(*on_stage(page, 250, 150), steps=3)
    page.mouse.up()
    press(page, "0")
    expect(zoom).to_be_hidden()
    press(page, "n", "z")
    expect(zoom).to_be_visible()
    press(page, "0")
    expect(zoom).to_be_hidden()


def test_the_mouse_chooses_boxes_frames_and_findings(page):
    page.mouse.click(*on_stage(page, 50, 150))
    expect(page.locator(".aa-empty").first).to_contain_text("car:1")
    line = page.locator(".aa-timeline").bounding_box()

    def at(frame):
        return line["x"] + 8 + frame / 11 * (line["width"] - 16), line["y"] + line["height"] - 8

    page.mouse.move(*at(8))
    expect(page.locator(".aa-tip")).to_contain_text("car:2 has no box.")
    page.mouse.click(*at(8))
    shown(page, 8)
    expect(page.locator(".aa-reason")).to_have_text("car:2 has no box.")
    page.mouse.click(*at(2))
    shown(page, 2)
    slider = page.locator(".aa-slider")
    slider.fill("6")
    shown(page, 6)
    page.get_by_role("button", name="Film strip: 1 after").click()
    shown(page, 7)


def test_python_and_the_browser_keep_in_step(page):
    ask(page, "scrubber.frame = 4")
    shown(page, 4)
    ask(page, "scrubber.selected = 1")
    shown(page, 8)
    expect(page.locator(".aa-reason")).to_have_text("car:2 has no box.")
    ask(page, "seen = []; scrubber.observe(lambda change: seen.append(change['new']), 'frame')")
    press(page, "ArrowLeft")
    told(page, "print(seen, scrubber.frame, scrubber.selected)", "[7] 7 1")


def test_broken_and_missing_pictures_say_so(page):
    ask(page, "scrubber.frame = 10")
    page.wait_for_selector(".aa-scrubber[data-picture=broken]")
    note = page.locator(".aa-note")
    expect(note).to_contain_text("000010.jpg")
    expect(page.locator(".aa-stage canvas")).to_have_attribute(
        "aria-label", "Labels, frame 10 of street: 2 boxes"
    )
    press(page, "ArrowRight")
    expect(note).to_contain_text("000011.jpg")
    press(page, "Home")
    expect(note).to_be_hidden()


def test_filters_and_timeline_per_track(page):
    press(page, "n")
    page.get_by_role("tab", name="Show").click()
    page.get_by_label("One line of the timeline per track").check()
    page.get_by_label("size jump").uncheck()
    expect(page.locator(".aa-progress-words")).to_have_text("0 of 2 reviewed, 0 mistakes")
    page.get_by_label("Show all rules").click()
    page.get_by_label("Trail of the centre").uncheck()
    page.get_by_role("tab", name="Queue").click()
    expect(page.locator(".aa-item")).to_have_count(3)
    page.locator(".aa-item").nth(1).click()
    shown(page, 8)


def test_playing_reaches_the_end_and_stops(page):
    page.get_by_label("Speed").select_option("8")
    page.locator(".aa-scrubber").focus()
    press(page, "Space")
    shown(page, 11)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_help_opens_and_closes_by_key(page):
    press(page, "?")
    expect(page.locator(".aa-help")).to_be_visible()
    assert serious(page, ".aa-scrubber") == []
    press(page, "Escape")
    expect(page.locator(".aa-help")).to_be_hidden()


def test_what_no_finding_names_is_marked_and_drawn(page):
    press(page, "ArrowRight", "b")
    expect(page.locator("[role=status]")).to_have_text("car:1, 1 of 2 boxes")
    press(page, "m", "2")
    page.keyboard.type("bus\n")
    expect(page.locator(".aa-reason")).to_have_text("The label is wrong, should be bus.")
    expect(page.locator(".aa-progress-words")).to_have_text(
        "0 of 3 reviewed, 0 mistakes, 1 more seen"
    )
    page.mouse.click(*on_stage(page, 440, 150))  # car:2 by mouse, and its right edge
    press(page, "m")
    page.mouse.move(*on_stage(page, 470, 150))
    page.mouse.down()
    page.mouse.move(*on_stage(page, 490, 155), steps=3)
    page.mouse.up()
    expect(page.locator(".aa-drawn")).to_contain_text("Corrected box: 80 × 100")
    assert serious(page, ".aa-scrubber") == []
    press(page, "Enter", "d")
    page.mouse.move(*on_stage(page, 200, 250))
    page.mouse.down()
    page.mouse.move(*on_stage(page, 240, 300), steps=3)
    page.mouse.up()
    page.keyboard.type("dog")
    press(page, "Tab")
    page.keyboard.type("\n")
    press(page, "d", "ArrowLeft", "Shift+ArrowDown", "Enter", "Enter")  # one more, by keyboard
    press(page, "u")
    told(
        page,
        "said = scrubber.verdicts\n"
        "print(said['rule'].str[5:].tolist(), said['corrected_width'].round().tolist()[1:],"
        " said['corrected_label'].dropna().tolist())",
        "['wrong_label', 'wrong_box', 'missing_box'] [80.0, 40.0] ['bus', 'dog']",
    )
    run_all(page)  # a new scrubber over the same ledger
    page.wait_for_selector(".aa-scrubber[data-picture=exact]")
    page.get_by_role("tab", name="Queue").click()
    seen = page.locator(".aa-item").filter(has=page.locator("[data-severity=seen]"))
    expect(seen).to_have_count(3)
    seen.nth(1).click()
    shown(page, 1)
    page.locator(".aa-scrubber").focus()
    press(page, "Delete")
    expect(seen).to_have_count(2)
    told(page, "print(len(scrubber.marks), len(scrubber.corrected.boxes))", "2 24")


def test_a_name_is_put_right_from_here_on(page):
    press(page, "b", "m", "3")
    page.keyboard.type("car:9")
    page.get_by_label("From this frame on").check()
    assert serious(page, ".aa-scrubber") == []
    press(page, "Enter")
    reason = "It is another object, should be car:9 from here on."
    expect(page.locator(".aa-reason")).to_have_text(reason)
    told(
        page,
        "print(scrubber.verdicts['onward'].tolist(), "
        "scrubber.corrected.boxes['track'].eq('car:9').sum())",
        "[True] 12",
    )
    press(page, "m", "2")
    expect(page.get_by_label("From this frame on")).to_be_hidden()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(page, theme):
    change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    page.evaluate(change, theme)
    page.wait_for_selector(f".aa-scrubber[data-theme={theme.split()[1].lower()}]")
    press(page, "n", "1", "n")
    for tab in ("Finding", "Queue", "Show"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(250)
        assert serious(page, ".aa-scrubber") == []


def test_a_cell_run_again_leaves_one_scrubber(page):
    count = """
from ipywidgets.widgets.widget import _instances
print(sum(isinstance(widget, aa.FrameScrubber) for widget in _instances.values()))"""
    told(page, count, "1")
    run_all(page)
    told(page, count, "1")
    assert page.locator(".aa-scrubber").count() == 1


def test_verdicts_survive_a_kernel_restart(page):
    press(page, "n", "2")
    expect(page.locator(".aa-progress-words")).to_contain_text("1 of 3")
    told(page, "print(scrubber.progress['reviewed'])", "1")
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
    )
    page.wait_for_timeout(500)
    press(page, "ArrowLeft")  # the old view stays usable, if without new pictures
    run_all(page)
    page.wait_for_selector(".aa-scrubber[data-picture=exact]")
    expect(page.locator(".aa-progress-words")).to_have_text("1 of 3 reviewed, 0 mistakes")
    # what Lab itself says while its kernel is away is not ours
    page.wrong[:] = [words for words in page.wrong if "aa-" in words or "scrubber" in words]


def test_before_and_after_stand_side_by_side(browser, lab):
    page = watched(browser)
    open_notebook(page, lab, "compare.ipynb")
    run_all(page)
    page.wait_for_selector(".aa-scrubber[data-picture=exact]")
    assert page.locator(".aa-caption").all_inner_texts() == ["Before", "After"]
    page.locator(".aa-scrubber").focus()
    press(page, "n")
    shown(page, 5)
    page.mouse.move(*on_stage(page, 320, 180, stage=1))
    page.mouse.wheel(0, -500)
    zooms = page.locator(".aa-zoom")
    expect(zooms.first).to_be_visible()
    assert len(set(zooms.all_inner_texts())) == 1  # both follow
    assert page.wrong == []
    page.close()


def test_the_page_works_from_a_file(browser, shared_labels, tmp_path):
    scrubber = FrameScrubber(
        Labels(shared_labels.boxes, shared_labels.frames), planted(shared_labels)
    )
    path = scrubber.to_html(tmp_path / "review.html")
    scrubber.close()
    context = browser.new_context(
        accept_downloads=True, color_scheme="dark", reduced_motion="reduce"
    )
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page = watched(context)
    page.goto(path.as_uri())
    page.wait_for_selector(".aa-scrubber[data-picture=exact]")
    page.get_by_label("Your name").fill("ben")
    page.locator(".aa-scrubber").focus()
    press(page, "n", "1", "a", "2")
    expect(page.locator(".aa-progress-words")).to_have_text("3 of 3 reviewed, 2 mistakes")
    press(page, "u", "b", "m", "4", "Enter", "d", "ArrowUp", "Enter", "Enter")
    assert serious(page, "body") == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Download verdicts").click()
    download.value.save_as(tmp_path / "verdicts.jsonl")
    every = review.load(tmp_path / "verdicts.jsonl")
    marks = review.marks(every, shared_labels)
    assert marks["rule"].tolist() == ["seen_extra_box", "seen_missing_box"]
    assert marks["track"].tolist()[1] == "car:3"  # a new name in the way of the others
    verdicts = every[~every["rule"].isin(review.SEEN)]
    assert verdicts["verdict"].tolist() == ["mistake", "mistake"]
    assert verdicts["corrected_width"].tolist()[1] == 60
    assert set(verdicts["reviewer"]) == {"ben"}
    assert set(verdicts["fingerprint"]) == {review.fingerprint(shared_labels)}
    corrected = review.apply(shared_labels, verdicts)
    assert len(corrected.boxes) == len(shared_labels.boxes) + 1
    page.reload()
    expect(page.locator(".aa-progress-words")).to_have_text(
        "2 of 3 reviewed, 2 mistakes, 2 more seen"
    )
    page.locator(".aa-scrubber").focus()
    press(page, "End")  # its picture could not be read
    page.wait_for_selector(".aa-scrubber[data-picture=broken]")
    assert page.wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_another_sequence_is_chosen_from_a_list(browser, shared_labels, tmp_path):
    yard = shared_labels.boxes.assign(sequence="yard", frame=shared_labels.boxes["frame"] + 50)
    both = Labels(pd.concat([shared_labels.boxes, yard], ignore_index=True))
    found = planted(shared_labels)
    elsewhere = found.head(1).assign(sequence="yard", frame=55, from_frame=54.0)
    scrubber = FrameScrubber(both, pd.concat([found, elsewhere], ignore_index=True))
    page = watched(browser)
    page.goto(scrubber.to_html(tmp_path / "two.html").as_uri())
    scrubber.close()
    page.wait_for_selector(".aa-scrubber[data-picture=none]")  # boxes alone
    page.get_by_label("Sequence").select_option("yard")
    expect(page.get_by_label("Jump to frame")).to_have_value("50")
    page.locator(".aa-scrubber").focus()
    press(page, "ArrowLeft")  # stays in the sequence
    expect(page.get_by_label("Jump to frame")).to_have_value("50")
    press(page, "n")
    expect(page.get_by_label("Sequence")).to_have_value("street")
    press(page, "p")
    expect(page.get_by_label("Jump to frame")).to_have_value("55")
    assert page.wrong == []
    page.close()


def test_the_ledger_lines_of_the_page_have_the_fields_of_python(tmp_path, shared_labels):
    ledger = review.Ledger(tmp_path / "a.jsonl")
    ledger.append(planted(shared_labels).iloc[0], "fine")
    fields = set(json.loads(ledger.path.read_text()))
    script = Path(review.__file__).parent.parent / "widgets" / "scrubber.js"
    line = script.read_text().split("export function ledgerLine")[1].split("};")[0]
    assert [name for name in fields if name not in line] == []
