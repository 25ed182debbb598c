// One opened item: its text, or all turns of a chat, beside all that it came from and all that was said of it.

const itemParts = (title, list) => (list.length ? [node("h4", {}, title), node("ul", {}, ...list)] : []);

// A turn of a chat with what the model called, and whether it is trained on.
function chatTurn(message, wanted) {
  const text = (value, kind = "text") => node("div", { class: kind }, ...withMarks(String(value), hits(String(value), wanted)));
  const parts = [];
  if (message.reasoning_content) parts.push(node("details", { open: "" }, node("summary", {}, "reasoning"), text(message.reasoning_content, "text quiet")));
  if (message.content) parts.push(text(message.content));
  if (message.tool_calls) {
    const calls = typeof message.tool_calls === "string" ? message.tool_calls : JSON.stringify(message.tool_calls, null, 1);
    parts.push(node("div", { class: "dim" }, "calls"), node("pre", {}, calls));
  }
  const facts = [message.name, message.tool_call_id, message.train === false ? "not trained on" : ""].filter(Boolean).join(" · ");
  return node("section", { class: `turn ${["system", "user", "assistant", "tool"].includes(message.role) ? message.role : "other"}`, "aria-label": `${message.role} message` },
    node("h4", {}, String(message.role), facts ? ` · ${facts}` : ""), ...parts);
}

function chatTools(tools) {
  const list = tools.map((tool) => {
    const one = (tool && tool.function) || tool || {};
    return node("li", {}, node("b", {}, String(one.name || "tool")), one.description ? `: ${one.description}` : "",
      node("details", {}, node("summary", {}, "parameters"), node("pre", {}, JSON.stringify(one.parameters ?? one, null, 1))));
  });
  return [node("h4", {}, `Tools (${number(list.length)})`), node("ul", {}, ...list)];
}

class ItemView {
  constructor(reader) {
    this.reader = reader;
    this.items = reader.items;
    this.found = reader.found;
    this.marks = reader.marks;
  }

  // Title, actions, facts, why it went, then the text beside its lineage. `other` is the item that it repeats, or null.
  content(i, entry, other) {
    const value = (name) => this.items.value(name, i);
    const facts = ["stage", "domain", "subdomain", "genre", "frame"].map(value).concat(entry.model).filter(Boolean).map(words).join(" · ");
    const tokens = value("tokens") === null ? "" : ` · ${number(value("tokens"))} tokens`;
    const link = (text) => node("button", { class: "quiet", onclick: text[1], title: text[2] }, text[0]);
    const actions = [["‹ previous", () => this.reader.step(-1), "k"], ["next ›", () => this.reader.step(1), "j"],
      ["copy id", () => copy(entry.id, "id"), "i"], ["copy text", () => copy(entry.text || "", "text"), "c"],
      ["copy link", () => copy(location.href, "link"), "l"]].map(link);
    const back = node("button", { class: "quiet back", onclick: () => this.reader.element.scrollIntoView() }, "‹ list");
    const title = value("title") || "(no title)";
    return [
      node("div", { class: "actions" }, back, ...actions), this.marking(i, entry),
      node("h3", { id: "opened" }, ...withMarks(title, hits(title, this.reader.search))),
      node("p", { class: "dim" }, `${facts}${tokens} · ${entry.id}`), this.why(i, entry),
      node("div", { class: other ? "split paired" : "split" }, node("div", {}, ...this.text(i, entry, other)), node("aside", {}, ...this.aside(i, entry))),
    ].filter(Boolean);
  }

  why(i, entry) {
    if (this.items.value("status", i) === "kept") return null;
    const score = this.items.value("score", i), detail = (entry.detail || "").trim();
    const scored = score === null ? "" : ` (score ${score}, threshold ${entry.threshold})`;
    return node("p", { class: "why" }, node("b", {}, `Rejected: ${words(this.items.value("reason", i) || "")}${scored}`), detail ? ` — ${detail}` : "",
      ...(entry.other ? [detail ? ". It repeats " : " It repeats ", this.link(entry.other, "the one that stayed"), "."] : []));
  }

  // A link to another item by its id; where the report does not hold it, the id alone.
  link(id, text) {
    const place = this.items.at(id);
    if (place === undefined) return node("span", {}, `${text} (${id}, not in this report)`);
    return node("a", { href: `#doc=${encodeURIComponent(id)}` }, `${text}: ${this.items.value("title", place) || id}`);
  }

