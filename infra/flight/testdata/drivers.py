"""What a researcher's notebook sees through the standard drivers.

Run by drivers_test.go, which starts a server and tells where it is in
GATEHOUSE_URI, GATEHOUSE_CA (a file), GATEHOUSE_TOKEN and GATEHOUSE_OTHER_TOKEN.
"""

import datetime
import decimal
import json
import os
import sys
import threading
import time
import unittest
import warnings

import adbc_driver_flightsql.dbapi as flightsql
import pandas
import polars
import pyarrow
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import dbapi

COUNT = "SELECT count(*) FROM person"


def connect(token="GATEHOUSE_TOKEN", autocommit=True, **options):
    with open(os.environ["GATEHOUSE_CA"]) as f:
        ca = f.read()
    return flightsql.connect(
        os.environ["GATEHOUSE_URI"],
        db_kwargs={
            DatabaseOptions.TLS_ROOT_CERTS.value: ca,
            DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer " + os.environ[token],
            **options,
        },
        autocommit=autocommit,
    )


class Drivers(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()
        self.addCleanup(self.cursor.close)

    def test_dbapi(self):
        self.cursor.execute(COUNT)
        self.assertEqual(self.cursor.fetchall(), [(42,)])
        self.assertEqual(self.cursor.rowcount, -1)
        self.assertEqual([c[0] for c in self.cursor.description], ["n"])
        for _ in range(3):  # the same text uses the prepared handle again
            self.cursor.execute(COUNT)
            self.assertEqual(self.cursor.fetchone(), (42,))

    def test_default_connection(self):
        # Without autocommit the driver warns, and works.
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            connection = connect(autocommit=False)
        self.assertTrue(any("autocommit" in str(w.message) for w in seen), seen)
        with connection, connection.cursor() as cursor:
            cursor.execute(COUNT)
            self.assertEqual(cursor.fetchall(), [(42,)])

    def test_disclosure(self):
        self.cursor.execute(COUNT)
        reader = self.cursor.fetch_record_batch()
        record = json.loads(reader.schema.metadata[b"gatehouse.disclosure"])
        self.assertEqual(record["outcome"], "released")
        self.assertEqual(record["datasets"], ["shared_care@1"])
        reader.read_all()
        self.cursor.execute(COUNT)
        table = self.cursor.fetch_arrow_table()
        self.assertIn(b"gatehouse.disclosure", table.schema.metadata)
        # Through the PyCapsule interface, which polars uses, as well.
        self.cursor.execute(COUNT)
        reader = pyarrow.RecordBatchReader.from_stream(self.cursor.fetch_arrow())
        self.assertIn(b"gatehouse.disclosure", reader.schema.metadata)
        reader.read_all()

    def test_pandas(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas knows ADBC connections
            frame = pandas.read_sql("SELECT * FROM rows(5000)", self.connection)
        self.assertEqual(frame.shape, (5000, 3))
        self.assertEqual(frame["label"].iloc[-1], "row 4999")
        self.cursor.execute("SELECT * FROM rows(10)")
        self.assertEqual(self.cursor.fetch_df()["value"].sum(), 22.5)

    def test_polars(self):
        frame = polars.read_database("SELECT * FROM rows(5000)", self.connection)
        self.assertEqual(frame.shape, (5000, 3))
        self.assertEqual(frame["id"].sum(), 5000 * 4999 // 2)
        self.cursor.execute("SELECT * FROM rows(10)")
        self.assertEqual(self.cursor.fetch_polars()["value"].sum(), 22.5)
        frame = polars.read_database(
            "SELECT echo(?)", self.connection, execute_options={"parameters": [7]}
        )
        self.assertEqual(frame.row(0), (7,))

    def test_parameters(self):
        moment = datetime.datetime(2024, 5, 6, 7, 8, 9)
        for values in (
            [1, "a"],
            [2.5, None],
            [True, datetime.date(2024, 2, 29)],
            [moment, decimal.Decimal("12.34")],
        ):
            self.cursor.execute("SELECT echo(?, ?)", values)
            self.assertEqual(self.cursor.fetchall(), [tuple(values)])
        self.assertEqual(len(self.cursor.adbc_prepare("SELECT echo(?, ?, ?)")), 3)
        with self.assertRaises(dbapi.ProgrammingError) as caught:
            self.cursor.execute("SELECT echo(?)", [1, 2])
        self.assertIn("GH-202", str(caught.exception))
        with self.connection.cursor() as fresh, self.assertRaises(dbapi.ProgrammingError) as caught:
            fresh.execute("SELECT echo(?, ?)")
        self.assertIn("2 parameters, and 0 were given", str(caught.exception))

    def test_polars_parameters(self):
        # A frame as parameters comes as views and large text.
        self.cursor.execute("SELECT echo(?, ?)", polars.DataFrame({"a": [3], "b": ["x"]}).to_arrow())
        self.assertEqual(self.cursor.fetchall(), [(3, "x")])

    def test_workspace_tables(self):
        self.cursor.execute("CREATE TABLE adults AS SELECT person_id FROM person")
        self.assertEqual(self.cursor.fetchall(), [])
        self.assertEqual(self.cursor.rowcount, -1)
        self.cursor.executemany("CREATE TABLE children AS SELECT person_id FROM person", None)
        self.assertEqual(self.cursor.rowcount, -1)
        names = {t["table_name"]: t["table_type"] for t in self.listing()}
        self.assertEqual(names["adults"], "SCRATCH TABLE")
        self.assertEqual(names["children"], "SCRATCH TABLE")
        self.cursor.execute("DROP TABLE adults")
        self.cursor.execute("DROP TABLE children")
        self.assertNotIn("adults", {t["table_name"] for t in self.listing()})
        self.cursor.execute("CREATE TABLE kept AS SELECT person_id FROM person")
        reader = self.cursor.fetch_record_batch()
        record = json.loads(reader.schema.metadata[b"gatehouse.disclosure"])
        self.assertEqual(record["outcome"], "kept")
        reader.close()
        self.cursor.execute("DROP TABLE kept")

    def listing(self, **filters):
        objects = self.connection.adbc_get_objects(**filters).read_all().to_pylist()
        self.assertEqual([c["catalog_name"] for c in objects], ["gatehouse"])
        schemas = objects[0]["catalog_db_schemas"]
        self.assertEqual([s["db_schema_name"] for s in schemas], ["main"])
        return schemas[0]["db_schema_tables"]

    def test_get_objects(self):
        tables = {t["table_name"]: t for t in self.listing()}
        self.assertLessEqual({"person", "icd10"}, set(tables))
        columns = tables["person"]["table_columns"]
        self.assertEqual(
            [(c["column_name"], c["xdbc_type_name"], c["ordinal_position"]) for c in columns],
            [("person_id", "VARCHAR", 1), ("birth_year", "INTEGER", 2), ("registered", "DATE", 3)],
        )
        only = self.listing(depth="tables", table_name_filter="ic%", table_types_filter=["TABLE"])
        self.assertEqual([t["table_name"] for t in only], ["icd10"])
        schema = self.connection.adbc_get_table_schema("person")
        self.assertEqual([str(f.type) for f in schema], ["string", "int32", "date32[day]"])
        field = schema.field("registered")
        self.assertEqual(field.metadata[b"gatehouse.class"], b"date")
        self.assertEqual(field.metadata[b"gatehouse.grain"], b"month")
        self.assertEqual(
            schema.field("person_id").metadata[b"ARROW:FLIGHT:SQL:REMARKS"], b"Project pseudonym"
        )
        self.assertEqual(self.connection.adbc_get_table_types(), ["TABLE", "SCRATCH TABLE"])
        info = self.connection.adbc_get_info()
        self.assertEqual(info["vendor_name"], "Gatehouse")
        self.assertEqual(self.connection.adbc_current_catalog, "gatehouse")
        self.assertEqual(self.connection.adbc_current_db_schema, "main")
        self.connection.adbc_current_catalog = "gatehouse"
        with self.assertRaises(dbapi.Error):
            self.connection.adbc_current_db_schema = "other"

    def test_errors(self):
        for sql, kind, status, text in (
            ("SELEC 1", dbapi.ProgrammingError, "INVALID_ARGUMENT", "GH-201: syntax error at or near"),
            ("SELECT nonsense", dbapi.ProgrammingError, "INVALID_ARGUMENT", "GH-202: "),
            ("SELECT name FROM person", dbapi.ProgrammingError, "UNAUTHORIZED",
             "GH-204: The result would be rows of people. Aggregate over people"),
            ("SELECT fault", dbapi.InternalError, "INTERNAL", "GH-000: Something went wrong inside Gatehouse."),
            ("SELECT fault later", dbapi.InternalError, "INTERNAL", "GH-000: Something went wrong inside Gatehouse."),
            ("SELECT panic", dbapi.InternalError, "INTERNAL", "GH-000: Something went wrong inside Gatehouse."),
            ("SELECT busy", dbapi.OperationalError, "IO", "GH-504: Every engine is taken."),
        ):
            with self.subTest(sql):
                with self.assertRaises(dbapi.Error) as caught:
                    self.cursor.execute(sql)
                    self.cursor.fetchall()
                print(f"# {sql}: {type(caught.exception).__name__} {caught.exception.status_code.name}: {caught.exception}")
                self.assertIn(text, str(caught.exception))
                self.assertNotIn("943", str(caught.exception))
                self.assertIsInstance(caught.exception, kind)
                self.assertEqual(caught.exception.status_code.name, status)
        self.cursor.execute(COUNT)
        self.assertEqual(self.cursor.fetchall(), [(42,)])

    def test_unknown_token(self):
        with self.assertRaises(dbapi.Error) as caught:
            with connect(token="GATEHOUSE_WRONG_TOKEN") as connection, connection.cursor() as cursor:
                cursor.execute(COUNT)
        self.assertIn("GH-101: The token is not known.", str(caught.exception))
        self.assertEqual(caught.exception.status_code.name, "UNAUTHENTICATED")

    def test_not_offered(self):
        with self.assertRaises(dbapi.NotSupportedError):
            self.connection.adbc_connection.set_autocommit(False)
        with self.assertRaises(dbapi.Error) as caught:
            self.cursor.adbc_ingest("t", pyarrow.table({"a": [1]}))
        self.assertIn("GH-602", str(caught.exception))

    def test_cancel(self):
        # The server says on its standard input that the question runs.
        def cancel():
            sys.stdin.readline()
            self.cursor.adbc_cancel()

        print("# waiting", flush=True)
        thread = threading.Thread(target=cancel)
        thread.start()
        with self.assertRaises(dbapi.Error) as caught:
            self.cursor.execute("SELECT wait")
        thread.join()
        self.assertEqual(caught.exception.status_code.name, "CANCELLED")
        self.cursor.execute(COUNT)
        self.assertEqual(self.cursor.fetchall(), [(42,)])

    def test_two_principals(self):
        with connect(token="GATEHOUSE_OTHER_TOKEN") as other, other.cursor() as theirs:
            self.cursor.execute(COUNT)
            theirs.execute(COUNT)
            self.assertEqual(theirs.fetchall(), [(42,)])
            self.assertEqual(self.cursor.fetchall(), [(42,)])
            # A partition is a ticket: it serves only whoever asked, and once.
            partitions, _ = self.cursor.adbc_execute_partitions(COUNT)
            with self.assertRaises(dbapi.Error) as caught:
                theirs.adbc_read_partition(partitions[0])
                theirs.fetchall()
            self.assertIn("GH-103", str(caught.exception))
            self.cursor.adbc_read_partition(partitions[0])
            self.assertEqual(self.cursor.fetchall(), [(42,)])

    def test_closing_one_connection_leaves_the_other(self):
        second = connect()
        with second.cursor() as cursor:
            cursor.execute(COUNT)
            cursor.fetchall()
        self.cursor.execute(COUNT)
        self.cursor.fetchall()
        second.close()
        self.cursor.execute(COUNT)  # with the handle that was prepared before
        self.assertEqual(self.cursor.fetchall(), [(42,)])

    def test_large_result(self):
        n = 1_000_000
        start = time.perf_counter()
        self.cursor.execute(f"SELECT * FROM rows({n})")
        table = self.cursor.fetch_arrow_table()
        seconds = time.perf_counter() - start
        batches = table.to_batches()
        print(f"# {n} rows, {table.nbytes / 1e6:.0f} MB in {len(batches)} batches, {n / seconds / 1e6:.2f} M rows/s")
        self.assertEqual(table.num_rows, n)
        self.assertLess(len(batches), 45)
        self.assertEqual(table["id"][n - 1].as_py(), n - 1)

    def test_small_questions(self):
        times = []
        for _ in range(200):
            start = time.perf_counter()
            self.cursor.execute(COUNT)
            self.cursor.fetchall()
            times.append(time.perf_counter() - start)
        times.sort()
        print(f"# one number: median {times[100] * 1e3:.2f} ms, 95 % {times[190] * 1e3:.2f} ms")


if __name__ == "__main__":
    unittest.main(verbosity=2)
