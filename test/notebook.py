#!/usr/bin/env python3
"""Runs a notebook against a running demonstration, as Jupyter would.

    .venv/bin/python test/notebook.py docs/notebooks/first-steps.ipynb --ready FILE

Fails unless every cell tagged `question` shows something and no error, every
cell tagged `plot` a picture, every cell tagged `withheld` a table with a number
marked as withheld, and every cell tagged `refused` a refusal."""

import argparse
import os
import re
import sys

import nbformat
from nbclient import NotebookClient


def shown(cell):
    """What a cell prints and displays: text, and the types of what it displays."""
    text, types = "", set()
    for output in cell.outputs:
        text += output.get("text", "") + output.get("data", {}).get("text/plain", "")
        types |= set(output.get("data", {}))
    return text, types


def complaints(cell):
    tags = cell.metadata.get("tags", [])
    text, types = shown(cell)
    if "question" in tags and not (text or types):
        yield "shows nothing"
    if "plot" in tags and "image/png" not in types:
        yield "shows no picture"
    if "withheld" in tags and "[c]</abbr>" not in "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs):
        yield "marks no number as withheld"
    if "refused" in tags and not re.search(r"GH-2\d\d: ", text):
        yield f"is not refused: {text[:200]}"
    if "refused" not in tags and "GH-" in text:
        yield f"is refused: {text[:200]}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("notebook")
    options.add_argument("--ready", required=True)
    args = options.parse_args()
    os.environ["GATEHOUSE_READY"] = os.path.abspath(args.ready)

    notebook = nbformat.read(args.notebook, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    failed = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        wrong = list(complaints(cell))
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {cell.id:10} {'; '.join(wrong) or shown(cell)[0].strip().splitlines()[-1:]}")
    for tag, least in (("question", 7), ("plot", 2), ("withheld", 1), ("refused", 1)):
        if sum(tag in cell.metadata.get("tags", []) for cell in notebook.cells) < least:
            print(f"FAIL fewer than {least} cells are tagged {tag}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
