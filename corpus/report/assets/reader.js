// The sample reader: filters, a list that only draws the rows in view, and one item beside all that it came from.

const ROW = 46;

class Reader {
  constructor(items, found) {
    this.items = items;
    this.found = found;
    this.filters = {};
    this.search = "";
    this.run = 0; // number of the latest search: an older one stops when it sees a newer
    this.shown = [];
    this.chosen = -1;
    this.build();
    this.apply();
  }

  build() {
    this.count = node("span", { class: "dim", id: "count" });
    this.filling = node("div", { class: "filling" });
    this.list = node("div", { class: "list", tabindex: "0", id: "list", onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.filling);
    this.detail = node("article", { class: "detail", id: "detail" }, node("p", { class: "dim" }, "Choose an item."));
    this.input = node("input", { type: "search", id: "search", placeholder: "free text", "aria-label": "free text", oninput: () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { this.search = this.input.value.trim(); this.apply(); }, 250);
    } });
    this.selects = Object.fromEntries(["stage", "status", "domain", "genre", "reason", "frame"].map((name) => [name, this.select(name)]));
    this.element = node("div", {}, node("div", { class: "filters" }, ...Object.values(this.selects), this.input, this.count),
      node("div", { class: "reader" }, this.list, this.detail));
    new ResizeObserver(() => this.draw()).observe(this.list);
  }

  select(name) {
    const counts = new Map();
    for (const value of this.items.columns[name]) counts.set(value, (counts.get(value) || 0) + 1);
    const options = this.items.names[name].map((text, i) => node("option", { value: i }, `${words(text)} (${number(counts.get(i) || 0)})`));
    return node("select", { id: `filter-${name}`, "aria-label": name, onchange: (event) => {
      this.filters[name] = event.target.value === "" ? undefined : Number(event.target.value);
      this.apply();
    } }, node("option", { value: "" }, `any ${name}`), ...options);
  }

  async apply() {
    const run = ++this.run;
    const wanted = Object.entries(this.filters).filter(([, value]) => value !== undefined);
    let found = [];
    for (let i = 0; i < this.items.count; i++) {
      if (wanted.every(([name, value]) => this.items.columns[name][i] === value)) found.push(i);
    }
    if (this.search) found = await this.matching(found, run);
    if (run === this.run) this.show(found, "");
  }

  // The items whose title or text holds the words searched for; unpacks chunk by chunk, showing what it has.
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
        const texts = [this.items.columns.title[candidates[at]], entry.id, entry.text, entry.asked, entry.detail, entry.reasoning];
        if (texts.some((text) => text && text.toLowerCase().includes(wanted))) found.push(candidates[at]);
      }
      if (performance.now() - shown > 200) {
        this.show(found, ` … searching, ${percent(at / candidates.length)}`);
        shown = performance.now();
        await new Promise((resume) => setTimeout(resume));
      }
    }
    return found;
  }

  show(found, more) {
    const first = this.shown[0] !== found[0] || !more;
    this.shown = found.slice();
    this.count.textContent = `${number(found.length)} of ${number(this.items.count)}${more}`;
    this.filling.style.height = `${found.length * ROW}px`;
    if (first) this.list.scrollTop = 0;
    this.draw();
    if (!more && found.length && !found.includes(this.chosen)) this.open(0);
  }

  draw() {
    const start = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 5);
    const end = Math.min(this.shown.length, start + Math.ceil(this.list.clientHeight / ROW) + 10);
    const lines = [];
    for (let at = start; at < end; at++) {
      const i = this.shown[at];
      const value = (name) => this.items.value(name, i);
      const reason = value("reason");
      const facts = [value("domain"), value("genre"), value("tokens") === null ? null : `${number(value("tokens"))} tokens`].filter(Boolean).join(" · ");
      lines.push(node("div", { class: `item ${i === this.chosen ? "on" : ""}`, style: { top: `${at * ROW}px` }, onclick: () => this.open(at) },
        node("div", { class: "title" }, reason ? node("span", { class: "badge" }, words(reason)) : null, value("title") || "(no title)"),
        node("div", { class: "dim" }, facts)));
    }
    this.filling.replaceChildren(...lines);
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = Math.min(Math.max(this.shown.indexOf(this.chosen) + step, 0), this.shown.length - 1);
    if (at >= 0) this.open(at);
    const top = at * ROW;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    if (top + ROW > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = top + ROW - this.list.clientHeight;
  }

  async open(at) {
    const i = (this.chosen = this.shown[at]);
    this.draw();
    const entry = await this.items.entry(i);
    if (this.chosen === i) this.detail.replaceChildren(...this.content(i, entry));
    this.detail.scrollTop = 0;
  }

  content(i, entry) {
    const value = (name) => this.items.value(name, i);
    const kept = value("status") === "kept";
    const facts = ["stage", "domain", "subdomain", "genre", "frame"].map(value).concat(entry.model).filter(Boolean).map(words).join(" · ");
    const scored = value("score") === null ? "" : ` (score ${value("score")}, threshold ${entry.threshold})`;
    const why = kept ? null : node("p", { class: "why" }, node("b", {}, `Rejected: ${words(value("reason"))}${scored}`), entry.detail ? ` — ${entry.detail}` : "",
      entry.other ? ` The survivor is ${entry.other}.` : "");
    const verdicts = entry.verdicts.map(([criterion, verdict, reason]) => node("li", {}, node("span", { class: `state ${verdict === "pass" ? "ok" : "look"}` }, verdict), ` ${words(criterion)}: ${reason || ""}`));
    const flags = entry.flags.map(([filter, detail]) => node("li", {}, node("b", {}, words(filter)), detail ? `: ${detail}` : ""));
    const assertions = entry.assertions.map((place) => this.found.assertions[place]).map((one) => node("li", {}, node("b", {}, one.name), ` (${one.label}) ${one.assertion}`));
    const passages = entry.passages.map((place) => this.found.cited[place]).map((one) => node("li", {}, node("b", {}, one.rule_id || one.address), " " + one.text));
    const part = (title, list) => (list.length ? [node("h4", {}, title), node("ul", {}, ...list)] : []);
    const asked = entry.asked ? [node("h4", {}, value("stage") === "chats" ? "Query" : "Idea"), node("p", {}, entry.asked)] : [];
    const reasoning = entry.reasoning ? [node("h4", {}, "Reasoning"), node("div", { class: "text quiet" }, entry.reasoning)] : [];
    return [
      node("h3", {}, value("title") || "(no title)"), node("p", { class: "dim" }, `${facts}${value("tokens") === null ? "" : ` · ${number(value("tokens"))} tokens`} · ${entry.id}`), why,
      node("div", { class: "split" }, node("div", {}, ...reasoning, reasoning.length ? node("h4", {}, "Answer") : null, node("div", { class: "text" }, entry.text || "(no text)")),
        node("aside", {}, ...asked, ...part("Flags", flags), ...part("Verdicts", verdicts), ...part("Assertions", assertions), ...part("Passages of the spec", passages))),
    ].filter(Boolean);
  }

  // Search for `text` in everything, as if typed.
  find(text) {
    for (const [name, select] of Object.entries(this.selects)) { select.value = ""; this.filters[name] = undefined; }
    this.input.value = this.search = text;
    this.apply();
    this.element.scrollIntoView({ behavior: "smooth" });
  }
}
