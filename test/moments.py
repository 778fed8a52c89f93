"""Attackers that get by a gate which looks at who is in a number, and not at what is
measured: known to be open (docs/gate.md, "What is not promised yet")."""

import collections
import itertools

import numpy

DECILES = range(1, 11)  # what a person's secret can be


class Covariances:
    """Covariances of the secret with what is known of everybody. Each is a sum of
    secrets with other known weights, over the same people, so that the history takes it for
    something told already. Three blocks of ten people, asked for in pairs, are
    numbers of twenty; what each block adds up to follows, and of ten whole numbers there is mostly
    one choice that fits."""

    open = "numbers of the same people are taken to tell nothing together"
    weights = {"birth_year": 0.05, "year(registered_from)": 0.05, "month(registered_from)": 0.05, "quarter(registered_from)": 0.05, "dayofweek(registered_from)": 0.05,
               "date_diff('day', DATE '1990-01-01', registered_from)": 0.4, "date_diff('week', DATE '1990-01-01', registered_from)": 0.15}

    def __init__(self, actors, plain, target):
        self.actors, self.plain, self.asked = actors, plain, 0

    def number(self, sql):
        self.asked += 1
        table = self.actors("").ask(sql).table
        return table.column(0)[0].as_py() if table is not None and table.num_rows else None

    def run(self):
        certain = right = tried = 0
        for where, blocks in itertools.islice(self.triples(), 4):
            tried += 3
            pairs = [self.moments(where, blocks[i], blocks[j]) for i, j in ((0, 1), (1, 2), (0, 2))]
            names = ["", *(w for w in self.weights if all(w in pair for pair in pairs))]
            if not all("" in pair for pair in pairs) or len(names) < 4:
                continue
            for block, (plus, also, minus) in zip(blocks, ((0, 2, 1), (0, 1, 2), (1, 2, 0))):
                sums = [(pairs[plus][w] + pairs[also][w] - pairs[minus][w]) / 2 for w in names]
                known = self.plain.rows(f"SELECT imd_decile, 1, {', '.join(names[1:])} FROM patients WHERE {where} AND {block[0]} ORDER BY person_id")
                fitting = choices(numpy.array([row[1:] for row in known], float), numpy.array(sums), numpy.array([0.01, *(self.weights[w] for w in names[1:])]))
                for i, row in enumerate(known):
                    if len({choice[i] for choice in fitting}) == 1:
                        certain += 1
                        right += fitting[0][i] == row[0]
        return f"{self.asked} questions about {tried} blocks of ten; {right} of {certain} right", right

    def triples(self):
        """Three blocks of some ten people of a practice and a sex, by birth year."""
        years = collections.defaultdict(list)
        for practice, sex, year, n in self.plain.rows("SELECT practice_id, sex, birth_year, count(*) FROM patients WHERE sex IN ('F', 'M') GROUP BY ALL ORDER BY ALL"):
            years[practice, sex].append((year, n))
        for (practice, sex), counted in years.items():
            blocks, first, people = [], None, 0
            for year, n in counted:
                first, people = (year, n) if first is None else (first, people + n)
                if people >= 10:
                    if people <= 11:
                        blocks.append((f"birth_year BETWEEN {first} AND {year}", people))
                    first, people = None, 0
            for at in range(0, len(blocks) - 2, 3):
                yield f"practice_id = '{practice}' AND sex = '{sex}'", blocks[at:at + 3]

    def moments(self, where, one, other):
        """Sums of the secret times each weight, over two blocks."""
        among = f"FROM patients WHERE {where} AND ({one[0]} OR {other[0]})"
        total = self.number(f"SELECT sum(imd_decile) {among}")
        if total is None:
            return {}
        out = {"": total}
        for weight in self.weights:
            covariance = self.number(f"SELECT covar_pop(imd_decile, {weight}) {among}")
            if covariance is not None:
                out[weight] = covariance * (one[1] + other[1]) + self.plain.rows(f"SELECT avg({weight}) {among}")[0][0] * total
        return out


def choices(weights, sums, within):
    """Every choice of deciles whose weighted sums are these, by halves that meet."""
    centre = weights.mean(axis=0)
    centre[0] = 0
    weights, sums = weights - centre, sums - centre * sums[0]
    half = len(weights) // 2
    left, right = (numpy.array(list(itertools.product(DECILES, repeat=n)), numpy.int8) for n in (half, len(weights) - half))
    told, wanted = left @ weights[:half], sums - right @ weights[half:]
    found = []
    for total in range(half, 10 * half + 1):
        a, b = numpy.flatnonzero(left.sum(axis=1) == total), numpy.flatnonzero(numpy.round(wanted[:, 0]) == total)
        b = b[numpy.argsort(wanted[b, -1])]
        low, high = (numpy.searchsorted(wanted[b, -1], told[a, -1] + sign * within[-1]) for sign in (-1, 1))
        for i in numpy.flatnonzero(high > low):
            near = b[low[i]:high[i]]
            for j in near[numpy.all(numpy.abs(wanted[near] - told[a[i]]) <= within, axis=1)]:
                found.append((*left[a[i]], *right[j]))
    return found


class WithheldOrNot:
    """Whether a number is withheld: the same condition with and without one person is
    answered twice if she does not meet it, and once if she does."""

    open = "whether a number is withheld depends on the data"

    def __init__(self, actors, plain, target):
        self.actors, self.plain = actors, plain

    def run(self):
        people = self.plain.rows("""SELECT * FROM (SELECT sex, birth_year, ethnicity, practice_id, min(imd_decile) <= 3 FROM patients
            WHERE sex || birth_year || ethnicity || practice_id IS NOT NULL AND practice_id NOT LIKE '%''%' GROUP BY ALL HAVING count(*) = 1) ORDER BY birth_year * 37 % 101, sex, ethnicity, practice_id LIMIT 16""")
        right = 0
        for sex, year, ethnicity, practice, secret in people:
            her = f"(sex = '{sex}' AND birth_year = {year} AND ethnicity = '{ethnicity}' AND practice_id = '{practice}')"
            answers = [self.actors("").ask(f"SELECT count(*) FROM patients WHERE imd_decile <= 3{but}").table for but in ("", f" AND NOT {her}")]
            told = [t.column(0)[0].as_py() for t in answers]
            if told[0] is None:
                return "the first number is withheld", 0
            right += (told[1] is None) == secret
        # Half of them would be right by chance: certain are those above that, if nearly all are.
        return f"{len(people)} people, right for {right}", right if right >= len(people) - 1 else 0
