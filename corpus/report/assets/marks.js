// A person's marks: keep, drop, a note. They live in the browser until they are saved to a file, which
// `specmill filter WORKSPACE --marks FILE` carries out.

class Marks {
  constructor(about, items) {
    this.about = about;
    this.items = items;
    this.key = `specmill-marks:${about.name}:${about.spec_hash || ""}`;
    this.name = "";
    this.marks = new Map(); // "table id" -> {item_table, item_id, mark, note, marked_at, text_sha256}
    this.saved = true;
    this.changed = () => {};
    this.load();
  }

  load() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) || "{}");
      this.name = typeof kept.name === "string" ? kept.name : "";
      for (const one of kept.marks || []) this.marks.set(`${one.item_table} ${one.item_id}`, one);
      this.saved = !this.marks.size || kept.saved === true;
    } catch { /* no storage for this page, or not ours: marks last as long as the page */ }
  }

  store() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ name: this.name, marks: [...this.marks.values()], saved: this.saved }));
    } catch { /* as above */ }
  }

  of(i) { return this.marks.get(`${this.items.value("stage", i)} ${this.items.value("id", i)}`); }
  word(i) { return this.of(i)?.mark || ""; }

  // Set or change the mark of an item; an empty one without a note is none.
  set(i, entry, mark, note) {
    const key = `${this.items.value("stage", i)} ${entry.id}`;
    if (mark === "note" && !note) mark = "";
    if (mark) {
      this.marks.set(key, { item_table: this.items.value("stage", i), item_id: entry.id, mark, note, marked_at: new Date().toISOString().slice(0, 19) + "Z", text_sha256: entry.print });
    } else this.marks.delete(key);
    this.saved = !this.marks.size;
    this.store();
    this.changed();
  }

  file() {
    return JSON.stringify({ format: "specmill-marks", version: 1, workspace: this.about.name, spec_hash: this.about.spec_hash || null, marked_by: this.name.trim(), marks: [...this.marks.values()] }, null, 1);
  }

  save() {
    if (!this.name.trim()) {
      this.input.focus();
      return say("Give your name first: it is stored with each mark.");
    }
    if (!this.marks.size) return say("Nothing is marked yet.");
    download(`marks-${this.about.name.replace(/[^\w.-]+/g, "-")}.json`, this.file());
    this.saved = true;
    this.store();
    this.changed();
    say(`Saved ${number(this.marks.size)} marks. Carry them out: specmill filter WORKSPACE --marks FILE --apply`);
  }

  // Marks of a file that was saved before take the place of those here.
  async open(file) {
    try {
      const found = JSON.parse(await file.text());
      if (found.format !== "specmill-marks" || !Array.isArray(found.marks)) throw new Error("it is no file of marks");
      for (const one of found.marks) this.marks.set(`${one.item_table} ${one.item_id}`, one);
      this.name = this.name || String(found.marked_by || "");
      this.input.value = this.name;
      this.store();
      this.changed();
      say(`Read ${number(found.marks.length)} marks.`);
    } catch (error) { say(`${file.name} cannot be read: ${error.message}.`); }
  }

  clear() {
    this.marks.clear();
    this.saved = true;
    this.store();
    this.changed();
  }

  bar() {
    this.input = node("input", { id: "marker", placeholder: "your name", "aria-label": "your name, stored with the marks", maxlength: "80", oninput: () => { this.name = this.input.value; this.store(); } });
    this.input.value = this.name;
    const state = node("span", { class: "dim", id: "marked", role: "status" });
    const file = node("input", { type: "file", accept: "application/json,.json", class: "unseen", "aria-label": "a file of marks", onchange: () => { if (file.files[0]) this.open(file.files[0]); file.value = ""; } });
    const save = node("button", { id: "save-marks", class: "strong", onclick: () => this.save() }, "Save marks");
    const clear = node("button", { onclick: () => this.clear() }, "Clear");
    const draw = () => {
      const counts = ["keep", "drop", "note", "none"].map((word) => [word, [...this.marks.values()].filter((one) => one.mark === word).length]).filter(([, count]) => count);
      state.textContent = counts.length ? counts.map(([word, count]) => `${number(count)} ${word === "none" ? "taken back" : word}`).join(", ") + (this.saved ? ", saved" : ", not saved yet") : "nothing marked";
      save.disabled = clear.disabled = !this.marks.size;
    };
    const before = this.changed;
    this.changed = () => { draw(); before(); };
    draw();
    return node("div", { class: "filters marking" }, node("b", {}, "Your marks:"), state, this.input, save,
      node("button", { onclick: () => file.click() }, "Open marks"), file, clear,
      node("span", { class: "dim" }, "then: specmill filter WORKSPACE --marks FILE --apply"));
  }
}
