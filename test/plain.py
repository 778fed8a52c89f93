"""Plain DuckDB over the files that a workspace is made of: what is true."""

import json
import pathlib
import time

import duckdb

from connect import Reply


class Plain:
    """The demonstration project's tables, with its pseudonyms and no gate."""

    def __init__(self, ready):
        self.connection = duckdb.connect(config={"threads": 2})
        self.folders = [pathlib.Path(folder) for folder in ready.datasets.values()]
        for folder in self.folders:
            for path in sorted(folder.iterdir()):
                files = path / "*.parquet" if path.is_dir() else path
                name = path.stem
                if name == "units" or not (path.is_dir() or path.suffix == ".parquet"):
                    continue
                columns = [row[0] for row in self.connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{files}')").fetchall()]
                if "_unit" in columns:
                    self.connection.execute(
                        f"CREATE VIEW {name} AS SELECT population.person_id, rows.* EXCLUDE (_unit) "
                        f"FROM read_parquet('{files}') rows JOIN read_parquet('{ready.population}') population USING (_unit)"
                    )
                else:
                    self.connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{files}')")

    def ask(self, sql):
        start = time.perf_counter()
        try:
            table = self.connection.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            return Reply(error=str(error), ms=(time.perf_counter() - start) * 1000)
        return Reply(table=table, ms=(time.perf_counter() - start) * 1000)

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def grains(self):
        """The step to which each measure's quantiles are rounded, by column."""
        found = {}
        for folder in self.folders:
            manifest = json.loads((folder / "manifest.json").read_text())
            for table in manifest["tables"]:
                for column in table["columns"]:
                    if column["class"] == "measure" and column.get("grain"):
                        found[column["name"]] = float(column["grain"])
        return found

    def target(self, decile="= 1"):
        """A condition on patients that exactly one person meets, with what an
        attacker would like to know of that person. The person is chosen so that
        a leak shows: a woman, in the decile that the attacks ask for, with events."""
        chosen = self.rows(f"""
            WITH lone AS (
              SELECT sex, birth_year, ethnicity, practice_id, min(person_id) AS person_id, min(lsoa) AS lsoa, min(imd_decile) AS imd_decile, min(region) AS region
              FROM patients GROUP BY ALL HAVING count(*) = 1)
            SELECT sex, birth_year, ethnicity, practice_id, person_id, lsoa, region
            FROM lone JOIN (SELECT person_id, count(*) AS events, bool_or(code = '86406008') AS rare FROM events GROUP BY ALL) USING (person_id)
            WHERE imd_decile {decile} AND events >= 12 AND sex || birth_year || ethnicity || practice_id || lsoa IS NOT NULL
            ORDER BY sex = 'F' DESC, rare DESC, region = 'London' DESC, person_id LIMIT 1""")
        if not chosen:
            raise SystemExit("no person stands alone in sex, birth year, ethnicity and practice: use more people")
        sex, birth_year, ethnicity, practice, person, lsoa, region = chosen[0]
        return Target(
            f"(sex = {quote(sex)} AND birth_year = {birth_year} AND ethnicity = {quote(ethnicity)} AND practice_id = {quote(practice)})",
            person, lsoa, {"birth_year": str(birth_year), "ethnicity": ethnicity, "practice": practice, "region": region})


class Target:
    def __init__(self, condition, person, lsoa, known):
        self.condition, self.person, self.lsoa = condition, person, lsoa
        self.words = {"target": condition, "pid": person, "lsoa": lsoa, **known}

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace("{{" + word + "}}", value)
        return text


def quote(text):
    return "'" + text.replace("'", "''") + "'"
