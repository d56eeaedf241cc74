// Ctrl+K: go to a page, a section of this page, a run or a spec by name. Pages work without it.
(() => {
  "use strict";
  const dialog = document.querySelector("#palette"), input = document.querySelector("#go");
  const list = document.querySelector("#go-list"), none = document.querySelector("#go-none");
  const MOST = 12;
  let at = 0, asked = 0, timer = 0, found = [];

  // what is on this page needs no server: pages of the console, sections, rows
  const here = () => {
    const pages = [...document.querySelectorAll(".nav a")].map((a) => ({ words: a.firstChild.textContent.trim(), more: "page", to: a.getAttribute("href") }));
    const parts = [...document.querySelectorAll("main .sec h2[id]")].map((h) => ({ words: h.textContent, more: "on this page", to: "#" + h.id }));
    const rows = [...document.querySelectorAll("[data-row] a.quiet[href]")].map((a) => ({ words: a.textContent, more: "in this list", to: a.getAttribute("href") }));
    return [...pages, ...parts, ...rows];
  };
  const fits = (item, text) => text.toLowerCase().split(/\s+/).every((word) => (item.words + " " + item.more).toLowerCase().includes(word));
  const show = () => {
    const known = new Set(), text = input.value.trim();
    const shown = [...here().filter((item) => fits(item, text)), ...found].filter((item) => !known.has(item.to) && known.add(item.to)).slice(0, MOST);
    at = Math.min(at, Math.max(0, shown.length - 1));
    list.replaceChildren(...shown.map((item, n) => {
      const row = document.createElement("li"), more = document.createElement("span");
      row.id = "go-" + n; row.role = "option"; row.dataset.to = item.to; row.ariaSelected = String(n === at);
      row.textContent = item.words + " "; more.textContent = item.more; more.className = "soft";
      row.append(more);
      return row;
    }));
    none.hidden = shown.length > 0;
    if (shown.length) input.setAttribute("aria-activedescendant", "go-" + at); else input.removeAttribute("aria-activedescendant");
    const chosen = list.children[at];
    if (chosen) chosen.scrollIntoView({ block: "nearest" });
  };
  const ask = () => {
    clearTimeout(timer);
    const text = input.value.trim(), mine = ++asked;
    if (!text) { found = []; return; }
    timer = setTimeout(async () => {
      try {
        const answer = await fetch("/find.json?q=" + encodeURIComponent(text));
        if (!answer.ok || mine !== asked) return;
        found = (await answer.json()).found; show();
      } catch { /* what is on this page can still be chosen */ }
    }, 120);
  };
  const go = (row) => { if (!row) return; dialog.close(); location.href = row.dataset.to; };

  addEventListener("keydown", (e) => {
    if (!(e.ctrlKey || e.metaKey) || e.shiftKey || e.altKey || e.key.toLowerCase() !== "k") return;
    e.preventDefault();
    if (dialog.open) { dialog.close(); return; }
    if (document.querySelector("dialog[open]")) return;
    input.value = ""; found = []; at = 0;
    dialog.showModal(); show(); input.focus();
  });
  input.addEventListener("input", () => { at = 0; show(); ask(); });
  input.addEventListener("keydown", (e) => {
    const last = list.children.length - 1;
    if (e.key === "ArrowDown") at = at >= last ? 0 : at + 1;
    else if (e.key === "ArrowUp") at = at <= 0 ? last : at - 1;
    else if (e.key === "Escape") { e.preventDefault(); dialog.close(); return; } // else it only clears the field
    else if (e.key === "Enter") { e.preventDefault(); go(list.children[at]); return; }
    else return;
    e.preventDefault(); show();
  });
  list.addEventListener("click", (e) => go(e.target.closest("[data-to]")));
  dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
})();
