"""Questions to a Gatehouse workspace, from a notebook.

    import gatehouse

    workspace = gatehouse.connect()
    people = workspace.ask("SELECT sex, count(*) AS people FROM patients GROUP BY sex")
    people          # a table, with withheld cells marked and what the gate did beneath it
    people.df()     # a pandas DataFrame
    people.table    # a pyarrow.Table
    gatehouse.explain(workspace, "SELECT …")   # how the gate would judge it, without asking

A question that the gate does not answer raises `gatehouse.Refused`.
"""

from .connection import Workspace, ask, connect, explain
from .disclosure import Disclosure
from .errors import Refused
from .result import Explanation, Result

__all__ = ["Disclosure", "Explanation", "Refused", "Result", "Workspace", "ask", "connect", "explain"]
__version__ = "1.0.0"
