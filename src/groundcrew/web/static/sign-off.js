// Reading and signing by keyboard, a live view of what an edit changes, and the lease that is renewed while the page is read.
// The form works without any of it: what may be signed, and by whom, the server decides.
"use strict";

(() => {
  const page = document.getElementById("review");
  if (!page) return;
  const form = document.getElementById("decision");
  const text = document.getElementById("text");
  const keys = document.getElementById("keys");
  const bar = document.getElementById("claim-bar");
  const looks = [...document.querySelectorAll("#claims [data-number]")];
  const narrow = window.matchMedia("(max-width: 1020px)");
  let now = -1;

  const claimLink = (number) => {
    const inDraft = document.getElementById(`draft-claim-${number}`);
    return inDraft && inDraft.offsetParent ? inDraft : document.getElementById(`draft-look-${number}`);
  };
  const quoteOf = (number) => document.querySelector(`mark[data-scope="draft"][data-claims~="${number}"]`);

  // The pane of the sources scrolls by itself where it stands beside the draft; on a phone the page would jump away from the claim.
  const showQuote = (number) => {
    const quote = quoteOf(number);
    if (!quote || narrow.matches) return;
    const closed = quote.closest("details:not([open])");
    if (closed) closed.open = true;
    const pane = quote.closest(".pane");
    const place = quote.getBoundingClientRect().top - pane.getBoundingClientRect().top + pane.scrollTop;
    pane.scrollTo({ top: Math.max(0, place - pane.clientHeight / 3) });
  };

  const mark = (index) => {
    now = index;
    for (const [at, each] of looks.entries()) {
      const on = at === index;
      const inDraft = document.getElementById(`draft-claim-${each.dataset.number}`);
      each.classList.toggle("now", on);
      if (inDraft) inDraft.classList.toggle("now", on);
      // A label may rest on several places of the text, a claim on one.
      for (const number of (each.dataset.numbers || each.dataset.number).split(" ")) {
        for (const quote of document.querySelectorAll(`mark[data-scope="draft"][data-claims~="${number}"]`)) {
          if (!on && quote.dataset.now === each.dataset.number) quote.classList.remove("now");
          if (on) { quote.classList.add("now"); quote.dataset.now = each.dataset.number; }
        }
      }
    }
    if (index < 0 || !bar) return;
    bar.querySelector(".claim-now").textContent = looks[index].dataset.says;
    showQuote(looks[index].dataset.number);
  };

  const select = (index) => {
    if (!looks.length) return;
    const at = (index + looks.length) % looks.length;
    mark(at);
    const link = claimLink(looks[at].dataset.number);
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "nearest" });
  };
  const selectNumber = (number) => {
    const index = looks.findIndex((each) => each.dataset.number === String(number));
    if (index >= 0) select(index);
  };

  const openSource = () => {
    if (now < 0) return;
    const quote = quoteOf(looks[now].dataset.number);
    if (!quote) {
      bar.querySelector(".claim-now").textContent = `${looks[now].dataset.says}. There is no source to open.`;
      return;
    }
    const closed = quote.closest("details:not([open])");
    if (closed) closed.open = true;
    quote.tabIndex = -1;
    quote.focus({ preventScroll: true });
    quote.scrollIntoView({ block: "center" });
  };

  const neighbour = (which) => {
    const link = document.querySelector(`a[rel="${which}"]`);
    if (link) link.click();
  };
  const step = (by) => {
    if (looks.length) select(now < 0 && by < 0 ? -1 : now + by);
    else neighbour(by < 0 ? "prev" : "next");
  };

  for (const [index, each] of looks.entries()) {
    const link = document.getElementById(`draft-claim-${each.dataset.number}`);
    for (const place of [link, document.getElementById(`draft-look-${each.dataset.number}`)]) {
      if (!place) continue;
      place.addEventListener("focus", () => { if (now !== index) mark(index); });
      place.addEventListener("click", () => mark(index));
    }
  }
  if (bar) {
    bar.hidden = false;
    bar.querySelector('[data-do="back"]').addEventListener("click", () => step(-1));
    bar.querySelector('[data-do="on"]').addEventListener("click", () => step(1));
    bar.querySelector('[data-do="source"]').addEventListener("click", openSource);
  }
  for (const button of document.querySelectorAll('[data-do="keys"]')) {
    button.hidden = false;
    button.addEventListener("click", () => keys.showModal());
  }
  if (looks.length) mark(0);

  // Suggested labels: what is checked is what is signed.

  const ticks = [...document.querySelectorAll('#claims input[name="label"]')];
  const added = document.getElementById("added");
  const toggle = () => {
    const tick = now >= 0 && looks[now].querySelector('input[name="label"]');
    if (tick && !tick.disabled) tick.click();
  };
  const follows = () => {
    const changed = ticks.some((each) => each.checked !== each.defaultChecked) || (added && added.value.trim() !== "");
    const radio = field(changed ? "edit" : "approve");
    if (radio && chosen() !== "reject") { radio.checked = true; require(); }
  };
  for (const [index, each] of looks.entries()) {
    const tick = each.querySelector('input[name="label"]');
    if (tick) tick.addEventListener("focus", () => { if (now !== index) mark(index); });
  }

  // Deciding.

  const field = (value) => form && form.querySelector(`[name="decision"][value="${value}"]`);
  const reason = document.getElementById("comment");
  const looked = document.getElementById("contradictions_checked");
  const sign = document.getElementById("sign");
  let sent = false;
  let lease = document.getElementById("lease");

  const chosen = () => {
    const found = form && form.querySelector('[name="decision"]:checked');
    return found ? found.value : "";
  };
  // The browser then says what is missing before the server has to.
  const require = () => {
    if (!form) return;
    const judging = form.classList.contains("judging");
    reason.required = chosen() === "reject" || (judging && chosen() === "edit");
    if (text) text.required = chosen() === "edit";
    if (looked) looked.required = chosen() === "approve" || chosen() === "edit";
  };
  const choose = (value) => {
    const radio = field(value);
    if (!radio || radio.disabled) return;
    radio.checked = true;
    require();
    if (value === "edit" && ticks.length && added) { added.focus(); return; }
    if (value === "edit") {
      (text || reason).focus({ preventScroll: true });
      if (text) document.getElementById("draft").scrollIntoView({ block: "start" });
    }
    if (value === "reject") reason.focus();
    if (value === "approve") (looked && !looked.checked ? looked : sign).focus();
  };

  if (form) {
    form.addEventListener("change", (event) => {
      require();
      if (event.target.name === "label" || event.target === added) follows();
      // The text to edit takes the draft's place, which a finger on the bar may have scrolled away from.
      if (event.target.name === "decision" && event.target.value === "edit") document.getElementById("draft").scrollIntoView({ block: "start" });
    });
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", () => { sent = false; });
    window.addEventListener("beforeunload", (event) => {
      if (!sent && added && ticks.some((each) => each.checked !== each.defaultChecked)) event.preventDefault();
      if (!sent && text && text.value !== text.defaultValue) event.preventDefault();
    });
    require();
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const target = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (!form || keys.open || sign.disabled) return;
      event.preventDefault();
      form.requestSubmit(sign);
      return;
    }
    if (keys.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = target.matches('textarea, select, input:not([type="radio"], [type="checkbox"]), [contenteditable]');
    if (typing) {
      if (event.key === "Escape") { target.blur(); if (now >= 0) select(now); }
      return;
    }
    const radio = target.matches('input[type="radio"]');
    const handled = (act) => { event.preventDefault(); act(); };
    if (event.key === "ArrowLeft" && !radio) handled(() => step(-1));
    else if (event.key === "ArrowRight" && !radio) handled(() => step(1));
    else if (/^[1-9]$/.test(event.key) && looks.length) handled(() => selectNumber(event.key));
    else if (event.key === " " && ticks.length && !target.matches("button, summary, input")) handled(toggle);
    else if (event.key === "+" && added) handled(() => added.focus());
    else if (event.key === "?") handled(() => keys.showModal());
    else if (event.key === "Escape" && target.matches("mark")) handled(() => select(now));
    else if (event.key === "Enter") {
      const own = target.matches("button, summary, input") || (target.matches("a") && !target.matches(".claim, .look"));
      if (!own && looks.length) handled(openSource);
    } else {
      const value = { a: "approve", e: "edit", r: "reject" }[event.key.toLowerCase()];
      if (value && field(value)) handled(() => choose(value));
    }
  });

  // What the edit changes, word by word. The server shows the same after signing, from what was signed.

  // Cells of the table that two middles are compared in; longer ones are shown as replaced as a whole.
  const CELLS_MAX = 4e6;
  const words = (value) => value.match(/\s+|[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu) || [];

  const middle = (old, fresh) => {
    if (!old.length || !fresh.length || old.length * fresh.length > CELLS_MAX) return [["removed", old.join("")], ["added", fresh.join("")]];
    const wide = fresh.length + 1;
    const longest = new Uint16Array((old.length + 1) * wide);
    for (let i = old.length - 1; i >= 0; i -= 1) {
      for (let j = fresh.length - 1; j >= 0; j -= 1) {
        longest[i * wide + j] = old[i] === fresh[j]
          ? longest[(i + 1) * wide + j + 1] + 1
          : Math.max(longest[(i + 1) * wide + j], longest[i * wide + j + 1]);
      }
    }
    const pieces = [];
    for (let i = 0, j = 0; i < old.length || j < fresh.length;) {
      if (i < old.length && j < fresh.length && old[i] === fresh[j]) { pieces.push(["same", old[i]]); i += 1; j += 1; }
      else if (j >= fresh.length || (i < old.length && longest[(i + 1) * wide + j] >= longest[i * wide + j + 1])) { pieces.push(["removed", old[i]]); i += 1; }
      else { pieces.push(["added", fresh[j]]); j += 1; }
    }
    return pieces;
  };

  const changes = (before, after) => {
    const old = words(before);
    const fresh = words(after);
    let start = 0;
    while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start += 1;
    let end = 0;
    while (end < Math.min(old.length, fresh.length) - start && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end += 1;
    return [
      ["same", old.slice(0, start).join("")],
      ...middle(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)),
      ["same", old.slice(old.length - end).join("")],
    ];
  };

  const live = document.getElementById("live-changes");
  if (form && live) {
    const shown = live.querySelector(".changes");
    const says = live.querySelector(".changes-say");
    const tags = { same: "span", removed: "del", added: "ins" };
    const draft = text.dataset.draft;
    const show = () => {
      const pieces = changes(draft, text.value).reduce((joined, [kind, value]) => {
        const last = joined.at(-1);
        if (last && last[0] === kind) last[1] += value; else if (value) joined.push([kind, value]);
        return joined;
      }, []);
      shown.replaceChildren(...pieces.map(([kind, value]) => {
        const element = document.createElement(tags[kind]);
        element.textContent = value;
        return element;
      }));
      const count = (kind) => pieces.filter(([each]) => each === kind).reduce((sum, [, value]) => sum + value.split(/\s+/).filter(Boolean).length, 0);
      const [removed, added] = [count("removed"), count("added")];
      says.textContent = removed || added ? `${removed} removed, ${added} added` : "nothing changed";
    };
    let waiting = 0;
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, 120);
    });
    live.hidden = false;
    show();
  }

  // The lease: taken when the page is opened, renewed while somebody reads it, given back on leaving.

  if (!lease) return;
  const path = lease.dataset.path;
  // Between two looks at who holds the draft.
  const LOOK_MS = Number(lease.dataset.lookMs);
  let active = true;

  const follow = () => {
    if (sign) sign.disabled = lease.dataset.holder === "other" || lease.dataset.state !== "open";
  };
  const ask = async (what) => {
    try {
      const given = { method: what === "lease" ? "GET" : "POST" };
      if (what !== "lease") given.body = new URLSearchParams({ csrf_token: lease.dataset.token, part: "lease" });
      const answer = await fetch(`${path}/${what}`, given);
      if (!answer.ok || answer.redirected || sent) return;
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("lease");
      if (!made) return;
      lease.replaceWith(made);
      lease = made;
      follow();
    } catch {
      // Away for a moment: the next look tells, and signing without the lease is refused by the server.
    }
  };
  const look = () => {
    if (document.visibilityState !== "visible" || sent || lease.dataset.state !== "open") return;
    const wanted = lease.dataset.holder !== "other" && lease.dataset.may === "yes" && active;
    active = false;
    ask(wanted ? "claim" : "lease");
  };
  for (const name of ["keydown", "pointerdown", "scroll", "input"]) {
    document.addEventListener(name, () => { active = true; }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => { active = true; look(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { active = true; look(); } });
  window.addEventListener("pagehide", () => {
    if (sent || lease.dataset.holder !== "me") return;
    navigator.sendBeacon(`${path}/leave`, new URLSearchParams({ csrf_token: lease.dataset.token, until: lease.dataset.until }));
  });
  setInterval(look, LOOK_MS);
  follow();
  look();
})();
