#!/usr/bin/env python3
"""Makes and serves an installation with an OMOP dataset of many people, for
gate_suite.py --set omop.

    .venv/bin/python test/omop_house.py --bin bin --dir DIR --ready FILE [--copies 40]

Serves until it is stopped. Everything is made by the commands that a real
installation is made with; a folder that is there already is served as it is.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import omop_people

EXTRACT = pathlib.Path(__file__).resolve().parent.parent / "catalog/testdata/omop-synthea27"
PROJECT = """id: {project}
title: Queries in the public shape of OHDSI's
purpose: To see which questions of the OMOP community are answered.
lay_summary: Made-up people are counted.
public_benefit: The gate is shown at work.
organisation: University of Northtown
funding: None
outputs: [tables]
policy: sdap
opt_out_basis: legal
opt_out_ref: The people are synthetic
expires: 2999-12-31
members:
  - {{user: lea, role: lead, training_until: 2999-12-31}}
  - {{user: remy, role: researcher, training_until: 2999-12-31}}
datasets:
  - dataset: omop
    tables: [{tables}]
"""
TABLES = ["person", "observation_period", "death", "visit_occurrence", "visit_detail", "condition_occurrence", "condition_era", "drug_exposure",
          "procedure_occurrence", "device_exposure", "measurement", "observation", "concept", "vocabulary", "provider", "cdm_source"]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", default="bin", help="folder of the programs")
    options.add_argument("--dir", required=True, help="folder of the installation")
    options.add_argument("--ready", required=True, help="file to write addresses and tokens to")
    options.add_argument("--copies", type=int, default=40)
    args = options.parse_args()
    house, work = pathlib.Path(args.dir).resolve(), pathlib.Path(args.dir).resolve().with_suffix(".extract")
    program = str(pathlib.Path(args.bin).resolve() / "gatehouse")

    def run(*words, token=None):
        environment = dict(os.environ, **({"GATEHOUSE_TOKEN": token} if token else {}))
        done = subprocess.run([program, *words], env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def token(user, *words):
        return run("token", "issue", "--dir", house, user, *words).strip().split()[-1]

    if not house.exists():
        print(omop_people.multiply(EXTRACT, work, args.copies, 1), "people", flush=True)
        run("init", "--dir", house, "--max-list-age", "720h")
        for user in ("carol", "lea", "remy"):
            run("user", "add", "--dir", house, user)
        run("user", "grant", "--dir", house, "carol", "custodian")
        print(run("publish", "--dir", house, "--definition", "omop", "--extracts", work, "--as", "carol"), flush=True)
        lead, custodian = token("lea"), token("carol")
        project = work / "project.yaml"
        project.write_text(PROJECT.format(project="ohdsi", tables=", ".join(f"{{table: {table}, why: Questions are asked of it}}" for table in TABLES)))
        run("project", "create", "--dir", house, project, token=lead)
        run("project", "submit", "--dir", house, "ohdsi", token=lead)
        run("project", "approve", "--dir", house, "ohdsi", token=custodian)
        for member in (lead, token("remy")):
            run("project", "sign", "--dir", house, "ohdsi", "--agreement", "1", token=member)
        run("workspace", "open", "--dir", house, "ohdsi", "ohdsi", token=custodian)
    tokens = {"researcher": token("remy", "--workspace", "ohdsi")}
    http, flight = free(), free()
    server = subprocess.Popen([program, "serve", "--dir", house, "--http", http, "--flight", flight])
    try:
        wait(flight, server)
        pathlib.Path(args.ready).write_text(json.dumps({
            "http": f"https://{http}", "flight": f"grpc+tls://{flight}", "ca": str(house / "ca.pem"), "workspace": "ohdsi", "tokens": tokens,
            "datasets": {"omop@1": str(house / "versions/omop/1")}, "population": str(house / "custodian/populations/ohdsi.parquet"),
            "custodian": str(house / "custodian")}))
        print("Serving", flush=True)
        return server.wait()
    finally:
        server.terminate()
        server.wait()


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait(address, server):
    """Returns once the server accepts connections."""
    host, port = address.split(":")
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the installation does not serve")


if __name__ == "__main__":
    sys.exit(main())
