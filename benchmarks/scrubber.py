"""Time the frame scrubber in a real JupyterLab, beside the usual way.

    .venv/bin/python benchmarks/scrubber.py

Draws 1920 x 1080 JPEG frames of about 450 KB with 100 boxes each, opens JupyterLab in headless
Chromium, and times both ways in the same run, from the slider's change to the painted frame:
``FrameScrubber``, and ``ipywidgets.interact`` with a 24 x 12 inch matplotlib figure, as tutorials
do it. Then opens 5,000 frames with 500,000 boxes, and looks at the kernel's memory.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "widgets"))

from browser_lab import (  # noqa: E402  (stands beside the tests, which use it too)
    FLAGS,
    MISSING,
    ask,
    find_chromium,
    open_notebook,
    run_all,
    running_lab,
    write_notebook,
)

SIZE = (1920, 1080)
FRAMES = 400
BOXES = 100

LOAD = f"""
import numpy as np, pandas as pd, annotaudit as aa
from pathlib import Path

def labels_of(frames, boxes, images):
    rng = np.random.default_rng(0)
    frame, track = np.divmod(np.arange(frames * boxes), boxes)
    at = rng.uniform([0, 0], [{SIZE[0] - 80}, {SIZE[1] - 200}], (boxes, 2))[track]
    table = pd.DataFrame({{
        "sequence": "street", "frame": frame, "track": "person:" + pd.Series(track).astype(str),
        "label": "person", "annotator": "ann", "left": at[:, 0] + frame % 50, "top": at[:, 1],
        "width": 60.0, "height": 160.0}})
    shown = pd.DataFrame({{
        "sequence": "street", "frame": np.arange(frames),
        "image": [images[number % len(images)] for number in range(frames)],
        "image_width": {SIZE[0]}.0, "image_height": {SIZE[1]}.0}})
    return aa.Labels(table, shown)

images = [str(path) for path in sorted(Path("img").glob("*.jpg"))]
labels = labels_of(len(images), {BOXES}, images)
"""
OURS = "scrubber = aa.FrameScrubber(labels)\nscrubber"
THEIRS = """
%matplotlib inline
import matplotlib.pyplot as plt
from matplotlib import patches
from ipywidgets import interact, IntSlider

def show(frame):
    figure, ax = plt.subplots(figsize=(24, 12))
    ax.imshow(plt.imread(images[frame]))
    for box in labels.boxes[labels.boxes["frame"] == frame].itertuples():
        ax.add_patch(patches.Rectangle(
            (box.left, box.top), box.width, box.height, fill=False, edgecolor="lime"))
        ax.text(box.left, box.top, box.track)
    plt.show()

