"use strict";
// Data lies in <script type="text/plain"> elements as base64 of deflated JSON. Nothing in it is ever parsed as HTML:
// text from a model reaches the page through textContent alone.

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text); // browsers since 2025
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function unpack(id) {
  const element = document.getElementById(id);
  const bytes = fromBase64(element.textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

// The items of the reader: columns for all, and chunks with their texts that are unpacked when needed.
class Items {
  constructor(index) {
    Object.assign(this, index); // columns, names, chunk, chunks
    this.count = this.columns.stage.length;
    this.unpacked = new Map(); // a few chunks, the last used last
  }
  // The place of the item with this id; undefined where there is none.
  at(id) {
    this.places ||= new Map(this.columns.id.map((one, i) => [one, i]));
    return this.places.get(id);
  }
  value(column, i) {
    const value = this.columns[column][i];
    return column in this.names ? this.names[column][value] : value;
  }
  async chunkAt(number) {
    let chunk = this.unpacked.get(number);
    if (chunk) this.unpacked.delete(number);
    else chunk = await unpack(`chunk-${number}`);
    this.unpacked.set(number, chunk);
    if (this.unpacked.size > 6) this.unpacked.delete(this.unpacked.keys().next().value);
    return chunk;
  }
  async entry(i) {
    return (await this.chunkAt(Math.floor(i / this.chunk)))[i % this.chunk];
  }
}

function node(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function shape(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 && value % 1 ? 2 : 0 });
const percent = (value) => (100 * value).toLocaleString("en", { maximumFractionDigits: value < 0.1 ? 1 : 0 }) + "%";
const dollars = (value) => "$" + value.toLocaleString("en", { maximumFractionDigits: value < 1 ? 4 : 2 });
const short = (value) => Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
const sum = (values) => values.reduce((total, value) => total + (value || 0), 0);
const words = (name) => name.replaceAll("_", " ");
