#!/usr/bin/env python3
"""Makes many people out of the few of an OMOP extract, so that tables of them are
not all withheld: each person is copied with new numbers, every date of theirs
moved by the same days, other years of birth, values a little off, and about a
tenth of the rows left out. The same for the same seed.

    .venv/bin/python test/omop_people.py EXTRACT OUT [--copies 40] [--seed 1]
"""

import argparse
import csv
import pathlib
import random
from datetime import date, timedelta

# What is told of a person is copied; everything else is a reference table.
PEOPLE = ["PERSON", "OBSERVATION_PERIOD", "DEATH", "VISIT_OCCURRENCE", "VISIT_DETAIL", "CONDITION_OCCURRENCE", "CONDITION_ERA", "DRUG_EXPOSURE",
          "PROCEDURE_OCCURRENCE", "DEVICE_EXPOSURE", "MEASUREMENT", "OBSERVATION"]
KEPT_WHOLE = {"PERSON", "OBSERVATION_PERIOD", "DEATH"}
# Numbers of rows, and references to them: each copy has its own.
NUMBERS = {"person_id", "observation_period_id", "visit_occurrence_id", "preceding_visit_occurrence_id", "visit_detail_id", "preceding_visit_detail_id",
           "parent_visit_detail_id", "condition_occurrence_id", "condition_era_id", "drug_exposure_id", "procedure_occurrence_id", "device_exposure_id",
           "measurement_id", "observation_id"}
STEP = 10_000_000  # more than any number in the extract


class Copy:
    """What is different in one copy of one person."""

    def __init__(self, seed, number, person):
        self.chance = random.Random(f"{seed} {number} {person}")
        self.number = number
        self.days = timedelta(days=self.chance.randint(-540, 540) if number else 0)
        self.years = self.chance.randint(-8, 8) if number else 0
        self.swapped = number and self.chance.random() < 0.4

    def row(self, table, row):
        if self.number and table not in KEPT_WHOLE and self.chance.random() < 0.1:
            return None
        copy = dict(row)
        for name, value in row.items():
            if not value:
                continue
            if name in NUMBERS:
                copy[name] = int(value) + self.number * STEP
            elif name.endswith(("_date", "_datetime", "_time")) and value[4:5] == "-":
                copy[name] = (date.fromisoformat(value[:10]) + self.days).isoformat() + value[10:]
            elif name in ("value_as_number", "quantity") and self.number:
                copy[name] = round(float(value) * self.chance.uniform(0.95, 1.05), 1)
            elif name == "year_of_birth":
                copy[name] = int(value) + self.years
            elif name == "gender_concept_id" and self.swapped:
                copy[name] = {"8507": "8532", "8532": "8507"}.get(value, value)
            elif name == "gender_source_value" and self.swapped:
                copy[name] = {"M": "F", "F": "M"}.get(value, value)
            elif name == "person_source_value":
                copy[name] = f"{value}-{self.number}"
        return copy


def multiply(extract, out, copies, seed):
    """Writes the copied extract, and returns how many people it has."""
    extract, out = pathlib.Path(extract), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    people = {}
    for path in sorted(extract.glob("*.csv")):
        if path.stem not in PEOPLE:
            (out / path.name).write_bytes(path.read_bytes())
    for table in PEOPLE:
        with open(extract / f"{table}.csv", newline="") as source, open(out / f"{table}.csv", "w", newline="") as target:
            rows = csv.DictReader(source)
            writer = csv.DictWriter(target, rows.fieldnames, lineterminator="\n")
            writer.writeheader()
            rows = list(rows)
            for number in range(copies):
                for row in rows:
                    key = number, row["person_id"]
                    people.setdefault(key, Copy(seed, *key))
                    if copied := people[key].row(table, row):
                        writer.writerow(copied)
    return len(people)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("extract")
    options.add_argument("out")
    options.add_argument("--copies", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    print(f"{multiply(args.extract, args.out, args.copies, args.seed)} people")
