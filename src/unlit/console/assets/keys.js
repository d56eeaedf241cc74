// Keys, copy and the live indicator. Pages read and work without it.
(() => {
  "use strict";
  const $ = (s, e = document) => e.querySelector(s);
  const all = (s) => [...document.querySelectorAll(s)];
  const pages = { l: "/", r: "/runs", q: "/questions", i: "/intents", p: "/policy", t: "/twins", s: "/scenarios", c: "/cost", f: "/calibration", a: "/audit" };
  let going = 0;

  const nav = $(".nav"), now = $(".nav [aria-current]"); // on a phone the navigation is wider than the screen
  if (nav && now) nav.scrollLeft = Math.max(0, now.offsetLeft - nav.offsetLeft - nav.clientWidth / 2 + now.offsetWidth / 2);

  const rows = () => { const found = all("[data-row]"); return found.length ? found : all("main .sec"); };
  const target = (row) => $("a[href], button, summary, input", row) || row;
  const here = (list) => list.findIndex((row) => row.contains(document.activeElement));
  const go = (list, step) => {
    if (!list.length) return;
    const at = here(list);
    const next = list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + step))];
    const focus = target(next);
    if (!focus.matches("a, button, summary, input")) focus.tabIndex = -1;
    focus.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const cycle = (list) => {
    if (!list.length) return;
    list[(list.indexOf(document.activeElement) + 1) % list.length].focus();
  };
  const copy = (button) => {
    const text = $("#" + button.dataset.copy).textContent;
    const said = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(said);
  };

  const keys = {
    j: () => go(rows(), 1),
    k: () => go(rows(), -1),
    a: () => cycle(all(".row.asks b a")),
    f: () => { const next = $("[data-next]"); if (next) location.href = next.href; else cycle(all(".plot a")); },
    u: () => { const up = $("[data-up]"); location.href = up ? up.href : "/"; },
    c: () => { const button = $("[data-copy]"); if (button) copy(button); },
    "/": () => { const find = $("input[type=search]"); if (find) { find.focus(); find.select(); } },
    t: () => { const button = $("[data-try]"); if (button) button.click(); },
    "?": () => $("#keys").showModal(),
    " ": () => hold(),
  };

  addEventListener("keydown", (e) => {
    if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented) return;
    if (e.target.matches("input:not([type=radio]), textarea, select") || $("dialog[open]")) return;
    if (e.key === " " && !e.target.matches("body, main")) return;
    // the question that has the focus; else the first open one; the gate itself only when none is open
    const asked = e.target.closest("form.ask, form.gate") || $("form.ask[data-question]") || $("form.gate");
    const answer = asked && $(`[data-key="${CSS.escape(e.key)}"]`, asked);
    if (going && Date.now() - going < 1500 && pages[e.key]) { going = 0; location.href = pages[e.key]; e.preventDefault(); return; }
    if (answer && (e.key !== "u" || e.target.closest(".q"))) { answer.checked = true; $("input[name=reason]", asked).focus(); e.preventDefault(); return; }
    if (e.key === "g") { going = Date.now(); return; }
    if (keys[e.key]) { keys[e.key](); e.preventDefault(); }
  });
  addEventListener("click", (e) => { const button = e.target.closest("[data-copy]"); if (button) copy(button); });
  addEventListener("submit", (e) => {
    const button = $("button:not([type=button])", e.target);
    if (e.target.method === "post" && button) { button.setAttribute("aria-disabled", "true"); button.textContent = "Sending"; }
  });

  // what was typed (or put back by the browser) before the field listened is asked for as soon as it does
  const late = (field) => { if (field.matches("input, textarea") && field.value !== field.defaultValue) field.dispatchEvent(new Event("input", { bubbles: true })); };
  document.addEventListener("htmx:after:init", (e) => late(e.target));
  all("[data-htmx-powered]").forEach(late);

  // live: as of, held, lost
  const live = $("#live[data-live]");
  const clock = () => new Date().toTimeString().slice(0, 8);
  let held = false, missed = 0, last = clock();
  const show = (state, text) => { live.dataset.live = state; live.classList.toggle("held", state !== "on"); $(".dot", live).classList.toggle("breathe", state === "on"); $("b", live).textContent = text; };
  const hold = () => { if (!live) return; held = !held; missed = 0; if (held) show("held", "held"); else location.reload(); };
  if (live) {
    document.addEventListener("htmx:sse:after:connection", () => show("on", "live, " + clock()));
    document.addEventListener("htmx:sse:before:message", (e) => { last = clock(); if (held) { missed++; show("held", `held, ${missed} new`); e.preventDefault(); } });
    document.addEventListener("htmx:sse:after:message", () => { if (!held) show("on", "live, " + last); announce(); const tried = $("[data-try-state]"); if (tried && began === "starting" && tried.dataset.tryState !== began && !joins) location.reload(); });
    document.addEventListener("htmx:sse:error", () => show("lost", `not live since ${last}, trying again`));
    document.addEventListener("over", () => setTimeout(() => location.reload(), 300));
  }
  const began = ($("[data-try-state]") || { dataset: {} }).dataset.tryState;
  // a page that came too early shows a frame only after a reload; a terminal joins by itself and is never cut off
  const joins = $("[data-terminal]");
  if (began === "starting" && !joins) setTimeout(() => location.reload(), 5000); // also when the stream is lost
  let said = "", saidAt = 0;
  const announce = () => {
    const head = $(".lede h1, .verdict h1");
    if (!head || head.textContent === said || Date.now() - saidAt < 10000) return;
    if (said) $("#announce").textContent = head.textContent;
    said = head.textContent; saidAt = Date.now();
  };
  announce();
})();
