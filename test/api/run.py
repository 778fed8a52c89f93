"""Tries the API as its own description says, as several people at once, and checks a released bundle.

    run.py [--seed N]

Serves a demonstration, takes a request to a release in it, and runs schemathesis
over the OpenAPI document as that server serves it, with the tokens of several
roles: no answer may be a 5xx, or of a status, type or form that the document does
not have; what does not fit the document must be refused, and what asks for a
token must not do without one. Then the released bundle is verified by Gatehouse
and by the RO-Crate community's validator. Exits with 1 if anything is wrong.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
GATEHOUSE = pathlib.Path(os.environ.get("GATEHOUSE_BIN", REPOSITORY / "bin")) / "gatehouse"
VENV = REPOSITORY / ".venv-api"
PROMISES = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
STRICT = PROMISES + ",negative_data_rejection,unsupported_method,allow_header_conformance,ignored_auth"

CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
"""

# null in place of a member that may be left out is taken for one that was. Only here is nothing
# else refused, so that it shows: this one is tried by those who have something to say.
LENIENT = ("--exclude-operation-id", "say-message")

# What would end the project, the release or the tokens that the others use: tried last.
ENDING = ("sign-out", "end-session", "revoke-token", "revoke-user", "lock-user", "suspend-project", "close-project", "archive-project", "withdraw-project", "recall-release")


def environment():
    """Makes .venv-api, if it is not there as pinned."""
    wanted, made = (HERE / "requirements.txt").read_text(), VENV / "requirements.txt"
    if made.exists() and made.read_text() == wanted:
        return
    print("making .venv-api and installing the packages of test/api/requirements.txt into it with pip (about 140 MB, once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", HERE / "requirements.txt"], check=True)
    made.write_text(wanted)


class House:
    """A demonstration that serves."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "ready.json"
        self.process = subprocess.Popen([GATEHOUSE, "demo", "--dir", folder / "house", "--people", "300", "--seed", "1", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0",
                                         "--ready", self.file], stdout=subprocess.DEVNULL)
        while not self.file.exists():  # it is written once, when all of it serves
            try:
                raise SystemExit(f"the demonstration ended before it served: {self.process.wait(timeout=0.05)}")
            except subprocess.TimeoutExpired:
                pass
        self.ready = json.loads(self.file.read_text())

    def run(self, who, *args):
        env = dict(os.environ, GATEHOUSE_SERVER=self.ready["http"], GATEHOUSE_CA=self.ready["ca"], GATEHOUSE_TOKEN=self.ready["tokens"][who])
        return subprocess.run([GATEHOUSE, *args], check=True, env=env, stdout=subprocess.PIPE, text=True).stdout

    def document(self):
        with urllib.request.urlopen(self.ready["http"] + "/openapi.json", context=ssl.create_default_context(cafile=self.ready["ca"])) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def release(house):
    """Takes a file out, as everybody would: ids that exist, and the bundle."""
    table = house.folder / "table.csv"
    table.write_text("region,n\nLondon,120\nLeeds,140\n")
    create = ["request", "create", "--project", "diabetes-outcomes", "--title", "Admissions by region", "--what", "Counts", "--population", "Adults", "--dates", "2024", "--controls", "k = 10", "--people", "At least 120"]
    request = house.run("researcher", *create, str(table)).split()[0]
    house.run("researcher", "request", "submit", request)
    for checker in ("checker1", "checker2"):
        house.run(checker, "request", "review", request, "--approve-all")
    released = house.run("checker1", "request", "release", request).split()[0]
    bundle = house.folder / "bundle.zip"
    house.run("researcher", "request", "download", released, "--output", str(bundle))
    keys = house.folder / "house" / "keys"
    house.run("researcher", "verify", str(bundle), "--key", str(keys / "release.pub.pem"), "--journal-key", str(keys / "journal.pub.pem"))
    draft = house.run("researcher", *create, str(table)).split()[0]
    return {"request": request, "release": released, "project": "diabetes-outcomes", "workspace": house.ready["workspace"], "dataset": "shared_care", "number": 1, "name": "table.csv", "index": 3}, draft, bundle


def schemathesis(house, name, who, seed, *args, ids=None):
    """One run; gives what it found, or nothing."""
    report, config = house.folder / f"{name}.json", house.folder / f"{name}.toml"
    config.write_text("".join(f'parameters."path.{k}" = {json.dumps(v)}\n' for k, v in (ids or {}).items()) + CONFIG)
    command = [VENV / "bin" / "schemathesis", "--config-file", config, "run", house.ready["http"] + "/openapi.json", "--tls-verify", house.ready["ca"], "--seed", str(seed), "--generation-deterministic", "--no-shrink",
               "--warnings", "off", "--continue-on-failure", "--report", "json", "--report-json-path", report, *args]
    if who:
        command += ["--header", f"Authorization: Bearer {house.ready['tokens'][who]}"]
    start = time.perf_counter()
    # No --max-time: with one, schemathesis goes on until it is spent, and how much it tries depends on the machine.
    done = subprocess.run(command, cwd=house.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    if not report.exists():
        return f"{name}: it did not run\n{done.stdout}"
    said = json.loads(report.read_text())
    print(f"{name:22} {said['test_cases']['generated']:5} cases, {said['operations']['tested']} of {said['operations']['selected']} operations, {time.perf_counter() - start:.0f} s", flush=True)
    if done.returncode or said["errors"]:
        return f"{name}:\n{done.stdout}"
    if said["operations"]["tested"] != said["operations"]["selected"]:
        return f"{name}: not every operation was tried"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    environment()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-api-"))
    house = House(folder)
    wrong = []
    try:
        ids, draft, bundle = release(house)
        without = [x for operation in ENDING for x in ("--exclude-operation-id", operation)]
        some = ["--phases", "fuzzing", "--max-examples", "4", "--checks", PROMISES, *without]
        runs = [
            # Every operation with what its description allows and forbids, by names that do not exist.
            ("researcher, all", "researcher", ["--phases", "coverage", "--checks", STRICT, *without, *LENIENT], None),
            # Every operation with what exists.
            *((f"{who}, what exists", who, some, ids) for who in ("checker2", "custodian", "auditor", "operator", "lead")),
            ("author, a draft", "researcher", [*some, "--include-path-regex", "/requests/"], ids | {"request": draft}),
            ("nobody", None, some, ids),
        ]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda run: schemathesis(house, run[0].replace(" ", "-").replace(",", ""), run[1], given.seed, *run[2], ids=run[3]), runs))
        last = [x for operation in ENDING for x in ("--include-operation-id", operation)]
        found.append(schemathesis(house, "what-ends-things", "custodian", given.seed, "--phases", "fuzzing", "--max-examples", "4", "--checks", PROMISES, *last, ids=ids))
        wrong = [f for f in found if f]
        log = (folder / "house" / "state" / "gatehouse.log").read_text()
        wrong += [f"the server's log: {line}" for line in log.splitlines() if "panicked" in line]
        crate = subprocess.run([VENV / "bin" / "python", HERE / "crate.py", bundle], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if crate.returncode:
            wrong.append("the released crate:\n" + crate.stdout)
    finally:
        house.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(*wrong, sep="\n\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
