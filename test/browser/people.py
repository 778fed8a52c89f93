"""People with browsers: signing in, looking at pages, and what every page must be."""

import json
import pathlib
import re
import urllib.parse

HERE = pathlib.Path(__file__).parent
AXE = (HERE / "axe.min.js").read_text()
SMALL, LARGE = {"width": 320, "height": 720}, {"width": 1280, "height": 900}


class Complaints(list):
    """Everything that is wrong, so that one walk tells all."""

    def say(self, where, what):
        print(f"FAIL {where}: {what}")
        self.append((where, what))


class Person:
    """One person, in a browser of their own, who looks at each kind of page the
    way the tests want it: without serious faults of accessibility, without a
    complaint of the browser, without anything from elsewhere, and fit for a
    screen of 320 pixels."""

    looked = {}  # kinds of pages that were looked at, by everybody

    def __init__(self, browser, ready, name, complaints, screens, script=True):
        self.base, self.name, self.complaints, self.screens = ready["http"], name, complaints, screens
        self.issuer = ready["issuer"]
        self.context = browser.new_context(ignore_https_errors=True, viewport=LARGE, locale="en-GB", accept_downloads=True, java_script_enabled=script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.expected = set()  # statuses that this person provokes
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda e: complaints.say(f"{name} {self.page.url}", f"a script failed: {e}"))
        self.context.on("request", self._asked)
        if name:
            self.sign_in(name)

    def _heard(self, message):
        if message.type not in ("error", "warning"):
            return
        refused = re.search(r"status of (\d+)", message.text)
        if refused and int(refused[1]) in self.expected:
            return
        self.complaints.say(f"{self.name} {self.page.url}", f"the browser says: {message.text}")

    def _asked(self, request):
        if not request.url.startswith((self.base, self.issuer, "data:", "about:", "blob:")):
            self.complaints.say(f"{self.name} {self.page.url}", f"asks for {request.url}")

    def sign_in(self, name):
        self.page.goto(self.base + "/")
        self.page.get_by_role("link", name="Sign in").first.click()
        self.page.get_by_role("button", name=re.compile(rf"^{name}\b(?!,)")).first.click()
        self.page.wait_for_url(self.base + "/**")

    def open(self, path, kind=None, shot=None):
        """Opens a page; the first time that anybody opens one of its kind, it is
        looked at closely."""
        self.page.goto(self.base + path)
        self.look(kind or re.sub(r"[a-z]{3}_[0-9a-f]{20}", "ID", urllib.parse.urlsplit(path).path), shot)
        return self.page

    def look(self, kind, shot=None):
        if shot:
            self.shot(shot)
        key = (self.name, kind)
        if key in Person.looked:
            return
        Person.looked[key] = True
        where = f"{self.name or 'anybody'} {kind}"
        if self.page.locator("h1").count() != 1:
            self.complaints.say(where, "the page has not exactly one main heading")
        self.accessible(self.page.main_frame, where)
        self.page.set_viewport_size(SMALL)
        fits = False
        for _ in range(40):  # the menu folds some time after the window has its size
            if fits := self.page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]:
                break
            self.page.wait_for_timeout(100)
        if not fits:
            wide = self.page.evaluate("""[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 321
                && !e.closest('.gh-scroll')).slice(0, 3).map(e => e.outerHTML.slice(0, 90))""")
            self.complaints.say(where, f"scrolls sideways on a screen of 320 pixels: {wide}")
        if shot:
            self.shot(shot + "-small")
        self.page.set_viewport_size(LARGE)

    def framed(self, url):
        """What a viewer's frame shows, in a page where tests can run."""
        answer = self.context.request.get(url)
        policy = answer.headers["content-security-policy"]
        if not policy.startswith("sandbox; default-src 'none'"):
            self.complaints.say(url, f"a viewer's frame has the policy {policy}")
        page = self.context.new_page()
        page.set_content(answer.text().replace('href="/assets', f'href="{self.base}/assets'))
        return page

    def accessible(self, frame, where):
        frame.evaluate(AXE)
        found = frame.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
        for v in found["violations"]:
            if v["impact"] in ("serious", "critical"):
                self.complaints.say(where, f"{v['impact']}: {v['help']}: {v['nodes'][0]['html'][:120]}")

    def shot(self, name):
        if self.screens:
            self.page.screenshot(path=self.screens / f"{name}.png", full_page=False)

    def press(self, name, exact=True):
        self.page.get_by_role("button", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()

    def fill(self, **fields):
        for label, text in fields.items():
            self.page.locator(f"#{label}").fill(text)

    def sees(self, text):
        if text not in self.page.locator("main").inner_text():
            self.complaints.say(f"{self.name} {self.page.url}", f"does not see {text!r}")

    def close(self):
        self.context.close()


def load(path):
    return json.loads(pathlib.Path(path).read_text())
