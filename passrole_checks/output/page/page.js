"use strict";
// Draws the graph, filters and sorts statements, and shows elements of the page. Untrusted text is only set as
// textContent; what is parsed is HTML of the page itself, which is escaped there.
(() => {
  const RANKS = { none: 0, info: 1, low: 2, medium: 3, high: 4 };
  const USES = { unused: 1, perhaps: 2, used: 3 };
  const COLUMNS = ["Who", "Role", "Service", "Then"];
  const HEADS = ["Who", "may pass", "to", "and can then"];
  const MANY = 30; // boxes per column; above it, boxes of a group are merged
  const CARDS = 20; // shown in the panel at a time
  const ROWS = 200; // shown in the table at a time
  const HEIGHT = 42, BADGES = 22, GAP = 10, TOP = 26, NARROWEST = 640;
  const SVG = "http://www.w3.org/2000/svg";

  const query = (selector, within = document) => within.querySelector(selector);
  const queryAll = (selector, within = document) => [...within.querySelectorAll(selector)];
  // `passes` (with CloudTrail logs only): number of passes, day of the last one, number of denied requests
  const data = JSON.parse(query("#data").textContent);
  const { entries, passes, order } = data;
  if (!entries.length) return;
  const nodes = data.nodes.map(([column, label, note, place, full, group, open, stack]) => ({
    column, label: data.strings[label], note: data.strings[note], place: data.strings[place], full: data.strings[full],
    group: data.strings[group], open, stack,
  }));

  const picture = query(".picture .scroll > svg"), scroll = query(".scroll"), table = query("#statements table");
  const controls = query(".controls"), stage = query(".stage"), panel = query(".panel"), body = query("tbody", table);
  const search = query("[name=search]"), matched = query(".matched"), moreRows = query("[name=more]");
  const expanded = new Set();
  const pen = document.createElement("canvas").getContext("2d");
  let shown = [], boxes = new Map(), lines = new Map(), standsFor = new Map(), chosen = null, chosenEntries = null;
  let cameFrom = null, wantedStates = null, sorted = { by: query("[aria-sort]", table).dataset.sort, down: true }, limit = ROWS;

  const worse = (a, b) => (RANKS[a] >= RANKS[b] ? a : b);
  const plural = (number, noun) => number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");
  const collator = new Intl.Collator("en", { numeric: true });
  const byText = (a, b) => collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

  // ---- parts of the page that are parsed when they are shown

  const parse = (html) => { const made = document.createElement("template"); made.innerHTML = html; return made.content; };
  const texts = query("noscript.texts").textContent;
  const textOf = new Map(); // the HTML inside of each shared text, by its id
  function textHtml(id) {
    if (!textOf.size) {
      for (const part of texts.split('\n<div class="text" id="').slice(1)) {
        const end = part.indexOf('">');
        textOf.set(part.slice(0, end), part.slice(end + 2, part.lastIndexOf("</div>")));
      }
    }
    return textOf.get(id);
  }
  const rowHtml = new Map(queryAll("tr", body).map((row) => [row.id.slice(1) - 1, row.outerHTML]));
  for (const line of query("noscript.rest").textContent.split("\n")) {
    const row = /^<tr id="g(\d+)"/.exec(line);
    if (row) rowHtml.set(row[1] - 1, line);
  }
  const rows = new Map(queryAll("tr", body).map((row) => [row.id.slice(1) - 1, row]));
  function rowOf(number) {
    if (!rows.has(number)) rows.set(number, parse(rowHtml.get(number)).firstChild);
    return rows.get(number);
  }
  const ENTITIES = { lt: "<", gt: ">", quot: '"', amp: "&" };
  const plain = (html) => html.replace(/<wbr>/g, "").replace(/<[^>]*>/g, " ")
    .replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (all, decimal, hex, name) =>
      (name ? ENTITIES[name] || all : String.fromCodePoint(decimal ? +decimal : parseInt(hex, 16))));

  function make(name, attributes = {}, parent = null, words = null) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (words !== null) element.textContent = words;
    if (parent) parent.append(element);
    return element;
  }

  function element(name, words, className = "") {
    const made = document.createElement(name);
    if (words) made.textContent = words;
    if (className) made.className = className;
    return made;
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

  // Returns the passes that went through both of two links; they are unambiguous if they are in both.
  function through(first, second) {
    const both = new Map();
    first.forEach((surely, pass) => { if (second.has(pass)) both.set(pass, surely && second.get(pass)); });
    return both;
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

  const lowered = new Map();
  function wordsOf(number) { // what a search looks at; texts are shared by many statements
    const entry = entries[number];
    const shared = [...entry.f.map((one) => "f" + one), "s" + entry.d].map((id) => {
      if (!lowered.has(id)) lowered.set(id, plain(textHtml(id)).toLowerCase());
      return lowered.get(id);
    });
    if (!lowered.has(number)) {
      const names = [...entry.p, ...entry.r, ...entry.s].map((id) => nodes[id].full.toLowerCase());
      lowered.set(number, [plain(rowHtml.get(number)).toLowerCase(), ...names].join("\n"));
    }
    return [lowered.get(number), ...shared];
  }

  function filter() {
    const ticked = (name) => new Set(queryAll(`[name=${name}]:checked`).map((box) => box.value));
    const value = (name) => { const select = query(`select[name=${name}]`); return select ? select.value : ""; };
    const severities = ticked("severity"), effects = query("[name=effect]") ? ticked("effect") : null;
    wantedStates = passes && queryAll("[name=use]:not(:checked)").length ? ticked("use") : null;
    const check = value("check"), principal = value("principal"), service = value("service");
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (entry, number) => severities.has(entry.v) && (!effects || effects.has(entry.e)) &&
      (!wantedStates || entry.e !== "allow" || entry.x.some((state) => wantedStates.has(state))) && (!check || entry.k.includes(check)) &&
      (!principal || entry.p.includes(+principal)) && (!service || entry.s.includes(+service)) &&
      (!terms.length || terms.every((term) => wordsOf(number).some((words) => words.includes(term))));
    shown = order.filter((number) => matches(entries[number], number));
    matched.textContent = shown.length === entries.length ? plural(entries.length, "statement")
      : `${shown.length.toLocaleString("en")} of ${plural(entries.length, "statement")}`;
    limit = ROWS;
    list();
    draw();
  }

  function reset() {
    search.value = "";
    queryAll("[type=checkbox]", controls).forEach((box) => { box.checked = box.defaultChecked; });
    queryAll("select", controls).forEach((select) => { select.value = ""; });
    filter();
  }

  // ---- table

  const position = new Map(order.map((number, index) => [number, index]));
  const first = (ids) => (ids.length ? nodes[ids[0]].label : "");
  const SORTS = { // each returns how much comes first if it goes down
    severity: (a, b) => position.get(a) - position.get(b),
    who: (a, b) => byText(first(entries[b].p), first(entries[a].p)),
    role: (a, b) => byText(first(entries[b].r), first(entries[a].r)),
    service: (a, b) => byText(first(entries[b].s), first(entries[a].s)),
    then: (a, b) => entries[b].w - entries[a].w,
    used: (a, b) => usedBy(b) - usedBy(a),
    where: (a, b) => b - a, // statements are numbered by file and line
  };
  const usedBy = (number) => { // the best state of its links, then the number of passes
    const states = (entries[number].x || []).map((one) => USES[one]);
    const seen = new Set((entries[number].u || []).map(([, , pass]) => pass));
    return Math.max(0, ...states) * 1e9 + [...seen].reduce((sum, pass) => sum + passes[pass][0], 0);
  };

  function list(most = limit) { // the first rows in order
    const compare = SORTS[sorted.by], way = sorted.down ? 1 : -1;
    const ranked = [...shown].sort((a, b) => way * compare(a, b) || position.get(a) - position.get(b));
    const visible = ranked.slice(0, most);
    body.replaceChildren(...visible.map(rowOf));
    const left = ranked.length - visible.length;
    moreRows.parentElement.hidden = !left;
    moreRows.textContent = `Show ${Math.min(left, ROWS).toLocaleString("en")} more of ${plural(ranked.length, "statement")}`;
  }

  function sort(by, focused) {
    sorted = { by, down: sorted.by === by ? !sorted.down : ["severity", "then", "used"].includes(by) };
    for (const head of queryAll("th", table)) {
      if (head.dataset.sort === by) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    list();
    if (focused) focused.focus();
  }

  for (const head of queryAll("th[data-sort]", table)) {
    const button = element("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => sort(head.dataset.sort, button));
  }
  moreRows.addEventListener("click", () => { limit += ROWS; list(); });

  // ---- boxes and lines

  // Returns the nodes of a statement by column, and the pairs of nodes that match the filter.
  function parts(number) {
    const entry = entries[number], pairs = [];
    const wants = (source, target) => !wantedStates || entry.e !== "allow" || wantedStates.has(state(between(number, source, target)));
    for (const [left, right] of [[entry.p, entry.r], [entry.r, entry.s]]) {
      for (const source of left) for (const target of right) if (wants(source, target)) pairs.push([source, target]);
    }
    const drawn = new Set(wantedStates ? pairs.flat() : [...entry.p, ...entry.r, ...entry.s]);
    const then = (entry.t || []).filter(([principal]) => drawn.has(principal));
    const columns = [entry.p, entry.r, entry.s].map((ids) => ids.filter((id) => drawn.has(id)));
    return { number, pairs, then, columns: [...columns, then.map(([, outcome]) => outcome)] };
  }

  // Any role and any service have no box but a badge on the boxes before them.
  const isBadge = (id) => nodes[id].open && (nodes[id].column === 1 || nodes[id].column === 2);

  function makeBoxes(ids, column) {
    const stacks = new Map(), members = new Map();
    for (const id of ids) if (nodes[id].stack >= 0) stacks.set(nodes[id].stack, [...(stacks.get(nodes[id].stack) || []), id]);
    const stacked = (id) => stacks.size <= MANY && nodes[id].stack >= 0 && stacks.get(nodes[id].stack).length > 1;
    const single = [...ids].filter((id) => !stacked(id));
    for (const id of single) if (nodes[id].group) members.set(nodes[id].group, (members.get(nodes[id].group) || 0) + 1);
    const add = (key, box) => {
      if (!boxes.has(key)) boxes.set(key, { key, column, ids: [], note: "", place: "", badges: new Map(), entries: new Set(), severity: "none", block: key, ...box });
      return boxes.get(key);
    };
    for (const id of ids) {
      const node = nodes[id], key = column + "/" + node.group, kind = ["principal", "role", "service", "outcome"][column];
      const grouped = !stacked(id) && single.length > MANY && node.group && members.get(node.group) > 1;
      if (grouped) {
        add(key, { label: node.group, full: node.group, group: true, note: plural(members.get(node.group), kind) + (expanded.has(key) ? ", shown below" : "") }).ids.push(id);
        standsFor.set("in" + id, key);
        if (!expanded.has(key)) { standsFor.set(id, key); continue; }
      }
      const own = stacked(id) ? "s" + node.stack : "n" + id;
      const count = stacked(id) ? stacks.get(node.stack).length : 1;
      const place = count === 1 ? node.place : plural(count, /^\d{12}$/.test(node.place) ? "account" : "place");
      add(own, { label: node.label, full: node.full, note: node.note, place, count, block: grouped ? key : own }).ids.push(id);
      standsFor.set(id, own);
    }
  }

  function build() {
    const used = [new Set(), new Set(), new Set(), new Set()], drawn = shown.map(parts);
    for (const { columns } of drawn) columns.forEach((ids, column) => ids.forEach((id) => { if (!isBadge(id)) used[column].add(id); }));
    standsFor = new Map();
    boxes = new Map();
    lines = new Map();
    used.forEach(makeBoxes);
    drawn.forEach(addEntry);
    for (const line of lines.values()) {
      line.state = passes && !line.then ? (line.denied ? "denied" : state(line.uses)) : null;
    }
    if (!passes) return;
    for (const box of boxes.values()) box.uses = new Map();
    for (const box of boxes.values()) for (const badge of box.badges.values()) if (!badge.denied) { merge(box.uses, badge.uses); box.allowed = true; }
    for (const line of lines.values()) {
      for (const key of line.then ? [] : [line.source, line.target]) {
        merge(boxes.get(key).uses, line.uses);
        boxes.get(key).allowed ||= !line.denied;
      }
    }
  }

  function addEntry({ number, columns, pairs, then }) {
    const entry = entries[number], allows = entry.e === "allow", after = new Map();
    for (const [source, target] of pairs) after.set(source, [...(after.get(source) || []), target]);
    const next = (id) => after.get(id) || [];
    for (const id of columns.flat()) {
      for (const key of isBadge(id) ? [] : [standsFor.get(id), standsFor.get("in" + id)]) {
        const box = key && boxes.get(key);
        if (box) { box.entries.add(number); box.severity = worse(box.severity, entry.v); }
      }
    }
    const join = (from, to, used, isThen = false) => {
      const source = standsFor.get(from), target = standsFor.get(to), key = source + ">" + target;
      if (!lines.has(key)) lines.set(key, { key, source, target, then: isThen, entries: new Set(), severity: "none", denied: true, uses: new Map() });
      const line = lines.get(key);
      line.entries.add(number);
      line.severity = worse(line.severity, entry.v);
      line.denied = line.denied && !allows;
      merge(line.uses, used);
    };
    const mark = (on, id, used) => {
      const { badges } = boxes.get(standsFor.get(on)), { label } = nodes[id];
      if (!badges.has(label)) badges.set(label, { name: label, column: nodes[id].column, severity: "none", denied: true, uses: new Map() });
      const badge = badges.get(label);
      badge.severity = worse(badge.severity, entry.v);
      badge.denied = badge.denied && !allows;
      badge.label = (badge.denied ? "denied: " : "") + badge.name;
      merge(badge.uses, used);
    };
    const ends = (principal) => new Set(next(principal).flatMap((role) => {
      const last = isBadge(role) ? principal : role, services = next(role);
      return services.length ? services.map((service) => (isBadge(service) ? last : service)) : [last];
    }));
    for (const principal of columns[0]) {
      for (const role of next(principal)) {
        const passed = between(number, principal, role);
        if (isBadge(role)) mark(principal, role, passed); else join(principal, role, passed);
        for (const service of next(role)) {
          const received = between(number, role, service), both = through(passed, received);
          if (isBadge(service)) mark(principal, service, both);
          if (isBadge(service) && !isBadge(role)) mark(role, service, received);
          if (!isBadge(service)) join(...(isBadge(role) ? [principal, service, both] : [role, service, received]));
        }
      }
    }
    for (const [principal, outcome] of then) for (const end of ends(principal)) join(end, outcome, NOTHING, true);
  }

  // ---- layout

  function arrange() {
    const columns = [[], [], [], []];
    for (const box of boxes.values()) {
      columns[box.column].push(box);
      box.height = HEIGHT + (box.badges.size ? BADGES : 0);
    }
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
      const compare = (a, b) => a.weight / a.count - b.weight / b.count || RANKS[b.severity] - RANKS[a.severity] || byText(a.label, b.label);
      column.sort((a, b) => (a.block !== b.block && compare(blocks.get(a.block), blocks.get(b.block))) || byText(a.block, b.block) ||
        (b.group ? 1 : 0) - (a.group ? 1 : 0) || a.weight - b.weight || RANKS[b.severity] - RANKS[a.severity] || byText(a.label, b.label));
      column.forEach((box, index) => place.set(box.key, index / column.length));
    });
    const heightOf = (column) => column.reduce((sum, box) => sum + box.height + GAP, -GAP);
    const total = Math.max(...columns.map(heightOf));
    const anchor = columns.findIndex((column) => heightOf(column) === total);
    let y = 0;
    for (const box of columns[anchor]) { box.y = y; y += box.height + GAP; }
    const follow = (column, sides) => {
      let floor = 0, below = heightOf(column);
      for (const box of column) {
        const centers = sides.flatMap((side) => near.get(box.key)[side]).map((key) => boxes.get(key))
          .filter((other) => other.y !== undefined).map((other) => other.y + other.height / 2);
        const wanted = centers.length ? centers.reduce((sum, one) => sum + one, 0) / centers.length - box.height / 2 : floor;
        box.y = Math.max(floor, Math.min(wanted, total - below));
        floor = box.y + box.height + GAP;
        below -= box.height + GAP;
      }
    };
    for (let column = anchor + 1; column < 4; column += 1) follow(columns[column], [0]);
    for (let column = anchor - 1; column >= 0; column -= 1) follow(columns[column], [1]);
    for (const box of boxes.values()) box.y += TOP;
    return { columns, total: total + TOP };
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

  // ---- drawing

  function draw() {
    build();
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
    const { columns, total } = arrange();
    const used = columns[3].length ? 4 : 3;
    const width = widthOfScroll();
    const boxWidth = Math.min(340, Math.floor(width * (used === 4 ? 0.205 : 0.27)));
    const left = [0, 1, 2, 3].map((column) => Math.floor(((width - boxWidth) * column) / (used - 1)));
    const height = boxes.size ? total : 90;
    picture.replaceChildren();
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) picture.setAttribute(key, value);
    picture.classList.toggle("crowded", lines.size > 120);
    if (!boxes.size) make("text", { x: width / 2, y: 50, class: "nothing" }, picture, "No matches. \u201cShow all\u201d clears the filter.");
    else for (let column = 0; column < used; column += 1) make("text", { x: left[column], y: 12, class: "head", "aria-hidden": "true" }, picture, HEADS[column]);
    const ports = portsOf();
    const drawn = [...lines.values()].sort((a, b) => (USES[a.state] || 0) - (USES[b.state] || 0) || RANKS[a.severity] - RANKS[b.severity]);
    for (const line of drawn) drawLine(line, left, boxWidth, ports);
    columns.flat().forEach((box, index) => drawBox(box, left[box.column], boxWidth, index));
    if (chosen && !boxes.has(chosen) && !lines.has(chosen)) close(false);
    mark();
    if (focused) focus(focused);
  }

  function portsOf() { // where lines touch their boxes
    const ports = new Map(), outgoing = new Map(), incoming = new Map();
    const port = (key, side, list) => {
      const box = boxes.get(key);
      const ranked = [...list].sort((a, b) => boxes.get(a[side]).y - boxes.get(b[side]).y || byText(a.key, b.key));
      ranked.forEach((line, index) => ports.set(line.key + side, box.y + 8 + ((box.height - 16) * (index + 1)) / (ranked.length + 1)));
    };
    for (const line of lines.values()) {
      if (!outgoing.has(line.source)) outgoing.set(line.source, []);
      if (!incoming.has(line.target)) incoming.set(line.target, []);
      outgoing.get(line.source).push(line);
      incoming.get(line.target).push(line);
    }
    outgoing.forEach((own, key) => port(key, "target", own));
    incoming.forEach((own, key) => port(key, "source", own));
    return ports;
  }

  function gapNear(column, wanted) { // the nearest height at which no box of a column is
    const taken = [...boxes.values()].filter((box) => box.column === column).sort((a, b) => a.y - b.y);
    let from = TOP - GAP, best = null;
    for (const box of [...taken, null]) {
      const to = box ? box.y : Infinity;
      if (to - from >= GAP - 1) {
        const at = Math.min(Math.max(wanted, from + GAP / 2), to - GAP / 2);
        if (best === null || Math.abs(at - wanted) < Math.abs(best - wanted)) best = at;
      }
      from = box ? box.y + box.height : to;
    }
    return best;
  }

  function drawLine(line, left, boxWidth, ports) {
    const source = boxes.get(line.source), target = boxes.get(line.target);
    const x1 = left[source.column] + boxWidth, x2 = left[target.column];
    const y1 = ports.get(line.key + "target"), y2 = ports.get(line.key + "source");
    const bend = (left[1] - boxWidth) / 2;
    let path = `M${x1} ${y1}`, x = x1, y = y1;
    for (let column = source.column + 1; column < target.column; column += 1) { // between the boxes of columns in between
      const wanted = y1 + ((y2 - y1) * (left[column] - x1)) / (x2 - x1), at = gapNear(column, wanted);
      path += `C${x + bend} ${y} ${left[column] - bend} ${at} ${left[column]} ${at}H${left[column] + boxWidth}`;
      x = left[column] + boxWidth;
      y = at;
    }
    path += `C${x + bend} ${y} ${x2 - bend} ${y2} ${x2} ${y2}`;
    const words = `${source.label} \u2192 ${target.label}: ${plural(line.entries.size, "statement")}, ${spoken(line.severity)}${useOf(line)}`;
    const edge = make("g", { class: "edge" + (line.then ? " then" : ""), tabindex: -1, role: "button", "aria-label": words }, picture);
    edge.dataset.key = line.key;
    make("title", {}, edge, words);
    make("path", { class: "hit", d: path }, edge);
    make("path", { class: "line " + (line.denied ? "denied" : line.state || line.severity), d: path }, edge);
    line.element = edge;
  }

  function drawBox(box, x, boxWidth, index) {
    const count = box.entries.size, stack = (box.count || 1) > 1;
    const note = [box.note, box.place, count > 1 && box.column < 3 ? plural(count, "statement") : ""].filter(Boolean).join(" \u00b7 ");
    const badges = [...box.badges.values()].sort((a, b) => a.column - b.column || byText(a.label, b.label));
    const word = box.severity === "none" ? "" : box.severity;
    const said = [box.full, note, ...badges.map((badge) => badge.label), spoken(box.severity)].filter(Boolean).join(", ");
    const label = `${COLUMNS[box.column]}: ${said}${useOf(box)}`;
    const idle = box.allowed && state(box.uses) === "unused" ? "idle" : "";
    const classes = ["node", box.severity, box.column === 3 ? "then" : "", box.group ? "group" : "", idle].filter(Boolean).join(" ");
    const group = make("g", { class: classes, transform: `translate(${x} ${box.y})`, tabindex: index ? -1 : 0, role: "button", "aria-label": label }, picture);
    group.dataset.key = box.key;
    if (box.group) group.setAttribute("aria-expanded", String(expanded.has(box.key)));
    make("title", {}, group, [box.full, note, box.allowed ? describeUse(box.uses) : ""].filter(Boolean).join("\n"));
    if (stack) make("rect", { class: "box", x: 4, y: 4, width: boxWidth, height: box.height, rx: 8 }, group);
    make("rect", { class: "box", width: boxWidth, height: box.height, rx: 8 }, group);
    make("rect", { class: "bar", x: 0, y: 8, width: 4, height: box.height - 16, rx: 2 }, group);
    const sign = box.group ? (expanded.has(box.key) ? "\u2212 " : "+ ") : "", times = stack ? ` \u00d7${box.count}` : "";
    const available = boxWidth - 22 - (word && box.column < 3 ? 12 + word.length * 7 : 0);
    pen.font = "600 13px " + font();
    const room = available - pen.measureText(times).width; // the end of a service principal says least, of others most
    const name = box.column === 2 && pen.measureText(box.label).width > room ? box.label.replace(/\.amazonaws\.com$/, "") : box.label;
    make("text", { x: 14, y: note ? 18 : 26 }, group, fitText(sign + name, room, pen.font) + times);
    if (note) make("text", { x: 14, y: 33, class: "note" }, group, fitText(note, boxWidth - 22, "400 11px " + font()));
    if (word && box.column < 3) make("text", { x: boxWidth - 10, y: note ? 18 : 26, class: "word" }, group, word);
    let at = 12;
    badges.forEach((badge, number) => {
      const style = badge.denied ? "denied" : passes ? state(badge.uses) : badge.severity;
      const share = (boxWidth - 6 - at) / (badges.length - number) - 12;
      const words = fitText(badge.label, Math.max(share, 10), "600 11px " + font());
      const wide = pen.measureText(words).width + 12;
      make("rect", { class: "pill " + style, x: at, y: HEIGHT - 2, width: wide, height: 17, rx: 8.5 }, group);
      make("text", { class: "pill-words " + style, x: at + 6, y: HEIGHT + 10.5 }, group, words);
      at += wide + 4;
    });
    box.element = group;
  }

  const useOf = (item) => (passes && !item.denied && (item.state || item.allowed) ? "; " + describeUse(item.uses) : "");
  const spoken = (severity) => (severity === "none" ? "no findings" : "highest severity " + severity);
  const widthOfScroll = () => Math.max(scroll.clientWidth - 8, NARROWEST);
  const drawnWidth = () => +picture.getAttribute("width");
  const font = () => getComputedStyle(document.body).fontFamily;

  function mark() {
    for (const other of [...boxes.values(), ...lines.values()]) {
      const lit = !chosenEntries || [...other.entries].some((number) => chosenEntries.has(number));
      other.element.classList.toggle("dim", !lit);
      other.element.classList.toggle("lit", Boolean(chosenEntries) && lit);
      other.element.classList.toggle("chosen", other.key === chosen);
    }
  }

  function save() { // the graph as a file of its own, with the styles that it needs
    const copy = picture.cloneNode(true), style = make("style", {}, null, query("style").textContent);
    for (const [key, value] of Object.entries({ xmlns: SVG, "font-family": font() })) copy.setAttribute(key, value);
    for (const one of copy.querySelectorAll("*")) {
      ["tabindex", "role", "aria-expanded"].forEach((name) => one.removeAttribute(name));
      one.classList.remove("dim", "lit", "chosen");
    }
    copy.setAttribute("viewBox", `-16 -16 ${drawnWidth() + 32} ${+picture.getAttribute("height") + 32}`);
    copy.prepend(style, make("rect", { class: "paper", x: -16, y: -16, width: "100%", height: "100%" }));
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
    link.download = "passrole-access.svg";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // ---- selection

  // Names of boxes and lines in the URL, equal in each page that has them.
  const nameOf = (box) => `${box.column}${box.group ? "*" : ":"}${box.full}${box.group ? "" : "@" + nodes[box.ids[0]].place}`;
  const fragment = (...names) => "#select=" + names.map(encodeURIComponent).join(">");

  function cardOf(number) { // findings with their remedies first, then the statement
    const entry = entries[number], card = element("article", "", "card");
    for (const one of entry.f) card.append(parse(textHtml("f" + one)));
    const place = element("div", "", "place"), where = rowOf(number).lastElementChild.cloneNode(true);
    query(".more", where).remove();
    place.append(...where.childNodes);
    card.append(place, parse(textHtml("s" + entry.d)));
    for (const [name, value] of [["tabindex", 0], ["aria-label", "Statement"]]) query("pre", card).setAttribute(name, value);
    const who = element("dd"), label = element("dt", "Who");
    for (const id of entry.p) who.append(element("code", nodes[id].full), " ");
    query("dl", card).prepend(label, who);
    return card;
  }

  function show(title, numbers, link, keyboard, places = []) {
    query("h2", panel).textContent = title;
    query(".permalink", panel).setAttribute("href", link);
    try { history.replaceState(null, "", link); } catch { /* not allowed here: the link remains */ }
    const within = query(".panel-body", panel), more = element("button");
    within.replaceChildren();
    if (places.length > 1) within.append(element("p", `In ${places.slice(0, 60).join(", ")}${places.length > 60 ? " and " + (places.length - 60) + " more" : ""}`, "places"));
    more.type = "button";
    const add = () => {
      for (const number of numbers.splice(0, CARDS)) within.append(cardOf(number));
      more.remove();
      if (numbers.length) {
        more.textContent = `Show ${Math.min(CARDS, numbers.length)} more of ${numbers.length.toLocaleString("en")}`;
        within.append(more);
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

  function choose(key, keyboard) {
    const item = boxes.get(key) || lines.get(key);
    if (item.group) {
      if (!expanded.delete(key)) expanded.add(key);
      draw();
      focus(key);
      return;
    }
    chosen = key;
    chosenEntries = item.entries;
    const ends = boxes.has(key) ? [item] : [boxes.get(item.source), boxes.get(item.target)];
    const numbers = [...item.entries].sort((a, b) => position.get(a) - position.get(b));
    const places = ends.length === 1 ? ends[0].ids.map((id) => nodes[id].place).filter(Boolean) : [];
    show(ends.map((box) => box.full).join(" \u2192 "), numbers, fragment(...ends.map(nameOf)), keyboard, places);
  }

  function chooseStatement(number, keyboard) {
    chosen = null;
    chosenEntries = new Set([number]);
    show(query("code", rowOf(number).lastElementChild).textContent, [number], "#g" + (number + 1), keyboard);
  }

  function reveal(id) { // shows the box of a node, whatever is filtered or merged
    if (!standsFor.has(id)) reset();
    if (standsFor.get(id) === standsFor.get("in" + id)) { expanded.add(standsFor.get(id)); draw(); }
    return standsFor.get(id);
  }

  function showStage() { // on small screens, the panel lies above what is there
    if (!matchMedia("(max-width: 900px)").matches) stage.scrollIntoView({ block: "nearest" });
  }

  function restore() { // selects what the URL names
    const statement = /^#g(\d+)$/.exec(location.hash), named = /^#select=(.+)$/.exec(location.hash);
    if (statement && entries[statement[1] - 1]) { chooseStatement(statement[1] - 1, false); return; }
    if (!named) return;
    let names;
    try { names = named[1].split(">").map(decodeURIComponent); } catch { return; } // not one of our links
    const keyOf = (name) => {
      for (const box of boxes.values()) if (nameOf(box) === name) return box.key;
      const id = nodes.findIndex((node) => `${node.column}:${node.full}@${node.place}` === name);
      return id < 0 || isBadge(id) ? null : reveal(id);
    };
    let keys = names.map(keyOf);
    keys = names.map(keyOf); // the second may have expanded the group of the first
    const key = keys.join(">");
    if (keys.every(Boolean) && (boxes.has(key) || lines.has(key))) choose(key, false);
  }

  function close(refocus = true) {
    const returnTo = chosen;
    chosen = null;
    chosenEntries = null;
    panel.hidden = true;
    stage.classList.remove("open");
    try { history.replaceState(null, "", location.pathname + location.search); } catch { /* the fragment remains */ }
    mark();
    if (refocus && returnTo) focus(returnTo);
  }

  function focus(key) {
    const item = boxes.get(key) || lines.get(key);
    if (!item) return;
    queryAll("[tabindex='0']", picture).forEach((one) => one.setAttribute("tabindex", -1));
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
  query("[name=clear]").addEventListener("click", reset);
  query("[name=save]").addEventListener("click", save);
  table.addEventListener("click", (event) => { // a finding or statement opens in the panel, not below
    const link = event.target.closest("a[href^='#f'], a[href^='#s']");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    chooseStatement(+link.closest("tr").id.slice(1) - 1, true);
    showStage();
  });
  for (const link of queryAll("[data-node]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      choose(reveal(+link.dataset.node), true);
      showStage();
    });
  }
  addEventListener("hashchange", restore);
  addEventListener("beforeprint", () => { // all rows, then what is folded in them
    list(Infinity);
    const opened = queryAll("details:not([open])").filter((item) => !item.closest("[hidden]"));
    opened.forEach((item) => { item.open = true; });
    const printed = element("div");
    printed.append(parse(texts));
    query("main").append(printed);
    addEventListener("afterprint", () => {
      opened.forEach((item) => { item.open = false; });
      printed.remove();
      list();
    }, { once: true });
  });
  const narrow = matchMedia("(max-width: 640px)");
  const fold = () => { query(".filters").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  controls.hidden = false;
  stage.hidden = false;
  filter();
  restore();
  new ResizeObserver(() => { if (scroll.clientWidth && widthOfScroll() !== drawnWidth()) draw(); }).observe(scroll);
})();