  text(i, entry, other) {
    const wanted = this.reader.search, text = entry.text || "";
    if (entry.messages) {
      const turns = entry.messages.filter((one) => one && typeof one === "object").map((message) => chatTurn(message, wanted));
      const whole = entry.messages.some((one) => one && one.content === entry.text);
      return [...turns, ...(whole || !text ? [] : [node("h4", {}, "Answer"), node("div", { class: "text" }, text)]), ...(entry.tools ? chatTools(entry.tools) : [])];
    }
    const reasoning = entry.reasoning ? [node("h4", {}, "Reasoning"), node("div", { class: "text quiet" }, ...withMarks(entry.reasoning, hits(entry.reasoning, wanted))), node("h4", {}, "Answer")] : [];
    if (!other) return [...reasoning, node("div", { class: "text" }, ...(text ? withMarks(text, hits(text, wanted)) : ["(no text)"]))];
    const { spans, share } = sharedRuns(text, other.entry.text || "");
    const side = (title, body, marks) => node("div", {}, node("h4", {}, ...[].concat(title)), node("div", { class: "text" }, ...withMarks(body, marks)));
    return [...reasoning, node("p", { class: "dim" }, `Words in runs of four that both have are marked: ${percent(share)} of this one's.`),
      node("div", { class: "pair" }, side("This one", text, [...spans[0], ...hits(text, wanted)]), side(this.link(other.entry.id, "Beside it"), other.entry.text || "", spans[1]))];
  }

  aside(i, entry) {
    const stage = this.items.value("stage", i);
    const people = entry.marks.map(([mark, who, when, note]) => node("li", {}, node("span", { class: `state ${mark === "drop" ? "look" : mark === "keep" ? "ok" : ""}` }, mark), ` ${who}, ${String(when).slice(0, 10)}${note ? `: ${note}` : ""}`));
    const verdicts = entry.verdicts.map(([criterion, verdict, reason]) => node("li", {}, node("span", { class: `state ${verdict === "pass" ? "ok" : "look"}` }, String(verdict)), ` ${words(String(criterion))}: ${reason || ""}`));
    const flags = entry.flags.map(([filter, detail, other]) => node("li", {}, node("b", {}, words(filter)), detail ? `: ${detail}` : "",
      ...(other ? [" ", this.link(other, "like"), " ", node("button", { class: "quiet", onclick: () => this.reader.compare(other) }, "compare")] : [])));
    const assertions = entry.assertions.map((place) => [place, this.found.assertions[place]]).map(([place, one]) => node("li", {},
      node("button", { class: "link bold", title: "all documents of this assertion", onclick: () => this.reader.only({ assertion: place }) }, one.name), ` (${one.label}) ${one.assertion}`));
    const passages = entry.passages.map((place) => [place, this.found.cited[place]]).map(([place, one]) => node("li", {},
      node("button", { class: "link bold", title: "all documents of this passage", onclick: () => this.reader.only({ passage: place }) }, one.rule_id || one.address), " " + one.text));
    const asked = entry.asked ? [node("h4", {}, stage === "chats" ? "Query" : "Idea"), node("p", {}, entry.asked)] : [];
    return [...itemParts("Marked by people", people), ...itemParts("Flags", flags), ...itemParts("Verdicts of judges", verdicts), ...asked, ...itemParts("Assertions", assertions), ...itemParts("Passages of the spec", passages)];
  }

  // Keep, drop, a note.
  marking(i, entry) {
    const mine = this.marks.of(i) || { mark: "", note: "" };
    const decides = this.items.value("stage", i) === "documents";
    const note = node("input", { id: "note", placeholder: "note: why", "aria-label": "note", maxlength: "4000", onchange: () => put(undefined, note.value.trim()) });
    note.value = mine.note;
    const put = (word, text) => {
      const now = this.marks.of(i) || { mark: "", note: "" };
      const next = word === undefined ? now.mark || "note" : now.mark === word ? "" : word;
      this.marks.set(i, entry, next || (text ? "note" : ""), text);
      draw();
    };
    const button = (word, key) => node("button", { "data-mark": word, title: `${word} (${key})`, onclick: () => put(word, note.value.trim()) }, word === "none" ? "take back" : word);
    const buttons = decides ? [...(entry.whole ? [button("keep", "y")] : []), button("drop", "x")] : [];
    if (entry.marks.some(([, who]) => who === this.marks.name.trim())) buttons.push(button("none", "take back your mark that the workspace has"));
    const draw = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(this.marks.word(i) === one.dataset.mark)));
    draw();
    return node("div", { class: "marking", role: "group", "aria-label": "your mark" }, ...buttons, note);
  }
}
