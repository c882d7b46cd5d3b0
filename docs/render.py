"""Make the pictures of the README and the rendered copies of the notebooks.

    python docs/render.py

Runs every notebook on the bundled data and writes it as Markdown with its pictures beside it, so
that it can be read where nothing runs. Takes a minute or two.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from PIL import Image

import annotaudit as aa

DOCS = Path(__file__).parent
SCRATCH = re.compile(r"/tmp/tmp\w+/")
MACHINE = re.compile(
    r"(?:/[\w.@-]+)+/(?=(?:data|bundled|notebooks)/)"
)  # folders of whoever runs it


def readme_picture() -> None:
    """The worst findings of the station, one card per box."""
    labels = aa.datasets.station()
    findings = aa.audit(labels).drop_duplicates(["sequence", "frame", "track"])
    axes = aa.contact_sheet(labels, findings, n=3)
    figure = axes.ravel()[0].figure
    figure.savefig(DOCS / "images" / "contact_sheet.png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    _make_small(DOCS / "images" / "contact_sheet.png")


def rendered(notebook: Path) -> None:
    """Run a notebook and write it as Markdown; large pictures become JPEG."""
    book = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(book, timeout=600, resources={"metadata": {"path": folder}}).execute()
    book.metadata.pop("widgets", None)  # without a kernel the still picture of a widget counts
    folder = DOCS / "notebooks" / notebook.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text, resources = MarkdownExporter().from_notebook_node(book)
    for name, content in resources["outputs"].items():
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        new = Path(name).stem + ".jpg"
        picture.thumbnail((1400, 1400))
        picture.save(folder / new, quality=82, optimize=True)
        text = text.replace(f"({name})", f"({notebook.stem}/{new})")
    text = re.sub(r"<style[^>]*>.*?</style>\n*", "", text, flags=re.S)
    text = re.sub(r"<iframe srcdoc=.*?</iframe>", "*(the preview page)*", text, flags=re.S)
    text = SCRATCH.sub("", MACHINE.sub("", text))
    note = f"*Rendered from [{notebook.name}](../../notebooks/{notebook.name}).*\n\n"
    (DOCS / "notebooks" / f"{notebook.stem}.md").write_text(note + text.strip() + "\n", "utf-8")


def _make_small(picture: Path) -> None:
    """Keep 256 colours: plots and drawn scenes lose nothing that is seen."""
    image = Image.open(picture).convert("RGB")
    image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(picture, optimize=True)


def main() -> None:
    """Make everything."""
    (DOCS / "images").mkdir(exist_ok=True)
    readme_picture()
    for notebook in sorted((DOCS.parent / "notebooks").glob("*.ipynb")):
        rendered(notebook)


if __name__ == "__main__":
    main()
