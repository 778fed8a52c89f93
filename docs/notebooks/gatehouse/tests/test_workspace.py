"""The module against a running demonstration: set GATEHOUSE_READY to what `gatehouse demo --ready FILE` wrote."""

import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import gatehouse
import nbformat
from nbclient import NotebookClient

READY = json.loads(pathlib.Path(os.environ["GATEHOUSE_READY"]).read_text())
SMALL_GROUPS = "SELECT ethnicity, sex, imd_decile, count(*) AS people FROM patients GROUP BY ALL ORDER BY ALL"
SMALL_CELL = "SELECT count(*) AS people, count(*) FILTER (WHERE birth_year < 1800) AS old FROM patients"


class Workspaces(unittest.TestCase):
    def setUp(self):
        self.workspace = gatehouse.connect()
        self.addCleanup(self.workspace.close)

    def refused(self, sql, params=None):
        with self.assertRaises(gatehouse.Refused) as caught:
            self.workspace.ask(sql, params)
        return caught.exception

    def test_an_answer_has_a_table_a_frame_and_its_record(self):
        answer = self.workspace.ask("SELECT sex, count(*) AS people FROM patients GROUP BY sex ORDER BY sex")
        self.assertEqual(answer.table.column_names, ["sex", "people"])
        self.assertGreater(sum(n or 0 for n in answer.table["people"].to_pylist()), 100)
        self.assertEqual(answer.df()["people"].tolist(), answer.table.to_pandas()["people"].tolist())
        self.assertRegex(answer.disclosure.decision, "^qry_")
        self.assertIn("sdap", answer.disclosure.policy)
        self.assertEqual(answer.df().attrs["disclosure"], answer.disclosure)

    def test_it_is_told_that_groups_may_be_left_out_and_not_whether_any_was(self):
        some, none = self.workspace.ask(SMALL_GROUPS), self.workspace.ask("SELECT birth_year < 1960 AS older, count(*) AS people FROM patients GROUP BY 1")
        for answer in (some, none):
            self.assertEqual((answer.disclosure.outcome, answer.disclosure["groups_withheld"]), ("released", "some"))
            self.assertIn("Groups of fewer than 10 people are left out; whether there are any is not said.", repr(answer))
        self.assertEqual(len(none), 2)
        self.assertEqual(set(some.disclosure), set(none.disclosure))

    def test_a_withheld_number_is_marked(self):
        answer = self.workspace.ask(SMALL_CELL)
        self.assertEqual(answer.table["old"].to_pylist(), [None])
        self.assertIn("[c]", repr(answer))
        self.assertIn("[c]</abbr>", answer._repr_html_())

    def test_parameters_take_their_place(self):
        region = next(r for r in self.workspace.ask("SELECT region, count(*) AS n FROM patients GROUP BY region ORDER BY n DESC").table["region"].to_pylist() if r)
        asked = self.workspace.ask("SELECT count(*) AS n FROM patients WHERE region = ?", [region])
        written = self.workspace.ask(f"SELECT count(*) AS n FROM patients WHERE region = '{region}'")
        self.assertEqual(asked.table, written.table)
        both = "SELECT count(*) FILTER (WHERE sex = {}) AS women, count(*) AS n FROM patients WHERE region = {}"  # the plan names the second first
        asked, written = self.workspace.ask(both.format("?", "?"), ["F", region]), self.workspace.ask(both.format("'F'", f"'{region}'"))
        self.assertEqual(asked.table, written.table)

    def test_a_table_is_made_and_dropped(self):
        made = self.workspace.ask("CREATE OR REPLACE TABLE from_the_module AS SELECT person_id, sex FROM patients")
        self.addCleanup(lambda: gatehouse.ask("DROP TABLE IF EXISTS from_the_module"))
        self.assertEqual(made.table.num_rows, 0)
        self.assertIn("from_the_module", self.workspace.tables())

    def test_a_refusal_has_its_parts(self):
        e = self.refused("SELECT person_id, sex FROM patients")
        self.assertEqual(e.code, "GH-204")
        self.assertEqual(e.sentence, "The result would hold rows about single people.")
        self.assertRegex(e.advice, "^Aggregate over people")
        self.assertEqual(self.refused("SELEC 1").code, "GH-201")
        # The words of DuckDB are several sentences: these parts come from the server, not from its text.
        self.assertRegex(self.refused("SELECT count(nothing) FROM patients").sentence, "nothing.*\n?Candidate bindings")

    def test_why_and_what_would_pass_stand_beneath_the_table(self):
        answer = self.workspace.ask(SMALL_CELL)
        rules = dict((rule, rewrite) for rule, _, rewrite in answer.disclosure.explanations())
        self.assertIn("threshold", rules)
        for shown in (repr(answer), answer._repr_html_()):
            self.assertIn(rules["threshold"], shown)

    def test_a_question_is_explained_and_not_asked(self):
        sql = "SELECT region, count(*) AS n, avg(value) AS mean FROM events JOIN patients USING (person_id) WHERE code = ? GROUP BY region ORDER BY n;"
        for connection in (self.workspace, self.workspace.connection):
            explained = gatehouse.explain(connection, sql, ["1003671000000109"])
            self.assertIsNone(explained.refused)
            self.assertEqual(explained.disclosure.outcome, "explained")
            rows = {row["what"]: row for row in explained.table.to_pylist()}
            self.assertEqual(rows["events JOIN patients ON events.person_id = patients.person_id"]["rule"], "joined on person_id")
            self.assertEqual((rows["avg(value) AS mean"]["kind"], rows["count(*) AS n"]["kind"]), ("mean of a measure", "count of rows"))
            self.assertEqual((rows["GROUP BY region"]["kind"], rows["GROUP BY region"]["engine"]), ("protected aggregate", "vault"))
            self.assertIn("avg(value) AS mean", repr(explained))
            self.assertIn("joined on person_id", explained._repr_html_())

    def test_a_question_that_would_be_refused_is_explained_up_to_there(self):
        explained = gatehouse.explain(self.workspace, "SELECT sex, max(birth_year) FROM patients GROUP BY sex")
        last = explained.table.to_pylist()[-1]
        self.assertEqual((last["kind"], last["what"], last["rule"]), ("refused", "max(birth_year)", "GH-206"))
        self.assertIn("quantile_cont", last["advice"])
        self.assertEqual((explained.refused.code, explained.refused.sentence), ("GH-206", last["note"]))
        self.assertIn("`max(birth_year)`", self.refused("SELECT sex, max(birth_year) FROM patients GROUP BY sex").sentence)
        with self.assertRaises(gatehouse.Refused) as caught:
            gatehouse.explain(self.workspace, "SELECT nothing FROM patients")
        self.assertEqual(caught.exception.code, "GH-202")

    def test_a_token_that_nobody_has_is_refused(self):
        with tempfile.NamedTemporaryFile("w") as token:
            token.write("gatehouse_nobody")
            token.flush()
            with self.assertRaises(gatehouse.Refused) as caught:
                gatehouse.connect(READY["flight"], READY["ca"], token.name).ask("SELECT count(*) FROM patients")
        self.assertEqual(caught.exception.code, "GH-101")

    def test_address_certificate_and_token_come_from_the_environment(self):
        given = {"GATEHOUSE_FLIGHT": READY["flight"].removeprefix("grpc+tls://"), "GATEHOUSE_CA": READY["ca"], "GATEHOUSE_TOKEN": READY["tokens"]["researcher2"]}
        with mock.patch.dict(os.environ, given):
            del os.environ["GATEHOUSE_READY"]
            self.assertEqual(gatehouse.ask("SELECT count(*) AS n FROM patients").table.num_rows, 1)

    def test_a_token_is_not_sent_where_it_does_not_belong(self):
        with mock.patch.dict(os.environ, {"GATEHOUSE_FLIGHT": READY["flight"]}):
            os.environ.pop("GATEHOUSE_TOKEN", None)
            with self.assertRaisesRegex(ValueError, "no token"):
                gatehouse.connect()
        with mock.patch.dict(os.environ, {"GATEHOUSE_TOKEN": "gatehouse_x"}):
            for server in ("grpc+tcp://127.0.0.1:1", "grpc://127.0.0.1:1", READY["http"]):
                with self.assertRaises(ValueError):
                    gatehouse.connect(server)

    def test_a_notebook_cell_shows_it(self):
        cells = [nbformat.v4.new_code_cell(f"import gatehouse\nworkspace = gatehouse.connect()\nworkspace.ask({SMALL_CELL!r})"),
                 nbformat.v4.new_code_cell("workspace.ask('SELECT * FROM patients')", metadata={"tags": ["raises-exception"]})]
        notebook = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
        shown = notebook.cells[0].outputs[-1]["data"]
        self.assertIn("[c]</abbr>", shown["text/html"])
        self.assertIn("[c]", shown["text/plain"])
        refused = notebook.cells[1].outputs[-1]
        self.assertEqual(refused["ename"], "Refused")
        self.assertIn("GH-204: The result would hold rows about single people.", refused["traceback"])
        self.assertNotIn("adbc", " ".join(refused["traceback"]))


if __name__ == "__main__":
    unittest.main()
