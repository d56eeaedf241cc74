// A terminal for a try: what the product prints moves a cursor and colours text, and nothing else.
// Text enters the page as text nodes only. Titles, clipboard, links, queries and reports are ignored.
(() => {
  "use strict";
  const MOST_LINES = 2000;
  const root = document.querySelector("[data-terminal]");
  if (!root) return;
  const screen = root.querySelector("pre"), said = root.querySelector("[data-said]");
  const blank = () => ({ ch: " ", at: "" });
  let rows = 24, cols = 80, lines = [], top = 0, x = 0, y = 0, at = "", saved = [0, 0, ""];
  let from = 0, to = 23, wraps = false, other = null, visible = true, applicationKeys = false, paste = false;
  const fresh = () => Array.from({ length: cols }, blank);
  const start = () => { lines = Array.from({ length: rows }, fresh); top = 0; x = y = 0; from = 0; to = rows - 1; };

  // attributes: a class name for each kind, so that the page's own colours are used
  let attr = {};
  const named = () => {
    const words = [];
    if (attr.b) words.push("t-b"); if (attr.d) words.push("t-d"); if (attr.i) words.push("t-i"); if (attr.u) words.push("t-u"); if (attr.r) words.push("t-r");
    if (attr.f !== undefined) words.push("t-f" + attr.f); if (attr.g !== undefined) words.push("t-g" + attr.g);
    at = words.join(" ");
  };
  const near = (n) => { // 256 colours to our sixteen
    if (n < 16) return n;
    if (n > 231) return n > 243 ? 7 : 8;
    n -= 16; return near3(Math.floor(n / 36) * 51, (Math.floor(n / 6) % 6) * 51, (n % 6) * 51);
  };
  const near3 = (r, g, b) => { const max = Math.max(r, g, b); return max < 48 ? 0 : (r > max / 2 ? 1 : 0) | (g > max / 2 ? 2 : 0) | (b > max / 2 ? 4 : 0); };
  const colour = (p) => {
    const list = p.length ? p : [0];
    for (let n = 0; n < list.length; n++) {
      const v = list[n];
      if (v === 0) attr = {}; else if (v === 1) attr.b = 1; else if (v === 2) attr.d = 1; else if (v === 3) attr.i = 1; else if (v === 4) attr.u = 1; else if (v === 7) attr.r = 1;
      else if (v === 22) { delete attr.b; delete attr.d; } else if (v === 23) delete attr.i; else if (v === 24) delete attr.u; else if (v === 27) delete attr.r;
      else if (v >= 30 && v <= 37) attr.f = v - 30; else if (v === 39) delete attr.f; else if (v >= 40 && v <= 47) attr.g = v - 40; else if (v === 49) delete attr.g;
      else if (v >= 90 && v <= 97) attr.f = v - 82; else if (v >= 100 && v <= 107) attr.g = v - 92;
      else if (v === 38 || v === 48) {
        const key = v === 38 ? "f" : "g";
        if (list[n + 1] === 5) { attr[key] = near(list[n + 2] || 0); n += 2; }
        else if (list[n + 1] === 2) { attr[key] = near3(list[n + 2] || 0, list[n + 3] || 0, list[n + 4] || 0); n += 4; }
      }
    }
    named();
  };

  const line = (row) => lines[top + row];
  const scroll = () => {
    if (from === 0 && to === rows - 1 && !other) {
      lines.push(fresh()); top++;
      if (lines.length > MOST_LINES) { lines.shift(); top--; shifted++; }
    } else { lines.splice(top + from, 1); lines.splice(top + to, 0, fresh()); }
  };
  let shifted = 0;
  const feed = () => { if (y === to) scroll(); else if (y < rows - 1) y++; };
  const wide = (ch) => /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u.test(ch);
  const put = (ch) => {
    if (/\p{M}/u.test(ch)) { const cell = line(y)[Math.max(0, x - 1)]; if (cell.ch.length < 8) cell.ch += ch; return; }
    const width = wide(ch) ? 2 : 1;
    if (wraps || x + width > cols) { x = 0; feed(); wraps = false; }
    line(y)[x] = { ch, at }; if (width === 2) line(y)[x + 1] = { ch: "", at };
    x += width; if (x >= cols) { x = cols - 1; wraps = true; }
  };
  const erase = (row, a, b) => { for (let n = a; n < b; n++) line(row)[n] = { ch: " ", at: attr.g === undefined ? "" : "t-g" + attr.g }; };
  const clamp = (v, a, b) => Math.min(b, Math.max(a, v));
  const move = (cx, cy) => { x = clamp(cx, 0, cols - 1); y = clamp(cy, 0, rows - 1); wraps = false; };

  const mode = (p, on, own) => {
    if (!own) return;
    for (const v of p) {
      if (v === 25) visible = on; if (v === 1) applicationKeys = on; if (v === 2004) paste = on;
      if (v === 1049 || v === 47 || v === 1047) {
        if (on && !other) { other = { lines, top, x, y }; start(); }
        else if (!on && other) { ({ lines, top, x, y } = other); other = null; from = 0; to = rows - 1; }
      }
    }
  };
  const control = (final, text) => {
    const own = text[0] === "?";
    if (/[<=>!$"' ]/.test(text.replace("?", ""))) return;
    const p = text.replace("?", "").split(/[;:]/).map((v) => Math.min(9999, Number(v) || 0)), n = Math.max(1, p[0]);
    switch (final) {
      case "A": move(x, y - n); break; case "B": case "e": move(x, y + n); break; case "C": case "a": move(x + n, y); break; case "D": move(x - n, y); break;
      case "E": move(0, y + n); break; case "F": move(0, y - n); break; case "G": case "`": move(n - 1, y); break; case "d": move(x, n - 1); break;
      case "H": case "f": move(Math.max(1, p[1] || 1) - 1, n - 1); break;
      case "J": if (p[0] === 0) { erase(y, x, cols); for (let r = y + 1; r < rows; r++) erase(r, 0, cols); } else if (p[0] === 1) { for (let r = 0; r < y; r++) erase(r, 0, cols); erase(y, 0, x + 1); } else for (let r = 0; r < rows; r++) erase(r, 0, cols); break;
      case "K": erase(y, p[0] === 0 ? x : 0, p[0] === 1 ? x + 1 : cols); break;
      case "L": if (y >= from && y <= to) for (let r = 0; r < Math.min(n, rows); r++) { lines.splice(top + to, 1); lines.splice(top + y, 0, fresh()); } break;
      case "M": if (y >= from && y <= to) for (let r = 0; r < Math.min(n, rows); r++) { lines.splice(top + y, 1); lines.splice(top + to, 0, fresh()); } break;
      case "P": line(y).splice(x, Math.min(n, cols - x)); while (line(y).length < cols) line(y).push(blank()); break;
      case "@": for (let r = 0; r < Math.min(n, cols); r++) line(y).splice(x, 0, blank()); line(y).length = cols; break;
      case "X": erase(y, x, Math.min(cols, x + n)); break;
      case "S": for (let r = 0; r < Math.min(n, rows); r++) scroll(); break;
      case "T": for (let r = 0; r < Math.min(n, rows); r++) { lines.splice(top + to, 1); lines.splice(top + from, 0, fresh()); } break;
      case "m": colour(p); break;
      case "r": from = clamp(n - 1, 0, rows - 1); to = clamp((p[1] || rows) - 1, 0, rows - 1); if (from >= to) { from = 0; to = rows - 1; } move(0, 0); break;
      case "s": saved = [x, y, { ...attr }]; break; case "u": move(saved[0], saved[1]); break;
      case "h": mode(p, true, own); break; case "l": mode(p, false, own); break;
    }
  };
  let held = "";
  const take = (text) => {
    text = held + text; held = "";
    for (let n = 0; n < text.length; n++) {
      const ch = text[n];
      if (ch === "\x1b") {
        const rest = text.slice(n, n + 4096);
        const csi = /^\x1b\[([0-9;:<=>?]*[ !"#$%&'()*+,\-./]*)([@-~])/.exec(rest);
        const str = /^\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)/.exec(rest); // OSC, DCS, SOS, PM, APC: dropped whole
        if (csi) { control(csi[2], csi[1]); n += csi[0].length - 1; continue; }
        if (str) { n += str[0].length - 1; continue; }
        const short = /^\x1b([()*+#%])[\s\S]/.exec(rest) || /^\x1b[^[\]PX^_()*+#%]/.exec(rest);
        if (short) {
          const k = short[0][1];
          if (k === "7") saved = [x, y, { ...attr }]; else if (k === "8") { move(saved[0], saved[1]); attr = saved[2] || {}; named(); }
          else if (k === "M") { if (y === from) { lines.splice(top + to, 1); lines.splice(top + from, 0, fresh()); } else y = Math.max(0, y - 1); }
          else if (k === "D") feed(); else if (k === "E") { x = 0; feed(); } else if (k === "c") { attr = {}; named(); other = null; start(); }
          n += short[0].length - 1; continue;
        }
        if (rest.length < 4096) { held = text.slice(n); return; }
        continue;
      }
      if (ch === "\n" || ch === "\v" || ch === "\f") { feed(); wraps = false; }
      else if (ch === "\r") { x = 0; wraps = false; }
      else if (ch === "\b") { x = Math.max(0, x - 1); wraps = false; }
      else if (ch === "\t") { x = Math.min(cols - 1, (Math.floor(x / 8) + 1) * 8); }
      else if (ch >= " " && ch !== "\x7f" && !(ch >= "\x80" && ch <= "\x9f")) {
        const point = String.fromCodePoint(text.codePointAt(n)); n += point.length - 1;
        if (!/[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(point)) put(point);
      }
    }
  };

  // drawing: whole lines, once a frame, changed ones only
  const drawn = new Map();
  const spans = (row, cursor) => {
    const parts = []; let text = "", now = null;
    const flush = () => { if (!text) return; if (now) { const el = document.createElement("span"); el.className = now; el.textContent = text; parts.push(el); } else parts.push(document.createTextNode(text)); text = ""; };
    let last = row.length; while (last > 0 && row[last - 1].ch === " " && !row[last - 1].at && last - 1 !== cursor) last--;
    for (let n = 0; n < last; n++) {
      const name = (row[n].at + (n === cursor ? " t-c" : "")).trim();
      if (name !== now) { flush(); now = name; }
      text += row[n].ch;
    }
    flush(); parts.push(document.createTextNode("\n"));
    return parts;
  };
  let due = false;
  const draw = () => {
    due = false;
    const stuck = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 40;
    while (shifted > 0) { if (screen.firstChild) screen.firstChild.remove(); shifted--; }
    while (screen.childNodes.length > lines.length) screen.lastChild.remove();
    const cursorAt = top + y;
    for (let n = 0; n < lines.length; n++) {
      const cursor = visible && n === cursorAt ? x : -1;
      const key = cursor + "|" + lines[n].map((c) => c.ch + "\x00" + c.at).join("\x01");
      let el = screen.childNodes[n];
      if (!el) { el = document.createElement("span"); screen.append(el); }
      if (drawn.get(el) !== key) { el.replaceChildren(...spans(lines[n], cursor)); drawn.set(el, key); }
    }
    if (drawn.size > lines.length * 2) for (const el of [...drawn.keys()]) if (!el.isConnected) drawn.delete(el);
    if (stuck) screen.scrollTop = screen.scrollHeight;
  };
  const ask = () => { if (!due) { due = true; requestAnimationFrame(draw); } };

  // keys
  const special = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" };
  const tilde = { Insert: 2, Delete: 3, PageUp: 5, PageDown: 6, F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24 };
  const typed = (e) => {
    if (e.metaKey) return null;
    if (special[e.key]) return (applicationKeys ? "\x1bO" : "\x1b[") + special[e.key];
    if (tilde[e.key]) return `\x1b[${tilde[e.key]}~`;
    if (e.key === "Enter") return "\r"; if (e.key === "Backspace") return "\x7f"; if (e.key === "Escape") return "\x1b";
    if (e.key === "Tab" && !e.shiftKey) return "\t";
    if (e.ctrlKey && e.key.length === 1) { const code = e.key.toUpperCase().charCodeAt(0); if (code >= 64 && code <= 95) return String.fromCharCode(code - 64); return e.key === " " ? "\x00" : null; }
    if (e.key.length === 1 || [...e.key].length === 1) return (e.altKey ? "\x1b" : "") + e.key;
    return null;
  };
  let socket = null;
  const send = (words) => { if (socket && socket.readyState === 1) socket.send(words); };
  screen.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && e.shiftKey) { document.querySelector("[data-leave]").focus(); e.preventDefault(); return; }
    if (e.ctrlKey && e.shiftKey && /^[cv]$/i.test(e.key)) return;
    if (e.ctrlKey && e.key === "c" && String(getSelection())) return;
    if (e.ctrlKey && e.key === "v") return;
    const words = typed(e);
    if (words === null) return;
    e.preventDefault(); e.stopPropagation();
    send("t" + words); screen.scrollTop = screen.scrollHeight;
  });
  screen.addEventListener("paste", (e) => {
    e.preventDefault();
    const words = e.clipboardData.getData("text/plain").replace(/\r?\n/g, "\r").replace(/\x1b/g, "");
    send("t" + (paste ? `\x1b[200~${words}\x1b[201~` : words));
  });

  // size: as many whole cells as fit
  const fit = () => {
    const probe = document.createElement("span"); probe.textContent = "MMMMMMMMMM"; probe.className = "t-probe"; screen.append(probe);
    const box = probe.getBoundingClientRect(), style = getComputedStyle(screen);
    const cell = box.width / 10; probe.remove();
    const height = parseFloat(style.lineHeight) || 18;
    const wideness = screen.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (!(cell > 2)) return;
    const c = clamp(Math.floor(wideness / cell), 20, 300), r = clamp(Math.floor((screen.clientHeight - 16) / height), 6, 120);
    if (c !== cols || r !== rows) {
      const cursor = top + y;
      for (const list of [lines, other ? other.lines : []]) for (const row of list) { while (row.length < c) row.push(blank()); row.length = c; }
      cols = c; rows = r;
      while (lines.length > cursor + 1 && lines.length > rows) lines.pop();
      top = Math.max(0, lines.length - rows);
      while (lines.length - top < rows) lines.push(fresh());
      y = clamp(cursor - top, 0, rows - 1); x = clamp(x, 0, cols - 1); from = 0; to = rows - 1;
    }
    send(`r${rows},${cols}`);
  };
  let waits = 0;
  start();
  const connect = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${root.dataset.terminal}`);
    socket.binaryType = "arraybuffer";
    const decoder = new TextDecoder("utf-8", { fatal: false });
    socket.onopen = () => { said.textContent = "connected"; root.dataset.state = "on"; fit(); if (document.activeElement === document.body) screen.focus({ preventScroll: true }); };
    socket.onmessage = (e) => { if (typeof e.data !== "string") { take(decoder.decode(e.data, { stream: true })); ask(); } };
    socket.onclose = (e) => {
      if (e.code === 4425 && waits++ < 600) { said.textContent = "starting"; setTimeout(connect, 500); return; }
      root.dataset.state = "over";
      said.textContent = e.code === 1000 ? "the shell has ended" : e.code >= 4400 ? "nothing runs here" : "not connected";
      if (e.code === 1006) setTimeout(() => { attr = {}; named(); other = null; start(); screen.replaceChildren(); drawn.clear(); connect(); }, 1500);
    };
  };
  let sized = 0;
  addEventListener("resize", () => { clearTimeout(sized); sized = setTimeout(() => { fit(); ask(); }, 150); });
  connect(); ask();
})();
