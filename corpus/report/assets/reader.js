// The reader: filters, search and sorting over all items, a list that only draws the rows in view, and one opened item.
// What is opened, searched for and filtered by is in the address, so that a link shows the same and back goes back.

const ROW = 46;
const FILTERS = ["stage", "status", "domain", "genre", "reason", "frame", "flag", "verdict"];
const SORTS = {
  "": "as written", title: "title", longest: "longest first", shortest: "shortest first", score: "highest score", reason: "reason", flags: "most flags",
};

const narrow = () => matchMedia("(max-width: 860px)").matches; // where the opened item stands below the list

class Reader {
  constructor(items, found) {
    this.items = items;
    this.found = found;
    this.marks = new Marks(found.about, items);
    this.filters = {}; // name -> number of a value, of a passage or an assertion, or a list of them
    this.search = "";
    this.sort = "";
    this.run = 0; // number of the latest search: an older one stops when it sees a newer
    this.shown = [];
    this.chosen = -1;
    this.view = new ItemView(this);
    this.build();
    addEventListener("hashchange", () => this.follow());
    document.addEventListener("keydown", (event) => this.shortcut(event));
    this.marks.changed = ((before) => () => { before(); this.draw(); })(this.marks.changed);
    if (!this.follow(true)) this.apply();
  }

