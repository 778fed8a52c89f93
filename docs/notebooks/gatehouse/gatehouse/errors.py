"""Refusals: a code, one sentence, what to do instead."""

import json
import re

_DECISION = re.compile(r"\s*\[(qry_[0-9a-zA-Z]+)\]\s*$")


class Refused(Exception):
    """A question that was not answered. It never holds anything about anybody.

    code      "GH-nnn": what programs switch on
    sentence  what was refused, or went wrong
    advice    what to do instead
    decision  id of the gate's decision ("qry_…"), or None where the question was refused before
              it touched data. `gatehouse request create --query ID` refers it to the output checkers.
    """

    def __init__(self, code, sentence, advice="", decision=None):
        super().__init__(code, sentence, advice, decision)
        self.code, self.sentence, self.advice, self.decision = code, sentence, advice, decision

    def __str__(self):
        said = f"{self.code}: {self.sentence}"
        if self.advice:
            said += f" {self.advice}"
        if self.decision:
            said += f" [{self.decision}]"
        return said

    def _render_traceback_(self):
        """What IPython shows in place of a traceback: where in the driver it was raised helps nobody."""
        lines = [f"{self.code}: {self.sentence}"]
        if self.advice:
            lines.append(self.advice)
        if self.decision:
            lines.append(f"Decision {self.decision}.")
        return lines


def refusal(error):
    """The Refused that a driver's error carries, or None if it is another kind of error."""
    said = _sent(error) or _read(str(error))
    if said is None:
        return None
    code, sentence, advice = said
    decision = _DECISION.search(advice) or _DECISION.search(sentence)
    return Refused(code, _DECISION.sub("", sentence), _DECISION.sub("", advice), decision and decision[1])


def _sent(error):
    """Code, sentence and advice as the server sends them beside the error."""
    for key, value in getattr(error, "details", None) or []:
        if key in (b"gatehouse-refusal-bin", "gatehouse-refusal-bin"):
            try:
                said = json.loads(value)
                return said["code"], said["sentence"], said.get("advice", "")
            except (ValueError, KeyError, TypeError):
                return None
    return None


def _read(text):
    """The same, read from the error's text, where no details came along."""
    found = re.search(r"(GH-\d{3}): (.*)", text, re.S)
    if not found:
        return None
    said = re.sub(r"\s*\(\w+; \w+\)(\. Vendor code: \d+)?\s*$", "", found[2])
    sentence, _, advice = _first_sentence(said)
    return found[1], sentence, advice


def _first_sentence(text):
    end = re.search(r"(?<=[.!?])\s+(?=[A-Z[])", text)
    if not end:
        return text, "", ""
    return text[: end.start()], " ", text[end.end() :]
