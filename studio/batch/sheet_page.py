"""What stands in every contact sheet's page: its looks and what it does. Nothing is fetched."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --side: 160px; --paper: #fff; --ink: #1b1d22; --faint: #5a6170;
  --empty: #eceef2; --line: #d4d7de; --mark: #1f5fd6; --on-mark: #fff; --bad: #b3261e;
  --bad-paper: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181c; --ink: #e6e8ec; --faint: #a6abb6;
  --empty: #25272d; --line: #3c3f48; --mark: #7ba9ff; --on-mark: #10131a; --bad: #ffb4ab;
  --bad-paper: #3a1f1e; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; padding: 20px 24px 48px; background: var(--paper); color: var(--ink);
  font: 14px/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header { display: flex; flex-wrap: wrap; gap: 8px 32px; align-items: end; margin-bottom: 20px; }
header > div { flex: 1 1 300px; }
h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; font-weight: 600; margin: 0 0 8px; max-width: 640px;
  overflow-wrap: anywhere; }
p { color: var(--faint); margin: 4px 0 0; }
.tools { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; }
.tools label { color: var(--faint); display: flex; gap: 8px; align-items: center; }
input, button, a.button { font: inherit; color: inherit; }
input[type=search] { width: 220px; max-width: 60vw; padding: 5px 10px; background: var(--paper);
  border: 1px solid var(--faint); border-radius: 6px; }
input[type=range] { accent-color: var(--mark); width: 130px; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
main { display: flex; flex-wrap: wrap; gap: 28px 48px; align-items: start; }
section { max-width: 100%; min-width: 0; }
.scroll { overflow: auto; max-height: 92vh; padding: 0 4px 4px 0; }
table.grid { border-collapse: separate; border-spacing: 0; }
table.grid td, table.grid th { padding: 3px; vertical-align: top; text-align: left;
  font-weight: 500; }
table.grid th { background: var(--paper); }
table.grid thead { position: sticky; top: 0; z-index: 2; }
table.grid thead th { vertical-align: bottom; max-width: var(--side); }
table.grid tbody th, table.grid th.corner { position: sticky; left: 0; z-index: 1;
  max-width: min(260px, 34vw); padding-right: 10px; }
th.axis { color: var(--faint); white-space: nowrap; }
.flow { display: flex; flex-wrap: wrap; gap: 10px; }
.flow > div, table.grid td { width: calc(var(--side) + 6px); }
.flow > div { width: var(--side); }
table.grid td.out { visibility: hidden; } .flow > .out { display: none; }
.cell { display: block; position: relative; width: var(--side); min-height: 36px; padding: 0;
  border: 0; border-radius: 3px; background: var(--empty); color: var(--faint); cursor: pointer;
  text-align: left; }
.cell:focus-visible { z-index: 1; }
.cell img { display: block; width: 100%; height: auto; border-radius: 3px; }
.cell .many { position: absolute; right: 4px; top: 4px; padding: 0 6px; border-radius: 9px;
  font-size: 12px; color: #fff; background: #17181cd0; }
.words { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4;
  line-clamp: 4; overflow: hidden; overflow-wrap: anywhere; font-size: 13px; }
.words + .words { margin-top: 1px; }
.words i { font-style: normal; color: var(--faint); font-weight: 400; }
.flow .words { font-size: 12px; margin-top: 3px; }
.error { padding: 8px; font-size: 12px; overflow-wrap: anywhere; max-height: 220px;
  overflow: hidden; }
.bad, .bad .error { background: var(--bad-paper); color: var(--bad); }
dialog { width: 1100px; max-width: 96vw; max-height: 96vh; padding: 0; color: inherit;
  border: 1px solid var(--line); border-radius: 10px; background: var(--paper); }
dialog::backdrop { background: #000a; }
.bar { position: sticky; top: 0; display: flex; gap: 8px; align-items: center; padding: 10px 12px;
  background: var(--paper); border-bottom: 1px solid var(--line); z-index: 1; }
.bar h2 { flex: 1; margin: 0; max-width: none; }
.inside { display: flex; flex-wrap: wrap; }
.pictures { flex: 1 1 420px; display: flex; flex-wrap: wrap; gap: 12px; padding: 16px;
  align-items: center; justify-content: center; background: var(--empty); min-width: 0; }
.pictures figure { margin: 0; max-width: 100%; }
.pictures img { display: block; max-width: 100%; max-height: 76vh; min-width: 224px;
  height: auto; object-fit: contain; }
.pictures figcaption { font-size: 12px; color: var(--faint); overflow-wrap: anywhere; }
.facts { flex: 1 1 300px; padding: 16px; min-width: 0; }
dl { margin: 0 0 16px; } dt { color: var(--faint); font-size: 12px; }
dd { margin: 0 0 8px; overflow-wrap: anywhere; white-space: pre-wrap; }
.row { display: flex; gap: 8px; flex-wrap: wrap; }
button.act, a.button { padding: 5px 12px; border: 1px solid var(--line); border-radius: 6px;
  background: var(--empty); cursor: pointer; text-decoration: none; }
button.act:hover, a.button:hover { border-color: var(--faint); }
button.first { background: var(--mark); border-color: var(--mark); color: var(--on-mark); }
@media (max-width: 560px) { body { padding: 14px 12px 32px; }
  :root { --side: 128px; } .pictures { padding: 8px; } }
@media print { .tools, dialog { display: none; } .scroll { overflow: visible; max-height: none; } }
"""

SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const one = (selector, within = document) => within.querySelector(selector);
const box = one('#box'), cells = [...document.querySelectorAll('button.cell')];
let at = 0, shown = 0;
one('#side').addEventListener('input', event =>
  document.documentElement.style.setProperty('--side', event.target.value + 'px'));

function graphOf(cell) {
  const graph = structuredClone(data.graph);
  for (const [place, value] of Object.entries(cell.sets)) {
    const dot = place.indexOf('.'), node = graph.nodes[place.slice(0, dot)];
    node.params = {...node.params, [place.slice(dot + 1)]: value};
  }
  return exact(JSON.stringify(graph, null, 1)) + '\\n';
}
// Numbers that JavaScript would round are written as marked texts.
function exact(text) { return text.replaceAll(new RegExp(`"${data.mark}(-?\\\\d+)"`, 'g'), '$1'); }
function plain(value) {
  const text = exact(JSON.stringify(value));
  return typeof value === 'string' && text[0] === '"' ? value : text;
}
function make(name, text = '', values = {}) {
  const element = Object.assign(document.createElement(name), values);
  element.textContent = text;
  return element;
}

// What is looked for: every word, anywhere in what a job sets, in its error or its state.
const texts = data.cells.map(cell => [`job ${cell.job + 1}`, cell.state, cell.error,
  ...Object.entries(cell.sets).flatMap(([name, value]) => [name, plain(value)])]
  .join(' ').toLowerCase());
function find() {
  const words = one('#find').value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  cells.forEach((cell, index) => {
    const there = words.every(word => texts[index].includes(word));
    count += there;
    cell.parentElement.classList.toggle('out', !there);
  });
  for (const section of document.querySelectorAll('section'))
    section.hidden = !one(':not(.out) > button.cell', section);
  one('#found').textContent = !words.length ? '' : count ? `${count} of ${cells.length}` :
    'Nothing has all these words.';
}
one('#find').addEventListener('input', find);
const seen = index => !cells[index].parentElement.classList.contains('out');

