"""An answer: its table, and what the gate did with it."""

import html
import itertools

import pyarrow.types

from .disclosure import Disclosure, in_words
from .errors import Refused

WITHHELD = "[c]"  # confidential, as British official statistics mark it
MISSING = "–"
SHOWN = 40  # rows of a table that are shown; the rest is there, in .table
MOST_COLUMNS = 12  # that are searched for withheld numbers


class Result:
    """An answer.

    table       pyarrow.Table
    disclosure  the gate's disclosure record
    df()        pandas.DataFrame, with the record in .attrs["disclosure"]

    In a notebook it shows as a table in which withheld numbers are marked [c], with what the gate
    did beneath it.
    """

    def __init__(self, table):
        self.table = table
        self.disclosure = Disclosure.of(table.schema)

    def df(self):
        """The answer as a pandas DataFrame (needs pandas). Withheld numbers are missing, never 0."""
        frame = self.table.to_pandas()
        frame.attrs["disclosure"] = dict(self.disclosure)
        return frame

    def __len__(self):
        return self.table.num_rows

    def __repr__(self):
        if not self.table.num_columns:
            return "Done: a table or view of the workspace was made or dropped, if there was one to drop."
        names = list(map(str, self.table.column_names))
        rows = [[mark or text for text, mark, _ in row] for row in self._rows()]
        widths = [max(map(len, column)) for column in zip(names, *rows)]
        right = [_is_number(field.type) for field in self.table.schema]

        def line(cells):
            return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right)).rstrip()

        lines = [line(names), line(["-" * w for w in widths]), *map(line, rows)]
        return "\n".join(lines + self._more() + [""] + self._legend() + self.disclosure.notes() + self._why())

    def _repr_html_(self):
        if not self.table.num_columns:
            return "<p>Done: a table or view of the workspace was made or dropped, if there was one to drop.</p>"
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in self.table.column_names)
        body = []
        right = [_is_number(field.type) for field in self.table.schema]
        for row in self._rows():
            cells = []
            for (text, mark, title), number in zip(row, right):
                style = ' style="text-align:right"' if number else ' style="text-align:left"'
                if mark:
                    cells.append(f'<td{style}><abbr class="gatehouse-withheld" title="{html.escape(title)}" '
                                 f'style="color:#b3541e;text-decoration:none;cursor:help">{html.escape(mark)}</abbr></td>')
                else:
                    cells.append(f"<td{style}>{html.escape(text)}</td>")
            body.append(f"<tr>{''.join(cells)}</tr>")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self._more() + self._legend() + self.disclosure.notes())
        return (f'<div class="gatehouse-result"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
                f'<ul style="list-style:none;padding-left:0;font-size:85%;opacity:.8">{notes}</ul>{self._why_html()}</div>')

    def _why(self):
        """The record's explanation: for each rule what it asks, and what would pass."""
        lines = []
        for rule, why, rewrite in self.disclosure.explanations():
            lines.append(f"{rule}: {why}")
            if rewrite:
                lines.append(f"  Instead: {rewrite}")
        return ["", *lines] if lines else []

    def _why_html(self):
        rows = "".join(f'<tr><th style="text-align:left;vertical-align:top">{html.escape(rule)}</th><td style="text-align:left">{html.escape(why)}</td>'
                       f'<td style="text-align:left">{html.escape(rewrite)}</td></tr>' for rule, why, rewrite in self.disclosure.explanations())
        if not rows:
            return ""
        return ('<table class="gatehouse-why" style="font-size:85%"><thead><tr><th style="text-align:left">rule</th>'
                f'<th style="text-align:left">what it asks</th><th style="text-align:left">instead</th></tr></thead><tbody>{rows}</tbody></table>')

    def _rows(self):
        """The rows that are shown: of each cell its text, its mark if it is withheld, and why."""
        names = self.table.column_names
        where = self.disclosure.withheld(names)
        rules = in_words(*sorted(self.disclosure.suppressed))
        holding, certain = ((), True) if where else self._holding()
        columns = [column.to_pylist() for column in self.table.slice(0, SHOWN).columns]
        for i, row in enumerate(zip(*columns)):
            cells = []
            for name, value in zip(names, row):
                if value is not None:
                    cells.append((_text(value), "", ""))
                    continue
                found = where.get((i, name)) or where.get((None, name))
                if found:
                    cells.append(("", WITHHELD, f"Withheld ({in_words(*found)})"))
                elif name in holding:
                    cells.append(("", WITHHELD, f"Withheld ({rules})" if certain else f"Withheld ({rules}), or missing"))
                else:
                    cells.append((MISSING, "", ""))
            yield cells

    def _holding(self):
        """The columns in which numbers are withheld, where the record gives only how many are, and
        whether that is certain: it is if just one choice of columns has so many cells without a value."""
        withheld = sum(self.disclosure.suppressed.values())
        empty = {name: column.null_count for name, column in zip(self.table.column_names, self.table.columns)
                 if column.null_count and _may_be_withheld(column.type)}
        if not withheld:
            return (), True
        if named := self.disclosure.columns(self.table.column_names):
            return named, True
        if len(empty) <= MOST_COLUMNS:
            fitting = [choice for n in range(len(empty)) for choice in itertools.combinations(empty, n + 1) if sum(map(empty.get, choice)) == withheld]
            if len(fitting) == 1:
                return fitting[0], True
        return tuple(empty), False

    def _more(self):
        rest = self.table.num_rows - SHOWN
        return [f"… and {rest:,} more {'row' if rest == 1 else 'rows'}."] if rest > 0 else []

    def _legend(self):
        return [f"{WITHHELD} withheld by the gate."] if any(mark for row in self._rows() for _, mark, _ in row) else []


class Explanation(Result):
    """How the gate would judge a question: a table with a row for each step and each number.

    refused  the Refused that the question would be answered with, or None. The last row of the
             table has the same, with the part of the question that is refused.
    """

    @property
    def refused(self):
        said = self.disclosure.get("refused")
        return Refused(said["code"], said["sentence"], said.get("advice", "")) if said else None


def _is_number(t):
    return pyarrow.types.is_integer(t) or pyarrow.types.is_floating(t) or pyarrow.types.is_decimal(t)


def _may_be_withheld(t):
    """Numbers are withheld, and what is made of numbers; not the text that names a group."""
    return not (pyarrow.types.is_string(t) or pyarrow.types.is_large_string(t))


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)  # no thousands separators: a year is a number too
