// Judging by keyboard: y, n and s say whether the answer is supported, 1 to 9 mark a claim, r goes to the reason, Enter saves.
"use strict";

(() => {
  const form = document.getElementById("spot-check");
  if (!form) return;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement) && !(event.target instanceof HTMLAnchorElement)) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    if (event.key === "r") {
      event.preventDefault();
      document.getElementById("reason").focus();
      return;
    }
    const field = form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!field) return;
    event.preventDefault();
    if (field.type === "checkbox") {
      field.checked = !field.checked;
      // A claim that nothing supports makes the answer unsupported.
      if (field.checked) form.querySelector('[value="no"]').checked = true;
    } else {
      field.checked = true;
      if (field.value === "yes") for (const each of form.querySelectorAll('[name="claims"]')) each.checked = false;
      if (field.value === "skip") document.getElementById("reason").focus();
    }
  });
})();
