#!/usr/bin/env python3
"""What the protection costs: publication beside plain DuckDB's CSV to Parquet,
and each question of testdata/benign through the gate beside plain DuckDB on the
same Parquet files. Both on this machine, in this run, in turn.

    make bench                               # 50,000 people
    make bench BENCH='--people 200000'
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from connect import Gated, Ready  # noqa: E402
from gate_suite import statements  # noqa: E402

REPOSITORY = HERE.parent.parent
GATEHOUSE = REPOSITORY / "bin" / "gatehouse"
PEOPLE_TABLES = ("patients", "events", "admissions", "social_care")


def gatehouse(*args):
    subprocess.run([GATEHOUSE, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def publication(extracts, work):
    """Rows a second of one publication, and of plain DuckDB with the same files."""
    files = [extracts / f"{table}.csv" for table in (*PEOPLE_TABLES, "codes")]
    rows = sum(sum(1 for _ in open(file, "rb")) - 1 for file in files)

    house = work / "house"
    gatehouse("init", "--dir", house, "--max-list-age", "720h")
    gatehouse("user", "add", "--dir", house, "custodian")
    gatehouse("user", "grant", "--dir", house, "custodian", "custodian")
    start = time.perf_counter()
    gatehouse("publish", "--dir", house, "--definition", "shared_care", "--extracts", extracts)
    ours = time.perf_counter() - start

    start = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as plain:
        for file in files:
            plain.execute(f"COPY (FROM read_csv('{file}', header = true, all_varchar = true, strict_mode = false, ignore_errors = true)) "
                          f"TO '{work / file.stem}.parquet' (COMPRESSION zstd)")
    theirs = time.perf_counter() - start
    print(f"publish: {rows:,} rows of {sum(file.stat().st_size for file in files) / 1e6:,.0f} MB")
    print(f"  gatehouse publish            {rows / ours:12,.0f} rows/s  {ours:7.2f} s")
    print(f"  plain DuckDB CSV to Parquet  {rows / theirs:12,.0f} rows/s  {theirs:7.2f} s")
    print(f"  ratio                        {ours / theirs:12.1f}")


def plain_tables(ready):
    """The published files with the unit in the pseudonym's place: plain DuckDB
    has no population to join with."""
    plain = duckdb.connect(config={"threads": 2})
    for folder in map(pathlib.Path, ready.datasets.values()):
        for table in (*PEOPLE_TABLES, "codes"):
            files = folder / table / "*.parquet" if (folder / table).is_dir() else folder / f"{table}.parquet"
            person = "" if table == "codes" else "_unit AS person_id, "
            hidden = "" if table == "codes" else "EXCLUDE (_unit)"
            plain.execute(f"CREATE VIEW {table} AS SELECT {person}* {hidden} FROM read_parquet('{files}')")
    return plain


def questions(ready, repeats):
    gate, plain = Gated(ready), plain_tables(ready)
    print(f"\nquestions: milliseconds, the first time and the median of {repeats} more")
    print(f"  {'':50} {'gated first':>11} {'gated':>8} {'plain first':>11} {'plain':>8} {'ratio':>6}")
    ratios = []
    for name, steps in ((asked.name, asked.steps) for asked in statements("benign")):
        if len(steps) > 1:
            continue  # makes a table: its second step is much like the others
        def timed(ask):
            start = time.perf_counter()
            ask(steps[0])
            return (time.perf_counter() - start) * 1000
        first = gate.ask(steps[0])
        if first.table is None:
            print(f"  {name:50.50} refused {first.code}")
            continue
        plain_first = timed(lambda sql: plain.execute(sql).to_arrow_table())
        gated, unprotected = [], []
        for _ in range(repeats):  # in turn, so that what else the machine does falls on both
            gated.append(timed(gate.ask))
            unprotected.append(timed(lambda sql: plain.execute(sql).to_arrow_table()))
        g, p = statistics.median(gated), statistics.median(unprotected)
        ratios.append(g / p)
        print(f"  {name:50.50} {first.ms:11.1f} {g:8.1f} {plain_first:11.1f} {p:8.1f} {g / p:6.1f}")
    if ratios:
        print(f"  {len(ratios)} questions answered; gated ÷ plain: median {statistics.median(ratios):.1f}, worst {max(ratios):.1f}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=50_000)
    options.add_argument("--repeats", type=int, default=5)
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        work = pathlib.Path(folder)
        print(f"{args.people:,} people; DuckDB {duckdb.__version__} on both sides, 2 threads", flush=True)
        gatehouse("synth", "--people", str(args.people), "--seed", "1", "--out", work / "extracts")
        publication(work / "extracts", work)
        served(work, args)


def served(work, args):
    ready_file = work / "ready.json"
    server = subprocess.Popen([GATEHOUSE, "demo", "--dir", work / "demo", "--people", str(args.people), "--seed", "1",
                               "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--ready", ready_file], stdout=subprocess.DEVNULL)
    start = time.perf_counter()
    try:
        while not ready_file.exists():  # it is written once, when all of it serves
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise SystemExit(f"the demonstration ended before it served: {server.wait(timeout=0.02)}")
        print(f"\ndemo: ready after {time.perf_counter() - start:.1f} s", flush=True)
        questions(Ready(ready_file), args.repeats)
    finally:
        server.terminate()
        server.wait(timeout=60)


if __name__ == "__main__":
    main()
