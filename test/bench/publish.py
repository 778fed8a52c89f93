#!/usr/bin/env python3
"""What a publication costs, in one run on one machine, beside its goals.

    make bench-publish                                       # 400,000 people, about 10 million events
    make bench-publish BENCH='--people 40000'
    make bench-publish BENCH='--people 5000000 --no-plain'   # what memory it takes at a national size

The same CSV files are published, and turned into Parquet by plain DuckDB with the same
codec, sorted by the same column. Wall time is what the first goal is about; the others
are of processor time, which says the same on a machine that has other work, too. Memory
is the sum of the greatest that each process of the publication ever held.
"""

import argparse
import contextlib
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from demonstration import GATEHOUSE, gatehouse
from gate import Goals, go_test, metrics

# Files with the types that plain DuckDB reads them in, and what it sorts by.
FILES = {
    "patients": ("nhs_number", "nhs_number BIGINT, given_name VARCHAR, family_name VARCHAR, date_of_birth DATE, postcode VARCHAR, address VARCHAR, sex VARCHAR, "
                 "ethnicity VARCHAR, region VARCHAR, lsoa VARCHAR, imd_decile INTEGER, practice_id VARCHAR, registered_from DATE, registered_to DATE, date_of_death DATE"),
    "events": ("nhs_number", "nhs_number BIGINT, date DATE, code VARCHAR, value DOUBLE"),
    "admissions": ("nhs_number", "hospital_number VARCHAR, nhs_number BIGINT, admitted DATE, discharged DATE, method VARCHAR, diagnosis VARCHAR, procedure VARCHAR, "
                   "provider VARCHAR, length_of_stay INTEGER"),
    "social_care": ("nhs_number", "client_number VARCHAR, nhs_number BIGINT, given_name VARCHAR, family_name VARCHAR, date_of_birth DATE, postcode VARCHAR, "
                    "started DATE, ended DATE, service VARCHAR, hours_per_week DOUBLE, council VARCHAR"),
    "codes": (None, "code VARCHAR, system VARCHAR, term VARCHAR, codelist VARCHAR"),
}