function next(index, step) {
  for (let tries = 0; tries < cells.length; tries++) {
    index = (index + step + cells.length) % cells.length;
    if (seen(index)) return index;
  }
  return at;
}
function picture(cell, path, number) {
  const figure = make('figure'), image = make('img', '', {alt: `Job ${cell.job + 1}`});
  const small = number ? null : one('img', cells[at]);
  const words = make('figcaption', cell.paths.length > 1 ? path : '');
  image.onerror = () => {
    image.onerror = null;
    words.textContent = `${path} isn't beside this page${small ? '; this is a small copy' : ''}.`;
    small ? image.src = small.src : image.remove();
  };
  image.src = cell.links[number];
  const link = make('a', '', {href: cell.links[number], target: '_blank', title: 'Open the file'});
  link.append(image);
  figure.append(link, words);
  return figure;
}
function show(index) {
  at = shown = index;
  const cell = data.cells[at];
  one('h2', box).textContent = `Job ${cell.job + 1} of ${data.total}`;
  one('.pictures', box).hidden = !cell.paths.length;
  one('.pictures', box).replaceChildren(...cell.paths.map((path, n) => picture(cell, path, n)));
  const facts = Object.entries(cell.sets).map(([name, value]) => [name, plain(value)]);
  if (cell.error) facts.unshift([cell.state, cell.error]);
  cell.paths.forEach(path => facts.push(['file', path]));
  one('dl', box).replaceChildren(...facts.flatMap(([name, value]) =>
    [make('dt', name), make('dd', value)]));
  one('.copy', box).textContent = 'Copy its graph';
  if (!box.open) box.showModal();
  box.scrollTop = 0;
}
cells.forEach((cell, index) => {
  cell.tabIndex = index ? -1 : 0;
  cell.addEventListener('click', () => show(index));
  cell.addEventListener('focus', () => {
    cells[at].tabIndex = -1;
    cell.tabIndex = 0;
    at = index;
  });
});
// From cell to cell: by their order to the sides, by where they are up and down.
function beside(key) {
  if (key === 'Home') return next(-1, 1);
  if (key === 'End') return next(0, -1);
  if (key === 'ArrowRight') return next(at, 1);
  if (key === 'ArrowLeft') return next(at, -1);
  const here = cells[at].getBoundingClientRect(), down = key === 'ArrowDown';
  let best = at, least = Infinity;
  cells.forEach((cell, index) => {
    const there = cell.getBoundingClientRect();
    const away = down ? there.top - here.top : here.top - there.top;
    const off = Math.abs(there.left - here.left);
    if (!there.width || !seen(index) || away < 8) return;
    if (away + 3 * off < least) [best, least] = [index, away + 3 * off];
  });
  return best;
}
one('main').addEventListener('keydown', event => {
  const keys = ['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'Home', 'End'];
  if (!keys.includes(event.key) || !event.target.matches('.cell')) return;
  event.preventDefault();
  cells[beside(event.key)].focus();
});
document.addEventListener('keydown', event => {
  if (event.key !== '/' || box.open || event.target.matches('input')) return;
  event.preventDefault();
  one('#find').focus();
});
// A picture that is dragged is its file, which carries its graph, not the small copy here.
document.addEventListener('dragstart', event => {
  const cell = event.target.closest?.('.cell');
  const link = cell && data.cells[cells.indexOf(cell)].links[0];
  if (link) event.dataTransfer.setData('text/uri-list', new URL(link, location.href).href);
});
box.addEventListener('keydown', event => {
  if (event.key === 'ArrowRight') show(next(at, 1));
  if (event.key === 'ArrowLeft') show(next(at, -1));
});
// The browser gives the focus back to the cell that was chosen first.
box.addEventListener('close', () => cells[shown].focus());
box.addEventListener('click', event => { if (event.target === box) box.close(); });
one('.before', box).addEventListener('click', () => show(next(at, -1)));
one('.after', box).addEventListener('click', () => show(next(at, 1)));
one('.close', box).addEventListener('click', () => box.close());
one('.save', box).addEventListener('click', () => {
  const cell = data.cells[at], blob = new Blob([graphOf(cell)], {type: 'application/json'});
  const link = make('a', '', {href: URL.createObjectURL(blob)});
  link.download = `job-${cell.job + 1}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
one('.copy', box).addEventListener('click', async event => {
  const text = graphOf(data.cells[at]), button = event.currentTarget;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Some browsers refuse a page from the disk.
    const area = box.appendChild(make('textarea', text));
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  button.textContent = 'Copied';
});
"""

BOX = """
<dialog id="box" aria-label="One job"><div class="bar"><h2></h2>
<button class="act before" aria-label="Job before" title="Left arrow">←</button>
<button class="act after" aria-label="Next job" title="Right arrow">→</button>
<button class="act close" title="Esc">Close</button></div>
<div class="inside"><div class="pictures"></div><div class="facts"><dl></dl>
<div class="row"><button class="act first save">Save its graph</button>
<button class="act copy">Copy its graph</button></div></div></div></dialog>
"""
