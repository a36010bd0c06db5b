// The dashboard's behaviour over pages that work without it: they stay up to date, obey keys and keep
// selections. Nothing here builds a page; the server does.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.body;
  const main = $("#main");

  // --- Taking over what differs ----------------------------------------------------------------

  // morph makes the element `now` like `next` and touches only what differs: no flicker, and the focus,
  // the selection and what is being typed stay.
  function morph(now, next) {
    if (now.isEqualNode(next)) return;
    if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) {
      now.replaceWith(next.cloneNode(true));
      return;
    }
    if (now.nodeType !== Node.ELEMENT_NODE) {
      if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
      return;
    }
    if (now.hasAttribute("data-keep")) return;
    for (const { name, value } of [...next.attributes]) {
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
    for (const { name } of [...now.attributes]) {
      const ours = name === "open" || name === "aria-expanded" || name === "data-shown" || (name === "aria-current" && now.hasAttribute("data-row"));
      if (!next.hasAttribute(name) && !ours) now.removeAttribute(name);
    }
    morphChildren(now, next);
  }

  function keyOf(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("data-id") || "" : "";
  }

  function morphChildren(now, next) {
    const keyed = new Map();
    for (const child of now.childNodes) {
      if (keyOf(child)) keyed.set(keyOf(child), child);
    }
    let at = now.firstChild;
    for (const wanted of [...next.childNodes]) {
      const key = keyOf(wanted);
      const same = key ? keyed.get(key) : null;
      if (same) {
        if (same !== at) now.insertBefore(same, at);
        else at = at.nextSibling;
        keyed.delete(key);
        morph(same, wanted);
        continue;
      }
      if (!key && at && !keyOf(at) && at.nodeName === wanted.nodeName) {
        const after = at.nextSibling;
        morph(at, wanted);
        at = after;
        continue;
      }
      now.insertBefore(wanted.cloneNode(true), at);
    }
    while (at) {
      const after = at.nextSibling;
      at.remove();
      at = after;
    }
  }

  // --- Staying up to date ----------------------------------------------------------------------

  const live = { source: null, paused: false, wanted: false, busy: false, last: 0, down: false, missed: false };
  const pause = 1000; // at most one refresh a second

  // holding says why the page must not change under somebody's hands now.
  function holding() {
    if (live.paused) return "paused";
    if ($("input[data-select]:checked")) return "selected";
    if ($("dialog[open]")) return "dialog";
    const active = document.activeElement;
    if (active && main.contains(active) && active.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) return "typing";
    const text = document.getSelection();
    if (text && !text.isCollapsed && main.contains(text.anchorNode)) return "selected";
    return "";
  }

  function tellLive() {
    const state = $("#live-state");
    if (!state || !body.dataset.live) return;
    const why = holding();
    const text = live.down ? "No connection" : why === "paused" ? "Paused" : why && live.wanted ? "New data waits" : "Live";
    state.textContent = text;
    state.dataset.state = live.down ? "down" : why ? "held" : "live";
  }

  async function refresh() {
    if (live.busy) return;
    if (holding()) {
      live.wanted = true;
      tellLive();
      return;
    }
    const wait = live.last + pause - Date.now();
    if (wait > 0) {
      live.busy = true;
      await new Promise((resolve) => setTimeout(resolve, wait));
      live.busy = false;
      if (holding()) {
        live.wanted = true;
        tellLive();
        return;
      }
    }
    live.busy = true;
    live.wanted = false;
    live.last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-Orderly-Fragment": "live" }, cache: "no-store" });
      if (answer.status === 401 || answer.redirected) {
        location.reload();
        return;
      }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("main");
      if (!next || holding()) {
        live.wanted = true;
        return;
      }
      const notice = $("[data-notice]", main);
      if (notice) next.prepend(notice.cloneNode(true));
      const focused = document.activeElement;
      morphChildren(main, next);
      // An element that has moved in its list has lost the focus.
      if (focused !== document.activeElement && main.contains(focused)) focused.focus({ preventScroll: true });
      for (const id of ["nav-causes"]) {
        const old = document.getElementById(id);
        const fresh = page.getElementById(id);
        if (old && fresh) morph(old, fresh);
      }
      tellTimes();
      tellSelection();
    } catch {
      // The stream notices when the server is gone, and asks again when it is back.
    } finally {
      live.busy = false;
      tellLive();
    }
  }

  // listen opens the stream of changes, and only while the page is seen: a browser has six connections to
  // a server for all its tabs together, and each stream holds one.
  function listen() {
    if (!body.dataset.live || live.source || document.hidden) return;
    const source = new EventSource(body.dataset.live);
    live.source = source;
    source.addEventListener("changed", refresh);
    source.addEventListener("open", () => {
      if (live.missed) refresh();
      live.missed = live.down = false;
      tellLive();
    });
    source.addEventListener("error", () => {
      live.missed = true;
      live.down = source.readyState !== EventSource.OPEN;
      // A stream that ends in order opens again at once; only what lasts is told.
      setTimeout(tellLive, 3000);
      if (source.readyState === EventSource.CLOSED) {
        rest();
        setTimeout(listen, 5000);
      }
    });
  }
  function rest() {
    if (!live.source) return;
    live.source.close();
    live.source = null;
    live.missed = true;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen); // also when the browser kept the page and shows it again
  // What was held back comes when the hands are off.
  for (const event of ["change", "focusout", "close", "selectionchange"]) {
    document.addEventListener(event, () => setTimeout(() => {
      if (live.wanted && !holding()) refresh();
      else tellLive();
    }, 50), true);
  }

  // --- Times -------------------------------------------------------------------------------------

  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
  function ago(then) {
    const seconds = Math.round((then - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size < 5) return "now";
    if (size < 60) return relative.format(seconds, "second");
    if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
    if (size < 86400) return relative.format(Math.round(seconds / 3600), "hour");
    if (size < 30 * 86400) return relative.format(Math.round(seconds / 86400), "day");
    return new Date(then).toISOString().slice(0, 10);
  }
  function inZone(then, zone) {
    const options = { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" };
    try {
      return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone || undefined }).format(then);
    } catch {
      return new Intl.DateTimeFormat("en-GB", options).format(then);
    }
  }
  function tellTimes() {
    const clock = document.documentElement.dataset.clock;
    for (const element of $$("time[datetime]")) {
      const then = Date.parse(element.dateTime);
      if (Number.isNaN(then)) continue;
      const utc = new Date(then).toISOString().replace("T", " ").slice(0, 19) + " UTC";
      const zoned = inZone(then, element.dataset.zone);
      const text = clock === "utc" ? utc : clock === "local" ? zoned : ago(then);
      if (element.textContent !== text) element.textContent = text;
      element.title = `${utc}\n${zoned}${element.dataset.zone ? ` ${element.dataset.zone}` : ""}`;
    }
  }
  setInterval(tellTimes, 5000);
  const clocks = ["ago", "utc", "local"];
  function nextClock() {
    const root = document.documentElement;
    root.dataset.clock = clocks[(clocks.indexOf(root.dataset.clock) + 1) % clocks.length];
    document.cookie = `orderly_clock=${root.dataset.clock}; Path=/; Max-Age=31536000; SameSite=Lax`;
    for (const radio of $$(`input[name=clock]`)) radio.checked = radio.value === root.dataset.clock;
    tellTimes();
  }

  // --- Rows and selection ----------------------------------------------------------------------------

  const rows = () => $$("[data-row]", main).filter((row) => row.offsetParent !== null);
  const present = () => $("[data-row][aria-current]", main);
  function moveTo(row) {
    if (!row) return;
    present()?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    row.scrollIntoView({ block: "nearest" });
    const link = $("a[href]", row);
    (link || row).focus({ preventScroll: true });
  }
  function step(by) {
    const list = rows();
    const at = list.indexOf(present());
    moveTo(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)]);
  }
  let lastBox = null;
  function select(box, range) {
    if (!box) return;
    const boxes = $$("input[data-select]", main);
    if (range && lastBox && boxes.includes(lastBox)) {
      const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const one of boxes.slice(from, to + 1)) one.checked = true;
    } else {
      box.checked = !box.checked;
    }
    lastBox = box;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  function tellSelection() {
    const bar = $("[data-selection]", main);
    if (!bar) return;
    const n = $$("input[data-select]:checked", main).length;
    const all = $("input[data-all]", bar);
    bar.dataset.shown = n > 0 || all?.value === "yes" ? "yes" : "no";
    const count = $("[data-selected-count]", bar);
    if (count) count.textContent = all?.value === "yes" ? `${all.dataset.count} that match` : `${n} selected`;
    const every = $("input[data-select-page]", main);
    if (every) every.checked = n > 0 && n === $$("input[data-select]", main).length;
  }
  function clearSelection() {
    for (const box of $$("input[data-select]:checked", main)) box.checked = false;
    const all = $("input[data-all]", main);
    if (all) all.value = "";
    tellSelection();
    if (live.wanted) refresh();
  }
  function selectAllMatching() {
    for (const box of $$("input[data-select]", main)) box.checked = true;
    const all = $("input[data-all]", main);
    if (all) all.value = "yes";
    tellSelection();
  }

  // --- Dialogs and the palette -------------------------------------------------------------------

  function open(id) {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    if (id === "keys") listKeys(dialog);
    dialog.showModal();
    const first = $("input, button", dialog);
    first?.focus();
    if (id === "palette") first.value = "";
    tellLive();
  }
  function listKeys(dialog) {
    const list = $("#keys-list", dialog);
    for (const old of $$("[data-here]", list)) old.remove();
    const seen = new Set();
    for (const element of $$("[data-key]")) {
      const key = element.dataset.key;
      if (seen.has(key)) continue;
      seen.add(key);
      const dt = document.createElement("dt");
      const dd = document.createElement("dd");
      dt.dataset.here = dd.dataset.here = "yes";
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd);
      dd.textContent = element.getAttribute("aria-label") || element.textContent.trim();
      list.append(dt, dd);
    }
  }

  let searching = null;
  async function search(text) {
    searching?.abort();
    searching = new AbortController();
    const results = $("#palette-results");
    try {
      // By POST, because addresses are written into the logs of proxies, and names and e-mails are looked for.
      const answer = await fetch("/search", {
        method: "POST", body: new URLSearchParams({ q: text }), headers: { "X-Orderly-Fragment": "search" }, signal: searching.signal,
      });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      results.replaceChildren(...page.body.childNodes);
      tellTimes();
      mark(0);
    } catch {
      // Aborted by the next letter, or no connection: the results stay.
    }
  }
  // mark chooses a result; the focus stays in the input, which tells what is chosen.
  const marked = () => $("#palette-results [aria-selected=true]");
  function mark(index) {
    const links = $$("#palette-results a");
    links.forEach((link, i) => {
      link.id = `found-${i}`;
      link.setAttribute("aria-selected", String(i === index));
    });
    const input = $("#palette-input");
    input.setAttribute("aria-expanded", String(links.length > 0));
    if (links[index]) input.setAttribute("aria-activedescendant", links[index].id);
    else input.removeAttribute("aria-activedescendant");
    links[index]?.scrollIntoView({ block: "nearest" });
  }
  const palette = $("#palette");
  let typing = 0;
  $("#palette-input")?.addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => search(event.target.value), 120);
  });
  palette?.addEventListener("keydown", (event) => {
    const links = $$("#palette-results a");
    const at = links.indexOf(marked());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), links.length - 1));
    }
  });
  palette?.addEventListener("submit", (event) => {
    const link = marked();
    if (!link) return; // the list of orders shows what was found
    event.preventDefault();
    link.click();
  });

  // --- Keys -------------------------------------------------------------------------------------

  let going = 0;
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      search("");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if ($("dialog[open]")) return;
    // Somebody who speaks to the machine, or whose hands slip, may have switched the single keys off.
    if (event.key.length === 1 && document.documentElement.dataset.keys === "off") return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      const link = $(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    const row = present();
    const box = row && $("input[data-select]", row);
    switch (event.key) {
      case "/":
        event.preventDefault();
        open("palette");
        search("");
        return;
      case "?":
        open("keys");
        return;
      case "g":
        going = Date.now();
        return;
      case "j":
        step(1);
        return;
      case "k":
        step(-1);
        return;
      case "Enter": {
        // Done here and not left to the focused link, which a refresh between key and click may move.
        const link = row && $("a[href]", row);
        if (link && (target === link || !target.closest("a, button, summary"))) {
          event.preventDefault();
          link.click();
        }
        return;
      }
      case "x":
        select(box, false);
        return;
      case "X":
        select(box, true);
        return;
      case "*":
        selectAllMatching();
        return;
      case "Escape":
        clearSelection();
        return;
      case "t":
        nextClock();
        return;
      case ".":
        live.paused = !live.paused;
        tellLive();
        if (!live.paused) refresh();
        return;
      case "c": {
        const text = row?.dataset.copy || $("[data-copy-page]")?.dataset.copyPage || location.href;
        copy(text);
        return;
      }
    }
    const wanted = CSS.escape(event.key);
    // What stands in a row is meant for that row alone: without a present row its key does nothing.
    const free = `[data-key="${wanted}"]:not([data-row] *)`;
    const button = (row && $(`[data-key="${wanted}"]`, row)) || $(free, main) || $(free);
    if (button && !button.disabled) {
      event.preventDefault();
      button.click();
    }
  });

  // --- Clicks and forms ---------------------------------------------------------------------------

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // without the right to, the text stays where it can be selected
    }
    say("Copied");
    if (button) {
      button.dataset.done = "yes";
      setTimeout(() => delete button.dataset.done, 1500);
    }
  }
  function say(text) {
    let toast = $("#toast");
    if (!toast) {
      toast = document.createElement("div");
      toast.id = "toast";
      toast.setAttribute("role", "status");
      body.append(toast);
    }
    toast.textContent = text;
    toast.dataset.shown = "yes";
    clearTimeout(say.timer);
    say.timer = setTimeout(() => (toast.dataset.shown = "no"), 2000);
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-open], [data-toggle], [data-copy], [data-close], [data-select-all], [data-clear]");
    if (!target) {
      const row = event.target.closest("[data-row]");
      if (row && !event.target.closest("a, button, input, label, summary") && document.getSelection().isCollapsed) $("a[href]", row)?.click();
      for (const menu of $$("details.person[open], details.menu-box[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
      return;
    }
    if (target.dataset.open) {
      open(target.dataset.open);
      if (target.dataset.open === "palette") search("");
    }
    if (target.dataset.close !== undefined) target.closest("dialog")?.close();
    if (target.dataset.toggle) {
      const shown = document.getElementById(target.dataset.toggle);
      const now = shown.dataset.shown !== "yes";
      shown.dataset.shown = now ? "yes" : "no";
      target.setAttribute("aria-expanded", String(now));
    }
    if (target.hasAttribute("data-copy") && target.matches("button")) copy(target.dataset.copy, target);
    if (target.hasAttribute("data-select-all")) selectAllMatching();
    if (target.hasAttribute("data-clear")) clearSelection();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-select-page]")) {
      for (const box of $$("input[data-select]", main)) box.checked = event.target.checked;
    }
    if (event.target.matches("input[data-select], input[data-select-page]")) {
      const all = $("input[data-all]", main);
      if (all) all.value = "";
      tellSelection();
    }
    if (event.target.matches("[data-submit]")) event.target.form?.requestSubmit();
  });
  // A form is sent once, however often the button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "get" || form.method === "dialog" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 8000);
  });

  // Forms marked so are sent without leaving the page: a mistake is told beside what was typed, secrets
  // included, which the server never sends back.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const { place } = form.dataset;
    if (!place || event.defaultPrevented) return;
    event.preventDefault();
    const data = new URLSearchParams(new FormData(form, event.submitter));
    const buttons = $$("button", form);
    for (const button of buttons) button.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Orderly-Fragment": "form" } });
      if (answer.redirected) {
        location.assign(answer.url);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById(place);
      if (next) morph(document.getElementById(place), next);
      else morphChildren(main, page.getElementById("main"));
      tellTimes();
      $("[aria-invalid=true]", form)?.focus();
    } catch {
      say("No answer from Orderly: look whether it was saved");
    } finally {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      for (const button of buttons) button.disabled = false;
    }
  });
  // What is typed into chooses the option that it belongs to.
  document.addEventListener("input", (event) => {
    const { chooses } = event.target.dataset;
    if (!chooses) return;
    for (const radio of $$("input[type=radio]", event.target.form)) {
      if (radio.value === chooses) radio.checked = true;
    }
  });

  // Forms marked so show their result beside them while somebody types.
  for (const form of $$("form[data-preview]")) {
    const target = document.getElementById(form.dataset.preview);
    let timer = 0;
    let running = null;
    const run = async () => {
      running?.abort();
      running = new AbortController();
      target.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(form.dataset.previewAction || form.action, {
          method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-Orderly-Fragment": "preview" }, signal: running.signal,
        });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.getElementById(target.id);
        if (next) morph(target, next);
        tellTimes();
      } catch (error) {
        if (error.name === "AbortError") return; // the next one is under way
        say("No answer from Orderly: this is not what you typed last");
      }
      target.removeAttribute("aria-busy");
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(run, 300);
    });
  }

  tellTimes();
  tellSelection();
  listen();
  tellLive();
  document.documentElement.dataset.script = "on"; // from here on keys are heard
  const first = $("[autofocus]", main);
  first?.focus();
})();
