// Training: the loss of each stage by optimizer update, from what `specmill train --run` kept.

const kinds = { loss: ["one", "loss"], held_out: ["three", "held out"], neutral: ["two", "ordinary text"] };
const loss = (value) => value.toFixed(3);

// Losses of one stage: curves of {name: [[update, loss], ...]}; the axis spans what is there, not zero.
function lossChart({ curves, warmup, planned }, { height = 200 } = {}) {
  const width = 720, bottom = 24, top = 10, left = 50, right = 8;
  const values = Object.values(curves).flatMap((curve) => curve.map((point) => point[1]));
  const room = Math.max(0.01, (Math.max(...values) - Math.min(...values)) * 0.06);
  const low = Math.min(...values) - room, high = Math.max(...values) + room;
  const x = (update) => left + (update / Math.max(1, planned)) * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": "loss by optimizer update" });
  if (warmup) svg.append(withTip(shape("rect", { x: x(0), y: top, width: x(warmup) - x(0), height: height - top - bottom, class: "warmup" }), `${warmup} updates of warmup`));
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const value = low + part * (high - low), update = Math.round(part * planned);
    svg.append(shape("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }),
      shape("text", { x: left - 6, y: y(value) + 4, class: "tick end" }, loss(value)),
      shape("text", { x: x(update), y: height - 6, class: part === 1 ? "tick end" : "tick" }, number(update)));
  }
  for (const [name, curve] of Object.entries(curves)) {
    const [kind, said] = kinds[name] || ["four", words(name)];
    svg.append(shape("polyline", { points: curve.map(([update, value]) => `${x(update).toFixed(1)},${y(value).toFixed(1)}`).join(" "), class: `line ${kind}` }));
    if (curve.length > 60) continue;
    for (const [update, value] of curve) {
      svg.append(withTip(shape("circle", { cx: x(update), cy: y(value), r: name === "loss" ? 2 : 4, class: `point ${kind}` }), `update ${number(update)}\n${said}: ${loss(value)}`));
    }
  }
  if (curves.loss?.length > 60) svg.addEventListener("mousemove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width * width - left) / (width - left - right) * planned;
    const near = curves.loss.reduce((best, point) => Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best);
    tip.show(event, `update ${number(near[0])}\nloss: ${loss(near[1])}`);
  });
  svg.addEventListener("mouseleave", tip.hide);
  return svg;
}

sections.Training = (found) => {
  if (!found.training?.length) return null;
  const span = (ends) => ends ? `${loss(ends[0])} → ${loss(ends[1])}` : "";
  const state = (row) => row.stopped ? "stopped: no number" : row.finished ? "finished" : "not finished";
  const rows = found.training.map((row) => ({
    stage: row.folder.replace("train/", ""), trainer: row.trainer, "base model": row.base_model, "": state(row),
    updates: `${number(row.updates)} of ${number(row.planned)}`, tokens: short(row.tokens), "with loss": short(row.trained),
    loss: span(row.ends.loss), "held out": span(row.ends.held_out), "ordinary text": span(row.ends.neutral),
  }));
  const charts = found.training.map((row) => node("div", {},
    node("h3", {}, row.folder),
    lossChart(row), node("p", { class: "dim" }, [`seed ${row.seed}`, ...Object.entries(row.versions).map(([name, version]) => `${name} ${version}`)].join(" · "))));
  const legend = node("div", { class: "legend" }, node("span", {}, "Loss by optimizer update; warmup is shaded."),
    ...Object.values(kinds).map(([kind, said]) => node("span", { class: `key ${kind}` }, said)));
  return node("div", {}, table(Object.keys(rows[0]), rows, { numeric: ["updates", "tokens", "with loss", "loss", "held out", "ordinary text"], tight: ["stage", ""] }),
    legend, node("div", { class: "columns" }, ...charts));
};
