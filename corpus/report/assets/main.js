// Draws the page: the sections in order, then the reader.

async function main() {
  const found = await unpack("figures");
  const items = new Items(await unpack("index"));
  const who = found.about.assistant || {};
  document.getElementById("name").textContent = found.about.name;
  document.title = `${found.about.name}: specmill report`;
  const facts = [who.name && who.provider ? `${who.name} by ${who.provider}` : "", found.models.map((row) => row.model).join(", "),
    found.about.spec_hash ? `spec ${found.about.spec_hash.slice(0, 12)}` : "", found.about.tokenizer ? `tokens counted with ${found.about.tokenizer}` : "",
    found.about.finished ? "" : "not finished: figures of what is there so far"];
  document.getElementById("about").textContent = facts.filter(Boolean).join(" · ");
  const reader = new Reader(items, found);
  const main_ = document.getElementById("main"), nav = document.getElementById("nav");
  const add = (title, content) => {
    if (!content) return;
    const id = title.toLowerCase().replaceAll(" ", "-");
    nav.append(node("a", { href: `#${id}` }, title));
    main_.append(node("section", { id }, node("h2", {}, title), content));
  };
  for (const [title, section] of Object.entries(sections)) add(title, section(found, (text) => reader.find(text), (text) => reader.find(text)));
  add("Reader", reader.element);
  document.body.dataset.ready = "yes";
}

main().catch((error) => {
  document.getElementById("about").textContent = `This page could not be drawn: ${error.message}`;
  throw error;
});
