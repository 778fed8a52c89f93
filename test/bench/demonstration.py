"""A demonstration that serves while something is measured, and plain DuckDB over
its Parquet files."""

import contextlib
import pathlib
import statistics
import subprocess
import sys
import time

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from connect import Gated  # noqa: E402
from gate_suite import statements  # noqa: E402

REPOSITORY = HERE.parent.parent
GATEHOUSE = REPOSITORY / "bin" / "gatehouse"
PEOPLE_TABLES = ("patients", "events", "admissions", "social_care")
EVENTS_EACH = 22.3  # published, of one synthetic person


def gatehouse(*args):
    subprocess.run([GATEHOUSE, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def extracts(folder, people, events=None):
    """Synthetic extracts; with events, only about so many are left in them."""
    gatehouse("synth", "--people", str(people), "--seed", "1", "--out", folder)
    share = (events or 0) / (people * EVENTS_EACH)
    if not events or share >= 1:
        return
    full, thinned = folder / "events.csv", folder / "events.thinned"
    with open(full, "rb") as lines, open(thinned, "wb") as out:
        out.write(next(lines))
        owed = 0.0
        for line in lines:
            owed += share
            if owed >= 1:
                owed -= 1
                out.write(line)
    thinned.replace(full)


@contextlib.contextmanager
def served(folder, people):
    """Serves the demonstration in folder, made if need be: its ready file and process."""
    ready_file = folder.parent / "ready.json"
    server = subprocess.Popen([GATEHOUSE, "demo", "--dir", folder, "--people", str(people), "--seed", "1",
                               "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--ready", ready_file], stdout=subprocess.DEVNULL)
    start = time.perf_counter()
    try:
        while not ready_file.exists():  # it is written once, when all of it serves
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise SystemExit(f"the demonstration ended before it served: {server.wait(timeout=0.02)}")
        print(f"demo: ready after {time.perf_counter() - start:.1f} s", flush=True)
        yield ready_file, server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def plain_tables(ready):
    """The published files with the unit in the pseudonym's place: plain DuckDB
    has no population to join with."""
    plain = duckdb.connect(config={"threads": 2})
    plain.execute("SET enable_progress_bar = false")
    for folder in map(pathlib.Path, ready.datasets.values()):
        for table in (*PEOPLE_TABLES, "codes"):
            files = folder / table / "*.parquet" if (folder / table).is_dir() else folder / f"{table}.parquet"
            person = "" if table == "codes" else "_unit AS person_id, "
            hidden = "" if table == "codes" else "EXCLUDE (_unit)"
            plain.execute(f"CREATE VIEW {table} AS SELECT {person}* {hidden} FROM read_parquet('{files}')")
    return plain


def through_the_driver(ready, repeats):
    """Asks each question of testdata/benign once, in one session, through the driver
    that a notebook has: an answer that was given is given again, which measures nothing."""
    gate, plain = Gated(ready), plain_tables(ready)
    print(f"\nthrough the driver, each question once in one session: milliseconds (plain: median of {repeats})\n  {'':56} {'gated':>9} {'plain':>9} {'ratio':>7}")
    ratios = []
    for asked in statements("benign"):
        if len(asked.steps) > 1:
            continue  # makes a table: its second step is much like the others
        sql = asked.steps[0]
        plain.execute(sql).to_arrow_table()  # the files are in memory for both
        reply = gate.ask(sql)
        if reply.table is None:
            print(f"  {asked.name:56.56} refused {reply.code or reply.status}")
            continue
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            plain.execute(sql).to_arrow_table()
            times.append((time.perf_counter() - start) * 1000)
        p = statistics.median(times)
        ratios.append(reply.ms / p)
        print(f"  {asked.name:56.56} {reply.ms:9.1f} {p:9.1f} {reply.ms / p:7.2f}", flush=True)
    if ratios:
        print(f"  {len(ratios)} answered; gated ÷ plain: median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}")
    return gate
