// Two workspaces side by side: each part of figures as a table, with the difference drawn from a line in the middle.

const UNITS = { number, share: percent, usd: dollars };

function comparisonSections({ names, settings, parts }) {
  const shown = (value, unit) => (value === null ? "–" : UNITS[unit](value));
  const signed = (value, unit) => {
    if (value === null) return "–";
    const size = UNITS[unit](Math.abs(value));
    if (!value || size === UNITS[unit](0)) return value ? "nearly the same" : "same";
    return (value > 0 ? "+" : "−") + (unit === "share" ? `${size.slice(0, -1)} points` : size);
  };
  const relative = (line) => (line.difference && line.first && signed(line.difference, line.unit)[0] !== "n" ? ` (${line.difference > 0 ? "+" : "−"}${percent(Math.abs(line.difference / line.first))})` : "");
  const found = parts.map((part) => {
    const most = Math.max(...part.lines.map((line) => share(line)), 1e-12);
    const rows = part.lines.map((line) => ({
      figure: line.figure.replaceAll("_", " "), [names[0]]: shown(line.first, line.unit), [names[1]]: shown(line.second, line.unit),
      difference: signed(line.difference, line.unit) + (line.unit === "share" ? "" : relative(line)), "": swing(line, most),
    }));
    return [part.title, node("div", { class: "comparing" }, part.about ? node("p", { class: "dim" }, part.about) : null, table(["figure", ...names, "difference", ""], rows, { numeric: [...names, "difference"], tight: ["difference"] }))];
  });
  const set = settings.map((row) => ({ setting: row.name.replaceAll("_", " "), [names[0]]: row.first ?? "–", [names[1]]: row.second ?? "–", "": row.same ? "same" : node("span", { class: "state look" }, "differs") }));
  if (set.length) found.push(["Settings", table(["setting", ...names, ""], set)]);
  return found;
}

// How far the two are apart, between 0 and 1 whatever the unit.
function share(line) {
  if (!line.difference) return 0;
  return line.unit === "share" ? Math.abs(line.difference) : Math.abs(line.difference) / Math.max(Math.abs(line.first), Math.abs(line.second));
}

function swing(line, most) {
  const width = `${(50 * share(line)) / most}%`, up = line.difference > 0;
  const bar = node("span", { class: `swing-bar ${up ? "kept" : "rejected"}`, style: up ? { left: "50%", width } : { right: "50%", width } });
  return node("span", { class: "swing", "aria-hidden": "true" }, ...(line.difference ? [bar] : []));
}
