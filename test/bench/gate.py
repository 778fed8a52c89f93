#!/usr/bin/env python3
"""What the gate costs, in one run on one machine, beside its goals.

    make bench-gate                                         # 2 million people, 20 million events
    make bench-gate BENCH='--people 100000 --events 1000000'
    make bench-gate BENCH='--ready FILE --pid PID'          # a demonstration that runs already

Each question of testdata/benign is asked in three ways in turn, all over the same
Parquet files: of plain DuckDB, through the gate judged by itself, and through the gate
judged against everything that it answered before in the session. Wall time is what the
goals are about; processor time says the same on a machine that has other work, too.
"""

import argparse
import contextlib
import csv
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from demonstration import HERE, REPOSITORY, extracts, served, through_the_driver
from connect import Ready
from plain import Plain

ACRO = REPOSITORY / ".venv-acro"

# One row a measurement, about a million of them, in cells of which some are small: fewer than the
# gate compares at once with sums that were answered before. ACRO begins with rows that are
# there; so does the gate, with a table of the workspace; and it is asked for the same with
# the rows still to be found.
CHOSEN = "FROM events JOIN patients USING (person_id) WHERE code = '60621009' AND value IS NOT NULL AND sex = 'F'"
TABLE = f"CREATE TABLE measured AS SELECT person_id, birth_year, ethnicity, value {CHOSEN}"
ROWS = f"SELECT ethnicity AS a, birth_year AS b, value AS v {CHOSEN} AND birth_year IS NOT NULL"
SUMS = "SELECT ethnicity AS a, birth_year AS b, sum(value) AS v FROM measured GROUP BY ALL"
JOINED = f"SELECT ethnicity AS a, birth_year AS b, sum(value) AS v {CHOSEN} GROUP BY ALL"


class Goals:
    """Figures with what they should be at most (or, for speed-ups, at least)."""

    def __init__(self):
        self.lines = []

    def add(self, what, figure, unit, goal, least=False):
        met = figure >= goal if least else figure <= goal
        self.lines.append(f"  {what:66} {figure:10,.2f} {unit:6} {'≥' if least else '≤'} {goal:,g}  {'' if met else 'MISSED'}")

    def print(self):
        print("\nfigure, and goal")
        print("\n".join(self.lines), flush=True)


def go_test(package, *flags, **env):
    """The output of a Go test or benchmark of a package."""
    done = subprocess.run(["go", "test", "-tags", "duckdb_arrow", "-count", "1", "-timeout", "4h", package, *flags],
                          cwd=REPOSITORY, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout)
        raise SystemExit(f"{package} failed")
    return done.stdout


def metrics(output, benchmark):
    """The figures of a Go benchmark, by unit."""
    found = {}
    for line in re.findall(rf"^{benchmark}\S*\s+\d+\s+(.*)$", output, re.M):
        found.update({unit: float(value) for value, unit in re.findall(r"([\d.]+) (\S+)", line)})
    return found


def questions(version, repeats, only, goals, work):
    out = work / "cost.json"
    go_test("./egress", "-run", "^TestCost$", GATEHOUSE_COST=str(version), GATEHOUSE_COST_OUT=str(out), GATEHOUSE_COST_REPEATS=str(repeats), GATEHOUSE_COST_ONLY=only)
    found = json.loads(out.read_text())
    print(f"\nquestions: medians of {repeats}, wall ms (processor ms)\n  {'':50} {'plain':>15} {'gated, alone':>15} {'÷':>6} {'with history':>15} {'÷':>6}")
    ratios = {way: {measure: [] for measure in ("wall", "cpu")} for way in ("alone", "history")}
    for q in found["questions"]:
        if q.get("refused"):
            print(f"  {q['name']:50.50} refused {q['refused']}")
            continue
        spent = {way: {m: statistics.median(s[m] for s in q[way]) for m in ("wall", "cpu")} for way in ("plain", "alone", "history")}
        for way in ratios:
            ratios[way]["wall"].append(spent[way]["wall"] / spent["plain"]["wall"])
            ratios[way]["cpu"].append(spent[way]["cpu"] / max(spent["plain"]["cpu"], 10))  # the kernel counts in 10 ms
        def cell(way):
            return f"{spent[way]['wall']:7.0f} ({spent[way]['cpu']:5.0f})"
        print(f"  {q['name']:50.50} {cell('plain'):>15} {cell('alone'):>15} {ratios['alone']['wall'][-1]:6.2f} {cell('history'):>15} {ratios['history']['wall'][-1]:6.2f}")
    if not ratios["alone"]["wall"]:
        raise SystemExit("no question was answered")
    for measure, name in (("wall", "time"), ("cpu", "processor time")):
        goals.add(f"gated ÷ plain, {name}, threshold and dominance: median", statistics.median(ratios["alone"][measure]), "", 1.5)
        goals.add(f"gated ÷ plain, {name}, threshold and dominance: worst", max(ratios["alone"][measure]), "", 4)
        goals.add(f"gated ÷ plain, {name}, with the history: median", statistics.median(ratios["history"][measure]), "", 3)
    goals.add("memory of the process that judges, all of this", found["memory"], "MiB", 1024)


