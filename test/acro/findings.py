#!/usr/bin/env python3
"""What ACRO finds in a table of rows: its primary findings and the time it takes.

    python findings.py ROWS.csv OUT.json

ROWS.csv has the columns a, b (dimensions) and v (the measure). Run by
test/bench/gate.py with the Python that has ACRO."""

import json
import logging
import sys
import time
import warnings

import pandas

warnings.simplefilter("ignore")
from acro import ACRO  # noqa: E402

logging.disable(logging.CRITICAL)
CHECKS = ("MinimumThresholdCheck", "NKCheck", "PPercentCheck")


def main():
    rows = pandas.read_csv(sys.argv[1], dtype={"a": str, "b": str})
    times = []
    for _ in range(2):
        session = ACRO(suppress=False)
        start = time.perf_counter()
        session.crosstab(rows.a, rows.b, values=rows.v, aggfunc="sum")
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
        session.pivot_table(rows, index=["a"], columns=["b"], values=["v"], aggfunc="sum")
        times.append(time.perf_counter() - start)
    record = session.results.get_index(0)
    table = record.output[0]
    found = {check: [[table.index[r], table.columns[c]] for r, c in record.sdc["cells"].get(check, [])] for check in CHECKS}
    with open(sys.argv[2], "w") as out:
        json.dump({"rows": len(rows), "seconds": min(times), "findings": found}, out)


if __name__ == "__main__":
    main()
