// A meeting's page while others change it: parts are exchanged, but never one in which somebody is writing. Nothing here is needed:
// every form works by itself.
"use strict";

(() => {
  const body = document.body;
  if (body.dataset.meeting === undefined) return;
  const fields = "input:not([type=hidden]), textarea, select";

  const changed = (field) =>
    field.tagName === "SELECT"
      ? [...field.options].some((option) => option.selected !== option.defaultSelected && (option.selected || option.defaultSelected) && field.options.length > 1 && [...field.options].some((each) => each.defaultSelected))
      : field.value !== field.defaultValue;
  const writing = (part) => [...part.querySelectorAll(fields)].some((field) => field === document.activeElement || changed(field));

  // Where the keyboard is stays where it is when the part around it is exchanged.
  let focused = "";
  body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const part = event.detail.target;
    if (writing(part)) {
      event.detail.shouldSwap = false;
      part.classList.add("stale");
      return;
    }
    if (part.contains(document.activeElement)) focused = document.activeElement.id;
  });
  body.addEventListener("htmx:oobAfterSwap", () => {
    const again = focused && document.getElementById(focused);
    if (!again) return;
    focused = "";
    again.focus({ preventScroll: true });
  });

  // What was refused is said on the page, and what was typed stays; what was taken leaves an empty form.
  body.addEventListener("htmx:beforeSwap", (event) => {
    const status = event.detail.xhr.status;
    if (status >= 400 && status < 500) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      return;
    }
    const form = event.detail.requestConfig.elt;
    if (status >= 300 || form.tagName !== "FORM") return;
    const kept = [...form.querySelectorAll("[data-keep]")];
    for (const field of kept) field.defaultValue = field.value;
    form.reset();
    if (form.contains(document.activeElement) && document.activeElement.matches("input, select")) document.activeElement.blur();
  });

  // Whoever follows the meeting goes where it goes, unless they are writing.
  const follow = () => {
    const moved = document.getElementById("moved");
    if (!moved || body.dataset.following !== "yes") return;
    const elsewhere = moved.dataset.current && moved.dataset.current !== body.dataset.seen;
    if ((elsewhere || moved.dataset.state !== "open") && body.dataset.seen !== undefined) {
      if (moved.dataset.state === body.dataset.state && !elsewhere) return;
      if (!writing(document.getElementById("main"))) window.location.assign(window.location.pathname);
    }
  };
  body.dataset.state = document.getElementById("moved").dataset.state;
  body.addEventListener("htmx:afterRequest", () => setTimeout(follow, 0));

  const keys = { n: "note", p: "decision-text", s: "summary", g: "follow" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(`${fields}, button`)) return;
    const target = document.getElementById(keys[event.key] || "");
    if (!target) return;
    event.preventDefault();
    if (target.id === "follow") {
      target.click();
      return;
    }
    const closed = target.closest("details:not([open])");
    if (closed) closed.open = true;
    target.focus();
  });
})();
