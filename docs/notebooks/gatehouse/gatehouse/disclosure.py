"""What an answer says of its own protection."""

import json

METADATA = b"gatehouse.disclosure"

RULES = {
    "threshold": "too few people",
    "dominance": "one or two people make up too much of it",
    "difference": "with other numbers it would tell of too few people",
}


def in_words(*rules):
    """Rules by name, and what each means where that is known."""
    return "; ".join(f"{rule}: {RULES[rule]}" if rule in RULES else rule for rule in rules)


class Disclosure(dict):
    """The disclosure record of an answer, as the gate wrote it: a dict, with its main parts as attributes."""

    decision = property(lambda self: self.get("decision"), doc='id of the gate\'s decision, "qry_…"')
    outcome = property(lambda self: self.get("outcome"), doc='"released", "suppressed" (in part) or "kept" (a table was made)')
    policy = property(lambda self: self.get("policy"), doc="the project's disclosure policy")
    suppressed = property(lambda self: self.get("suppressed_cells") or {}, doc="numbers withheld, by rule")

    @classmethod
    def of(cls, schema):
        """The record in a schema's metadata; empty if there is none."""
        return cls(json.loads((schema.metadata or {}).get(METADATA, b"{}")))

    def withheld(self, names):
        """Where the record says that numbers are withheld: {(row, name): [rule, …]}; a row of None
        is every row in which nothing stands. names are those of the answer's columns.

        Records say this in more or less detail: what is read is any list of entries that name a
        column, and maybe rows and a rule, and any object whose keys are columns.
        """
        found = {}
        for key, part in self.items():
            if key != "suppressed_cells" and isinstance(part, dict) and part and set(part) <= set(names):
                part = [{"column": name, "rule": rule} for name, rules in part.items() for rule in (rules if isinstance(rules, (dict, list)) else [rules])]
            for entry in part if isinstance(part, list) else []:
                column = entry.get("column") if isinstance(entry, dict) else None
                if isinstance(column, int) and 0 <= column < len(names):
                    column = names[column]
                if column not in names:
                    continue
                rows = entry.get("rows", entry.get("row"))
                for row in rows if isinstance(rows, list) else [rows]:
                    found.setdefault((row, column), []).append(str(entry.get("rule") or "withheld"))
        return found

    def explained(self):
        """The record's explanation of each rule: {rule: {"why": …, "rewrite": …}}."""
        rules = (self.get("explanation") or {}).get("rules") or []
        return {entry["rule"]: entry for entry in rules if isinstance(entry, dict) and "rule" in entry}

    def columns(self, names):
        """The columns of the answer in which numbers are withheld, if the record names all of them; else none."""
        explanation = self.get("explanation") or {}
        named = {place.get("column") for place in explanation.get("where") or [] if isinstance(place, dict)}
        return tuple(named) if named <= set(names) and not explanation.get("more") else ()

    def explanations(self):
        """Why each rule withheld something, and what would pass: [(rule, why, rewrite), …]. That of
        groups, which is there whether any was left out or not, comes last."""
        return sorted(((rule, str(entry.get("why") or ""), str(entry.get("rewrite") or "")) for rule, entry in self.explained().items()),
                      key=lambda said: said[0] == "group")

    def notes(self):
        """What the gate did, in sentences."""
        said = []
        for rule, n in sorted(self.suppressed.items()):
            said.append(f"{n:,} {'number is' if n == 1 else 'numbers are'} withheld ({in_words(rule)}).")
        if self.get("groups_withheld") == "some":
            few = f"fewer than {self['threshold']} people" if self.get("threshold") else "few people"
            said.append(f"Groups of {few} are left out; whether there are any is not said.")
        if rounding := self.get("rounding"):
            said.append(f"Rounding: {rounding}.")
        if self.get("earlier_answer"):
            said.append("This is an earlier answer, given again.")
        said += [text for key, text in sorted(self.items()) if key in ("notes", "note", "advice", "rewrite") and isinstance(text, str) and text]
        about = [f"policy {self.policy}" if self.policy else "", f"k = {self['threshold']}" if self.get("threshold") else "",
                 ", ".join(map(str, self.get("datasets") or [])), self.decision or ""]
        if any(about):
            said.append(" · ".join(part for part in about if part))
        return said