def beside_acro(gate, plain, repeats, goals, work):
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
    flagged = {tuple(cell) for cells in found["findings"].values() for cell in cells}
    cells = {(a, str(b)) for a, b, _ in rows}
    print(f"\nbeside ACRO: {found['rows']:,} rows in {len(cells)} cells; ACRO takes {found['seconds']:.2f} s (the faster of crosstab and pivot_table)\n"
          f"  ACRO finds {', '.join(f'{len(c)} by {n}' for n, c in found['findings'].items())}")
    missed = set()
    for name, sql, least in (("of a table of the workspace", SUMS, 20), ("with the join still to be made", JOINED, None)):
        times = []
        for n in range(repeats):
            gate.ask("DROP TABLE measured")
            made = gate.ask(TABLE)  # a new one: what was answered of it before is not given again
            reply = gate.ask(sql.replace("GROUP BY", f"AND value > -{n + 1} GROUP BY") if sql is JOINED else sql)
            if made.error or reply.table is None:
                print(f"  {name}: refused: {made.error or reply.error}")
                return False
            times.append(reply.ms / 1000)
        gate.ask("DROP TABLE measured")
        seconds = statistics.median(times)
        shown = {(r["a"], str(r["b"])) for r in reply.table.to_pylist() if r["v"] is not None}
        missed |= flagged & shown
        print(f"  the gate, {name}: {seconds:.3f} s; it withholds {len(cells - shown)} cells, {len(flagged & shown)} of ACRO's not")
        if least:
            goals.add(f"ACRO ÷ the gate, time, {name}", found["seconds"] / seconds, "times", least, least=True)
        else:
            print(f"  ACRO ÷ the gate, {name}: {found['seconds'] / seconds:.1f} times, though ACRO is given the rows")
    return not missed


def peak(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=2_000_000)
    options.add_argument("--events", type=int, default=20_000_000, help="about so many are left in the extracts")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--only", default="", help="only the questions whose name matches this expression, and nothing through the driver")
    options.add_argument("--ready", type=pathlib.Path, help="what a running demonstration wrote")
    options.add_argument("--pid", type=int, help="its process, for its memory")
    args = options.parse_args()
    goals, stricter = Goals(), True
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder, contextlib.ExitStack() as stack:
        work = pathlib.Path(folder)
        if args.ready:
            ready_file, pid = args.ready, args.pid
        else:
            extracts(work / "demo" / "custodian" / "extracts", args.people, args.events)
            ready_file, pid = stack.enter_context(served(work / "demo", args.people))
        ready = Ready(ready_file)
        plain = Plain(ready)
        plain.connection.execute("SET enable_progress_bar = false")
        size = plain.rows("SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM events)")[0]
        print(f"{size[0]:,} people, {size[1]:,} events; 2 threads on both sides; load {os.getloadavg()[0]:.1f}", flush=True)
        (version,) = ready.datasets.values()
        questions(version, args.repeats, args.only, goals, work)
        planning = metrics(go_test("./egress", "-run", "^$", "-bench", "Plan$", "-benchtime", "5x"), "BenchmarkPlan")
        goals.add("planning alone: median of the questions", planning["ms/median"], "ms", 5)
        goals.add("planning alone: processor time, mean", planning["cpu-ms/question"], "ms", 5)
        for name, what, goal in (("BenchmarkHistoryNewTable", "a new table of 100 numbers beside 10,000 over 1 M people", 250), ("BenchmarkCube/audit/10000", "audit of a table of 10,000 numbers with three keys", 2000)):
            output = go_test("./egress/disclosure", "-run", "^$", "-bench", f"^{name}$".replace("/", "$/^"), "-benchtime", "1x")
            for line, took in re.findall(rf"^({name}\S*)\s+\d+\s+(\d+) ns/op", output, re.M):
                goals.add(f"{what} ({line.split('/', 1)[-1]})", float(took) / 1e6, "ms", goal)
        if not args.only:
            gate = through_the_driver(ready, args.repeats)
            stricter = beside_acro(gate, plain, args.repeats, goals, work)
        if pid:
            goals.add("memory of the control plane, the session through the driver", peak(pid), "MiB", 1024)
    goals.print()
    print(f"  load at the end: {os.getloadavg()[0]:.1f}")
    return 0 if stricter else 1


if __name__ == "__main__":
    sys.exit(main())