interact(show, frame=IntSlider(0, 0, len(images) - 1));
"""
LARGE = "large = labels_of(5_000, 100, images)"
OPEN_LARGE = "wide = aa.FrameScrubber(large)\nwide"
MEMORY = "import psutil; print(psutil.Process().memory_info().rss)"

# A message posted while a frame is made arrives once that frame is painted.
AFTER_PAINT = """
window.afterPaint = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(performance.now());
  port2.postMessage(null);
});
"""
STEP = """
async ({ value, key }) => {
  const root = document.querySelector(".aa-scrubber");
  const slider = root.querySelector(".aa-slider");
  const shown = () => root.dataset.shown === String(value)
    && ["quick", "exact"].includes(root.dataset.picture);
  const painted = new Promise((done) => {
    const watch = new MutationObserver(() => {
      if (shown()) { watch.disconnect(); window.afterPaint().then(done); }
    });
    watch.observe(root, { attributes: true });
  });
  const start = performance.now();
  if (key) slider.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  else { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); }
  return (await painted) - start;
}
"""
MATPLOTLIB = """
async () => {
  const output = document.querySelector(".widget-interact .widget-output");
  const handle = document.querySelector(".widget-interact .noUi-handle");
  const before = output.querySelector("img")?.src;
  const painted = new Promise((done) => {
    const watch = new MutationObserver(async () => {
      const image = output.querySelector("img");
      if (!image || image.src === before) return;
      watch.disconnect();
      await image.decode();
      requestAnimationFrame(() => window.afterPaint().then(done));
    });
    watch.observe(output, { childList: true, subtree: true, attributes: true });
  });
  const start = performance.now();
  handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  return (await painted) - start;
}
"""

# Run the chosen cell, the last one, again, until its new scrubber shows a picture.
REOPEN = """
async () => {
  const old = document.querySelector(".aa-scrubber");
  const start = performance.now();
  void window.jupyterapp.commands.execute("notebook:run-cell");
  for (;;) {
    await new Promise(requestAnimationFrame);
    const root = document.querySelector(".aa-scrubber");
    if (root && root !== old && ["quick", "exact"].includes(root.dataset.picture)) break;
  }
  return (await window.afterPaint()) - start;
}
"""


def draw_frames(folder: Path, count: int) -> None:
    """Draw a noisy square with people-sized blocks that moves; about 450 KB a frame."""
    rng = np.random.default_rng(1)
    width, height = SIZE
    ground = np.linspace(70, 180, height)[:, None, None] + rng.normal(0, 9, (height, width, 1))
    ground = np.clip(ground + rng.normal(0, 4, (1, width, 3)), 0, 255).astype(np.uint8)
    for number in range(count):
        picture = np.roll(ground, 7 * number, axis=1)
        for person in range(20):
            left = (person * 97 + number * (3 + person % 5)) % (width - 60)
            top = 300 + person * 31
            picture[top : top + 160, left : left + 60] = (40 + 9 * person, 90, 200 - 7 * person)
        PIL.Image.fromarray(picture).save(folder / f"{number:06d}.jpg", quality=80)


def summary(name: str, times: list[float]) -> str:
    """Say the median and the 95th percentile of some times, in milliseconds."""
    worst = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return (
        f"{name:<34} median {statistics.median(times):7.1f} ms   p95 {worst:7.1f} ms   "
        f"n {len(times)}"
    )


def time_scrubber(page: Page, steps: int, jumps: int) -> tuple[list[float], list[float]]:
    """Time steps ahead and random jumps of the scrubber."""
    page.wait_for_selector(".aa-scrubber[data-picture=exact]")
    page.locator(".aa-scrubber").focus()
    page.evaluate(STEP, {"value": 1, "key": "ArrowRight"})
    step_times = [
        page.evaluate(STEP, {"value": value, "key": "ArrowRight"}) for value in range(2, 2 + steps)
    ]
    rng = np.random.default_rng(2)
    jump_times = []
    for value in rng.permutation(FRAMES)[:jumps].tolist():
        jump_times.append(page.evaluate(STEP, {"value": value, "key": None}))
        page.wait_for_timeout(400)  # a person looks; the neighbours and the full picture come
    return step_times, jump_times


def main() -> None:
    """Run it all and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--jumps", type=int, default=60)
    parser.add_argument("--theirs", type=int, default=8, help="frames of the matplotlib way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "img").mkdir()
        draw_frames(folder / "img", FRAMES)
        size = statistics.mean(path.stat().st_size for path in (folder / "img").iterdir())
        print(f"{FRAMES} frames of {SIZE[0]} x {SIZE[1]}, {size / 1000:.0f} KB on average")
        write_notebook(folder / "ours.ipynb", [LOAD, OURS])
        write_notebook(folder / "theirs.ipynb", [LOAD, THEIRS])
        write_notebook(folder / "large.ipynb", [LOAD, LARGE, OPEN_LARGE])
        executable = find_chromium(playwright)
        if executable is None:
            raise SystemExit(MISSING)
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        with running_lab(folder) as address:
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.add_init_script(AFTER_PAINT)
            open_notebook(page, address, "ours.ipynb")
            run_all(page)
            steps, jumps = time_scrubber(page, options.steps, options.jumps)
            print(summary("FrameScrubber, one step", steps))
            print(summary("FrameScrubber, random jump", jumps))

            before = int(ask(page, MEMORY))
            for value in np.random.default_rng(3).integers(0, FRAMES, 300).tolist():
                page.evaluate(
                    "(value) => { const s = document.querySelector('.aa-slider'); s.value = value;"
                    " s.dispatchEvent(new Event('input', { bubbles: true })); }",
                    value,
                )
                page.wait_for_timeout(30)
            page.wait_for_timeout(1000)
            after = int(ask(page, MEMORY))
            print(
                f"Kernel memory before and after 300 more frames: {before / 1e6:.0f} MB, "
                f"{after / 1e6:.0f} MB"
            )

            open_notebook(page, address, "theirs.ipynb")
            run_all(page)
            page.wait_for_selector(".widget-interact img")
            theirs = [page.evaluate(MATPLOTLIB) for _ in range(options.theirs)]
            print(summary("interact and matplotlib, one step", theirs))
            ratio = statistics.median(theirs) / statistics.median(steps)
            print(f"One step is {ratio:.0f} times faster than with matplotlib.")

            open_notebook(page, address, "large.ipynb")
            run_all(page)
            page.wait_for_selector(".aa-scrubber[data-shown]")
            times = [page.evaluate(REOPEN) for _ in range(3)]
            print(summary("Opening 5,000 frames, 500,000 boxes", times))
        browser.close()


if __name__ == "__main__":
    main()
