// Everything works without this. It adds what a keyboard and a clipboard can do.
import { initAll } from "./nhsuk.js";

document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
initAll();

// A button beside each snippet copies it.
for (const code of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "nhsuk-button nhsuk-button--secondary nhsuk-button--small";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + code.dataset.copy);
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  said.className = "nhsuk-u-margin-left-2";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Your browser did not allow it: select the text instead.";
    }
  });
  code.after(button, said);
}

// Keys of the review room. They can be switched off, since single keys get in the
// way of some assistive software; the choice is kept in this browser.
const room = document.querySelector("[data-room]");
if (room) {
  const choice = document.querySelector("#shortcuts");
  choice.closest("[hidden]")?.removeAttribute("hidden");
  choice.checked = localStorage.getItem("gatehouse.shortcuts") !== "off";
  choice.addEventListener("change", () => localStorage.setItem("gatehouse.shortcuts", choice.checked ? "on" : "off"));
  const findings = [...room.querySelectorAll("a[data-finding]")];
  let at = -1;
  const go = (selector) => room.querySelector(selector)?.click();
  const choose = (verdict) => {
    const radio = room.querySelector(`input[name="verdict"][value="${verdict}"]`);
    if (radio) { radio.checked = true; radio.focus(); }
  };
  const keys = {
    j: () => go("a[data-next]"),
    k: () => go("a[data-previous]"),
    n: () => step(1),
    p: () => step(-1),
    a: () => choose("approve"),
    r: () => choose("return"),
    x: () => choose("reject"),
    c: () => room.querySelector("#comment")?.focus(),
    v: () => room.querySelector("#vote")?.focus(),
    "?": () => { const help = room.querySelector("#keys"); if (help) { help.open = !help.open; help.querySelector("summary").focus(); } },
  };
  const step = (by) => {
    if (!findings.length) return;
    at = (at + by + findings.length) % findings.length;
    findings[at].focus();
    findings[at].click();
  };
  document.addEventListener("keydown", (event) => {
    if (!choice.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

// How much of an upload has arrived, where the browser tells: the form works
// without. The answer's page takes the place of this one, as it would have.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const bar = form.querySelector("progress");
  const said = form.querySelector("[role=status]");
  form.addEventListener("submit", (event) => {
    const files = form.querySelector("input[type=file]").files;
    if (!files.length) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    bar.hidden = false;
    said.textContent = "Sending.";
    const sent = new XMLHttpRequest();
    sent.upload.addEventListener("progress", (e) => {
      if (!e.lengthComputable) return;
      bar.max = e.total;
      bar.value = e.loaded;
    });
    sent.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      said.textContent = "Everything has arrived and is being inspected.";
    });
    sent.addEventListener("load", () => {
      if (sent.status < 400) return location.assign(sent.responseURL);
      // Why not is taken from the page that came back, as text.
      const why = sent.response?.querySelector(".nhsuk-error-summary__body, main p");
      bar.hidden = true;
      button.disabled = false;
      said.textContent = why ? why.textContent.trim() : "The files were not taken.";
    });
    for (const failed of ["error", "abort", "timeout"]) {
      sent.addEventListener(failed, () => {
        bar.hidden = true;
        button.disabled = false;
        said.textContent = "The files did not arrive. Send them again.";
      });
    }
    sent.open("POST", form.action);
    sent.responseType = "document";
    sent.send(new FormData(form));
  });
}
