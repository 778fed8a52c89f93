#!/usr/bin/env python3
"""What the protection costs: publication beside plain DuckDB's CSV to Parquet,
and each question of testdata/benign through the gate beside plain DuckDB on the
same Parquet files. Both on this machine, in this run, in turn.

    make bench                               # 50,000 people
    make bench BENCH='--people 200000'
"""

import argparse
import pathlib
import tempfile
import time

import duckdb

from demonstration import PEOPLE_TABLES, extracts, gatehouse, served, through_the_driver
from connect import Ready


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
    print(f"  ratio                        {ours / theirs:12.1f}\n")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=50_000)
    options.add_argument("--repeats", type=int, default=5)
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        work = pathlib.Path(folder)
        print(f"{args.people:,} people; DuckDB {duckdb.__version__} on both sides, 2 threads", flush=True)
        extracts(work / "extracts", args.people)
        publication(work / "extracts", work)
        with served(work / "demo", args.people) as (ready_file, _):
            through_the_driver(Ready(ready_file), args.repeats).close()


if __name__ == "__main__":
    main()
