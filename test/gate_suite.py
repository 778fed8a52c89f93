#!/usr/bin/env python3
"""Asks a running Gatehouse every question of testdata/benign and tries every
attack of testdata/attacks, through the driver that researchers use, and judges
the answers against plain DuckDB on the same Parquet files.

    .venv/bin/python test/gate_suite.py --ready FILE [--only NAME] [--strict] [-v]

An attack that works by putting several answers together, what the catalogue tells
among them, is printed as open while it is not stopped, and fails the suite with
--strict only. An attack in one question always does.

FILE is what `gatehouse demo --ready FILE` writes. Reading the Parquet files
needs the custodian's rights over them, as a test has and a researcher has not.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import re
import sys
import threading
import time

import judge
from actors import Actors, House
from connect import Gated, Ready
from plain import Plain

HERE = pathlib.Path(__file__).resolve().parent


SETS = {"benign": "query", "omop": "query", "attacks": "attack"}
# Lines of a statement's header: `-- learn: a - b` and so on; `-- may-withhold` stands anywhere.
HEADER = re.compile(r"^-- (learn|within|refused|gated-only): *(.*)\n", re.M)


@dataclasses.dataclass
class Statement:
    """A question or an attack of a .sql file."""

    kind: str
    name: str
    steps: list          # the SQL of each step
    who: list            # whose connection asks each step; "" is the suite's --role
    may_withhold: bool
    all_withheld: bool   # few people stand behind every number of it
    refused: str = ""    # the code that a question must be refused with
    learn: str = ""      # what an attack works out of its answers, in Python
    gated_only: str = "" # why it is not tried on an open database
    within: float = 0.49 # how near counts as learnt


def statements(name):
    """The statements of the files in testdata/NAME."""
    found = []
    for path in sorted((HERE / "testdata" / name).glob("*.sql"), key=lambda p: (p.stem != "open", p.stem)):
        for block in re.split(rf"^-- {SETS[name]}: ", path.read_text(), flags=re.M)[1:]:
            title, _, body = block.partition("\n")
            header = {match[1]: match[2].strip() for match in HEADER.finditer(body)}
            may_withhold, all_withheld = "-- may-withhold" in body, "-- may-withhold all" in body
            parts = re.split(r"^-- step(?: as ([\w@-]+))?\s*$", HEADER.sub("", body).replace("-- may-withhold all", "").replace("-- may-withhold", ""), flags=re.M)
            found.append(Statement(SETS[name], title.strip(), [step.strip().rstrip(";") for step in parts[::2]], [who or "" for who in [""] + parts[1::2]], may_withhold, all_withheld,
                                   header.get("refused", ""), header.get("learn", ""), header.get("gated-only", ""), float(header.get("within", 0.49))))
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ready", required=True, help="the file that `gatehouse demo --ready` wrote")
    options.add_argument("--only", help="only the questions and attacks whose name matches this expression")
    options.add_argument("--set", action="append", choices=SETS, help="the folder of testdata to try (default: benign, attacks)")
    options.add_argument("--role", default="researcher", help="whose token to use (default: researcher)")
    options.add_argument("--strict", action="store_true", help="fail for attacks that are known to be open, too")
    options.add_argument("--bin", default="bin", help="folder of the programs that made the installation")
    options.add_argument("--fresh", action="store_true", help="ask each question and try each attack in projects of its own, which nothing has been told to yet")
    options.add_argument("--rooms", help="the program test/rooms, which makes projects (default: go run)")
    options.add_argument("--jobs", type=int, default=1, help="how many are tried at once, with --fresh")
    options.add_argument("--json", help="write the findings there as JSON")
    options.add_argument("--ungated", action="store_true", help="put plain DuckDB in the gate's place: shows that the judge sees a leak")
    options.add_argument("-v", "--verbose", action="store_true", help="print answers and refusals in full")
    args = options.parse_args()

    ready = Ready(args.ready)
    plain = Plain(ready)
    house = House(ready, pathlib.Path(args.bin) / "gatehouse", args.rooms)
    gate = plain if args.ungated else None if args.fresh else Gated(ready, args.role)
    shared = (lambda who: plain) if args.ungated else Actors(ready, house, args.role)
    sets = args.set or ["benign", "attacks"]
    target = plain.target() if "attacks" in sets else None

    def failed(finding):
        return not finding["ok"] and (args.strict or not finding.get("open"))

    findings = []
    def report(finding):
        findings.append(finding)
        mark = "ok  " if finding["ok"] else "FAIL" if failed(finding) else "open"
        print(f"{mark} {finding['kind']:6} {finding['name']:52.52} {finding['outcome']}  [{finding['ms']:.0f} ms]", flush=True)
        if args.verbose or not finding["ok"]:
            for line in finding["detail"]:
                print("       " + line[:400])

    def found(statement, asks, gate, plain):
        return judge.question(gate, plain, statement) if statement.kind == "query" else judge.attack(asks, gate, plain, target, statement)

    run, own = f"try{int(time.time())}", threading.local()
    def alone(numbered):
        number, statement = numbered
        if not hasattr(own, "plain"):
            own.plain = Plain(ready)  # with tables of its own: statements make some
        actors = Actors(ready, house, args.role, alone=f"{run}-{number}")
        try:
            return found(statement, actors, actors(""), own.plain)
        finally:
            actors.close()

    tried = [statement for name in sets for statement in statements(name) if not args.only or re.search(args.only, statement.name)]
    if args.fresh:
        # What is measured in time is tried when nothing else is.
        numbered = list(enumerate(tried))
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for finding in pool.map(alone, [(n, s) for n, s in numbered if s.name not in judge.TIMED]):
                report(finding)
        for n, statement in numbered:
            if statement.name in judge.TIMED:
                report(alone((n, statement)))
    else:
        for statement in tried:
            report(found(statement, shared, gate, plain))

    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(findings, indent=1))
    for kind, word in (("query", "questions answered right"), ("attack", "attacks stopped")):
        of_kind = [f for f in findings if f["kind"] == kind]
        if of_kind:
            print(f"{sum(f['ok'] for f in of_kind)} of {len(of_kind)} {word}")
    still_open = [f["name"] for f in findings if f.get("open")]
    if still_open:
        print(f"known open, since each takes several answered questions: {', '.join(still_open)}")
    if not findings:
        print("nothing was tried: --only names no question and no attack")
    return 1 if not findings or any(map(failed, findings)) else 0


if __name__ == "__main__":
    sys.exit(main())
