"""Connections as a researcher's notebook makes them."""

import json
import re
import time
from dataclasses import dataclass, field

import adbc_driver_flightsql.dbapi
from adbc_driver_flightsql import ConnectionOptions, DatabaseOptions

TIMEOUT = 60.0  # seconds; an engine that hangs longer has not stopped an attack


class Ready:
    """What `gatehouse demo --ready FILE` says of itself."""

    def __init__(self, path):
        with open(path) as file:
            self.said = json.load(file)
        self.tokens = self.said["tokens"]
        self.datasets = self.said["datasets"]
        self.population = self.said["population"]
        self.flight = re.sub(r"^(grpc\+tls://|https://)?", "", self.said["flight"])

    def certificate(self):
        """The CA's certificate: the file's contents, whether named or given."""
        ca = self.said["ca"]
        if "BEGIN CERTIFICATE" in ca:
            return ca
        with open(ca) as file:
            return file.read()


@dataclass
class Reply:
    """What came of one statement: a table, or an error's text; and how long it took."""

    table: object = None  # pyarrow.Table
    error: str = ""
    code: str = ""    # GH-nnn
    status: str = ""  # gRPC status, as the driver names it
    ms: float = 0.0
    disclosure: dict = field(default_factory=dict)

    @property
    def refused(self):
        """Refused as the gate refuses: with a code, and for a reason that is the question's."""
        return self.table is None and bool(self.code) and self.status in ("PermissionDenied", "InvalidArgument")


class Gated:
    """A workspace behind the gate, over Flight SQL."""

    def __init__(self, ready, role="researcher", token=None):
        self.connection = adbc_driver_flightsql.dbapi.connect(
            "grpc+tls://" + ready.flight,
            db_kwargs={
                DatabaseOptions.TLS_ROOT_CERTS.value: ready.certificate(),
                DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token or ready.tokens[role]}",
            },
            conn_kwargs={
                ConnectionOptions.TIMEOUT_QUERY.value: str(TIMEOUT),
                ConnectionOptions.TIMEOUT_FETCH.value: str(TIMEOUT),
                ConnectionOptions.TIMEOUT_UPDATE.value: str(TIMEOUT),
            },
            autocommit=True,
        )

    def close(self):
        self.connection.close()

    def ask(self, sql, parameters=None):
        start = time.perf_counter()
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                table = cursor.fetch_arrow_table()
        except Exception as error:  # the driver's errors have no common base beside Exception's
            reply = Reply(error=str(error))
            reply.code = (re.search(r"GH-\d{3}", reply.error) or [""])[0]
            reply.status = (re.search(r"\((\w+); ", reply.error) or ["", type(error).__name__])[1]
        else:
            reply = Reply(table=table)
            metadata = table.schema.metadata or {}
            reply.disclosure = json.loads(metadata.get(b"gatehouse.disclosure", b"{}"))
        reply.ms = (time.perf_counter() - start) * 1000
        return reply
