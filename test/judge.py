"""Judges answers: a question's numbers against the truth, an attack's by what it learnt."""

import datetime
import decimal
import math
import re
import statistics

SMALLEST = 10  # contributors, in the demonstration project's policy (sdap)
EMPTY, NOTHING = "answered without a single row", "answered with nothing but NULL"
ALIVE = "SELECT count(*) AS people FROM patients"


# Questions: answered, and every number that is not withheld equal to the truth.

def question(gate, plain, asked):
    name, steps, may_withhold = asked.name, asked.steps, asked.may_withhold
    finding = {"kind": "query", "name": name, "ok": False, "outcome": "", "detail": [], "ms": 0.0, "code": "", "withheld": 0}
    made = [match[1] for step in steps if (match := re.match(r"CREATE TABLE (\w+)", step))]
    for table in made:  # an earlier run may have left it
        gate.ask(f"DROP TABLE {table}")
        plain.ask(f"DROP TABLE {table}")
    for step in steps:
        reply = gate.ask(step)
        truth = plain.ask(step) if gate is not plain or not step.startswith("CREATE") else reply
        finding["ms"] += reply.ms
        if truth.table is None:
            finding["outcome"], finding["detail"] = "no truth: plain DuckDB fails", [truth.error]
            return finding
        if reply.table is None:
            finding["outcome"] = f"refused {reply.code}" if reply.refused else f"BROKEN {reply.status}"
            finding["code"], finding["detail"] = reply.code, [reply.error]
            if reply.refused and asked.refused == reply.code:
                finding["ok"], finding["outcome"] = True, f"refused {reply.code}, as it must be"
            return finding
        if asked.refused and gate is not plain:
            finding["outcome"], finding["detail"] = f"answered, and must be refused {asked.refused}", [str(rows(reply.table)[:3])]
            return finding
        if step.startswith("CREATE"):
            continue
        wrong, withheld = compare(reply.table, truth.table, step, plain.grains())
        if asked.all_withheld and wrong in ([EMPTY], [NOTHING]):
            wrong = []
        finding["withheld"] = withheld
        finding["detail"] = wrong or [f"{reply.table.num_rows} rows of {truth.table.num_rows}; {reply.disclosure}"]
        if wrong:
            finding["outcome"] = "WRONG"
        elif withheld and not may_withhold:
            finding["outcome"] = f"withholds {withheld} cells, and must not"
        else:
            finding["ok"] = True
            finding["outcome"] = "equal" + (f", {withheld} of {truth.table.num_rows * truth.table.num_columns} cells withheld" if withheld else "")
    for table in made:
        gate.ask(f"DROP TABLE {table}")
        plain.ask(f"DROP TABLE {table}")
    return finding


def compare(answer, truth, sql, grains):
    """What is wrong with the answer, in words; and how many cells it withholds
    (NULL where the truth is not, or a row left out)."""
    if answer.column_names != truth.column_names:
        return [f"columns {answer.column_names}, should be {truth.column_names}"], 0
    step = 0.0
    if re.search(r"median|quantile", sql, re.I):
        step = max([grain for column, grain in grains.items() if re.search(rf"\b{column}\b", sql)], default=0.0)
    given, true = rows(answer), rows(truth)
    wrong, withheld, left = [], 0, list(range(len(true)))
    for row in given:
        fits = [(sum(a is None and b is not None for a, b in zip(row, true[i])), i) for i in left
                if all(a is None or same(a, b, step) for a, b in zip(row, true[i]))]
        if not fits:
            wrong.append(f"row {row} is in no true answer" + (f"; nearest {nearest(row, true)}" if true else ""))
            continue
        nulls, i = min(fits)
        withheld += nulls
        left.remove(i)
    withheld += len(left) * truth.num_columns
    if not given and true:
        wrong.append(EMPTY)
    elif given and all(cell is None for row in given for cell in row):
        wrong.append(NOTHING)
    return wrong + out_of_order(given, answer.column_names, sql), withheld


def rows(table):
    return [tuple(map(normal, row.values())) for row in table.to_pylist()] if len(set(table.column_names)) == table.num_columns else \
           [tuple(map(normal, row)) for row in zip(*(column.to_pylist() for column in table.columns))]


def normal(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    if isinstance(value, list):
        return tuple(map(normal, value))
    return value


def same(a, b, step):
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y, step) for x, y in zip(a, b))
    if isinstance(a, bool) or isinstance(b, bool) or not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        return a == b
    if isinstance(a, int) and isinstance(b, int) and not step:
        return a == b
    # Reals leave with six significant digits, quantiles at their column's grain;
    # a number that the question itself rounds may then fall to either side.
    decimals = max(len(str(x).partition(".")[2]) for x in (float(a), float(b)))
    rounded = 10.0 ** -decimals if decimals <= 2 and isinstance(a, float) and isinstance(b, float) else 0.0
    return math.isclose(a, b, rel_tol=1e-5, abs_tol=max(step / 2, rounded) * (1 + 1e-9))


