// Rating by keyboard: 1 to 5 choose stars, n and h answer harm, g and u support, c goes to the comment, s to why not, Enter saves.
"use strict";

(() => {
  const form = document.getElementById("rating");
  if (!form) return;
  const reason = document.getElementById("reason");
  const submit = (act) => form.requestSubmit(form.querySelector(`[name="act"][value="${act}"]`));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter") {
        event.preventDefault();
        submit(event.target === reason ? "skip" : "rate");
      }
      return;
    }
    const pressed = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
    if (event.key === "Enter" && !pressed && event.target.tagName !== "SUMMARY") {
      event.preventDefault();
      submit("rate");
      return;
    }
    if (event.key === "c") {
      event.preventDefault();
      document.getElementById("comment").focus();
      return;
    }
    if (event.key === "s") {
      event.preventDefault();
      document.getElementById("pass-on").open = true;
      reason.focus();
      return;
    }
    const field = form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!field) return;
    event.preventDefault();
    field.checked = true;
  });
})();
