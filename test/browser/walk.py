#!/usr/bin/env python3
"""Walks a demonstration's pages in Chromium as every role, from an application to
a recalled release:

    .venv/bin/python test/browser/walk.py --ready FILE [--screens FOLDER]

Fails unless everything can be done; no kind of page has a serious fault of
accessibility (axe-core), scrolls sideways at 320 pixels, makes the browser
complain, or loads anything from elsewhere; and a checker can review with the
keyboard alone."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile

from adbc_driver_flightsql import DatabaseOptions, dbapi
from playwright.sync_api import sync_playwright

from people import HERE, Complaints, Person, load

PROJECT = "asthma-care"
TABLE = "region,sex,people\nNorth,female,120\nNorth,male,131\nSouth,female,3\nSouth,male,140\n"
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 120" width="300" height="120"><rect x="10" y="20" width="120" height="30" fill="#005eb8"/><rect x="10" y="60" width="131" height="30" fill="#00a499"/></svg>'


class Walk:
    def __init__(self, browser, ready, screens):
        self.browser, self.ready, self.screens = browser, ready, screens
        self.complaints = Complaints()
        self.people = {}

    def person(self, name):
        if name not in self.people:
            self.people[name] = Person(self.browser, self.ready, name, self.complaints, self.screens)
        return self.people[name]

    def check(self, holds, where, what):
        if not holds:
            self.complaints.say(where, what)

    def nobody(self):
        p = self.person("")
        p.open("/", shot="welcome")
        p.open("/register")
        p.expected = {401, 404}
        p.open("/projects", kind="not signed in")
        p.sees("Sign in first")
        p.open("/nowhere", kind="nothing here")
        outsider = Person(self.browser, self.ready, "", self.complaints, None)
        outsider.expected = {401, 403}
        outsider.page.goto(self.ready["http"] + "/sign-in")
        outsider.page.get_by_role("button", name=re.compile("^outsider")).click()
        outsider.page.wait_for_load_state()
        self.check("not" in outsider.page.locator("main").inner_text(), "outsider", "is let in")
        outsider.close()

    def application(self):
        lead = self.person("lead")
        lead.open("/")
        lead.open("/projects")
        lead.page.get_by_role("link", name="Apply for a project").click()
        lead.look("/apply")
        lead.fill(id=PROJECT, title="Care of people with asthma", lay_summary="How people with asthma are cared for, and how that differs between regions.",
                  purpose="Rates of admission by region and sex.", public_benefit="Services can learn from the best.", organisation="University of the North",
                  funding="A research council", outputs="A paper\nTables of rates", expires="2099-12-31", policy="sdap")
        for i, (user, role) in enumerate([("lead", "lead"), ("researcher", "researcher")]):
            lead.page.get_by_label(f"User name of person {i + 1}").fill(user)
            lead.page.get_by_label(f"Role of person {i + 1}").select_option(role)
            lead.page.get_by_label(f"Training of person {i + 1} lasts until").fill("2099-06-30")
        lead.page.locator("summary", has_text=re.compile("^patients$")).click()
        lead.page.get_by_label("Ask for patients", exact=True).check()
        lead.page.get_by_label("Why the project needs patients").fill("Everybody is counted.")
        lead.shot("application")
        lead.press("Save")
        lead.sees("saved as a draft")
        lead.page.locator("#about").select_option("researcher")
        lead.page.locator("#document").set_input_files({"name": "certificate.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 a certificate"})
        lead.press("Add the document")
        lead.sees("The document was added")
        lead.look("/projects/document")
        lead.press("Submit to the custodians")
        lead.sees("It was submitted")

        custodian = self.person("custodian")
        custodian.open("/")
        custodian.open("/inbox", shot="inbox")
        custodian.page.get_by_role("link", name="Care of people with asthma").first.click()
        custodian.look("/projects/submitted")
        with custodian.page.expect_download() as certificate:
            custodian.page.get_by_role("button", name="Read certificate.pdf").click()
        self.check(pathlib.Path(certificate.value.path()).read_bytes() == b"%PDF-1.7 a certificate", "the project's page", "the custodian reads another certificate")
        custodian.page.get_by_label("Approve under conditions").check()
        custodian.page.get_by_label("Conditions, one on each line").fill("Publish within a year of the end.")
        custodian.shot("decision")
        custodian.press("Decide")
        custodian.sees("Your decision was recorded")
        custodian.sees("Publish within a year of the end.")

        for name in ("lead", "researcher"):
            p = self.person(name)
            p.open(f"/projects/{PROJECT}")
            p.page.get_by_role("link", name="Read and sign the agreement").click()
            p.look("/agreement")
            p.page.get_by_label("I have read this").check()
            p.press("Sign")
            p.sees("You have signed the agreement.")
        lead.open(f"/projects/{PROJECT}", kind="/projects/active")
        lead.sees("Active")

    def amendment(self):
        lead, custodian = self.person("lead"), self.person("custodian")
        lead.open(f"/projects/{PROJECT}/amend", kind="/amend")
        lead.fill(reason="A second researcher joins.")
        lead.page.get_by_label("User name of person 3").fill("researcher2")
        lead.page.get_by_label("Training of person 3 lasts until").fill("2099-06-30")
        lead.press("Propose")
        lead.sees("The amendment was proposed")
        custodian.open(f"/projects/{PROJECT}", kind="/projects/amendment")
        custodian.page.get_by_role("heading", name="Amendments").scroll_into_view_if_needed()
        custodian.shot("amendment")
        custodian.page.get_by_label("Approve", exact=True).check()
        custodian.press("Decide")
        custodian.sees("Applied")

    def workspace(self):
        lead, researcher = self.person("lead"), self.person("researcher")
        lead.open(f"/projects/{PROJECT}")
        lead.press("Open workspace")
        lead.sees("The workspace is open.")
        researcher.open(f"/workspaces/{PROJECT}", kind="/workspaces")
        researcher.press("Make a token")
        token = researcher.page.locator("#token").inner_text()
        researcher.look("/workspaces/token")
        snippet = researcher.page.locator("pre[data-copy]").inner_text()
        researcher.shot("workspace")
        # What the page says to paste works as it stands.
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "gatehouse-ca.pem").write_text(pathlib.Path(self.ready["ca"]).read_text())
            more = "\ncursor.execute('SELECT region, sex, count(*) AS people FROM patients GROUP BY ALL')\ntry:\n    cursor.execute('SELECT * FROM patients')\nexcept Exception as e:\n    print(e)\n"
            out = subprocess.run([sys.executable, "-c", snippet + more], cwd=folder, env=os.environ | {"GATEHOUSE_TOKEN": token}, capture_output=True, text=True, timeout=60)
        self.check("people" in out.stdout and "GH-204" in out.stdout, "workspace", f"the snippet does not work: {out.stdout[-300:]} {out.stderr[-300:]}")
        researcher.open(f"/workspaces/{PROJECT}/questions", kind="/questions", shot="questions")
        researcher.sees("SELECT region, sex, count(*) AS people FROM patients GROUP BY ALL")
        researcher.open("/datasets")
        researcher.page.locator("h2 a").first.click()
        researcher.page.locator("summary", has_text="patients").click()
        researcher.look("/datasets/version", shot="dataset")
        self.person("custodian").open("/datasets/shared_care/1", kind="/datasets/version")

    def request(self):
        researcher = self.person("researcher")
        researcher.open("/requests")
        researcher.open(f"/requests/new?project={PROJECT}")
        researcher.fill(title="Table 1 and figure 1", what="Admissions by region and sex, and a drawing of them.", population="People with asthma, 2024.", dates="The year 2024", people="As in the table", controls="Groups below 10 were left out.")
        researcher.press("Begin the request")
        researcher.sees("The request was begun")
        def add(name, mime, content):
            researcher.page.set_input_files("#file", {"name": name, "mimeType": mime, "buffer": content})
            with researcher.page.expect_navigation():
                researcher.page.get_by_role("button", name="Add", exact=True).click()
            researcher.page.wait_for_load_state()
            researcher.sees("The file was added")
            researcher.sees(name)

        add("table1.csv", "text/csv", TABLE.encode())
        add("figure1.svg", "image/svg+xml", DRAWING.encode())
        # Why a file is not taken is told without leaving the page.
        researcher.expected = {422, 409}
        researcher.page.set_input_files("#file", {"name": "rows.exe", "mimeType": "text/csv", "buffer": b"MZ"})
        researcher.page.get_by_role("button", name="Add", exact=True).click()
        researcher.page.locator("form[data-upload] [role=status]", has_text="GH-").or_(researcher.page.locator("form[data-upload] [role=status]", has_text="accepted")).first.wait_for()
        for name, mime, content in (("notes.txt", "text/plain", b"How the numbers were made.\n"), ("paper.pdf", "application/pdf", (HERE.parents[1] / "infra/pdf/testdata/two-pages.pdf").read_bytes())):
            researcher.page.get_by_label("What they are for").select_option("supporting")
            add(name, mime, content)
        researcher.look("/requests/draft", shot="request")
        researcher.press("Submit to the checkers")
        researcher.sees("It was submitted")
        self.path = re.sub(r"\?.*", "", researcher.page.url.removeprefix(self.ready["http"]))

    def keyboard(self):
        """The first checker reviews without touching the mouse."""
        checker = self.person("checker1")
        checker.open("/")
        checker.open("/queue", shot="queue")
        page = checker.page
        tab_to(page, lambda: page.evaluate("document.activeElement.tagName === 'A' && document.activeElement.textContent === 'Table 1 and figure 1'"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/review*")
        page.wait_for_load_state()
        checker.look("/review", shot="review-room")
        for verdict, file in (("a", "table1.csv"), ("a", "figure1.svg")):
            while not page.locator(f"a[aria-current=page]:has-text('{file}')").count():
                page.keyboard.press("j")
                page.wait_for_load_state()
            if file == "table1.csv":
                page.keyboard.press("n")  # to the finding, beside the place that it concerns
                frame = page.frame(name="viewer")
                frame.wait_for_url("**line=4#L4C3")
                self.check(page.evaluate("document.activeElement.hasAttribute('data-finding')"), "review room", "the key n does not lead to the finding")
                shown = checker.framed(frame.url)  # nothing runs in the frame itself, not even this test
                self.check("below the threshold" in shown.locator("#L4C3").inner_text(), "review room", "the finding does not stand beside its place")
                checker.accessible(shown.main_frame, "a viewer's frame")
                shown.close()
                page.keyboard.press("c")
                page.keyboard.type("One cell is small, and is known from the design.")
                page.keyboard.press("Escape")
            page.keyboard.press(verdict)
            self.check(page.locator("#approve").is_checked(), "review room", "the key a does not choose to approve")
            page.keyboard.press("v")
            with page.expect_navigation():
                page.keyboard.press("Enter")
            checker.sees("Your vote was cast")

    def document(self):
        """A page of a PDF is shown as a picture, with what it hides."""
        checker = self.person("checker1")
        checker.open(f"{self.path}/review?file=paper.pdf", kind="/review/document")
        shown = checker.framed(f"{self.ready['http']}{self.path}/files/paper.pdf/view")
        said = shown.locator("main").inner_text()
        for text in ("Page 1 of 2", "1 script", "rows.csv", "Admissions by region", "943 476 5919"):
            self.check(text in said, "document", f"its frame does not hold {text!r}: {said[:200]}")
        self.check(shown.evaluate("document.images.length === 1 && document.images[0].naturalWidth > 500"), "document", "there is no picture of its page")
        checker.accessible(shown.main_frame, "a document's frame")
        if checker.screens:
            shown.screenshot(path=checker.screens / "document.png")
        shown.close()

    def own(self):
        """Everybody's own page, and the house's people."""
        for name in ("researcher", "custodian", "auditor"):
            self.person(name).open("/me", shot="me" if name == "researcher" else None)
        researcher = self.person("researcher")
        researcher.page.get_by_label("A digest").check()
        researcher.press("Save")
        researcher.sees("Your choice was kept")
        operator = self.person("operator")
        operator.open("/people", shot="people")
        operator.page.get_by_role("link", name="outsider" if operator.page.get_by_role("link", name="outsider", exact=True).count() else "checker1", exact=True).click()
        operator.look("/people/USER")
        self.person("auditor").open("/people")
        operator.open("/people")
        operator.fill(user="newcomer")
        operator.press("Make them known")
        operator.sees("That person is known now")
        operator.look("/people/NEW")
        operator.fill(subject="newcomer-1")
        operator.press("Link the account")
        operator.sees("They can sign in")
        operator.open("/appointments")
        operator.fill(user="newcomer")
        operator.page.locator("#role").select_option("checker")
        operator.press("Ask for it")
        operator.look("/appointments waiting")
        custodian = self.person("custodian")
        custodian.open("/")
        custodian.page.get_by_role("link", name="newcomer to be checker").click()
        custodian.look("/appointments", shot="appointments")
        page = custodian.page
        tab_to(page, lambda: page.evaluate("document.activeElement.value === 'confirm'"))
        with page.expect_navigation():
            page.keyboard.press("Enter")
        custodian.sees("they have the role now")
        custodian.look("/appointments over")
        self.person("auditor").open("/appointments")
        operator.open("/people/newcomer")
        operator.look("/people/ROLE")
        operator.press("No checker any more")
        operator.sees("The role was taken away")

    def referral(self):
        """An answer with groups left out is referred; its checkers see who stands
        behind each number, and its author does not."""
        connection = dbapi.connect(self.ready["flight"], autocommit=True, db_kwargs={
            DatabaseOptions.TLS_ROOT_CERTS.value: pathlib.Path(self.ready["ca"]).read_text(),
            DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer " + self.ready["tokens"]["researcher"]})
        cursor = connection.cursor()
        cursor.execute("SELECT region, ethnicity, count(*) AS people, avg(imd_decile) AS decile FROM patients GROUP BY ALL")
        decision = json.loads(cursor.fetch_record_batch().schema.metadata[b"gatehouse.disclosure"])["decision"]
        connection.close()
        researcher, checker = self.person("researcher"), self.person("checker2")
        workspace = self.ready["workspace"]
        researcher.open(f"/workspaces/{workspace}/questions", kind="/questions")
        researcher.page.locator(f"tr[id='{decision}']").get_by_role("link", name="Ask the checkers for the result").click()
        researcher.look("/questions/refer", shot="refer")
        researcher.fill(title="Groups by ethnicity", what="Counts", population="Everybody", dates="2024", people="As measured", controls="None")
        researcher.press("Compute it for the checkers")
        researcher.page.wait_for_url("**/requests/req_**", timeout=60_000)
        researcher.sees("The result was computed for the checkers")
        path = re.sub(r"\?.*", "", researcher.page.url.removeprefix(self.ready["http"]))
        researcher.open(path, kind="/requests/referral")
        self.check("withheld" not in researcher.page.locator("main").inner_text(), "referral", "its author is told what was withheld")
        researcher.press("Submit to the checkers")
        checker.open(path + "/review", kind="/review/referral")
        with checker.page.expect_event("framenavigated", lambda frame: "/evidence" in frame.url):
            checker.page.get_by_role("link", name="People behind each number").click()
        checker.page.wait_for_timeout(500)
        checker.shot("evidence")
        shown = checker.framed(checker.page.frame(name="viewer").url)
        self.check(shown.locator("td[class^=gh-heat]").count() > 10, "evidence", "has no heat-map")
        checker.accessible(shown.main_frame, "the heat-map of contributors")
        shown.close()

    def review(self):
        checker, researcher = self.person("checker2"), self.person("researcher")
        checker.open(self.path + "/review", kind="/review")
        checker.page.get_by_role("link", name="Questions and answers").click()
        checker.page.get_by_label("Ask or say something").fill("Which admissions are counted?")
        checker.press("Send")
        researcher.open(self.path, kind="/requests/submitted")
        researcher.sees("Which admissions are counted?")
        researcher.page.locator("summary", has_text="Answer").click()
        researcher.page.get_by_label("Your answer").fill("Unplanned ones.")
        researcher.press("Answer")
        researcher.sees("Unplanned ones.")
        checker.open(f"{self.path}/review?file=table1.csv", kind="/review")
        checker.page.get_by_label("Go to line").fill("4")
        with checker.page.expect_response(lambda answer: answer.url.endswith("/view?line=4")) as answer:
            checker.page.get_by_role("button", name="Show", exact=True).click()
        self.check(answer.value.status == 200, "review room", "does not show the lines that were asked for")
        checker.page.get_by_label("Approve", exact=True).check()
        checker.press("Vote")
        checker.sees("Your vote was cast")
        # The last vote is cast without JavaScript.
        plain = Person(self.browser, self.ready, "checker2", self.complaints, None, script=False)
        plain.page.goto(f"{self.ready['http']}{self.path}/review?file=figure1.svg")
        plain.page.get_by_label("Approve", exact=True).check()
        plain.press("Vote")
        plain.sees("Your vote was cast")
        plain.close()
        checker.open(self.path, kind="/requests/approved")
        checker.sees("Approved")

    def release(self):
        checker, researcher, custodian = self.person("checker2"), self.person("researcher"), self.person("custodian")
        checker.press("Release the approved files")
        checker.page.wait_for_url("**/releases/**")
        checker.sees("The approved files were released.")
        path = re.sub(r"\?.*", "", checker.page.url.removeprefix(self.ready["http"]))
        researcher.open(path, kind="/releases", shot="release")
        with researcher.page.expect_download() as download:
            researcher.page.get_by_role("button", name="Download the bundle").click()
        with zipfile.ZipFile(download.value.path()) as bundle:
            inside = {pathlib.PurePath(name).name: name for name in bundle.namelist()}
            self.check("table1.csv" in inside and bundle.read(inside["table1.csv"]).decode() == TABLE, "bundle", "does not hold the file that was reviewed")
            self.check("notes.txt" not in inside, "bundle", "holds a file that never leaves")
        custodian.open(path, kind="/releases/recall")
        custodian.page.get_by_label("Why, for those who hold copies").fill("A cell was found to be too small.")
        custodian.press("Recall the release")
        custodian.sees("The release was recalled")
        custodian.sees("researcher,")
        custodian.look("/releases/recalled", shot="recalled")
        researcher.open(path, kind="/releases/recalled")
        self.check(researcher.page.get_by_role("button", name="Download the bundle").count() == 0, "recalled release", "can still be downloaded")

    def catalogue(self):
        """A custodian has the profile made, and everybody sees what variables hold."""
        custodian, researcher = self.person("custodian"), self.person("researcher")
        custodian.open("/datasets/shared_care/1", kind="/datasets/version")
        custodian.press("Have the profile made")
        custodian.sees("The questions of the profile are being asked")
        until = time.monotonic() + 180
        while "was asked through the gate" not in custodian.page.locator("main").inner_text():
            self.check(time.monotonic() < until, "profile", "is not done in three minutes")
            custodian.page.wait_for_timeout(1000)
            custodian.page.goto(f"{self.ready['http']}/datasets/shared_care/1")
        researcher.open("/datasets/shared_care/1", kind="/datasets/version with a profile")
        summary = researcher.page.locator("summary", has_text="patients")
        tab_to(researcher.page, lambda: summary.first.evaluate("e => e === document.activeElement"))
        researcher.page.keyboard.press("Enter")
        self.check(researcher.page.get_by_role("img", name="patients.sex").is_visible(), "profile", "has no picture of a dimension")
        researcher.look("/datasets/version with a profile, open", shot="profile")

    def watch(self):
        auditor = self.person("auditor")
        auditor.open("/")
        auditor.open("/journal?action=release.recalled", kind="/journal", shot="journal")
        auditor.sees("downloaded_by_1")
        auditor.page.locator("tbody a[href*='/journal/events/']").first.click()
        auditor.look("/journal/event", shot="event")
        with auditor.page.expect_download() as download:
            auditor.page.get_by_role("link", name="Download the proof").click()
        with auditor.page.expect_download() as key:
            auditor.page.get_by_role("link", name="the journal's public key").click()
        script = HERE.parents[1] / "docs" / "verify_journal.py"
        out = subprocess.run([sys.executable, script, "inclusion", download.value.path(), "--key", key.value.path()], capture_output=True, text=True, timeout=60)
        self.check(out.returncode == 0, "proof of an event", f"is not accepted: {out.stdout} {out.stderr[-200:]}")
        auditor.open("/journal")
        auditor.press("Verify the whole journal")
        auditor.page.wait_for_url("**/journal/verified**", timeout=60_000)
        auditor.look("/journal/verified")
        auditor.open(self.path, kind="/requests/recalled")
        operator = self.person("operator")
        operator.open("/")
        operator.open("/operations", shot="operations")
        operator.sees("running")
        self.check("Requests" not in operator.page.locator("header").inner_text(), "operator", "is shown the way to requests")
        public = self.person("")
        public.open("/register", kind="/register with a project", shot="register")
        public.sees("Care of people with asthma")
        for p in self.people.values():
            if p.name:
                p.page.goto(self.ready["http"] + "/")
                p.press("Sign out")
                p.expected = {401}
                p.page.goto(self.ready["http"] + "/projects")
                p.sees("Sign in first")


def tab_to(page, there, most=80):
    for _ in range(most):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError("the keyboard does not lead there")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ready", required=True, help="what the demonstration wrote with --ready")
    options.add_argument("--screens", type=pathlib.Path, help="folder for pictures of the pages")
    options.add_argument("--chromium", default="/usr/bin/chromium")
    args = options.parse_args()
    if args.screens:
        args.screens.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        walk = Walk(browser, load(args.ready), args.screens)
        for part in (walk.nobody, walk.application, walk.amendment, walk.workspace, walk.request, walk.keyboard, walk.document, walk.own, walk.referral, walk.review, walk.release, walk.catalogue, walk.watch):
            start = time.monotonic()
            part()
            print(f"ok   {part.__name__} ({time.monotonic() - start:.1f} s)")
        browser.close()
    print(f"{len(Person.looked)} kinds of pages were looked at")
    return 1 if walk.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
