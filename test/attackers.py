#!/usr/bin/env python3
"""Attackers that are programs: they ask as many questions as they need, choose the
next by what was answered, or ask several at once.

    .venv/bin/python test/attackers.py --ready FILE --bin bin [--only NAME]

Each works in a project made for it. It says how many secrets it worked out, with
certainty and right; the gate has stopped it if there are none. What is out of
reach of any gate that answers exactly (a guess from many true tables) is counted
apart, against guessing from one table.
"""

import argparse
import pathlib
import random
import re
import sys
import threading
import time

import numpy

from actors import Actors, House
from connect import Gated, Ready
from moments import Covariances, WithheldOrNot
from plain import Plain


class Attack:
    def __init__(self, actors, plain, target):
        self.actors, self.plain, self.target = actors, plain, target
        self.chance = random.Random(11)

    def number(self, sql, who=""):
        """The only number of the answer, or None."""
        table = self.actors(who).ask(sql).table
        return table.column(0)[0].as_py() if table is not None and table.num_rows else None


class SubsetSums(Attack):
    """Cohen and Nissim: counts of the ones among many subsets of a small group,
    chosen by the digits of what is known of everybody, then solved."""

    def run(self):
        members = self.plain.rows("""SELECT birth_year, lsoa, sex, imd_decile % 2 = 1 AS secret FROM patients
            WHERE practice_id = (SELECT practice_id FROM patients GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1) AND ethnicity = 'White British' AND birth_year BETWEEN 1950 AND 1969""")
        practice = self.plain.rows("SELECT practice_id FROM patients GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")[0][0]
        where = f"practice_id = '{practice}' AND ethnicity = 'White British' AND birth_year BETWEEN 1950 AND 1969 AND imd_decile % 2 = 1"
        rows, sums, asked = [], [], 0
        for _ in range(250):
            factor, year, step = self.chance.choice([3, 5, 7, 11, 13]), self.chance.randrange(40), self.chance.choice([5, 7, 9])
            letter = self.chance.randrange(10)
            inside = [((born + year) * factor % step < step // 2) != (int(lsoa[-1]) > letter) for born, lsoa, _, _ in members]
            got = self.number(f"SELECT count(*) FROM patients WHERE {where} AND (((birth_year + {year}) * {factor}) % {step} < {step // 2}) <> (right(lsoa, 1) > '{letter}')")
            asked += 1
            if got is not None:
                rows.append(inside)
                sums.append(got)
        return solved(rows, sums, [secret for *_, secret in members], asked)


class OneByOne(Attack):
    """The same condition with ever other people left out, by year and small area."""

    def run(self):
        members = self.plain.rows("SELECT person_id, birth_year, lsoa, practice_id, imd_decile % 2 = 1 AS secret FROM patients WHERE sex = 'I' AND region = 'London'")
        rows, sums, asked = [], [], 0
        for year in sorted({born for _, born, *_ in members}):
            for sign in ("<=", "<>", ">"):
                got = self.number(f"SELECT count(*) FROM patients WHERE sex = 'I' AND region = 'London' AND birth_year {sign} {year} AND imd_decile % 2 = 1")
                asked += 1
                if got is not None:
                    test = {"<=": lambda born: born <= year, "<>": lambda born: born != year, ">": lambda born: born > year}[sign]
                    rows.append([test(born) for _, born, *_ in members])
                    sums.append(got)
        return solved(rows, sums, [member[-1] for member in members], asked)


def solved(rows, sums, secrets, asked):
    """Which secrets follow with certainty from the sums, by the span of the rows
    and by the narrowest interval of a linear programme; and which are guessed."""
    if not rows:
        return f"{asked} questions, none answered", 0
    a, b = numpy.array(rows, float), numpy.array(sums, float)
    _, sizes, basis = numpy.linalg.svd(a, full_matrices=False)
    basis = basis[sizes > 1e-9 * sizes[0]]
    certain = [i for i in range(a.shape[1]) if numpy.linalg.norm(numpy.eye(a.shape[1])[i] - basis.T @ basis[:, i]) < 1e-7]
    guess = numpy.clip(numpy.linalg.lstsq(a, b, rcond=None)[0], 0, 1)
    right = sum((g > 0.5) == bool(s) for g, s in zip(guess, secrets))
    base = max(sum(map(bool, secrets)), len(secrets) - sum(map(bool, secrets)))
    return (f"{asked} questions, {len(sums)} answered of {a.shape[1]} people, rank {len(basis)}; certain {len(certain)}; "
            f"least squares right for {right}, always saying the most frequent for {base}"), len(certain)


class AtOnce(Attack):
    """Two questions that are together a leak, asked at the same moment."""

    def run(self):
        leaks, tries = 0, 30
        for i in range(tries):
            year = 1940 + i  # other people each time
            pair = [f"SELECT count(*) FROM patients WHERE birth_year > {year} AND imd_decile < 9",
                    f"SELECT count(*) FROM patients WHERE birth_year > {year} AND imd_decile < 9 AND NOT ({self.target.condition})"]
            if (self.plain.rows(pair[0])[0][0] - self.plain.rows(pair[1])[0][0]) != 1:
                continue
            got, gate = [None, None], threading.Barrier(2)

            def ask(at, who):
                connection = self.actors(who)
                gate.wait()
                table = connection.ask(pair[at]).table
                got[at] = table.column(0)[0].as_py() if table is not None and table.num_rows else None

            for who in ("", "researcher2"):
                self.actors(who)
            threads = [threading.Thread(target=ask, args=(at, who)) for at, who in enumerate(("", "researcher2"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            leaks += None not in got and got[0] - got[1] == 1
        return f"{tries} pairs", leaks


class Cancelled(Attack):
    """An answer that is asked for and not fetched counts as told: what is
    cancelled must not be free."""

    def run(self):
        sql = "SELECT count(*) FROM patients WHERE imd_decile = 1"
        cursor = self.actors("").connection.cursor()
        cursor.execute(sql)
        cursor.close()  # never fetched
        all_but = self.number(f"{sql} AND NOT ({self.target.condition})")
        told = self.number(sql, "researcher2")
        return "2 questions, one never fetched", int(None not in (all_but, told) and told - all_but == 1)


class Clones(Attack):
    """The same cell a hundred times, with conditions that change nothing: all
    answers must be one (noise or rounding would average out)."""

    def run(self):
        answers = {self.number(f"SELECT count(*) FROM patients WHERE sex = 'F' AND imd_decile = 1 AND birth_year > {i - 100}") for i in range(100)}
        small = {self.number(f"SELECT count(*) FROM patients WHERE {self.target.condition} AND birth_year > {i - 100}") for i in range(20)}
        return f"120 questions, {len(answers - {None})} different answers", int(len(answers - {None}) > 1) + int(bool(small - {None}))


class Parameters(Attack):
    """Differencing through the parameters of one prepared statement."""

    def run(self):
        sql = "SELECT count(*) FROM patients WHERE imd_decile = 1 AND NOT (sex = ? AND birth_year = ? AND practice_id = ? AND ethnicity = ?)"
        words = self.target.words
        got = []
        for sex in ("nobody", "F"):
            table = self.actors("").ask(sql, [sex, int(words["birth_year"]), words["practice"], words["ethnicity"]]).table
            got.append(table.column(0)[0].as_py() if table is not None and table.num_rows else None)
        return "2 executions", int(None not in got and got[0] - got[1] == 1)


class Deep(Attack):
    """Statements that are too deep, too long or too wide: refused, and the next
    question is answered."""

    def run(self):
        tries = ["SELECT count(*) FROM patients WHERE " + "(" * 3000 + "true" + ")" * 3000,
                 "SELECT count(*) FROM patients WHERE " + " OR ".join(f"birth_year = {i}" for i in range(20000)),
                 "SELECT count(*) FROM " + "(SELECT * FROM " * 400 + "patients" + ")" * 400,
                 "SELECT " + ", ".join(f"count(*) FILTER (WHERE birth_year > {i}) AS c{i}" for i in range(3000)) + " FROM patients",
                 "SELECT " + "-" * 5001 + "1", "SELECT '" + "x" * 300000 + "'", "SELECT count(*) FROM patients WHERE " + "NOT " * 20000 + "true"]
        wrong = []
        for sql in tries:
            reply = self.actors("").ask(sql)
            if reply.table is None and not reply.refused and reply.code != "GH-215":
                wrong.append(f"{sql[:40]}…: {reply.status} {reply.error[:80]}")
            if self.actors("").ask("SELECT count(*) FROM patients").table is None:
                wrong.append(f"after {sql[:40]}… nothing is answered")
        return f"{len(tries)} statements {wrong or ''}", len(wrong)


class Slow(Attack):
    """A withheld number whose time tells: rows of one person joined with
    themselves many times, if a secret of hers is true."""

    def run(self):
        joins = " ".join(f"JOIN events {name} ON {name}.person_id = p.person_id" for name in "abcd")
        times = []
        for decile in ("= 1", "<> 1"):
            someone = self.plain.target(decile).condition
            tries = []
            for i in range(7):
                start = time.perf_counter()
                self.actors("").ask(f"SELECT count(*) FROM patients p {joins} WHERE {someone} AND p.imd_decile = 1 AND birth_year > {i}")
                tries.append(time.perf_counter() - start)
            times.append(sorted(tries)[3])
        true, false = times
        return f"{true * 1000:.0f} ms if true, {false * 1000:.0f} ms if not", int(true > 1.5 * false + 0.02)


class Republished(Attack):
    """The same question of two versions, in projects that share a member: between
    them a few people opted out."""

    def run(self):
        house = self.actors.house
        extracts = pathlib.Path(house.ready.said["extracts"])
        changed = house.folder.parent / f"{house.folder.name}-next"
        changed.mkdir(exist_ok=True)
        for path in extracts.iterdir():
            if path.is_file():
                data = path.read_bytes()
                if path.name == "patients.csv":
                    lines = data.split(b"\n")
                    data = b"\n".join(lines[:60] + lines[61:])  # one person less
                (changed / path.name).write_bytes(data)
        said = house.run("publish", "--dir", house.folder, "--definition", "shared_care", "--extracts", changed, check=False)
        versions = [int(n) for n in re.findall(r"shared_care@(\d+)", said)]
        if not versions:
            return f"not published: {said[-200:]}", 0
        first = self.actors.alone
        house.project(f"{first}-new", [f"{first}-researcher", f"{first}-researcher2"], version=versions[0])
        new = Gated(house.ready, token=house.token(f"{first}-researcher", f"{first}-new"))
        leaks = 0
        for column in ("region", "practice_id", "sex", "birth_year"):
            sql = f"SELECT {column}, count(*) FROM patients GROUP BY {column}"
            old, now = self.actors("").ask(sql), new.ask(sql)
            if old.table is None or now.table is None:
                continue
            was, are = (dict(zip(*(c.to_pylist() for c in reply.table.columns))) for reply in (old, now))
            leaks += sum(1 for k in was if was[k] is not None and are.get(k) is not None and 0 < abs(was[k] - are[k]) < 10)
        return f"version {versions[0]} after {said.count('published') and 'one person less'}", leaks


ATTACKS = [SubsetSums, OneByOne, AtOnce, Cancelled, Clones, Parameters, Deep, Slow, Republished, Covariances, WithheldOrNot]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ready", required=True)
    options.add_argument("--bin", default="bin")
    options.add_argument("--rooms", help="the program test/rooms, which makes projects (default: go run)")
    options.add_argument("--only", default="")
    args = options.parse_args()
    ready = Ready(args.ready)
    house, plain = House(ready, pathlib.Path(args.bin) / "gatehouse", args.rooms), Plain(ready)
    target, failed = plain.target(), 0
    for kind in ATTACKS:
        if not re.search(args.only, kind.__name__):
            continue
        actors = Actors(ready, house, alone=f"prog{int(time.time())}-{kind.__name__.lower()}")
        start = time.perf_counter()
        told, leaks = kind(actors, plain, target).run()
        actors.close()
        known = getattr(kind, "open", "")
        failed += bool(leaks) and not known
        mark, why = "ok  " if not leaks else "open" if known else "FAIL", f" ({known})" if known else ""
        print(f"{mark} {kind.__name__:13} {leaks} worked out; {told}{why}  [{time.perf_counter() - start:.1f} s]", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
