"use strict";
// Draws the graph, filters statements, and shows copies of elements of the page. Untrusted text is only set as textContent.
(() => {
  const RANKS = { none: 0, info: 1, low: 2, medium: 3, high: 4 };
  const USES = { unused: 1, perhaps: 2, used: 3 };
  const MANY = 30; // boxes per column; above it, boxes of a group are merged
  const CARDS = 20; // shown in the panel at a time
  const HEIGHT = 42, GAP = 10, NARROWEST = 600;
  const SVG = "http://www.w3.org/2000/svg";

  const query = (selector, within = document) => within.querySelector(selector);
  const queryAll = (selector, within = document) => [...within.querySelectorAll(selector)];
  // `passes` (with CloudTrail logs only): number of passes, day of the last one, number of denied requests
  const { nodes, entries, passes } = JSON.parse(query("#data").textContent);
  if (!entries.length) return;

  const picture = query(".picture .scroll > svg"), scroll = query(".scroll"), heads = query(".heads");
  const controls = query(".controls"), stage = query(".stage"), panel = query(".panel");
  const search = query("[name=search]"), matched = query(".matched");
  const rows = entries.map((_, number) => document.getElementById("g" + (number + 1)));
  const words = rows.map((row) => row.textContent.toLowerCase());
  const expanded = new Set();
  const pen = document.createElement("canvas").getContext("2d");
  let shown = [], boxes = new Map(), lines = new Map(), chosen = null, returnTo = null, cameFrom = null, width = 0, wantedStates = null;

  const worse = (a, b) => (RANKS[a] >= RANKS[b] ? a : b);
  const plural = (number, noun) => number + " " + noun + (number === 1 ? "" : "s");
  const collator = new Intl.Collator("en", { numeric: true });
  const byText = (a, b) => collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

  function make(name, attributes = {}, parent = null, text = null) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== null) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  // ---- observed use

  const NOTHING = new Map();
  const uses = entries.map((entry) => { // maps each pair of nodes to its passes, each with true if unambiguous
    const byPair = new Map();
    for (const [source, target, pass, surely] of entry.u || []) {
      const key = source + ">" + target;
      if (!byPair.has(key)) byPair.set(key, new Map());
      byPair.get(key).set(pass, byPair.get(key).get(pass) || surely);
    }
    return byPair;
  });
  const between = (number, source, target) => uses[number].get(source + ">" + target) || NOTHING;
  const merge = (passesSoFar, more) => more.forEach((surely, pass) => passesSoFar.set(pass, passesSoFar.get(pass) || surely));

  function state(used) {
    let result = "unused";
    for (const [pass, surely] of used) {
      if (passes[pass][0] && surely) return "used";
      if (passes[pass][0]) result = "perhaps";
    }
    return result;
  }

  function describeUse(used) {
    const times = (number) => (number === 1 ? "once" : number.toLocaleString("en") + " times");
    let sure = 0, perhaps = 0, denied = 0, last = "";
    for (const [pass, surely] of used) {
      const [count, when, refused] = passes[pass];
      if (surely) sure += count; else perhaps += count;
      denied += refused;
      if (count && when > last) last = when;
    }
    const words = sure ? ["used " + times(sure)] : [];
    if (perhaps) words.push(`possibly used ${times(perhaps)}${sure ? " more" : ""}`);
    if (!words.length) words.push("never used in these logs");
    if (last) words.push("last " + last);
    if (denied) words.push("denied " + times(denied));
    return words.join(", ");
  }

  // ---- filter

  function filter() {
    const ticked = (name) => new Set(queryAll(`[name=${name}]:checked`).map((box) => box.value));
    const value = (name) => query(`select[name=${name}]`).value;
    const severities = ticked("severity"), effects = query("[name=effect]") ? ticked("effect") : null;
    wantedStates = passes && queryAll("[name=use]:not(:checked)").length ? ticked("use") : null;
    const check = value("check"), principal = value("principal"), service = value("service");
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = [];
    entries.forEach((entry, number) => {
      const yes = severities.has(entry.v) && (!effects || effects.has(entry.e)) &&
        (!wantedStates || entry.e !== "allow" || entry.x.some((state) => wantedStates.has(state))) && (!check || entry.k.includes(check)) &&
        (!principal || entry.p.includes(+principal)) && (!service || entry.s.includes(+service)) &&
        terms.every((term) => words[number].includes(term));
      rows[number].hidden = !yes;
      if (yes) shown.push(number);
    });
    matched.textContent = shown.length === entries.length ? plural(entries.length, "statement")
      : `${shown.length} of ${plural(entries.length, "statement")}`;
    draw();
  }

  // Returns the nodes of a statement by column and, if use is known, the pairs of nodes that match the filter.
  function parts(number) {
    const entry = entries[number], columns = [entry.p, entry.r, entry.s];
    if (!passes) return { number, columns };
    const pairs = [];
    for (const [left, right] of [[entry.p, entry.r], [entry.r, entry.s]]) {
      for (const source of left) for (const target of right) {
        if (!wantedStates || entry.e !== "allow" || wantedStates.has(state(between(number, source, target)))) pairs.push([source, target]);
      }
    }
    const drawn = new Set(pairs.flat());
    return { number, columns: columns.map((ids) => ids.filter((id) => drawn.has(id))), pairs };
  }

  function build() {
    const used = [new Set(), new Set(), new Set()], drawn = shown.map(parts);
    for (const { columns } of drawn) columns.forEach((ids, column) => ids.forEach((id) => used[column].add(id)));
    const standsFor = new Map();
    boxes = new Map();
    used.forEach((ids, column) => {
      const members = new Map();
      for (const id of ids) if (nodes[id].g) members.set(nodes[id].g, (members.get(nodes[id].g) || 0) + 1);
      for (const id of ids) {
        const node = nodes[id], key = column + "/" + node.g;
        const grouped = ids.size > MANY && node.g && members.get(node.g) > 1;
        const count = members.get(node.g), kind = column ? "roles" : "principals";
        if (grouped && !boxes.has(key)) {
          boxes.set(key, { key, column, label: node.g, full: node.g, group: true, count, block: key,
            note: plural(count, kind.slice(0, -1)) + (expanded.has(key) ? ", shown below" : ""), entries: new Set(), severity: "none" });
        }
        if (grouped) standsFor.set("in" + id, key);
        if (grouped && !expanded.has(key)) { standsFor.set(id, key); continue; }
        const own = "n" + id;
        standsFor.set(id, own);
        boxes.set(own, { key: own, column, label: node.l, full: node.t, note: node.n, open: node.o,
          block: grouped ? key : own, entries: new Set(), severity: "none" });
      }
    });
    lines = new Map();
    for (const { number, columns, pairs } of drawn) {
      const entry = entries[number];
      const ends = columns.map((ids) => [...new Set(ids.map((id) => standsFor.get(id)))]);
      const whole = [...columns[0], ...columns[1]].map((id) => standsFor.get("in" + id)).filter(Boolean);
      for (const key of new Set([...ends.flat(), ...whole])) {
        const box = boxes.get(key);
        box.entries.add(number);
        box.severity = worse(box.severity, entry.v);
      }
      const join = (source, target, used) => {
        const key = source + ">" + target;
        if (!lines.has(key)) lines.set(key, { key, source, target, entries: new Set(), severity: "none", denied: true, uses: new Map() });
        const line = lines.get(key);
        line.entries.add(number);
        line.severity = worse(line.severity, entry.v);
        line.denied = line.denied && entry.e !== "allow";
        merge(line.uses, used);
      };
      if (pairs) {
        pairs.forEach(([source, target]) => join(standsFor.get(source), standsFor.get(target), between(number, source, target)));
      } else {
        for (const [left, right] of [[ends[0], ends[1]], [ends[1], ends[2]]]) {
          for (const source of left) for (const target of right) join(source, target, NOTHING);
        }
      }
    }
    if (!passes) return;
    for (const box of boxes.values()) box.uses = new Map();
    for (const line of lines.values()) {
      line.state = line.denied ? "denied" : state(line.uses);
      for (const key of [line.source, line.target]) {
        merge(boxes.get(key).uses, line.uses);
        boxes.get(key).allowed ||= !line.denied;
      }
    }
  }

  // ---- layout

  function arrange() {
    const columns = [[], [], []];
    for (const box of boxes.values()) columns[box.column].push(box);
    const place = new Map();
    const near = new Map([...boxes.keys()].map((key) => [key, [[], []]])); // neighbors to the left, to the right
    for (const line of lines.values()) {
      near.get(line.target)[0].push(line.source);
      near.get(line.source)[1].push(line.target);
    }
    const mean = (keys) => keys.reduce((sum, key) => sum + place.get(key), 0) / keys.length;
    const weight = (box) => (!box.column ? 0 : near.get(box.key)[0].length ? mean(near.get(box.key)[0]) : 0);
    columns.forEach((column) => {
      const blocks = new Map();
      for (const box of column) {
        box.weight = weight(box);
        const block = blocks.get(box.block) || { weight: 0, count: 0, severity: "none", label: box.label };
        if (box.group) block.label = box.label;
        block.weight += box.weight;
        block.count += 1;
        block.severity = worse(block.severity, box.severity);
        blocks.set(box.block, block);
      }
      const order = (a, b) => a.weight / a.count - b.weight / b.count || RANKS[b.severity] - RANKS[a.severity] || byText(a.label, b.label);
      column.sort((a, b) => (a.block !== b.block && order(blocks.get(a.block), blocks.get(b.block))) || byText(a.block, b.block) ||
        (b.group ? 1 : 0) - (a.group ? 1 : 0) || a.weight - b.weight || RANKS[b.severity] - RANKS[a.severity] || byText(a.label, b.label));
      column.forEach((box, index) => place.set(box.key, index));
    });
    const step = HEIGHT + GAP, longest = Math.max(...columns.map((column) => column.length));
    const total = longest * step - GAP;
    const anchor = columns.findIndex((column) => column.length === longest);
    columns[anchor].forEach((box, index) => { box.y = index * step; });
    const follow = (column, side) => {
      let floor = 0;
      column.forEach((box, index) => {
        const neighbors = near.get(box.key)[side].map((key) => boxes.get(key).y);
        const preferred = neighbors.length ? neighbors.reduce((sum, y) => sum + y, 0) / neighbors.length : floor;
        const most = total - HEIGHT - (column.length - 1 - index) * step;
        box.y = Math.max(floor, Math.min(preferred, most));
        floor = box.y + step;
      });
    };
    for (let column = anchor + 1; column < 3; column += 1) follow(columns[column], 0);
    for (let column = anchor - 1; column >= 0; column -= 1) follow(columns[column], 1);
    return { columns, total };
  }

  function fitText(text, available, font) {
    pen.font = font;
    if (pen.measureText(text).width <= available) return text;
    let low = 0, high = text.length;
    const cut = (length) => text.slice(0, Math.ceil(length * 0.55)) + "\u2026" + (length > 1 ? text.slice(-Math.floor(length * 0.45) || text.length) : "");
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pen.measureText(cut(middle)).width <= available) low = middle; else high = middle - 1;
    }
    return cut(low);
  }

  function draw() {
    build();
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
    const { columns, total } = arrange();
    width = Math.max(scroll.clientWidth - 8, NARROWEST);
    const boxWidth = Math.min(360, Math.floor(width * 0.27));
    const left = [0, Math.floor((width - boxWidth) / 2), width - boxWidth];
    const height = boxes.size ? total : 90;
    heads.style.width = width + "px";
    picture.replaceChildren();
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) picture.setAttribute(key, value);
    picture.classList.toggle("crowded", lines.size > 120);
    if (!boxes.size) make("text", { x: width / 2, y: 50, class: "nothing" }, picture, "No matches. \u201cShow all\u201d clears the filter.");
    const ports = new Map();
    const port = (key, side, list) => {
      const sorted = [...list].sort((a, b) => boxes.get(a[side]).y - boxes.get(b[side]).y || byText(a.key, b.key));
      sorted.forEach((line, index) => ports.set(line.key + side, boxes.get(key).y + 8 + ((HEIGHT - 16) * (index + 1)) / (sorted.length + 1)));
    };
    const outgoing = new Map(), incoming = new Map();
    for (const line of lines.values()) {
      if (!outgoing.has(line.source)) outgoing.set(line.source, []);
      if (!incoming.has(line.target)) incoming.set(line.target, []);
      outgoing.get(line.source).push(line);
      incoming.get(line.target).push(line);
    }
    outgoing.forEach((list, key) => port(key, "target", list));
    incoming.forEach((list, key) => port(key, "source", list));
    const drawn = [...lines.values()].sort((a, b) => (USES[a.state] || 0) - (USES[b.state] || 0) || RANKS[a.severity] - RANKS[b.severity]);
    for (const line of drawn) {
      const source = boxes.get(line.source), target = boxes.get(line.target);
      const x1 = left[source.column] + boxWidth, x2 = left[target.column];
      const y1 = ports.get(line.key + "target"), y2 = ports.get(line.key + "source"), bend = (x2 - x1) / 2;
      const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
      const words = `${source.label} \u2192 ${target.label}: ${plural(line.entries.size, "statement")}, ${spoken(line.severity)}${useOf(line)}`;
      const edge = make("g", { class: "edge", tabindex: -1, role: "button", "aria-label": words }, picture);
      edge.dataset.key = line.key;
      make("title", {}, edge, words);
      make("path", { class: "hit", d: path }, edge);
      make("path", { class: "line " + (line.denied ? "denied" : line.state || line.severity), d: path }, edge);
      line.element = edge;
    }
    columns.flat().forEach((box, index) => {
      const x = left[box.column];
      const count = box.entries.size;
      const note = [box.note, count > 1 ? plural(count, "statement") : ""].filter(Boolean).join(" \u00b7 ");
      const word = box.severity === "none" ? "" : box.severity;
      const label = `${["Who", "Role", "Service"][box.column]}: ${box.full}${note ? ", " + note : ""}, ${spoken(box.severity)}${useOf(box)}`;
      const idle = box.allowed && state(box.uses) === "unused" ? "idle" : "";
      const classes = ["node", box.severity, box.open ? "open" : "", box.group ? "group" : "", idle].filter(Boolean).join(" ");
      const element = make("g", { class: classes, transform: `translate(${x} ${box.y})`, tabindex: index ? -1 : 0, role: "button", "aria-label": label }, picture);
      element.dataset.key = box.key;
      if (box.group) element.setAttribute("aria-expanded", String(expanded.has(box.key)));
      make("title", {}, element, box.full + (note ? "\n" + note : "") + (box.allowed ? "\n" + describeUse(box.uses) : ""));
      make("rect", { class: "box", width: boxWidth, height: HEIGHT, rx: 8 }, element);
      make("rect", { class: "bar", x: 0, y: 8, width: 4, height: HEIGHT - 16, rx: 2 }, element);
      const available = boxWidth - 22 - (word ? 20 + word.length * 6.5 : 0);
      const sign = box.group ? (expanded.has(box.key) ? "\u2212 " : "+ ") : "";
      make("text", { x: 14, y: note ? 18 : 26 }, element, fitText(sign + box.label, available, "600 13px " + font()));
      if (note) make("text", { x: 14, y: 33, class: "note" }, element, fitText(note, boxWidth - 22, "400 11px " + font()));
      if (word) make("text", { x: boxWidth - 10, y: 18, class: "word" }, element, word);
      box.element = element;
    });
    if (chosen && !boxes.has(chosen) && !lines.has(chosen)) close(false);
    mark();
    if (focused) focus(focused);
  }

  const useOf = (item) => (passes && !item.denied && (item.state || item.allowed) ? "; " + describeUse(item.uses) : "");
  const spoken = (severity) => (severity === "none" ? "no findings" : "highest severity " + severity);
  const font = () => getComputedStyle(document.body).fontFamily;

  function mark() {
    const item = boxes.get(chosen) || lines.get(chosen);
    for (const other of [...boxes.values(), ...lines.values()]) {
      const lit = !item || [...other.entries].some((number) => item.entries.has(number));
      other.element.classList.toggle("dim", !lit);
      other.element.classList.toggle("lit", Boolean(item) && lit);
      other.element.classList.toggle("chosen", other === item);
    }
  }

  // ---- selection

  function choose(key, keyboard) {
    const item = boxes.get(key) || lines.get(key);
    if (item.group) {
      if (!expanded.delete(key)) expanded.add(key);
      draw();
      focus(key);
      return;
    }
    chosen = key;
    returnTo = key;
    const title = boxes.has(key) ? item.full : `${boxes.get(item.source).full} \u2192 ${boxes.get(item.target).full}`;
    query("h2", panel).textContent = title;
    const body = query(".panel-body", panel);
    body.replaceChildren();
    const numbers = [...item.entries].sort((a, b) => RANKS[entries[b].v] - RANKS[entries[a].v] || a - b);
    const more = document.createElement("button");
    more.type = "button";
    const add = () => {
      for (const number of numbers.splice(0, CARDS)) body.append(query(".card", rows[number]).cloneNode(true));
      more.remove();
      if (numbers.length) {
        more.textContent = `Show ${Math.min(CARDS, numbers.length)} more of ${numbers.length}`;
        body.append(more);
      }
    };
    more.addEventListener("click", add);
    add();
    panel.hidden = false;
    panel.scrollTop = 0;
    stage.classList.add("open");
    mark();
    if (keyboard) query("h2", panel).focus({ preventScroll: true });
  }

  function close(refocus = true) {
    chosen = null;
    panel.hidden = true;
    stage.classList.remove("open");
    mark();
    if (refocus && returnTo) focus(returnTo);
  }

  function focus(key) {
    const item = boxes.get(key) || lines.get(key);
    if (!item) return;
    queryAll("[tabindex='0']", picture).forEach((element) => element.setAttribute("tabindex", -1));
    item.element.setAttribute("tabindex", 0);
    item.element.focus();
  }

  // Left and right: from a box to a line, and on to the box at its end. Up and down: to the next box of the column, or
  // to the next line of the box that the focus came from.
  function move(key, direction) {
    const box = boxes.get(key), line = lines.get(key), height = (other) => boxes.get(other).y;
    if (direction === "ArrowLeft" || direction === "ArrowRight") {
      const right = direction === "ArrowRight";
      if (line) return right ? line.target : line.source;
      const near = [...lines.values()].filter((other) => (right ? other.source : other.target) === key)
        .sort((a, b) => RANKS[b.severity] - RANKS[a.severity] || height(right ? a.target : a.source) - height(right ? b.target : b.source));
      cameFrom = key;
      return near.length ? near[0].key : null;
    }
    const step = direction === "ArrowDown" ? 1 : -1;
    const group = line
      ? [...lines.values()].filter((other) => (line.target === cameFrom ? other.target : other.source) === (line.target === cameFrom ? cameFrom : line.source))
        .sort((a, b) => height(line.target === cameFrom ? a.source : a.target) - height(line.target === cameFrom ? b.source : b.target))
      : [...boxes.values()].filter((other) => other.column === box.column).sort((a, b) => a.y - b.y);
    const next = group[group.findIndex((other) => other.key === key) + step];
    return next ? next.key : null;
  }

  picture.addEventListener("click", (event) => {
    const target = event.target.closest("[data-key]");
    if (target) choose(target.dataset.key, false);
  });
  picture.addEventListener("keydown", (event) => {
    const target = event.target.closest("[data-key]");
    if (!target) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(target.dataset.key, true);
    } else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = move(target.dataset.key, event.key);
      if (next) focus(next);
    }
  });
  query("[name=close]", panel).addEventListener("click", () => close());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (!panel.hidden) close();
      else if (document.activeElement === search && search.value) { search.value = ""; filter(); }
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 60); });
  controls.addEventListener("change", (event) => { if (event.target !== search) filter(); });
  query("[name=clear]").addEventListener("click", () => {
    search.value = "";
    queryAll("[type=checkbox]", controls).forEach((box) => { box.checked = box.defaultChecked; });
    queryAll("select", controls).forEach((select) => { select.value = ""; });
    filter();
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = queryAll("details:not([open])").filter((item) => !item.closest("[hidden]"));
    opened.forEach((item) => { item.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((item) => { item.open = false; }));
  controls.hidden = false;
  stage.hidden = false;
  filter();
  new ResizeObserver(() => { if (Math.max(scroll.clientWidth - 8, NARROWEST) !== width) draw(); }).observe(scroll);
})();
