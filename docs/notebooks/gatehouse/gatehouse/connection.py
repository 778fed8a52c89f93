"""Connections to a workspace, over Arrow Flight SQL."""

import json
import os
import pathlib

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pyarrow
from adbc_driver_flightsql import DatabaseOptions

from .errors import refusal
from .result import Explanation, Result


class Workspace:
    """A connection to one workspace. `connection` is the ADBC connection beneath it."""

    def __init__(self, server, ca, token):
        options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
        if ca:
            options[DatabaseOptions.TLS_ROOT_CERTS.value] = ca
        self.server = server
        self.connection = adbc_driver_flightsql.dbapi.connect(server, db_kwargs=options, autocommit=True)

    @classmethod
    def over(cls, connection, server="a connection of your own"):
        """The workspace at the other end of an ADBC connection that is open already."""
        workspace = cls.__new__(cls)
        workspace.server, workspace.connection = server, connection
        return workspace

    def ask(self, sql, params=None):
        """Asks one question and gives its Result; raises Refused if the gate does not answer it.

        params are the values of `?` or `$1` in sql, in order.
        """
        return self._ask(sql, params, Result)

    def explain(self, sql, params=None):
        """Says how the gate would judge a question, without asking it: an Explanation.

        One row for each step of the question and each of its numbers, with the rules that judge
        it. Of a question that would be refused, the last row says which part is, and what to do
        instead. SQL that does not parse or names something that is not there raises Refused.
        """
        return self._ask(f"EXPLAIN GATE {sql}", params, Explanation)

    def _ask(self, sql, params, kind):
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql, params)
                if cursor.description is None:  # a table was made or dropped: there are no rows
                    return kind(pyarrow.table({}))
                # The reader's schema is the stream's own: it carries the disclosure record.
                reader = cursor.fetch_record_batch()
                return kind(pyarrow.Table.from_batches(reader, schema=reader.schema))
        except (adbc_driver_manager.Error, OSError) as error:  # a stream that breaks off is pyarrow's OSError
            refused = refusal(error)
            if refused is None:
                raise
        raise refused  # from here, so that the driver's error is not printed before it

    def tables(self):
        """The tables that the workspace has, with the names of their columns: a dict."""
        objects = self.connection.adbc_get_objects(depth="columns").read_all().to_pylist()
        return {
            table["table_name"]: [column["column_name"] for column in table["table_columns"] or []]
            for catalog in objects
            for schema in catalog["catalog_db_schemas"] or []
            for table in schema["db_schema_tables"] or []
        }

    def close(self):
        """Ends the connection."""
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f"<gatehouse.Workspace at {self.server}>"


def connect(server=None, ca=None, token_file=None):
    """Connects to a workspace.

    server      address of Flight SQL, "grpc+tls://HOST:PORT" (or "HOST:PORT"); or
                "grpc+unix:///PATH" inside a workspace. Else $GATEHOUSE_FLIGHT.
    ca          PEM file of the authority that signed its certificate. Else $GATEHOUSE_CA, else
                the authorities that the system trusts.
    token_file  file that holds your token. Else the token in $GATEHOUSE_TOKEN.

    Where neither server nor $GATEHOUSE_FLIGHT is given, all three come from the file that
    `gatehouse demo` writes: $GATEHOUSE_READY, or ~/.cache/gatehouse/demo/ready.json.
    """
    server = server or os.environ.get("GATEHOUSE_FLIGHT")
    if server:
        ca = ca or os.environ.get("GATEHOUSE_CA")
        token = os.environ.get("GATEHOUSE_TOKEN", "")
    else:  # the demonstration's token is for the demonstration's server, and no other
        ready = _demonstration()
        server, ca, token = ready["flight"], ca or ready["ca"], ready["tokens"]["researcher"]
    if token_file:
        token = pathlib.Path(token_file).read_text()
    if not token.strip():
        raise ValueError("There is no token: pass token_file, or set GATEHOUSE_TOKEN.")
    return Workspace(_address(server), _certificate(ca), token.strip())


def ask(sql, params=None):
    """Asks one question over a connection of its own, made as connect() makes it."""
    with connect() as workspace:
        return workspace.ask(sql, params)


def explain(workspace, sql, params=None):
    """Says how the gate would judge a question, without asking it: see Workspace.explain.

    workspace is a Workspace, or an ADBC connection to one.
    """
    if not isinstance(workspace, Workspace):
        workspace = Workspace.over(workspace)
    return workspace.explain(sql, params)


def _demonstration():
    path = pathlib.Path(os.environ.get("GATEHOUSE_READY") or pathlib.Path.home() / ".cache/gatehouse/demo/ready.json")
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no {path}. Start `gatehouse demo`, or say where to ask: connect(server=…), or set GATEHOUSE_FLIGHT."
        ) from None


def _address(server):
    scheme, separator, rest = server.partition("://")
    if not separator:
        return f"grpc+tls://{server}"
    if scheme in ("grpc+tls", "grpc+unix"):
        return server
    if scheme in ("http", "https"):
        raise ValueError(f"{server} is an address of the HTTP API; notebooks ask at the one that is called Flight SQL, grpc+tls://HOST:PORT.")
    raise ValueError(f"A token is not sent over {scheme}://; use grpc+tls://{rest}.")


def _certificate(ca):
    if ca and "BEGIN CERTIFICATE" not in ca:
        return pathlib.Path(ca).read_text()
    return ca