PLAIN = """
import duckdb, sys
folder, out, files = sys.argv[1], sys.argv[2], eval(sys.argv[3])
with duckdb.connect(config={"threads": 2, "memory_limit": "2GB", "temp_directory": out}) as plain:
    plain.execute("SET enable_progress_bar = false")
    for name, (by, columns) in files.items():
        types = "{" + ", ".join(f"'{c.split()[0]}': '{c.split()[1]}'" for c in columns.split(", ")) + "}"
        order = f"ORDER BY {by}" if by else ""
        plain.execute(f"COPY (SELECT * FROM read_csv('{folder}/{name}.csv', header = true, delim = ',', auto_detect = false, ignore_errors = true, columns = {types}) {order}) "
                      f"TO '{out}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""


class Spent:
    """Wall and processor seconds, and MiB, of a command and all that it starts."""

    def __init__(self, *command):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.peaks, over = {}, threading.Event()
        watch = threading.Thread(target=self.watch, args=(process.pid, over))
        watch.start()
        _, said = process.communicate()
        self.wall = time.perf_counter() - start
        over.set()
        watch.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.memory = sum(self.peaks.values()) / 1024
        if process.returncode:
            raise SystemExit(f"{command[0]} failed: {said.decode()}")

    def watch(self, root, over):
        """Notes the greatest memory of each process, as the kernel keeps it."""
        while not over.wait(0.05):
            family, more = {root}, True
            parents = {}
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    with contextlib.suppress(OSError, ValueError, IndexError):
                        parents[int(entry)] = int(pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1])
            while more:
                found = {pid for pid, parent in parents.items() if parent in family} - family
                family |= found
                more = bool(found)
            for pid in family:
                with contextlib.suppress(OSError):
                    if held := re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()):
                        self.peaks[pid] = max(self.peaks.get(pid, 0), int(held[1]))


def lines(path):
    with open(path, "rb") as f:
        return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b"")) - 1


def delta(whole, part, every):
    """The rows of one person in so many, as an extract of what changed: who is chosen
    spreads over all of the dataset."""
    part.mkdir()
    chosen = set()
    for table, (by, columns) in FILES.items():
        if by is None:
            shutil.copy2(whole / f"{table}.csv", part)
            continue
        at = [c.split()[0] for c in columns.split(", ")].index(by)
        with open(whole / f"{table}.csv", "rb") as rows, open(part / f"{table}.csv", "wb") as out:
            out.write(next(rows))
            for n, row in enumerate(rows):
                number = row.split(b",", at + 1)[at]
                if table == "patients" and n % every == 0 and number:
                    chosen.add(number)
                if number in chosen:
                    out.write(row)
    for kind in ("*.dat", "type1-dissent.csv", "withdrawals.csv"):
        for path in whole.glob(kind):
            shutil.copy2(path, part)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=400_000)
    options.add_argument("--extracts", type=pathlib.Path, help="use these, as 'gatehouse synth' made them")
    options.add_argument("--no-plain", action="store_true", help="nothing of plain DuckDB, nor of pseudonyms")
    options.add_argument("--no-changes", action="store_true", help="no second version")
    args = options.parse_args()
    goals = Goals()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        work = pathlib.Path(folder)
        extracts = args.extracts or work / "extracts"
        if not args.extracts:
            gatehouse("synth", "--people", str(args.people), "--seed", "1", "--out", extracts)
        counts = {name: lines(extracts / f"{name}.csv") for name in FILES}
        rows = sum(counts.values())
        size = sum((extracts / f"{name}.csv").stat().st_size for name in FILES)
        print(f"{counts['patients']:,} people, {counts['events']:,} events, {rows:,} rows, {size / 1e6:,.0f} MB; 2 threads; load {os.getloadavg()[0]:.1f}", flush=True)

        house = work / "house"
        gatehouse("init", "--dir", house, "--max-list-age", "720h")
        gatehouse("user", "add", "--dir", house, "custodian")
        gatehouse("user", "grant", "--dir", house, "custodian", "custodian")
        publish = (GATEHOUSE, "publish", "--dir", house, "--definition", "shared_care", "--extracts")
        full = Spent(*publish, extracts)
        print(f"  published in {full.wall:.1f} s, {full.cpu:.1f} s of processors, {full.memory:,.0f} MiB", flush=True)
        goals.add("published from CSV, end to end", rows / full.wall / 1e6, "M/s", 0.8, least=True)
        goals.add("the same, of two processors that do nothing else", rows / (full.cpu / 2) / 1e6, "M/s", 0.8, least=True)
        goals.add("memory of all processes at their greatest", full.memory, "MiB", 4096)
        if not args.no_plain:
            plain = work / "plain"
            plain.mkdir()
            theirs = Spent(sys.executable, "-c", PLAIN, extracts, plain, repr(FILES))
            print(f"  plain DuckDB in {theirs.wall:.1f} s, {theirs.cpu:.1f} s of processors, {theirs.memory:,.0f} MiB", flush=True)
            goals.add("published ÷ plain DuckDB, processor time", full.cpu / theirs.cpu, "", 1.5)
            pseudonyms = metrics(go_test("./infra/keys", "-run", "^$", "-bench", "^BenchmarkPseudonym$"), "BenchmarkPseudonym")
            goals.add("people pseudonymised, of one processor", 1e3 / pseudonyms["ns/op"], "M/s", 3, least=True)
        if not args.no_changes:
            delta(extracts, work / "changed", 100)
            part = Spent(*publish, work / "changed", "--changes")
            print(f"  changes of 1 % of people published in {part.wall:.1f} s, {part.cpu:.1f} s of processors, {part.memory:,.0f} MiB", flush=True)
            goals.add("1 % of people changed: share of the full time", 100 * part.wall / full.wall, "%", 10)
            goals.add("1 % of people changed: share of the full processor time", 100 * part.cpu / full.cpu, "%", 10)
    goals.print()
    print(f"  load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
