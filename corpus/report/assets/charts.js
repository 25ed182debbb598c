// Charts: each takes plain numbers and gives an element. One tooltip serves them all.

const tip = {
  show(event, text) {
    const box = document.getElementById("tip");
    box.textContent = text;
    box.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
    const y = event.clientY + 18 + box.offsetHeight > innerHeight ? event.clientY - box.offsetHeight - 10 : event.clientY + 18;
    Object.assign(box.style, { left: `${Math.max(4, x)}px`, top: `${Math.max(4, y)}px` });
  },
  hide() { document.getElementById("tip").hidden = true; },
};

function withTip(element, text) {
  element.addEventListener("mousemove", (event) => tip.show(event, typeof text === "function" ? text() : text));
  element.addEventListener("mouseleave", tip.hide);
  return element;
}

function table(columns, rows, { numeric = [], wide = [], tight = [] } = {}) {
  const kinds = { number: numeric, wide, tight };
  const title = columns.find(Boolean); // the column that names a row
  const classes = (name) => [...Object.keys(kinds).filter((kind) => kinds[kind].includes(name)), ...(name === title ? ["title"] : [])].join(" ");
  const head = node("tr", {}, ...columns.map((name) => node("th", { class: classes(name), scope: "col" }, words(name))));
  const lines = rows.map((row) => node("tr", {}, ...columns.map((name) => {
    const value = row[name];
    const shown = value === null || value === undefined ? "" : value instanceof Node ? value : String(value);
    return node("td", { class: classes(name), "data-name": words(name) }, shown);
  })));
  return node("div", { class: "scroll" }, node("table", { class: columns.length > 3 ? "wide-table" : "" }, node("thead", {}, head), node("tbody", {}, ...lines)));
}

// Horizontal bars, each of stacked parts: rows of {label, parts: [{value, kind, hint}], shown}.
function bars(rows, { label = 150 } = {}) {
  const most = Math.max(1, ...rows.map((row) => sum(row.parts.map((part) => part.value))));
  return node("div", { class: "bars" }, ...rows.map((row) => {
    const parts = row.parts.filter((part) => part.value > 0).map((part) => withTip(
      node("span", { class: `bar ${part.kind}`, style: { width: `${(100 * part.value) / most}%` } }), part.hint));
    const text = node("span", { class: "label", style: { width: `${label}px` } }, row.label);
    const said = row.parts.filter((part) => part.value > 0).map((part) => part.hint).join("; ");
    return node("div", { class: "row" }, withTip(text, row.hint || row.label),
      node("span", { class: "track", role: "img", "aria-label": said }, ...parts), node("span", { class: "value" }, row.shown));
  }));
}

// Vertical bars over a numeric axis: series of {kind, name, values}, one value a bin, stacked.
function histogram(starts, series, { height = 170, axis = "", tick = (start) => short(start) } = {}) {
  const width = 720, bottom = 22, top = 8, left = 44;
  const most = Math.max(1, ...starts.map((_, i) => sum(series.map((one) => one.values[i]))));
  const step = (width - left) / Math.max(1, starts.length);
  const scale = (value) => (value / most) * (height - bottom - top);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": `${series.map((one) => `${one.name}: ${number(sum(one.values))}`).join(", ")}, from ${tick(starts[0] ?? 0)} to ${tick(starts.at(-1) ?? 0)} ${axis}` });
  for (const line of [0, 0.5, 1]) {
    const y = height - bottom - scale(most * line);
    svg.append(shape("line", { x1: left, x2: width, y1: y, y2: y, class: "grid" }),
      shape("text", { x: left - 6, y: y + 4, class: "tick end" }, short(Math.round(most * line))));
  }
  const tops = starts.map(() => height - bottom);
  for (const one of series) {
    one.values.forEach((value, i) => {
      if (!value) return;
      tops[i] -= scale(value);
      const bar = shape("rect", { x: left + i * step + 0.5, width: Math.max(0.6, step - 1), y: tops[i], height: scale(value), class: one.kind });
      svg.append(withTip(bar, `${tick(starts[i])}${axis ? " " + axis : ""}\n${one.name}: ${number(value)}`));
    });
  }
  const every = Math.ceil(starts.length / 9);
  starts.forEach((start, i) => {
    if (i % every === 0) svg.append(shape("text", { x: left + i * step, y: height - 6, class: "tick" }, tick(start)));
  });
  return svg;
}

