// Texts with words marked in them, made of text nodes alone, and copying.

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'’]*/gu;
const MOST_MARKS = 2000; // in one text

// `text` as nodes, with the spans [start, end, class] of it in <mark>; spans may overlap, the first wins.
function withMarks(text, spans) {
  const nodes = [];
  let at = 0;
  for (const [start, end, kind] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (start < at) continue;
    if (start > at) nodes.push(document.createTextNode(text.slice(at, start)));
    nodes.push(node("mark", { class: kind }, text.slice(start, end)));
    at = end;
  }
  if (at < text.length) nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

// Where `wanted` stands in `text`, in whatever case.
function hits(text, wanted) {
  if (!wanted) return [];
  const found = [];
  for (const match of text.matchAll(new RegExp(wanted.replace(/[.*+?^${}()|[\]\\\/-]/g, "\\$&"), "gi"))) {
    if (!match[0] || found.push([match.index, match.index + match[0].length, "hit"]) >= MOST_MARKS) break;
  }
  return found;
}

// Runs of at least `least` words that both texts have, in the order of the first; for each text its spans. `share` is
// how many of the first text's words lie in such runs.
function sharedRuns(one, other, least = 4) {
  const split = (text) => Array.from(text.matchAll(WORD), (match) => ({ word: match[0].toLowerCase(), start: match.index, end: match.index + match[0].length }));
  const key = (list, i) => list.slice(i, i + least).map((token) => token.word).join(" ");
  const keys = (list) => Array.from({ length: Math.max(0, list.length - least + 1) }, (_, i) => key(list, i));
  const texts = [split(one), split(other)], runs = texts.map(keys);
  const both = new Set(runs[0].filter(Set.prototype.has, new Set(runs[1])));
  let inside = 0;
  const spans = texts.map((list, which) => {
    const taken = new Uint8Array(list.length);
    runs[which].forEach((run, i) => { if (both.has(run)) taken.fill(1, i, i + least); });
    if (which === 0) inside = taken.reduce((total, value) => total + value, 0);
    const found = [];
    for (let i = 0; i < list.length; i++) {
      if (!taken[i]) continue;
      let last = i;
      while (last + 1 < list.length && taken[last + 1]) last++;
      found.push([list[i].start, list[last].end, "shared"]);
      i = last;
    }
    return found;
  });
  return { spans, share: texts[0].length ? inside / texts[0].length : 0 };
}

function say(text) {
  const box = document.getElementById("said");
  box.textContent = text;
  box.classList.add("on");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => box.classList.remove("on"), 2500);
}

// Copy, also where the browser has no clipboard for pages from a disk.
async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = node("textarea", { "aria-hidden": "true", class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return say(`The browser does not let this page copy the ${what}.`);
  }
  say(`Copied the ${what}.`);
}

function download(name, text) {
  const link = node("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
