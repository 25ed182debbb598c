// Draws the page: the sections in order, then the reader; or two workspaces side by side.

function addSection(title, content) {
  if (!content) return;
  const id = title.toLowerCase().replaceAll(" ", "-");
  document.getElementById("nav").append(node("a", { href: `#${id}` }, title));
  document.getElementById("main").append(node("section", { id, "aria-labelledby": `${id}-title` }, node("h2", { id: `${id}-title` }, title), content));
}

function describe(name, facts) {
  document.getElementById("name").textContent = name;
  document.title = `${name}: specmill report`;
  document.getElementById("about").textContent = facts.filter(Boolean).join(" · ");
}

async function main() {
  if (document.getElementById("comparison")) {
    const both = await unpack("comparison");
    describe(`${both.names[0]} beside ${both.names[1]}`, ["every figure of both, and the difference"]);
    for (const [title, content] of comparisonSections(both)) addSection(title, content);
    document.getElementById("skip").hidden = true;
  } else {
    const found = await unpack("figures"), items = new Items(await unpack("index"));
    const who = found.about.assistant || {};
    describe(found.about.name, [who.name && who.provider ? `${who.name} by ${who.provider}` : "", found.models.map((row) => row.model).join(", "),
      found.about.spec_hash ? `spec ${found.about.spec_hash.slice(0, 12)}` : "", found.about.tokenizer ? `tokens counted with ${found.about.tokenizer}` : "",
      found.about.finished ? "" : "not finished: figures of what is there so far"]);
    const reader = new Reader(items, found);
    for (const [title, section] of Object.entries(sections)) addSection(title, section(found, reader));
    addSection("Reader", reader.element);
  }
  document.body.dataset.ready = "yes";
}

main().catch((error) => {
  document.getElementById("about").textContent = `This page could not be drawn: ${error.message}`;
  throw error;
});