def nearest(row, true):
    return max(true, key=lambda other: sum(a == b for a, b in zip(row, other)))


def out_of_order(given, columns, sql):
    """Whether rows stand in the order that the last ORDER BY asks for."""
    asked = re.findall(r"ORDER BY\s+([\w ,]+?)(?:\s+LIMIT\s+\d+)?\s*$", sql)
    if not asked:
        return []
    keys = []
    for part in (",".join(columns) if asked[-1].strip() == "ALL" else asked[-1]).split(","):
        name, _, way = part.strip().partition(" ")
        at = int(name) - 1 if name.isdigit() else columns.index(name) if name in columns else None
        if at is None:
            return []
        keys.append((at, way.upper().startswith("DESC")))
    for before, after in zip(given, given[1:]):
        for at, descending in keys:
            a, b = before[at], after[at]
            if a is None or b is None:
                break
            if a != b:
                if (a < b) == descending:
                    return [f"rows {before} and {after} are out of order"]
                break
    return []


# Attacks: refused, or what they are after is NULL or absent.

# The columns that hold what an attack is after, where it is not all of them.
AFTER = {"lone-case": [1], "scalar-subquery": [1]}
# Attacks whose answer is a time.
TIMED = {"timing"}
# What would hurt the machine if nothing stopped it.
HARMFUL = {"copy-out", "kill-the-engine", "reach-out"}


def attack(asks, gate, plain, target, tried):
    """asks gives the connection of whoever asks a step."""
    name, steps = tried.name, tried.steps
    finding = {"kind": "attack", "name": name, "ok": False, "outcome": "", "detail": [], "ms": 0.0, "code": "", "steps": len(steps), "open": False}
    told = tried.learn.count("known(")  # what everybody knows is an answer, too
    finding["steps"] += told
    if gate is plain and (name in HARMFUL or tried.gated_only):
        finding.update(ok=True, outcome="not tried on an open database")
        return finding
    replies = []
    for step, who in zip(steps, tried.who):
        reply = asks(who).ask(target.fill(step))
        finding["ms"] += reply.ms
        replies.append(reply)
        if reply.table is None:
            break
    finding["detail"] = [reply.error or str(rows(reply.table)[:3]) for reply in replies]
    leak = leaked(gate, plain, target, tried, replies)
    # Answers that tell only together: what is asked in one question is never open.
    finding["open"] = bool(leak) and told + sum(reply.table is not None for reply in replies) > 1 and gate is not plain
    if not leak and gate is not plain:
        alive = gate.ask(ALIVE)
        if alive.table is None and not alive.refused:
            leak = f"afterwards nothing is answered: {alive.error}"
    finding["ok"] = not leak
    finding["code"] = replies[-1].code
    finding["outcome"] = f"NOT STOPPED: {leak}" if leak else f"refused {replies[-1].code}" if replies[-1].table is None else "withheld"
    return finding


def leaked(gate, plain, target, tried, replies):
    """What the attack learnt, in words; empty if it was stopped."""
    name, steps, last = tried.name, tried.steps, replies[-1]
    for step, reply in zip(steps, replies):
        for secret in (target.lsoa, target.person):
            if secret in reply.error and secret not in target.fill(step):
                return "the refusal tells a value"
    if last.table is None:
        if not last.refused and gate is not plain:
            return f"not a refusal but {last.status}: {last.error}"
        if name in TIMED:
            return slower(gate, plain, steps[0])
        return ""
    if tried.learn:
        truth = [plain.ask(target.fill(step)) for step in steps] if gate is not plain else replies
        learnt = worked_out(target.fill(tried.learn), replies, plain, (lambda n: n) if gate is plain else about)
        true = worked_out(target.fill(tried.learn), truth, plain, lambda n: n)
        return f"learnt {told_briefly(learnt)}" if agrees(learnt, true, tried.within) else ""
    if name == "cube-minus-cells":
        return derivable(last.table)
    if name == "limit-oracle":
        truth = plain.ask(target.fill(steps[-1]))
        return f"the number of rows is the secret ({truth.table.num_rows})" if last.table.num_rows == truth.table.num_rows else ""
    if any(target.lsoa in column for column in last.table.column_names):
        return "a column's name is the secret"
    if not is_question(steps[-1]):
        return "the statement was carried out"
    if any(all(cell is None for row in rows(reply.table) for cell in row) for step, reply in zip(steps, replies) if is_question(step)):
        return slower(gate, plain, steps[0]) if name in TIMED else ""
    told = [row[at] for row in rows(last.table) for at in AFTER.get(name, range(last.table.num_columns)) if row[at] is not None]
    if told:
        return f"answered {told[:4]}"
    return slower(gate, plain, steps[0]) if name in TIMED else ""


