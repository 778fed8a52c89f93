"""Validates the crate of a released bundle with the RO-Crate community's validator.

    crate.py BUNDLE…

The crate itself against RO-Crate 1.2, and the one inside it that says how the
files were made against Workflow RO-Crate. Nothing is fetched: the JSON-LD
context is the one that the package rocrate carries (1.3, which only adds to
those of 1.1 and 1.2). Exits with 1, and says why, if a requirement or a
recommendation that is not excepted below does not hold.
"""

import hashlib
import importlib.resources
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import requests

CONTEXTS = {f"https://w3id.org/ro/crate/{version}/context" for version in ("1.1", "1.2", "1.3")}
CONTEXT = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_bytes()


def answer(_, request, **__):
    """Takes the place of the network for the whole process."""
    response = requests.Response()
    response.request, response.url = request, request.url
    if request.url not in CONTEXTS:
        raise requests.ConnectionError(f"{request.url} is not fetched in tests")
    response.status_code = 200
    response.headers["Content-Type"] = "application/ld+json"
    # 1.1 had another address for terms of Bioschemas.
    response._content = CONTEXT.replace(b"bioschemas.org/terms/", b"bioschemas.org/") if "1.1" in request.url else CONTEXT
    return response


requests.Session.send = answer

from rocrate_validator import models, services  # noqa: E402: after the network was taken away

# What is recommended and does not fit a release, with the reason.
EXCEPTED = {
    "ro-crate-1.2_49.0": "a release is not a grant: its project may have no funder",
    "ro-crate-1.2_80.": "the organisations of people are not known to Gatehouse",
    "ro-crate-1.2_85.0": "the conditions of access are the environment's own, and have no address",
    "ro-crate-1.2_86.2": "the environment's address is not known to its installation",
    "ro-crate-1.2_89.0": "nor is its ROR identifier",
    "ro-crate-1.2_90.1": "nor whom to write to",
    "ro-crate-1.2_91.0": "people are known by their user names, which is what they signed with",
    "ro-crate-1.2_93.0": "nor whom to write to",
    "workflow-ro-crate-1.0_6.": "there is no README beside a question's SQL or a description",
    "workflow-ro-crate-1.0_8.1": "it is not a workflow of Bioschemas",
    "ro-crate-1.1_22.2": "the author is named by the crate around it",
    "ro-crate-1.1_31.2": "the environment's address is not known to its installation",
}


def problems(folder, profile):
    result = services.validate(services.ValidationSettings(
        rocrate_uri=str(folder), profile_identifier=profile, requirement_severity=models.Severity.RECOMMENDED, no_cache=True))
    for issue in result.get_issues(models.Severity.RECOMMENDED):
        yield f"{profile} {issue.severity.name} {issue.check.identifier}: {issue.message} ({issue.violatingEntity})"


def bag(folder):
    """Checks the bag as `sha512sum --check` would; a path's '%' is written %25 there."""
    for manifest in ("manifest-sha512.txt", "tagmanifest-sha512.txt"):
        listed = set()
        for line in (folder / manifest).read_text().splitlines():
            digest, path = line.split("  ", 1)
            path = path.replace("%25", "%")
            listed.add(path)
            if hashlib.sha512((folder / path).read_bytes()).hexdigest() != digest:
                yield f"{manifest}: {path} has another hash"
        if manifest == "manifest-sha512.txt":
            there = {str(p.relative_to(folder)) for p in (folder / "data").rglob("*") if p.is_file()}
            if there != listed:
                yield f"{manifest}: it lists {sorted(listed ^ there)}, or they are not there"


def main(bundles):
    wrong = []
    for bundle in bundles:
        with tempfile.TemporaryDirectory() as scratch:
            with zipfile.ZipFile(bundle) as z:
                if z.testzip() is not None:
                    wrong.append(f"{bundle}: the ZIP file is damaged")
                z.extractall(scratch)
            (folder,) = pathlib.Path(scratch).iterdir()
            wrong += bag(folder)
            wrong += problems(folder / "data", "ro-crate-1.2")
            wrong += problems(folder / "data" / "workflow", "workflow-ro-crate")
            crate = json.loads((folder / "data" / "ro-crate-metadata.json").read_text())
            print(f"{bundle}: {len(crate['@graph'])} entities")
    wrong = [w for w in wrong if " RECOMMENDED " not in w or not any(f" {known}" in w for known in EXCEPTED)]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