  build() {
    this.count = node("span", { class: "dim", id: "count", role: "status" });
    this.chips = node("span", { id: "chips" });
    this.filling = node("div", { class: "filling", role: "presentation" });
    this.list = node("div", { class: "list", tabindex: "0", id: "list", role: "listbox", "aria-label": "documents and chats", onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.filling);
    this.detail = node("article", { class: "detail", id: "detail", tabindex: "0", "aria-label": "the opened item" }, node("p", { class: "dim" }, "Choose an item."));
    this.input = node("input", { type: "search", id: "search", placeholder: "search texts and ids", "aria-label": "search texts and ids", oninput: () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { this.search = this.input.value.trim(); this.changed(); }, 250);
    } });
    this.selects = Object.fromEntries(FILTERS.filter((name) => this.items.names[name].length).map((name) => [name, this.select(name)]));
    this.selects.mark = this.choice("mark", [["keep", "marked keep"], ["drop", "marked drop"], ["note", "noted"], ["unmarked", "not marked"]], "any mark of yours");
    this.sorting = node("select", { id: "sort", "aria-label": "sort by", onchange: () => { this.sort = this.sorting.value; this.changed(); } },
      ...Object.entries(SORTS).map(([name, text]) => node("option", { value: name }, `sort: ${text}`)));
    const keys = node("button", { onclick: () => document.getElementById("keys").showModal(), title: "keys (?)" }, "keys");
    this.element = node("div", { id: "reading" }, node("div", { class: "filters" }, this.input, ...Object.values(this.selects), this.sorting, keys, this.chips, this.count), this.marks.bar(),
      node("div", { class: "reader" }, this.list, this.detail));
    let height = 0;
    new ResizeObserver(() => {
      const at = height ? -1 : this.shown.indexOf(this.chosen); // opened before the list had a size
      height = this.list.clientHeight;
      if (at >= 0) this.reveal(at);
      this.draw();
    }).observe(this.list);
  }

  select(name) {
    const counts = new Map();
    for (const value of this.items.columns[name].flat()) counts.set(value, (counts.get(value) || 0) + 1);
    const options = this.items.names[name].map((text, i) => [i, `${words(text)} (${number(counts.get(i) || 0)})`]);
    return this.choice(name, options, `any ${name}`);
  }

  choice(name, options, none) {
    return node("select", { id: `filter-${name}`, "aria-label": name, onchange: (event) => {
      const value = event.target.value;
      this.filters[name] = value === "" ? undefined : name === "mark" ? value : Number(value);
      this.changed();
    } }, node("option", { value: "" }, none), ...options.map(([value, text]) => node("option", { value }, text)));
  }

  // The filters or the search were changed: in the address too, in place of the one before.
  changed() {
    this.write(false);
    this.apply();
  }

  // ---- the address ----

  address() {
    const said = new URLSearchParams();
    if (this.chosen >= 0) said.set("doc", this.items.value("id", this.chosen));
    if (this.search) said.set("q", this.search);
    for (const [name, value] of Object.entries(this.filters)) {
      if (value === undefined) continue;
      const named = (one) => (name in this.items.names ? this.items.names[name][one] : String(one));
      said.set(name, Array.isArray(value) ? "some:" + value.map(named).join("\u001f") : named(value));
    }
    if (this.sort) said.set("sort", this.sort);
    return "#" + said;
  }

  write(newStep) {
    const said = this.address(), address = said === "#" ? "#reader" : said;
    if (address === location.hash) return;
    this.written = address;
    if (newStep) location.hash = address;
    else location.replace(address);
  }

  // Show what the address says; false where it says nothing of the reader.
  follow(first = false) {
    if (!location.hash.includes("=") || location.hash === this.written) return false;
    const said = new URLSearchParams(location.hash.slice(1));
    this.written = location.hash;
    this.search = this.input.value = said.get("q") || "";
    this.sort = this.sorting.value = said.get("sort") in SORTS ? said.get("sort") : "";
    this.filters = {};
    for (const name of [...FILTERS, "passage", "assertion", "mark"]) if (said.has(name)) this.filters[name] = this.read(name, said.get(name));
    const id = said.get("doc"), place = id === null ? undefined : this.items.at(id);
    if (id !== null && place === undefined) say(`This report has no item ${id}.`);
    const opened = place === undefined ? null : this.open(place, { record: false });
    this.apply();
    if (first) setTimeout(() => this.element.scrollIntoView());
    if (first && opened && narrow()) opened.then(() => setTimeout(() => this.detail.scrollIntoView())); // below the list
    return true;
  }

  read(name, text) {
    if (name === "mark") return text;
    if (!(name in this.items.names)) return Number(text);
    const places = text.replace(/^some:/, "").split("\u001f").map((one) => this.items.names[name].indexOf(one)).filter((one) => one >= 0);
    return text.startsWith("some:") ? places : places[0];
  }

  // ---- what is shown ----

  // Only what these filters let through, as if they had been chosen; for links from the sections above.
  only(filters, search = "", chosen = -1) {
    this.filters = { ...filters };
    this.search = this.input.value = search;
    this.chosen = chosen;
    this.write(true);
    this.apply();
    this.element.scrollIntoView({ behavior: "smooth" });
  }

  find(text) { this.only({}, text); }

  named(filters) {
    return Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, typeof value === "string" ? this.items.names[name].indexOf(value) : value]));
  }

  async apply() {
    const run = ++this.run;
    this.drawChoices();
    const wanted = Object.entries(this.filters).filter(([, value]) => value !== undefined);
    let found = [];
    for (let i = 0; i < this.items.count; i++) if (wanted.every(([name, value]) => this.has(name, value, i))) found.push(i);
    if (this.search) found = await this.matching(found, run);
    if (run === this.run) this.show(this.sorted(found), "");
  }

  has(name, value, i) {
    if (name === "mark") return (this.marks.word(i) || "unmarked") === value;
    const mine = this.items.columns[{ passage: "passages", assertion: "assertions" }[name] || name][i];
    const one = (wanted) => (Array.isArray(mine) ? mine.includes(wanted) : mine === wanted);
    return Array.isArray(value) ? value.some(one) : one(value);
  }

  sorted(found) {
    const { title, tokens, score, flag } = this.items.columns;
    const by = {
      title: (a, b) => String(title[a]).localeCompare(String(title[b])),
      longest: (a, b) => (tokens[b] ?? -1) - (tokens[a] ?? -1), shortest: (a, b) => (tokens[a] ?? 1e12) - (tokens[b] ?? 1e12),
      score: (a, b) => (score[b] ?? -1e12) - (score[a] ?? -1e12), flags: (a, b) => flag[b].length - flag[a].length,
      reason: (a, b) => String(this.items.value("reason", a) || "~").localeCompare(String(this.items.value("reason", b) || "~")),
    }[this.sort];
    return by ? found.sort((a, b) => by(a, b) || a - b) : found;
  }

  // The items whose title, id or text holds the words searched for; unpacks chunk by chunk, showing what it has.
  async matching(candidates, run) {
    const wanted = this.search.toLowerCase();
    const found = [];
    let shown = performance.now();
    for (let at = 0; at < candidates.length; ) {
      const number_ = Math.floor(candidates[at] / this.items.chunk);
      const chunk = await unpack(`chunk-${number_}`);
      if (run !== this.run) return found;
      for (; at < candidates.length && Math.floor(candidates[at] / this.items.chunk) === number_; at++) {
        const entry = chunk[candidates[at] % this.items.chunk];
        const turns = (entry.messages || []).flatMap((one) => (one ? [one.content, one.reasoning_content] : []));
        const texts = [this.items.columns.title[candidates[at]], entry.id, entry.text, entry.asked, entry.detail, entry.reasoning, ...turns];
        if (texts.some((text) => typeof text === "string" && text.toLowerCase().includes(wanted))) found.push(candidates[at]);
      }
      if (performance.now() - shown > 200) {
        this.show(found, ` … searching, ${percent(at / candidates.length)}`);
        shown = performance.now();
        await new Promise((resume) => setTimeout(resume));
      }
    }
    return found;
  }

  // What was open stays open and in view where it is among what was found; else the first that was found opens.
  show(found, more) {
    const open = found.indexOf(this.chosen);
    const first = this.shown[0] !== found[0] || !more;
    this.shown = found.slice();
    this.count.textContent = `${number(found.length)} of ${number(this.items.count)}${more}`;
    this.filling.style.height = `${found.length * ROW}px`;
    if (first && open < 0) this.list.scrollTop = 0;
    if (!more && open >= 0) this.reveal(open);
    this.draw();
    if (more) return;
    if (open >= 0) this.open(this.chosen, { record: false });
    else if (found.length) this.open(found[0], { record: false });
  }

  reveal(at) {
    const top = at * ROW;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    if (top + ROW > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = top + ROW - this.list.clientHeight;
  }

  draw() {
    const start = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 5);
    const end = Math.min(this.shown.length, start + Math.ceil(this.list.clientHeight / ROW) + 10);
    const lines = [];
    for (let at = start; at < end; at++) {
      const i = this.shown[at], mark = this.marks.word(i);
      const value = (name) => this.items.value(name, i);
      const reason = value("reason"), flags = this.items.columns.flag[i].length;
      const facts = [value("domain"), value("genre"), value("tokens") === null ? null : `${number(value("tokens"))} tokens`].filter(Boolean).join(" · ");
      lines.push(node("div", { class: `item ${i === this.chosen ? "on" : ""}`, id: `item-${i}`, role: "option", "aria-selected": String(i === this.chosen), "aria-setsize": this.shown.length, "aria-posinset": at + 1, style: { top: `${at * ROW}px` }, onclick: () => this.open(i, { focus: true }) },
        node("div", { class: "title" }, mark ? node("span", { class: `badge mark-${mark}` }, mark === "none" ? "taken back" : mark) : null, reason ? node("span", { class: "badge" }, words(reason)) : null, flags ? node("span", { class: "badge flag" }, `${number(flags)} ⚑`) : null, value("title") || "(no title)"),
        node("div", { class: "dim" }, facts)));
    }
    this.filling.replaceChildren(...lines);
    if (this.shown.includes(this.chosen)) this.list.setAttribute("aria-activedescendant", `item-${this.chosen}`);
  }

  // Selects that say what the filters are, and a button for each filter that has no select.
  drawChoices() {
    for (const [name, select] of Object.entries(this.selects)) {
      const value = this.filters[name];
      select.value = value === undefined || Array.isArray(value) ? "" : String(value);
    }
    const chip = (name, text) => node("button", { class: "chip", title: "remove this filter", onclick: () => { this.filters[name] = undefined; this.changed(); } }, `${text} ×`);
    const { passage, assertion } = this.filters, chips = [];
    if (this.found.cited[passage]) chips.push(chip("passage", `passage ${this.found.cited[passage].rule_id || this.found.cited[passage].address}`));
    if (this.found.assertions[assertion]) chips.push(chip("assertion", `assertion: ${this.found.assertions[assertion].name}`));
    for (const [name, value] of Object.entries(this.filters)) if (Array.isArray(value)) chips.push(chip(name, `${number(value.length)} values of ${name}`));
    this.chips.replaceChildren(...chips);
  }

  // ---- opening ----

  async open(i, { record = true, focus = false } = {}) {
    const again = this.chosen === i && this.opened === i;
    this.chosen = i;
    this.draw();
    if (record) this.write(true);
    const entry = await this.items.entry(i);
    const other = this.items.value("status", i) === "rejected" ? await this.entryOf(entry.other) : null;
    if (this.chosen !== i) return;
    this.fill(i, entry, other, again);
    if (focus && narrow()) this.detail.scrollIntoView({ behavior: "smooth" });
  }

  fill(i, entry, other, again) {
    const typing = this.detail.contains(document.activeElement) && document.activeElement.id === "note";
    if (again && typing) return;
    const top = this.detail.scrollTop;
    this.opened = i;
    this.entry = entry;
    this.detail.replaceChildren(...this.view.content(i, entry, other));
    const hit = this.search && this.detail.querySelector("mark.hit");
    if (hit) this.detail.scrollTop = hit.getBoundingClientRect().top - this.detail.getBoundingClientRect().top - this.detail.clientHeight / 3;
    else this.detail.scrollTop = again ? top : 0;
  }

  async entryOf(id) {
    const place = id ? this.items.at(id) : undefined;
    return place === undefined ? null : { place, entry: await this.items.entry(place) };
  }

  // The opened item beside another, with the words that both have marked.
  async compare(id) {
    const other = await this.entryOf(id);
    if (other) this.fill(this.opened, this.entry, other, false);
  }

  step(by) {
    const at = Math.min(Math.max(this.shown.indexOf(this.chosen) + by, 0), this.shown.length - 1);
    if (at < 0 || this.shown[at] === this.chosen) return;
    this.open(this.shown[at]);
    this.reveal(at);
  }

  // ---- keys ----

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.step(step);
  }

  shortcut(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const press = (word) => () => this.detail.querySelector(`[data-mark=${word}]`)?.click();
    const action = {
      j: () => this.step(1), k: () => this.step(-1), "/": () => this.input.focus(), "?": () => document.getElementById("keys").showModal(),
      y: press("keep"), x: press("drop"), n: () => this.detail.querySelector("#note")?.focus(),
      i: () => copy(this.entry.id, "id"), c: () => copy(this.entry.text || "", "text"), l: () => copy(location.href, "link"),
    }[event.key];
    if (!action || (this.opened === undefined && !["/", "?"].includes(event.key))) return;
    event.preventDefault();
    action();
  }
}