def is_question(sql):
    """Whether a statement answers with rows, if it is answered."""
    return not re.match(r"(CREATE|SET|PRAGMA|ATTACH|INSTALL|PREPARE|BEGIN|EXPORT|COPY)\b", sql)


class Withheld(Exception):
    """A number that an attack needs is not there."""


def about(n):
    """A total as the catalogue tells it: to two significant digits, and to hundreds (catalog.About)."""
    step = max(100, 10 ** (len(str(n)) - 2))
    return (n + step // 2) // step * step


def worked_out(expression, replies, plain, as_told):
    """What an attack's arithmetic gives, or None if a number is missing. as_told is
    what is known of a number that everybody is told."""
    answers = [rows(reply.table) for reply in replies]

    def at(i, *key):
        for row in answers[i]:
            if row[:len(key)] == key and row[-1] is not None:
                return row[-1]
        raise Withheld

    def known(sql):
        return as_told(plain.rows(sql)[0][0])

    names = {"at": at, "known": known, "shifted": shifted}
    for letter, answer in zip("abcdefghijklmnop", answers):
        names[letter.upper()] = [row for row in answer if row[-1] is not None]
        names[letter] = answer[0][0] if answer and answer[0] else None
    try:
        return eval(expression, names)  # written in this repository, beside the attack
    except (Withheld, TypeError, IndexError, ZeroDivisionError):
        return None


def shifted(one, other):
    """The numbers between the edges of two tables of the same people in bands,
    by cumulating both: {(from, to): people}, where they are few."""
    edges = {}
    for table in (one, other):
        total = 0
        for edge, n in sorted(row for row in table if row[0] is not None):
            edges.setdefault(edge, []).append(total)
            total += n
    met = sorted((edge, totals[0]) for edge, totals in edges.items())
    return {(low, high): after - before for (low, before), (high, after) in zip(met, met[1:]) if 0 < after - before < SMALLEST}


def agrees(learnt, true, within):
    """Whether an attacker who worked this out knows something that is true."""
    if learnt is None or true is None:
        return False
    if isinstance(learnt, dict):
        return any(key in true and agrees(value, true[key], within) for key, value in learnt.items())
    if isinstance(learnt, (list, set)):
        return any(item in true for item in learnt)
    if isinstance(learnt, (int, float)) and isinstance(true, (int, float)):
        return abs(true) > within and abs(learnt - true) <= within
    return bool(learnt) and learnt == true


def told_briefly(value):
    return str(value)[:80]


def slower(gate, plain, sql):
    """Whether the time of an answer tells the secret: nine tries with somebody
    of whom it is true, and with somebody of whom it is not."""
    medians = []
    for decile in ("= 1", "<> 1"):
        query = plain.target(decile).fill(sql)
        medians.append(statistics.median(gate.ask(query).ms for _ in range(9)))
    true, false = medians
    return f"takes {true:.0f} ms when the secret is 1, else {false:.0f} ms" if true > 1.5 * false + 20 else ""


def derivable(table):
    """Whether cells of too few people follow from what a CUBE of two dimensions
    tells: they are published, or lie in the span of the published sums."""
    import numpy

    told = rows(table)
    if any(n is not None and n < SMALLEST for *_, n in told):
        return "cells of fewer people than the threshold are published"
    values = [sorted({row[at] for row in told if row[at] is not None}) for at in (0, 1)]
    cells = {(a, b): i for i, (a, b) in enumerate((a, b) for a in values[0] for b in values[1])}
    published = {row[:2] for row in told if row[2] is not None}
    span = numpy.array([vector(key, values, cells) for key in published])
    unknown = [key for key in [*cells, *((a, None) for a in values[0]), *((None, b) for b in values[1])] if key not in published]
    if not len(span) or not unknown:
        return ""
    _, sizes, basis = numpy.linalg.svd(span, full_matrices=False)
    basis = basis[sizes > 1e-9 * sizes[0]]
    for key in unknown:
        wanted = numpy.array(vector(key, values, cells))
        if numpy.linalg.norm(wanted - basis.T @ (basis @ wanted)) < 1e-7:
            return f"the withheld cell {key} follows from the published sums"
    return ""


def vector(key, values, cells):
    of = [0.0] * len(cells)
    for a in values[0] if key[0] is None else [key[0]]:
        for b in values[1] if key[1] is None else [key[1]]:
            of[cells[a, b]] = 1.0
    return of
