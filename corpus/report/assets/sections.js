// The sections above the reader: each takes the figures and the reader that it leads to, and gives its content, or null
// where there is nothing to show.

// A button that shows the items which these filters, by the names of their values, let through.
const leads = (reader, filters, text) => node("button", { class: "link", onclick: () => reader.only(reader.named(filters)) }, text);

const sections = {
  Overview(found) {
    const documents = found.yields.find((row) => row.stage === "documents");
    const chats = found.yields.find((row) => row.stage === "chats");
    const planned = found.stages.find((row) => row.stage === "documents") || { kept: 0, rejected: 0 };
    const making = found.spend.filter((row) => row.serves); // evaluations and audits make nothing of the corpus
    const cost = sum(making.map((row) => row.cost_usd));
    const covered = found.passages.filter((row) => row.documents).length;
    const cards = [
      [short(documents.kept_tokens), "tokens in documents", `${number(documents.kept_tokens)} tokens`],
      [number(documents.kept), "documents kept", `of ${number(planned.kept + planned.rejected)} written`],
      [number(chats.kept), "chats kept", `${number(chats.kept_tokens)} tokens in all their messages`],
      [`${covered} of ${found.passages.length}`, "passages of the spec covered", "passages that at least one document cites"],
    ];
    if (making.length) cards.push([cost ? dollars(cost) : "not known", "cost", `${number(sum(making.map((row) => row.requests)))} completions made it`]);
    return node("div", { class: "cards" }, ...cards.map(([value, name, hint]) =>
      withTip(node("div", { class: "card" }, node("b", {}, value), node("span", {}, name)), hint)));
  },

  Health(found) {
    const shown = (row, value) => value === null ? "not known" : row.unit === "share" ? percent(value) : row.unit === "usd" ? dollars(value) : number(value);
    const band = (row) => row.low !== null && row.high !== null ? `${shown(row, row.low)} to ${shown(row, row.high)}`
      : row.low !== null ? `at least ${shown(row, row.low)}` : row.high !== null ? `at most ${shown(row, row.high)}` : "–";
    const rows = found.health.map((row) => ({
      "": node("span", { class: `state ${row.ok === null ? "unknown" : row.ok ? "ok" : "look"}` }, row.ok === null ? "–" : row.ok ? "ok" : "look"),
      figure: row.name, here: shown(row, row.value), expected: band(row), why: row.why,
    }));
    return node("div", {}, node("p", { class: "dim" }, "Bands are what others measured on corpora that worked: hypotheses, not gates."),
      table(["", "figure", "here", "expected", "why"], rows, { numeric: ["here"], wide: ["why"], tight: ["figure", "expected"] }));
  },

  Funnel(found, reader) {
    // Shares are of what was made: what no document was asked for, by a limit or not yet, is no loss, and is said beside.
    const made = (stage) => stage.kept + stage.rejected || 1;
    const rows = found.stages.map((stage) => {
      const reasons = found.reasons.filter((row) => row.stage === stage.stage);
      const pending = stage.pending ? `; ${number(stage.pending)} not made` : "";
      return {
        label: words(stage.stage), shown: `${number(stage.kept)} of ${number(stage.kept + stage.rejected)} (${percent(stage.kept / made(stage))})${pending}`,
        parts: [
          { value: stage.kept / made(stage), kind: "kept", hint: `kept: ${number(stage.kept)}` },
          ...reasons.map((row, i) => ({ value: row.items / made(stage), kind: `reason-${i % 4}`, hint: `${row.reason}: ${number(row.items)}` })),
        ],
      };
    });
    const total = (stage) => made(found.stages.find((row) => row.stage === stage) || { kept: 0, rejected: 0 });
    const stages = [...new Set(found.reasons.map((row) => row.stage))];
    const tables = stages.map((stage) => node("div", {}, node("h3", {}, `${words(stage)}: why rejected`), table(["reason", "items", "share"],
      found.reasons.filter((row) => row.stage === stage).map((row) => ({ reason: ["documents", "chats"].includes(stage) ? leads(reader, { stage, reason: row.reason }, words(row.reason)) : words(row.reason), items: number(row.items), share: percent(row.items / total(stage)) })),
      { numeric: ["items", "share"] })));
    const flagged = [...new Set(found.flags.map((row) => row.stage))].map((stage) => node("div", {}, node("h3", {}, `${words(stage)}: flagged, and kept`),
      table(["filter", "items", "share"], found.flags.filter((row) => row.stage === stage).map((row) => ({ filter: ["documents", "chats"].includes(stage) ? leads(reader, { stage, flag: row.filter }, words(row.filter)) : words(row.filter), items: number(row.items), share: percent(row.share) })),
        { numeric: ["items", "share"] })));
    const people = found.marks.length ? [node("div", {}, node("h3", {}, "marked by people"), table(["who", "mark", "items"], found.marks.map((row) => ({ who: row.marked_by, mark: row.mark, items: number(row.items) })), { numeric: ["items"] }))] : [];
    return node("div", {}, bars(rows), node("div", { class: "tables" }, ...tables, ...flagged, ...people));
  },

  Coverage(found, reader) {
    const box = node("div", {});
    const open = (name) => (row, column) => {
      const { columns, rows } = found.coverage[name], genre = columns[column];
      const filters = { stage: "documents", status: "kept", [name.slice(0, -1)]: rows[row][3] };
      const known = reader.items.names.genre.indexOf(genre); // the last column may stand for all other types
      if (column !== undefined) filters.genre = known >= 0 ? known : reader.items.names.genre.flatMap((one, i) => (columns.includes(one) ? [] : [i]));
      reader.only(reader.named(filters));
    };
    const draw = (name) => box.replaceChildren(heat(found.coverage[name], open(name)));
    const tabs = ["passages", "assertions"].filter((name) => found.coverage[name].rows.length);
    if (!tabs.length) return null;
    const buttons = tabs.map((name) => node("button", { "data-tab": name, onclick: (event) => {
      buttons.forEach((button) => { button.classList.toggle("on", button === event.target); button.setAttribute("aria-pressed", String(button === event.target)); });
      draw(name);
    } }, `${words(name)} x document types`));
    buttons[0].classList.add("on");
    draw(tabs[0]);
    const legend = node("div", { class: "legend" }, node("span", { class: "key heat-some" }, "tokens, the stronger the more"),
      node("span", { class: "key heat-hole" }, "a hole: planned, no document"), node("span", { class: "key heat-none" }, "not planned"), node("span", {}, "a cell or a row opens its documents"));
    return node("div", {}, node("div", { class: "tabs" }, ...buttons), box, legend);
  },

  "The spec"(found, reader) {
    if (!found.passages.length) return null;
    const most = Math.max(1, ...found.passages.map((row) => row.tokens));
    let heading = "";
    const blocks = found.passages.flatMap((row) => {
      const path = (row.heading_path || []).join(" › ");
      const title = path !== heading && path ? [node("h3", {}, path)] : [];
      heading = path;
      const weight = node("div", { class: "weight" }, node("span", { class: row.documents ? "bar kept" : "bar", style: { width: `${(100 * row.tokens) / most}%` } }));
      const facts = row.documents ? `${number(row.tokens)} tokens · ${number(row.documents)} documents · ${row.genres} of ${row.genres_planned} types` : "no document";
      const name = row.rule_id ? `${row.address} · ${row.rule_id}` : row.address;
      return [...title, node("div", { class: `passage ${row.documents ? "" : "hole"}` },
        node("div", { class: "side" }, row.documents ? node("button", { class: "link bold", title: "show its documents", onclick: () => reader.only(reader.named({ stage: "documents", passage: row.place })) }, name) : node("b", {}, name), node("span", { class: "dim" }, facts), weight), node("p", {}, row.text))];
    });
    return node("div", { class: "spec" }, ...blocks);
  },

  Lengths(found) {
    const charts = ["documents", "chats"].flatMap((stage) => {
      const rows = found.lengths.filter((row) => row.stage === stage);
      if (!rows.length) return [];
      const last = Math.max(...rows.map((row) => row.tokens));
      const step = [25, 50, 100, 250, 500, 1000].find((size) => last / size <= 40) || 2500;
      const starts = Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
      const values = (status) => starts.map((start) => sum(rows.filter((row) => row.status === status && Math.floor(row.tokens / step) * step === start).map((row) => row.items)));
      const series = [{ kind: "kept", name: "kept", values: values("kept") }, { kind: "rejected", name: "rejected", values: values("rejected") }];
      return [node("h3", {}, stage), histogram(starts, series, { axis: "tokens" })];
    });
    const legend = node("div", { class: "legend" }, node("span", { class: "key kept" }, "kept"), node("span", { class: "key rejected" }, "rejected"));
    return charts.length ? node("div", {}, ...charts, legend) : null;
  },

  "Cost and yield"(found) {
    if (!found.spend.length) return null;
    const parts = [];
    if (found.time.length > 1) {
      const times = found.time.map((row) => new Date(1000 * (row.start + row.bucket * row.step)).toISOString().slice(...(row.step < 60 ? [11, 19] : [5, 16])).replace("T", " "));
      const total = (name) => { let all = 0; return found.time.map((row) => (all += row[name])); };
      const kept = total("kept_tokens"), written = total("written"), cost = total("cost_usd");
      const series = [
        { kind: "one", name: "kept tokens", values: kept, format: short },
        { kind: "two", name: "kept per written token", values: kept.map((value, i) => value / Math.max(1, written[i])), format: percent },
        { kind: "four", name: "completions in this step", values: found.time.map((row) => row.requests), format: number },
      ];
      if (cost.at(-1)) series.splice(1, 0, { kind: "three", name: "cost", values: cost, format: dollars });
      parts.push(lines(times, series));
    }
    const rows = found.spend.map((row) => ({
      stage: words(row.stage), role: row.role, model: row.model, requests: number(row.requests), ok: percent(row.ok / row.requests), retries: number(row.retries),
      prompt: short(row.prompt_tokens), cached: row.prompt_tokens ? percent(row.cached_tokens / row.prompt_tokens) : "", written: short(row.completion_tokens),
      cost: row.cost_usd === null ? "not known" : dollars(row.cost_usd), latency: row.median_latency_s === null ? "" : `${number(row.median_latency_s)} s`,
    }));
    parts.push(table(["stage", "role", "model", "requests", "ok", "retries", "prompt", "cached", "written", "cost", "latency"], rows,
      { numeric: ["requests", "ok", "retries", "prompt", "cached", "written", "cost", "latency"] }));
    return node("div", {}, ...parts);
  },

  "Cluster map"(found, reader) {
    if (!found.cluster_map) return null;
    const { points, clusters, items } = found.cluster_map;
    const hint = (i) => `${items[i][1] || items[i][0]}\n${clusters[points[i][2]].words.join(", ")}`;
    const list = clusters.map((cluster, i) => node("li", {}, node("span", { class: `key hue-${i % 12}` }, `${cluster.size}: ${cluster.words.join(", ")}`)));
    return node("div", { class: "beside" }, scatter(points, hint, (i) => reader.only({}, "", reader.items.at(items[i][0]) ?? -1)),
      node("div", {}, node("p", { class: "dim" }, `${number(points.length)} documents, placed by the likeness of their embeddings. Each cluster with the words that tell it from the rest. Click a point to read it.`), node("ul", { class: "plain" }, ...list)));
  },

  "Phrases and names"(found, reader) {
    if (!found.shared) return null;
    const { documents, patterns } = found.shared;
    const titles = { phrase: "Phrases of five words", name: "Names", opening: "Openings", ending: "Endings", title: "Titles" };
    const lists = Object.entries(titles).map(([kind, title]) => {
      const shared = patterns.filter((row) => row.kind === kind).slice(0, 15);
      return node("div", {}, node("h3", {}, title), shared.length ? bars(shared.map((row) => ({
        label: node("button", { class: "link", onclick: () => reader.find(row.text) }, row.text), hint: `${row.text}\nin ${number(row.documents)} of ${number(documents)} documents; click to search for it`,
        shown: percent(row.documents / documents), parts: [{ value: row.documents / documents, kind: "kept", hint: `${number(row.documents)} documents` }],
      })), { label: 250 }) : node("p", { class: "dim" }, "none are shared"));
    });
    return node("div", {}, node("p", { class: "dim" }, `What at least 1% of ${number(documents)} documents have, and three. What stands in the spec is left out.`),
      node("div", { class: "columns" }, ...lists));
  },
};
