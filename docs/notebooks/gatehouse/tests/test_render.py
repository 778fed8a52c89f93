"""What a notebook shows of an answer, and of a refusal, without a server."""

import json
import unittest
from html.parser import HTMLParser

import pyarrow as pa

import gatehouse
from gatehouse.errors import refusal

RECORD = {"decision": "qry_1", "outcome": "suppressed", "policy": "sdap", "threshold": 10, "suppressed_cells": {"threshold": 1},
          "groups_withheld": "some", "rounding": "counts to the nearest 5", "earlier_answer": False, "datasets": ["shared_care@1"]}


def answer(columns, **record):
    table = pa.table(columns)
    return gatehouse.Result(table.replace_schema_metadata({"gatehouse.disclosure": json.dumps({**RECORD, **record})}))


class Cells(HTMLParser):
    """The cells of a table: text, and the title of a mark."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.notes, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(["", None])
        if tag == "abbr":
            self.rows[-1][-1][1] = dict(attributes)["title"]
        if tag == "li":
            self.notes.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} is closed and was not the last opened"

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1][0] += data
        elif "li" in self.open:
            self.notes[-1] += data


class Rendering(unittest.TestCase):
    def test_a_withheld_number_is_marked_with_its_rule(self):
        shown = Cells(answer({"sex": ["F", "M"], "people": [231, None]})._repr_html_())
        self.assertEqual([c[0] for c in shown.rows[1]], ["F", "231"])
        self.assertEqual(shown.rows[2][1][0], "[c]")
        self.assertEqual(shown.rows[2][1][1], "Withheld (threshold: too few people)")

    def test_what_the_gate_did_stands_beneath(self):
        for shown in (" ".join(Cells(answer({"people": [1, None]})._repr_html_()).notes), repr(answer({"people": [1, None]}))):
            for said in ("1 number is withheld (threshold", "Groups of fewer than 10 people are left out; whether there are any is not said.", "counts to the nearest 5", "policy sdap", "qry_1", "[c] withheld"):
                self.assertIn(said, shown)

    def test_a_subtotal_is_not_taken_for_a_withheld_number(self):
        rolled = answer({"decile": [1, 2, None, None], "people": [20, None, 40, 60]})
        self.assertEqual([row[0][1] for row in rolled._rows()], ["", "", "", ""])
        self.assertEqual([row[1][1] for row in rolled._rows()], ["", "[c]", "", ""])

    def test_where_only_a_number_is_known_and_two_columns_fit_the_mark_says_so(self):
        unsure = answer({"a": [1, None], "b": [None, 2]})
        self.assertTrue(all("or missing" in title for row in unsure._rows() for _, mark, title in row if mark))

    def test_a_missing_value_of_an_answer_that_withholds_nothing_is_not_marked(self):
        whole = answer({"a": [1, None]}, suppressed_cells={}, outcome="released")
        self.assertNotIn("[c]", repr(whole) + whole._repr_html_())

    def test_a_record_that_says_where_is_followed(self):
        for where in ([{"row": 1, "column": "b", "rule": "dominance"}], [{"rows": [1], "column": 1, "rule": "dominance"}], {"b": {"dominance": 1}}, {"b": "dominance"}):
            shown = list(answer({"a": [None, 1], "b": [2.5, None]}, withheld=where)._rows())
            self.assertEqual(shown[0][0][1], "", where)
            self.assertEqual(shown[1][1][1:], ("[c]", "Withheld (dominance: one or two people make up too much of it)"), where)

    def test_the_explanation_tells_where_why_and_what_would_pass(self):
        said = {"rules": [{"rule": "threshold", "why": "Too few.", "rewrite": "Ask for more."}], "where": [{"column": "b", "keys": {"a": "x"}}]}
        explained = answer({"a": [1, None], "b": [None, 2]}, explanation=said)
        self.assertEqual([[mark for _, mark, _ in row] for row in explained._rows()], [["", "[c]"], ["", ""]])
        self.assertEqual([[text for text, _ in row] for row in Cells(explained._repr_html_()).rows[3:]],
                         [["rule", "what it asks", "instead"], ["threshold", "Too few.", "Ask for more."]])
        self.assertIn("threshold: Too few.\n  Instead: Ask for more.", repr(explained))

    def test_the_rule_of_groups_stands_behind_those_that_withheld_something(self):
        rules = [{"rule": "group", "why": "From ten on.", "rewrite": "Coarser keys."}, {"rule": "dominance", "why": "Nobody too much.", "rewrite": "A median."}]
        shown = answer({"a": [1, None]}, explanation={"rules": rules})
        self.assertEqual([row[0][0] for row in Cells(shown._repr_html_()).rows[4:]], ["dominance", "group"])
        self.assertLess(repr(shown).index("dominance:"), repr(shown).index("group:"))

    def test_an_answer_without_an_explanation_has_no_second_table(self):
        self.assertEqual(answer({"a": [1, None]})._repr_html_().count("<table"), 1)

    def test_an_odd_explanation_does_no_harm_and_is_escaped(self):
        bad = "<script>alert(1)</script>"
        for explanation in (None, {}, {"rules": None}, {"rules": [None, "x", {}, {"rule": bad, "why": bad, "rewrite": bad}]}, {"rules": [{"rule": "x", "why": None}]}):
            shown = answer({"a": [1]}, explanation=explanation)
            repr(shown)
            self.assertNotIn("<script", shown._repr_html_())
            Cells(shown._repr_html_())

    def test_an_explained_question_is_a_table_whose_refusal_comes_last(self):
        steps = {"step": [1, 2], "depth": [1, 0], "engine": ["vault", None], "kind": ["people", "refused"], "what": ["patients", "the whole SELECT"],
                 "rule": [None, "GH-204"], "note": ["One row for each person.", "S."], "advice": [None, "A."]}
        record = {"gatehouse.disclosure": json.dumps({**RECORD, "outcome": "explained", "suppressed_cells": {}, "groups_withheld": "none",
                                                      "refused": {"code": "GH-204", "sentence": "S.", "advice": "A.", "part": ""}})}
        shown = gatehouse.Explanation(pa.table(steps).replace_schema_metadata(record))
        self.assertEqual((shown.refused.code, shown.refused.sentence, shown.refused.advice), ("GH-204", "S.", "A."))
        self.assertNotIn("[c]", repr(shown) + shown._repr_html_())
        self.assertEqual(Cells(shown._repr_html_()).rows[2][4][0], "the whole SELECT")
        self.assertIsNone(gatehouse.Explanation(pa.table(steps)).refused)

    def test_parts_of_a_record_that_are_not_known_do_no_harm(self):
        odd = answer({"a": [None]}, cells=[1, None, "x", {}], other={"x": 1}, withheld=[{"column": "nope"}, {"column": 99}], suppressed_cells={"new-rule": 1})
        self.assertIn("new-rule", repr(odd) + odd._repr_html_())

    def test_text_is_escaped_wherever_it_comes_from(self):
        bad = '<script>alert("1")</script>'
        shown = answer({bad: [bad, None], "n": [1, None]}, suppressed_cells={bad: 1}, rounding=bad, withheld=[{"column": "n", "row": 1, "rule": bad}])._repr_html_()
        self.assertNotIn("<script", shown)
        self.assertNotIn('title="Withheld (<', shown)
        self.assertEqual(set(Cells(shown).tags), {"div", "table", "thead", "tbody", "tr", "th", "td", "abbr", "ul", "li"})

    def test_a_long_answer_is_cut_and_says_so(self):
        shown = Cells(answer({"a": list(range(100))})._repr_html_())
        self.assertEqual(len(shown.rows), 41)
        self.assertIn("60 more rows", shown.notes[0])

    def test_a_statement_without_rows_says_that_it_is_done(self):
        done = gatehouse.Result(pa.table({}))
        self.assertIn("Done", repr(done))
        self.assertIn("Done", done._repr_html_())


class DriverError(Exception):
    def __init__(self, text, details=()):
        super().__init__(text)
        self.details = list(details)


class Refusals(unittest.TestCase):
    TEXT = ("UNAUTHORIZED: [FlightSQL] GH-220: Nothing is left. Use coarser groups, or p1/p99. [qry_ab12] (PermissionDenied; ExecuteQuery). Vendor code: 7")

    def test_parts_are_read_from_the_details(self):
        said = json.dumps({"code": "GH-202", "sentence": "Column a. B is not there!", "advice": "List them. [qry_9]"}).encode()
        e = refusal(DriverError(self.TEXT, [(b"gatehouse-refusal-bin", said)]))
        self.assertEqual((e.code, e.sentence, e.advice, e.decision), ("GH-202", "Column a. B is not there!", "List them.", "qry_9"))

    def test_and_from_the_text_where_there_are_none(self):
        e = refusal(DriverError(self.TEXT))
        self.assertEqual((e.code, e.sentence, e.advice, e.decision), ("GH-220", "Nothing is left.", "Use coarser groups, or p1/p99.", "qry_ab12"))
        self.assertEqual(str(e), "GH-220: Nothing is left. Use coarser groups, or p1/p99. [qry_ab12]")

    def test_other_errors_are_not_refusals(self):
        self.assertIsNone(refusal(DriverError("IO: connection refused")))


if __name__ == "__main__":
    unittest.main()
