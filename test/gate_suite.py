#!/usr/bin/env python3
"""Asks a running Gatehouse every question of testdata/benign and tries every
attack of testdata/attacks, through the driver that researchers use, and judges
the answers against plain DuckDB on the same Parquet files.

    .venv/bin/python test/gate_suite.py --ready FILE [--only NAME] [--strict] [-v]

An attack that works by subtracting the answers of several questions is known to
be open: answers are not judged against earlier ones yet. It is printed as such
and fails the suite with --strict only. An attack in one question always does.

FILE is what `gatehouse demo --ready FILE` writes. Reading the Parquet files
needs the custodian's rights over them, as a test has and a researcher has not.
"""

import argparse
import json
import pathlib
import re
import sys

import judge
from connect import Gated, Ready
from plain import Plain

HERE = pathlib.Path(__file__).resolve().parent


def statements(path, kind):
    """The named statements of a file: [(name, [step, ...], may_withhold)]."""
    found = []
    for block in re.split(rf"^-- {kind}: ", path.read_text(), flags=re.M)[1:]:
        name, _, body = block.partition("\n")
        may_withhold = "-- may-withhold" in body
        body = body.replace("-- may-withhold", "")
        steps = [step.strip().rstrip(";") for step in re.split(r"^-- step\s*$", body, flags=re.M)]
        found.append((name.strip(), steps, may_withhold))
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ready", required=True, help="the file that `gatehouse demo --ready` wrote")
    options.add_argument("--only", help="only the questions and attacks whose name contains this")
    options.add_argument("--kind", choices=["attack", "query"], help="only attacks, or only questions")
    options.add_argument("--role", default="researcher", help="whose token to use (default: researcher)")
    options.add_argument("--strict", action="store_true", help="fail for attacks that are known to be open, too")
    options.add_argument("--json", help="write the findings there as JSON")
    options.add_argument("--ungated", action="store_true", help="put plain DuckDB in the gate's place: shows that the judge sees a leak")
    options.add_argument("-v", "--verbose", action="store_true", help="print answers and refusals in full")
    args = options.parse_args()

    ready = Ready(args.ready)
    plain = Plain(ready)
    gate = plain if args.ungated else Gated(ready, args.role)
    target = plain.target()

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

    if args.kind != "attack":
        for name, steps, may_withhold in statements(HERE / "testdata/benign/open.sql", "query"):
            if not args.only or args.only in name:
                report(judge.question(gate, plain, name, steps, may_withhold))
    if args.kind != "query":
        for name, steps, _ in statements(HERE / "testdata/attacks/open.sql", "attack"):
            if not args.only or args.only in name:
                report(judge.attack(gate, plain, target, name, steps))

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