// Lines over time: series of {kind, name, values, format}, each scaled to its own largest value.
function lines(times, series, { height = 190 } = {}) {
  const width = 720, bottom = 22, top = 10, right = 6;
  const x = (i) => (times.length > 1 ? (i / (times.length - 1)) * (width - right) : width / 2);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": series.map((one) => `${one.name}: ${one.format(one.values.at(-1) ?? 0)} at the end`).join(", ") });
  svg.append(shape("line", { x1: 0, x2: width, y1: height - bottom, y2: height - bottom, class: "grid" }));
  for (const one of series) {
    const most = Math.max(...one.values, 1e-12);
    const y = (value) => height - bottom - (value / most) * (height - bottom - top);
    const points = one.values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    svg.append(shape("polyline", { points, class: `line ${one.kind}` }));
  }
  const every = Math.max(1, Math.ceil(times.length / 6));
  times.forEach((time, i) => {
    if (i % every === 0 && x(i) < width - 70) svg.append(shape("text", { x: x(i), y: height - 6, class: "tick" }, time));
  });
  svg.addEventListener("mousemove", (event) => {
    const box = svg.getBoundingClientRect();
    const i = Math.round(((event.clientX - box.left) / box.width) * (times.length - 1));
    if (times[i] !== undefined) tip.show(event, [times[i], ...series.map((one) => `${one.name}: ${one.format(one.values[i])}`)].join("\n"));
  });
  svg.addEventListener("mouseleave", tip.hide);
  const legend = series.map((one) => node("span", { class: `key ${one.kind}` }, `${one.name} (most: ${one.format(Math.max(...one.values, 0))})`));
  return node("div", {}, svg, node("div", { class: "legend" }, ...legend));
}

// A heat map: rows of [label, hint, cells, place], a cell [] (not planned), [0, 0] (a hole) or [documents, tokens].
// `open(row, column)` shows the documents of a cell; without a column, those of the row.
function heat({ columns, rows }, open) {
  const most = Math.max(1, ...rows.flatMap((row) => row[2].map((cell) => cell[1] || 0)));
  const head = node("tr", {}, node("td", {}), ...columns.map((name) =>
    node("th", { class: "turned", scope: "col" }, withTip(node("span", {}, name), name))));
  const body = node("tbody", {});
  rows.forEach(([label, hint, cells], r) => {
    const name = node("button", { class: "link", onclick: () => open(r) }, label);
    const line = node("tr", {}, node("th", { class: "line", scope: "row" }, withTip(name, hint.slice(0, 600))));
    cells.forEach((cell, i) => {
      const kind = !cell.length ? "none" : cell[0] ? "some" : "hole";
      const said = kind === "none" ? "not planned" : kind === "hole" ? "a hole: planned, no document" : `${number(cell[1])} tokens in ${number(cell[0])} documents`;
      const element = node("td", { class: kind, tabindex: "-1", "aria-label": said });
      if (kind === "some") element.style.setProperty("--heat", `${Math.round(12 + 88 * Math.sqrt(cell[1] / most))}%`);
      Object.assign(element.dataset, { text: `${label} x ${columns[i]}\n${said}`, row: r, column: i });
      line.append(element);
    });
    body.append(line);
  });
  const cellOf = (event) => event.target.closest("td[data-row]");
  const act = (cell) => { if (cell && cell.classList.contains("some")) open(Number(cell.dataset.row), Number(cell.dataset.column)); };
  const at = (row, column) => body.rows[row]?.cells[column + 1];
  body.addEventListener("mousemove", (event) => { if (event.target.dataset.text) tip.show(event, event.target.dataset.text); });
  body.addEventListener("mouseleave", tip.hide);
  body.addEventListener("click", (event) => act(cellOf(event)));
  body.addEventListener("keydown", (event) => {
    const cell = cellOf(event), step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!cell || !(step || event.key === "Enter")) return;
    event.preventDefault();
    if (!step) return act(cell);
    const next = at(Number(cell.dataset.row) + step[0], Number(cell.dataset.column) + step[1]);
    if (next?.dataset.row) { cell.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  });
  if (at(0, 0)) at(0, 0).tabIndex = 0;
  return node("div", { class: "scroll tall" }, node("table", { class: "heat", "aria-label": "coverage" }, node("thead", {}, head), body));
}

// Points in the unit square: points of [x, y, cluster].
function scatter(points, hint, open) {
  const size = 560, pad = 10;
  const svg = shape("svg", { viewBox: `0 0 ${size} ${size}`, class: "chart map", role: "img", "aria-label": `a map of ${points.length} documents; the reader below has each of them` });
  points.forEach(([x, y, cluster], i) => {
    const dot = shape("circle", { cx: pad + x * (size - 2 * pad), cy: pad + y * (size - 2 * pad), r: 4.5, class: `dot hue-${cluster % 12}` });
    dot.addEventListener("click", () => open(i));
    svg.append(withTip(dot, () => hint(i)));
  });
  return svg;
}
