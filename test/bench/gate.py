#!/usr/bin/env python3
"""What the gate costs: each question of testdata/benign through the gate beside
plain DuckDB on the same Parquet files with the same population, in turn, in one
run; and one table beside ACRO, which judges the same rows.

    make bench-gate                                   # 850,000 people: 20 M events
    make bench-gate BENCH='--people 50000'            # a quick look
    make bench-gate BENCH='--ready FILE --pid PID'    # a demonstration that runs already

What the gate does of its own accord is what is measured: whatever the server
audits is in the figures.
"""

import argparse
import collections
import contextlib
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from connect import Gated, Ready  # noqa: E402
from gate_suite import statements  # noqa: E402
from plain import Plain  # noqa: E402

REPOSITORY = HERE.parent.parent
GATEHOUSE = REPOSITORY / "bin" / "gatehouse"
ACRO = REPOSITORY / ".venv-acro"

# One row a measurement, in many cells, most of them small. ACRO begins with rows
# that are there; so the gate begins with a table of the workspace.
TABLE = "CREATE TABLE measured AS SELECT person_id, practice_id, ethnicity, value FROM events JOIN patients USING (person_id) WHERE code = '60621009' AND value IS NOT NULL"
ROWS = "SELECT ethnicity AS a, practice_id AS b, value AS v FROM events JOIN patients USING (person_id) WHERE code = '60621009' AND value IS NOT NULL AND practice_id IS NOT NULL"
SUMS = "SELECT ethnicity AS a, practice_id AS b, sum(value) AS v FROM measured GROUP BY ALL"


def questions(gate, plain, repeats):
    print(f"\nquestions: milliseconds, medians of {repeats}, in turn\n  {'':56} {'gated':>9} {'plain':>9} {'ratio':>7}")
    ratios, refused = [], collections.Counter()
    for asked in statements("benign"):
        name, steps = asked.name, asked.steps
        if len(steps) > 1:
            continue  # makes a table: its second step is much like the others
        first, truth = gate.ask(steps[0]), plain.ask(steps[0])
        if first.table is None or truth.table is None:
            refused[first.code or first.status or "plain DuckDB"] += 1
            continue
        gated, unprotected = [], []
        for _ in range(repeats):
            gated.append(gate.ask(steps[0]).ms)
            unprotected.append(plain.ask(steps[0]).ms)
        g, p = statistics.median(gated), statistics.median(unprotected)
        ratios.append((g / p, name))
        print(f"  {name:56.56} {g:9.1f} {p:9.1f} {g / p:7.2f}", flush=True)
    if refused:
        print("  not measured, by code: " + ", ".join(f"{n} × {code}" for code, n in refused.items()))
    if ratios:
        worst = max(ratios)
        print(f"  {len(ratios)} answered; gated ÷ plain: median {statistics.median(r for r, _ in ratios):.2f}, worst {worst[0]:.2f} ({worst[1]})")


def beside_acro(gate, plain, repeats, work):
    """ACRO's findings are withheld by the gate as well, and how much faster."""
    if not (ACRO / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", ACRO], check=True)
        subprocess.run([ACRO / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE.parent / "acro/requirements.txt"], check=True)
    rows = plain.rows(ROWS)
    with open(work / "rows.csv", "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("a", "b", "v"))
        writer.writerows(rows)
    subprocess.run([ACRO / "bin/python", HERE.parent / "acro/findings.py", work / "rows.csv", work / "found.json"], check=True, cwd=work)
    found = json.loads((work / "found.json").read_text())
    gate.ask("DROP TABLE measured")  # of an earlier run
    made = gate.ask(TABLE)
    replies = [gate.ask(SUMS) for _ in range(repeats + 1)][1:]
    gate.ask("DROP TABLE measured")
    if made.error:
        print(f"\nbeside ACRO: refused: {made.error}")
        return False
    if replies[0].table is None:
        print(f"\nbeside ACRO: refused: {replies[0].error}")
        return False
    seconds = statistics.median(r.ms for r in replies) / 1000
    shown = {(r["a"], r["b"]) for r in replies[0].table.to_pylist() if r["v"] is not None}
    flagged = {tuple(cell) for cells in found["findings"].values() for cell in cells}
    missed = flagged & shown
    cells = {(a, b) for a, b, _ in rows}
    print(f"\nbeside ACRO: {found['rows']:,} rows in {len(cells)} cells\n"
          f"  ACRO finds {', '.join(f'{len(c)} by {n}' for n, c in found['findings'].items())}; the gate withholds {len(cells - shown)} cells, "
          f"{len(missed)} of ACRO's not\n"
          f"  ACRO {found['seconds']:.2f} s (the faster of crosstab and pivot_table), the gate {seconds:.3f} s: {found['seconds'] / seconds:.0f} times faster")
    return not missed


def memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            print(f"\ncontrol plane: at most {int(line.split()[1]) / 1024:,.0f} MiB resident")


@contextlib.contextmanager
def served(work, people):
    ready_file = work / "ready.json"
    server = subprocess.Popen([GATEHOUSE, "demo", "--dir", work / "demo", "--people", str(people), "--seed", "1",
                               "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--ready", ready_file], stdout=subprocess.DEVNULL)
    start = time.perf_counter()
    try:
        while not ready_file.exists():  # it is written once, when all of it serves
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise SystemExit(f"the demonstration ended before it served: {server.wait(timeout=0.02)}")
        print(f"ready after {time.perf_counter() - start:.1f} s", flush=True)
        yield ready_file, server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=850_000)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--ready", type=pathlib.Path, help="what a running demonstration wrote")
    options.add_argument("--pid", type=int, help="its process, for its memory")
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder, contextlib.ExitStack() as stack:
        work = pathlib.Path(folder)
        ready_file, pid = (args.ready, args.pid) if args.ready else stack.enter_context(served(work, args.people))
        ready = Ready(ready_file)
        gate, plain = Gated(ready), Plain(ready)
        plain.connection.execute("SET enable_progress_bar = false")
        size = plain.rows("SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM events)")[0]
        print(f"{size[0]:,} people, {size[1]:,} events; 2 threads on both sides", flush=True)
        questions(gate, plain, args.repeats)
        stricter = beside_acro(gate, plain, args.repeats, work)
        if pid:
            memory(pid)
    return 0 if stricter else 1


if __name__ == "__main__":
    sys.exit(main())
