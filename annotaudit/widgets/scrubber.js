// The frame scrubber: look at doubtful boxes, judge them, record the verdicts.
//
// One module, three homes. A notebook calls `render` (anywidget's protocol), a page without a
// server calls `mount`, and Node imports the pure functions of the first half for their tests.
// Words that came with the labels are hostile: they reach the page as text nodes or canvas text,
// never as markup.

// ── Arrays ────────────────────────────────────────────────────────────────────────────────────

const KINDS = {
  frame: Float64Array, size: Int32Array,
  starts: Uint32Array, sides: Float32Array, object: Int32Array, label: Int32Array,
  annotator: Int32Array,
};

/** A view of `bytes` (ArrayBuffer, DataView or Uint8Array) as numbers of one kind. */
export function asNumbers(bytes, Kind) {
  const buffer = bytes.buffer ?? bytes;
  const start = bytes.byteOffset ?? 0;
  const length = bytes.byteLength;
  return start % Kind.BYTES_PER_ELEMENT
    ? new Kind(buffer.slice(start, start + length))
    : new Kind(buffer, start, length / Kind.BYTES_PER_ELEMENT);
}

/** What Python sent, with every array as numbers and every finding as an object. */
export function readData({ meta, arrays }) {
  const set = (prefix) => Object.fromEntries(
    ["starts", "sides", "object", "label", "annotator"].map((name) => [
      name, asNumbers(arrays[`${prefix}_${name}`], KINDS[name]),
    ]),
  );
  const numbers = asNumbers(arrays.findings, Float64Array);
  const wide = meta.finding_columns.length;
  const findings = meta.reasons.map((reason, index) => {
    const row = numbers.subarray(index * wide, (index + 1) * wide);
    const at = (name) => row[meta.finding_columns.indexOf(name)];
    return {
      index, reason, unit: meta.units[index],
      position: at("position"), from: at("from"), object: at("object"), rule: at("rule"),
      label: at("label"), annotator: at("annotator"), severity: meta.severities[at("severity")],
      score: at("score"), value: at("value"), limit: at("limit"),
      box: boxOrNone(row, 10), expected: boxOrNone(row, 14),
    };
  });
  return {
    ...meta, findings, rules: [...meta.rules, "seen by reviewers"],
    frame: asNumbers(arrays.frame, KINDS.frame), size: asNumbers(arrays.size, KINDS.size),
    sets: meta.titles.map((_, index) => set(index ? "before" : "boxes")),
  };
}

function boxOrNone(row, first) {
  const box = Array.from(row.subarray(first, first + 4));
  return box.every(Number.isFinite) ? box : null;
}

/** The sequence (an entry of `sequences`) that a position lies in. */
export function sequenceAt(sequences, position) {
  let low = 0;
  let high = sequences.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sequences[middle].first <= position) low = middle;
    else high = middle - 1;
  }
  return sequences[low];
}

/** The position of a frame number in a sequence, or −1; frame numbers rise within it. */
export function positionOf(frames, sequence, number) {
  let low = sequence.first;
  let high = sequence.first + sequence.count - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (frames[middle] === number) return middle;
    if (frames[middle] < number) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * A picture has come and has another size than the labels said, or than the boxes let us guess.
 * What held for its neighbours of the sequence was the same guess. True where anything changed.
 */
export function learnSize({ size, sequences }, position, [width, height]) {
  const [w, h] = size.subarray(position * 2, position * 2 + 2);
  if (w === width && h === height) return false;
  const { first, count } = sequenceAt(sequences, position);
  for (let other = first; other < first + count; other += 1) {
    if (size[other * 2] === w && size[other * 2 + 1] === h) size.set([width, height], other * 2);
  }
  return true;
}

// ── Boxes ─────────────────────────────────────────────────────────────────────────────────────

export const boxAt = (set, row) => Array.from(set.sides.subarray(row * 4, row * 4 + 4));

/** Rows of the boxes at a position. */
export function rowsAt(set, position) {
  const rows = [];
  for (let row = set.starts[position]; row < set.starts[position + 1]; row += 1) rows.push(row);
  return rows;
}

/** The box row a finding speaks of, or −1: same object, and the same sides where it is doubled. */
export function rowOf(set, finding) {
  let found = -1;
  for (const row of rowsAt(set, finding.position)) {
    if (finding.object >= 0 ? set.object[row] !== finding.object : !finding.box) continue;
    const same = finding.box && finding.box.every(
      (side, index) => Math.abs(side - set.sides[row * 4 + index]) < 0.01,
    );
    if (same) return row;
    if (found < 0 && finding.object >= 0 && finding.box) found = row;
  }
  return found;
}

/** An object's row at a position, or −1. */
export function objectRow(set, object, position) {
  if (object < 0 || position < 0 || position + 1 >= set.starts.length) return -1;
  for (let row = set.starts[position]; row < set.starts[position + 1]; row += 1) {
    if (set.object[row] === object) return row;
  }
  return -1;
}

/** Share of overlap of two boxes; 0 if apart. */
export function overlap(a, b) {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const union = a[2] * a[3] + b[2] * b[3] - shared;
  return union > 0 ? shared / union : NaN;
}

export const MEASURES = {
  height: "height, px", width: "width, px", left: "left edge, px", top: "top edge, px",
  right: "right edge, px", bottom: "bottom edge, px", area: "area, px²", overlap: "overlap with the frame before",
};

/** One value of an object per position of its sequence: NaN where it has no box. */
export function series(set, object, measure, sequence) {
  const values = new Float64Array(sequence.count).fill(NaN);
  let before = null;
  for (let index = 0; index < sequence.count; index += 1) {
    const row = objectRow(set, object, sequence.first + index);
    const box = row < 0 ? null : boxAt(set, row);
    if (box) {
      values[index] = {
        left: box[0], top: box[1], width: box[2], height: box[3],
        right: box[0] + box[2], bottom: box[1] + box[3], area: box[2] * box[3],
        overlap: before ? overlap(before, box) : NaN, // an entry has nothing to compare with
      }[measure];
    }
    before = box;
  }
  return values;
}

/** The measure that shows best what a finding speaks of. */
export function measureFor(rule, reason) {
  const edge = reason.match(/\b(left|right|top|bottom) edge\b/);
  if (edge) return edge[1];
  if (/overlap/.test(rule)) return "overlap";
  return /size/.test(rule) ? "area" : "height";
}

/** A box moved (or, from its lower right corner, resized) by whole pixels; sides stay ≥ 1. */
export function nudge(box, dx, dy, resize) {
  const [left, top, width, height] = box;
  return resize
    ? [left, top, Math.max(1, width + dx), Math.max(1, height + dy)]
    : [left + dx, top + dy, width, height];
}

/** A box with one grip ("nw" … a corner, "n" … an edge) at a point; it may be dragged inside out. */
export function dragGrip([left, top, width, height], grip, [x, y]) {
  const along = (start, length, point, low, high) => {
    if (!grip.includes(low) && !grip.includes(high)) return [start, length];
    const fixed = grip.includes(low) ? start + length : start;
    return [Math.min(point, fixed), Math.max(1, Math.abs(point - fixed))];
  };
  const [newLeft, newWidth] = along(left, width, x, "w", "e");
  const [newTop, newHeight] = along(top, height, y, "n", "s");
  return [newLeft, newTop, newWidth, newHeight];
}

/** The grip within reach of a point on the screen, corners before edges, or null. */
export function gripAt(box, view, [x, y], reach = 9) {
  const [left, top] = toScreen(view, box);
  const [right, bottom] = toScreen(view, [box[0] + box[2], box[1] + box[3]]);
  const corners = { nw: [left, top], ne: [right, top], sw: [left, bottom], se: [right, bottom] };
  for (const [name, [cx, cy]] of Object.entries(corners)) {
    if (Math.hypot(cx - x, cy - y) <= reach) return name;
  }
  const near = (a, b) => Math.abs(a - b) <= reach / 2;
  if (y > top && y < bottom) {
    if (near(x, left)) return "w";
    if (near(x, right)) return "e";
  }
  if (x > left && x < right) {
    if (near(y, top)) return "n";
    if (near(y, bottom)) return "s";
  }
  return null;
}

/** Of the rows whose box holds an image point the smallest, or −1: it is the hardest to hit. */
export function hit(set, rows, [x, y], slack = 0) {
  let best = -1;
  let least = Infinity;
  for (const row of rows) {
    const [left, top, width, height] = boxAt(set, row);
    const inside = x >= left - slack && x <= left + width + slack
      && y >= top - slack && y <= top + height + slack;
    if (inside && width * height < least) {
      best = row;
      least = width * height;
    }
  }
  return best;
}

// ── Zoom and pan: screen = image × scale + offset ─────────────────────────────────────────────

export const MAX_ZOOM = 40; // times the fitted size

export const toScreen = (view, [x, y]) => [x * view.scale + view.x, y * view.scale + view.y];
export const toImage = (view, [x, y]) => [(x - view.x) / view.scale, (y - view.y) / view.scale];

/** The view that shows the whole image in the middle of the stage. */
export function fit(image, stage) {
  const scale = Math.min(stage.width / image.width, stage.height / image.height);
  return centred({ scale, x: 0, y: 0 }, image, stage);
}

/** Keep the image on the stage: centred where it is smaller, without a gap where it is larger. */
export function centred(view, image, stage) {
  const along = (offset, length, room) => (
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset))
  );
  return {
    scale: view.scale,
    x: along(view.x, image.width * view.scale, stage.width),
    y: along(view.y, image.height * view.scale, stage.height),
  };
}

/** Zoom by a factor; the image point under the pointer stays there. */
export function zoomAt(view, [x, y], factor, image, stage) {
  const least = fit(image, stage).scale;
  const scale = Math.min(least * MAX_ZOOM, Math.max(least, view.scale * factor));
  const ratio = scale / view.scale;
  return centred({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }, image, stage);
}

/** The view that shows a box in the middle, about a third of the stage wide or high. */
export function zoomTo(box, image, stage) {
  const least = fit(image, stage).scale;
  const wanted = Math.min(stage.width / box[2], stage.height / box[3]) / 2.6;
  const scale = Math.min(least * MAX_ZOOM, Math.max(least, wanted));
  return centred({
    scale,
    x: stage.width / 2 - (box[0] + box[2] / 2) * scale,
    y: stage.height / 2 - (box[1] + box[3] / 2) * scale,
  }, image, stage);
}

// ── Pictures: what to fetch, and what to keep ─────────────────────────────────────────────────

const AHEAD = 8; // frames fetched in the direction of travel

/** Positions worth having, the most urgent first: this one, the way ahead, the film strip. */
export function wanted(position, direction, { first, count }, soon = [], ahead = AHEAD) {
  const list = [position, position + direction, position + 2 * direction];
  list.push(position - direction, position - 2 * direction, ...soon);
  for (let step = 3; step <= ahead; step += 1) list.push(position + step * direction);
  return [...new Set(list)].filter(
    (one) => soon.includes(one) || (one >= first && one < first + count),
  );
}

/** Keeps the things last used within a budget of bytes; `drop` is told what had to go. */
export class Cache {
  constructor(budget, drop = () => {}) {
    Object.assign(this, { budget, drop, bytes: 0, things: new Map() });
  }

  get(key) {
    const entry = this.things.get(key);
    if (entry) {
      this.things.delete(key);
      this.things.set(key, entry);
    }
    return entry?.thing;
  }

  peek(key) {
    return this.things.get(key)?.thing;
  }

  set(key, thing, bytes) {
    this.delete(key);
    this.things.set(key, { thing, bytes });
    this.bytes += bytes;
    for (const oldest of this.things.keys()) {
      if (this.bytes <= this.budget || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key) {
    const entry = this.things.get(key);
    if (!entry) return;
    this.things.delete(key);
    this.bytes -= entry.bytes;
    this.drop(entry.thing);
  }

  clear() {
    for (const key of [...this.things.keys()]) this.delete(key);
  }
}

// ── Findings and verdicts ─────────────────────────────────────────────────────────────────────

export const VERDICTS = { mistake: "Mistake", fine: "Fine", unsure: "Unsure" };
const WEIGHT = { seen: 4, error: 3, warning: 2, note: 1 };

/** Findings to review, in order: the worst first (as Python ranked them), or by time. */
export function queue(findings, byTime, hiddenRules = new Set()) {
  const shown = findings.filter((finding) => !hiddenRules.has(finding.rule));
  return byTime
    ? shown.toSorted((a, b) => a.position - b.position || a.index - b.index)
    : shown;
}

/** The next finding (step 1) or the one before (step −1) in a queue, going round. */
export function neighbour(list, current, step) {
  if (!list.length) return null;
  const here = list.findIndex((finding) => finding.index === current);
  if (here < 0) return step > 0 ? list[0] : list[list.length - 1];
  return list[(here + step + list.length) % list.length];
}

/** Whether a finding waits for a verdict; what a reviewer has seen has one. */
const isOpen = (finding, judged) => !finding.seen && !(finding.index in judged);

/** The next finding nobody has judged, going round; null when all are. */
export function nextOpen(list, current, judged) {
  const here = list.findIndex((finding) => finding.index === current);
  for (let step = 1; step <= list.length; step += 1) {
    const finding = list[(here + step + list.length) % list.length];
    if (isOpen(finding, judged)) return finding;
  }
  return null;
}

/** Verdicts after one more action; `history` remembers what each action replaced. */
export function judge(state, action) {
  const { judged, history } = state;
  if (action.do === "verdict") {
    const { finding, verdict, corrected = null, note = "" } = action;
    return {
      judged: { ...judged, [finding]: { verdict, corrected, note } },
      history: [...history, { finding, before: judged[finding] ?? null }],
    };
  }
  if (action.do === "undo" && history.length) {
    const { finding, before } = history[history.length - 1];
    const rest = { ...judged };
    if (before) rest[finding] = before;
    else delete rest[finding];
    return { judged: rest, history: history.slice(0, -1) };
  }
  return state;
}

/** How far the review is, in numbers and in words. */
export function progress(every, judged) {
  const list = every.filter((finding) => !finding.seen);
  const seen = every.length - list.length;
  const verdicts = list.map((finding) => judged[finding.index]?.verdict).filter(Boolean);
  const count = (name) => verdicts.filter((verdict) => verdict === name).length;
  const [done, mistakes] = [verdicts.length, count("mistake")];
  const words = `${done} of ${list.length} reviewed, ${mistakes} ${mistakes === 1 ? "mistake" : "mistakes"}${seen ? `, ${seen} more seen` : ""}`;
  return { done, total: list.length, mistakes, fine: count("fine"), unsure: count("unsure"), words };
}

/** One line of the ledger for a verdict given on a page without Python. */
export function ledgerLine(data, finding, entry, reviewer, now = new Date(), id = newId()) {
  const sequence = sequenceAt(data.sequences, finding.position);
  const [left, top, width, height] = finding.box ?? [null, null, null, null];
  const corrected = entry.corrected ?? [null, null, null, null];
  return {
    schema: data.schema, id,
    sequence: sequence.name, annotator: data.annotators[finding.annotator] ?? null,
    track: data.objects.track[finding.object] ?? null, rule: data.rules[finding.rule],
    frame: data.frame[finding.position], score: finite(finding.score), verdict: entry.verdict,
    left, top, width, height,
    corrected_left: corrected[0], corrected_top: corrected[1],
    corrected_width: corrected[2], corrected_height: corrected[3],
    label: data.labels[finding.label] ?? null, corrected_label: null, corrected_track: null,
    onward: false, note: entry.note, reviewer, time: now.toISOString(), fingerprint: data.fingerprint,
  };
}

/** The line that takes an earlier one back: a ledger only ever grows. */
export function withdrawalLine(data, id, reviewer, now = new Date()) {
  return { schema: data.schema, withdraws: id, reviewer, time: now.toISOString() };
}

// ── What a reviewer saw and no finding names ──────────────────────────────────────────────────

export const MARKS = {
  wrong_box: ["Box wrong", "The box is wrong"],
  wrong_label: ["Label wrong", "The label is wrong"],
  wrong_identity: ["Another object", "It is another object"],
  extra_box: ["Should not exist", "The box should not be here"],
  missing_box: ["Missing object", "An object has no box"],
};
const OF_A_BOX = Object.keys(MARKS).slice(0, 4); // in the order of their keys, 1 to 4
const SIDES = ["left", "top", "width", "height"];

const sidesOf = (entry, prefix = "") => {
  const box = SIDES.map((side) => entry[prefix + side]);
  return box.every(Number.isFinite) ? box : null;
};
const named = (box, prefix = "") => Object.fromEntries(
  SIDES.map((side, index) => [prefix + side, box ? Math.round(box[index] * 100) / 100 : null]),
);

/** What was seen, as a line of the ledger tells it, as a finding among the others. */
export function asFinding(data, entry) {
  const which = data.sequences.findIndex(({ name }) => name === entry.sequence);
  const position = which < 0 ? -1 : positionOf(data.frame, data.sequences[which], entry.frame);
  const { track, sequence } = data.objects;
  const annotator = data.annotators.indexOf(entry.annotator);
  const isSo = (object) => object >= 0 && track[object] === entry.track && sequence[object] === which;
  const [set] = data.sets;
  const row = position < 0 ? -1
    : rowsAt(set, position).find((one) => isSo(set.object[one]) && set.annotator[one] === annotator) ?? -1;
  const object = row < 0 ? track.findIndex((_, one) => entry.track !== null && isSo(one)) : set.object[row];
  const kind = entry.rule.replace("seen_", "");
  const name = entry.corrected_track === null ? null : `${entry.corrected_track}${entry.onward ? " from here on" : ""}`;
  const should = kind === "extra_box" ? null : name ?? entry.corrected_label;
  return {
    index: entry.id, seen: entry, kind, position, from: -1, object, annotator,
    rule: data.rules.length - 1, label: data.labels.indexOf(entry.label), severity: "seen",
    score: NaN, value: NaN, limit: NaN, unit: "", box: sidesOf(entry), expected: sidesOf(entry, "corrected_"),
    reason: `${MARKS[kind]?.[1] ?? kind}${should ? `${kind === "missing_box" ? ":" : ", should be"} ${should}` : ""}.${entry.note ? ` ${entry.note}` : ""}`,
  };
}

/** The line of the ledger for something seen, on a page without Python. */
export function seenLine(data, entry, reviewer, now = new Date()) {
  return {
    schema: data.schema, ...entry, score: null, verdict: "mistake",
    reviewer, time: now.toISOString(), fingerprint: data.fingerprint,
  };
}

/** A name for an object nobody has named yet, in the way of the other names. */
export function newName(names, label) {
  const numbered = names.map((name) => name.match(/^(.*?)(\d+)$/)).filter(Boolean);
  const alike = numbered.find(([, start]) => !start || start.toLowerCase().startsWith(label.toLowerCase()));
  const start = alike ? alike[1] : `${label}:`;
  const taken = numbered.filter((name) => name[1] === start).map(([, , number]) => Number(number));
  return `${start}${1 + taken.reduce((a, b) => Math.max(a, b), 0)}`;
}

const finite = (value) => (Number.isFinite(value) ? value : null);
const newId = () => crypto.randomUUID().replaceAll("-", "");

/** Findings per pixel column of a timeline: the worst severity and how many. */
export function bins(findings, { first, count }, columns) {
  const cells = new Map();
  for (const finding of findings) {
    if (finding.position < first || finding.position >= first + count) continue;
    const share = count > 1 ? (finding.position - first) / (count - 1) : 0.5;
    const column = Math.round(share * (columns - 1));
    const cell = cells.get(column) ?? { column, count: 0, severity: "note", findings: [] };
    cell.count += 1;
    cell.findings.push(finding);
    if (WEIGHT[finding.severity] > WEIGHT[cell.severity]) cell.severity = finding.severity;
    cells.set(column, cell);
  }
  return [...cells.values()].sort((a, b) => a.column - b.column);
}

// ── Keys ──────────────────────────────────────────────────────────────────────────────────────

export const HELP = [
  ["←  →", "one frame"], ["Shift + ←  →", "ten frames"], ["Home  End", "first, last frame"],
  ["n  p", "next, previous finding"], ["j", "jump to a frame"], ["Space", "play or stop"],
  ["z", "zoom to the finding"], ["+  −", "zoom in, out (or the wheel)"], ["0", "whole picture"],
  ["1", "mistake"], ["2", "fine"], ["3", "unsure"], ["a", "accept the suggested box"],
  ["Alt + arrows", "move the box by a pixel"], ["Alt + Shift + arrows", "move its lower right corner"],
  ["w", "write a note"], ["u", "undo the last verdict"], ["b", "next box of the frame"],
  ["m", "mark the box as wrong"], ["d", "draw a missing box"], ["Delete", "take a mark back"],
  ["Esc", "let go of the box"], ["?", "these keys"],
];

const ACTIONS = {
  ArrowLeft: { do: "step", by: -1 }, ArrowRight: { do: "step", by: 1 },
  Home: { do: "first" }, End: { do: "last" }, " ": { do: "play" }, Escape: { do: "release" },
  n: { do: "finding", by: 1 }, p: { do: "finding", by: -1 }, j: { do: "jump" },
  z: { do: "zoom-to" }, 0: { do: "fit" }, "+": { do: "zoom", by: 1.25 }, "=": { do: "zoom", by: 1.25 },
  "-": { do: "zoom", by: 0.8 },
  1: { do: "verdict", verdict: "mistake" }, 2: { do: "verdict", verdict: "fine" },
  3: { do: "verdict", verdict: "unsure" }, a: { do: "accept" }, u: { do: "undo" },
  w: { do: "note" }, "?": { do: "help" },
  b: { do: "box", by: 1 }, m: { do: "mark" }, d: { do: "draw" }, Delete: { do: "unmark" },
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What a key does: an action, or null. Letters count in either case. */
export function keyAction({ key, shiftKey, altKey, ctrlKey, metaKey }) {
  if (ctrlKey || metaKey) return key.toLowerCase() === "z" && !altKey ? { do: "undo" } : null;
  if (altKey) {
    const move = ARROWS[key];
    return move ? { do: "nudge", dx: move[0], dy: move[1], resize: shiftKey } : null;
  }
  const action = ACTIONS[key.length === 1 ? key.toLowerCase() : key];
  if (!action) return null;
  if (action.do === "box" && shiftKey) return { ...action, by: -1 };
  return action.do === "step" && shiftKey ? { ...action, by: action.by * 10 } : action;
}

// ── Colours ───────────────────────────────────────────────────────────────────────────────────

// Okabe and Ito's palette, told apart by people of every colour vision, in the order of
// annotaudit.plotting.style; the first blue is lighter than theirs, to show on dark pictures.
// Vermilion is kept for findings.
export const PALETTE = ["#3C8CE7", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#E69F00"];
export const SEVERITY = { error: "#D55E00", warning: "#E69F00", note: "#56B4E9", seen: "#C2569B" };
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

export const colourOf = (number) => (number < 0 ? "#E8E8E8" : PALETTE[number % PALETTE.length]);

/** Relative luminance (WCAG) of "rgb(…)" as computed styles write it; null when see-through. */
export function luminance(css) {
  const [red, green, blue, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number);
  if (blue === undefined || alpha < 0.5) return null;
  const linear = (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

const plain = (rule) => rule.replaceAll("_", " ");

export function format(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 3 });
}

// ── Drawing ───────────────────────────────────────────────────────────────────────────────────

const HALO = "rgba(8, 10, 14, 0.65)";

/** Size a canvas for its place on the screen; true where that cleared it. */
function prepare(canvas, width, height) {
  const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return ctx;
}

/** A line with a dark edge, so that it shows on light and on dark pictures. */
function strokeTwice(ctx, colour, width, dash, trace) {
  ctx.setLineDash(dash);
  for (const [style, line] of [[HALO, width + 2], [colour, width]]) {
    ctx.strokeStyle = style;
    ctx.lineWidth = line;
    ctx.beginPath();
    trace();
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

function onScreen(view, box) {
  const [x, y] = toScreen(view, box);
  return [x, y, box[2] * view.scale, box[3] * view.scale];
}

function drawBox(ctx, view, box, colour, { width = 1.75, dash = [] } = {}) {
  const [x, y, w, h] = onScreen(view, box);
  strokeTwice(ctx, colour, width, dash, () => ctx.rect(x, y, w, h));
}

/** Heavy corners: a finding stands out by shape too. */
function drawCorners(ctx, view, box, colour) {
  const [x, y, w, h] = onScreen(view, box);
  const arm = Math.max(6, Math.min(18, Math.min(w, h) / 3));
  ctx.lineCap = "round";
  strokeTwice(ctx, colour, 3.5, [], () => {
    for (const [cx, cy, dx, dy] of [[x, y, 1, 1], [x + w, y, -1, 1], [x, y + h, 1, -1], [x + w, y + h, -1, -1]]) {
      ctx.moveTo(cx + dx * arm, cy);
      ctx.lineTo(cx, cy);
      ctx.lineTo(cx, cy + dy * arm);
    }
  });
  ctx.lineCap = "butt";
}

/** Words, cut so that they take no more than a width. */
function shortened(ctx, words, width) {
  let end = words.length;
  while (end > 1 && ctx.measureText(words.slice(0, end)).width > width) end -= 1;
  return end < words.length ? `${words.slice(0, end - 1)}…` : words;
}

/** Severity by shape and colour: a diamond, a triangle, a disc; a flag for what a reviewer saw. */
function drawMark(ctx, x, y, severity, size, hollow = false) {
  ctx.beginPath();
  if (severity === "error") {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
  } else if (severity === "warning") {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y + size * 0.8);
    ctx.lineTo(x - size, y + size * 0.8);
  } else if (severity === "seen") {
    ctx.moveTo(x - size * 0.8, y + size);
    ctx.lineTo(x - size * 0.8, y - size);
    ctx.lineTo(x + size, y - size * 0.35);
    ctx.lineTo(x - size * 0.4, y + size * 0.3);
    ctx.lineTo(x - size * 0.4, y + size);
  } else {
    ctx.arc(x, y, size * 0.75, 0, Math.PI * 2);
  }
  ctx.closePath();
  ctx.lineWidth = 1.25;
  ctx.fillStyle = ctx.strokeStyle = SEVERITY[severity];
  if (hollow) ctx.stroke();
  else ctx.fill();
}

function drawName(ctx, view, box, words, colour, font, mark) {
  const [x, y] = toScreen(view, box);
  ctx.font = `500 11px ${font}`;
  const room = (mark ? 14 : 0) + 12;
  const width = ctx.measureText(words).width + room;
  const top = y - 19 < 0 ? y + 3 : y - 19;
  ctx.fillStyle = "rgba(12, 14, 18, 0.82)";
  ctx.beginPath();
  ctx.roundRect(x - 1, top, width, 16, 3);
  ctx.fill();
  ctx.fillStyle = colour;
  ctx.fillRect(x - 1, top, 3, 16);
  if (mark) drawMark(ctx, x + 12, top + 8, mark, 4.5);
  ctx.fillStyle = "#fff";
  ctx.textBaseline = "middle";
  ctx.fillText(words, x + room - 6, top + 8.5);
}

// ── Building the page: elements, text nodes, nothing parsed ───────────────────────────────────

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const ICONS = { // 16 × 16 paths of our own
  previous: "M4 3v10M13 3 6 8l7 5z", next: "M12 3v10M3 3l7 5-7 5z",
  back: "M10 3 5 8l5 5", ahead: "M6 3l5 5-5 5", play: "M4 2.5 13 8l-9 5.5z", stop: "M5 3v10M11 3v10",
  mistake: "M4 4l8 8M12 4l-8 8", fine: "M3 8.5 6.5 12 13 4.5",
  unsure: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.3 8.7 8 9.2 8 10M8 12.6v.2",
  accept: "M2.5 5V2.5H5M11 2.5h2.5V5M13.5 11v2.5H11M5 13.5H2.5V11M5.5 8 7.500 10 11 6",
  undo: "M3 7h6.5a3.5 3.5 0 0 1 0 7H6M6 3.5 2.5 7 6 10.5", help: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.300 8.700 8 9.200 8 10M8 12.6v.2",
  flag: "M4 14V2.500M4 3h8.500l-2.500 2.750 2.500 2.750H4",
  draw: "M2.500 5V2.500H5M11 2.500h2.500V5M13.500 11v2.500H11M5 13.500H2.500V11M8 5v6M5 8h6",
  save: "M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10", fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function button(name, label, onclick, { words, key, kind = "" } = {}) {
  const element = h("button", {
    type: "button", class: `aa-button ${kind}`, "aria-label": words ? null : label,
    title: key ? `${label} (${key})` : label, "aria-keyshortcuts": key, onclick,
  }, icon(name));
  if (words) element.append(h("span", {}, words));
  if (words && key) element.append(h("kbd", { "aria-hidden": "true" }, key));
  return element;
}

let made = 0; // views on this page, for ids

// ── Pictures, as they come over the widget's channel ──────────────────────────────────────────

const PICTURE_BYTES = 192e6; // decoded; a hundred 960 × 540 proxies

class Pictures {
  constructor(model, changed) {
    Object.assign(this, { model, changed, failed: new Map(), closed: false });
    this.cache = new Cache(PICTURE_BYTES, (picture) => picture.bitmap.close());
    this.receive = (message, buffers) => {
      if (message.kind === "picture") this.take(message, buffers?.[0]);
    };
    model.on("msg:custom", this.receive);
  }

  get(position) {
    return this.cache.get(position);
  }

  good(position, width, exact) {
    const picture = this.cache.peek(position);
    return picture && (picture.exact || (!exact && picture.bitmap.width >= width * 0.45));
  }

  /** Ask for pictures; whatever was asked before and is not on its way is forgotten. */
  want(positions, width, exact) {
    const missing = positions.filter(
      (position) => !this.failed.has(position) && !this.good(position, width, exact),
    );
    const ask = missing.join();
    if (ask === this.asked && exact === this.askedExact) return;
    Object.assign(this, { asked: ask, askedExact: exact });
    if (missing.length) this.model.send({ kind: "pictures", positions: missing, width: Math.round(width), exact });
  }

  async take({ position, type, natural, exact, problem }, bytes) {
    if (this.closed) return;
    if (problem) {
      this.failed.set(position, problem);
      this.changed(position);
      return;
    }
    try {
      const bitmap = await createImageBitmap(new Blob([bytes], { type }));
      const known = this.cache.peek(position);
      if (this.closed || (known && known.bitmap.width > bitmap.width)) {
        bitmap.close();
        return;
      }
      this.cache.set(position, { bitmap, natural, exact }, bitmap.width * bitmap.height * 4);
    } catch (error) {
      this.failed.set(position, `The browser cannot read this image (${error.message}).`);
    }
    this.changed(position);
  }

  close() {
    this.closed = true;
    this.model.off("msg:custom", this.receive);
    this.cache.clear();
  }
}

// ── The scrubber ──────────────────────────────────────────────────────────────────────────────

const LANES = 12; // tracks shown in the timeline when not pooled
const LANE = 14; // px
const GUTTER = 104; // px for their names
const LIST = 200; // entries shown in a list of filters or findings; a search finds the others
const ANSWER = 8000; // ms to wait for Python to confirm a verdict
const REST = 140; // ms without a move before the full picture is fetched
const DRAWING = "Drag to draw the missing box, or place it with the arrow keys (Shift resizes, Enter goes on). Esc leaves.";
const LAYERS = {
  names: "Names", expected: "Suggested box", ghost: "Box of the frame before",
  trail: "Trail of the centre", strip: "Film strip", others: "Boxes without a finding",
};

class Scrubber {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.data = readData(model.get("_data"));
    this.id = `aa${(made += 1)}`;
    this.position = 0;
    this.direction = 1;
    this.finding = null;
    this.object = -1;
    this.judging = { judged: { ...model.get("_judged") }, history: [] };
    this.unanswered = new Map(); // finding → verdicts Python has not confirmed
    this.view = null; // null: the whole picture
    this.byTime = false;
    this.pooled = true;
    this.colouring = this.data.colouring;
    this.layers = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, true]));
    this.hidden = { track: new Set(), label: new Set(), annotator: new Set(), rule: new Set() };
    this.draft = null; // the box as the reviewer has corrected it so far
    this.picked = -1; // row of the box that was chosen last
    this.marking = null; // what the reviewer is about to mark
    this.measure = null; // null: the one that suits the rule
    this.speed = 1;
    this.cleanups = [];
    this.pictures = new Pictures(model, (position) => this.pictureCame(position));
    this.build();
    this.listen();
    this.takeSeen(model.get("_seen"));
    this.take();
    this.setTheme();
    this.resize();
  }

  get sequence() {
    return sequenceAt(this.data.sequences, this.position);
  }

  // ── Elements ──

  build() {
    const { data, id } = this;
    const root = this.root;
    root.classList.add("aa-scrubber");
    for (const [name, value] of Object.entries({
      role: "region", "aria-label": "Frame scrubber", tabindex: "0",
      // JupyterLab would take the keys for its own shortcuts
      "data-lm-suppress-shortcuts": "true",
    })) root.setAttribute(name, value);

    this.stages = data.titles.map((title) => this.buildStage(title));
    if (this.stages.length > 1) this.stages.reverse(); // before on the left, after on the right
    this.strip = h("div", { class: "aa-strip", role: "group", "aria-label": "Film strip" });
    this.shots = [-2, -1, 0, 1, 2].map((offset) => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      const words = offset === 0 ? "this frame" : `${Math.abs(offset)} ${offset < 0 ? "before" : "after"}`;
      const shot = h("button", {
        type: "button", class: "aa-shot", "aria-label": `Film strip: ${words}`,
        "aria-current": offset === 0 ? "true" : null,
        onclick: () => this.go(this.position + offset),
      }, canvas, h("span", {}, offset === 0 ? "t" : `t ${offset < 0 ? "−" : "+"} ${Math.abs(offset)}`));
      this.strip.append(shot);
      return { offset, canvas, shot };
    });

    this.live = h("div", { class: "aa-hidden", "aria-live": "polite", role: "status" });
    this.tip = h("div", { class: "aa-tip", role: "tooltip", id: `${id}-tip`, hidden: true });
    root.replaceChildren(
      this.buildHead(),
      h("div", { class: "aa-body" },
        h("div", { class: "aa-main" },
          h("div", { class: "aa-stages" }, ...this.stages.map((stage) => stage.element)),
          this.strip),
        this.buildPanel()),
      this.buildTransport(), this.tip, this.live, this.buildHelp(),
    );
  }

  buildStage(title) {
    const canvas = h("canvas", { role: "img", "aria-label": "Picture with boxes" });
    const note = h("div", { class: "aa-note", hidden: true }, h("strong"), h("span"));
    const zoom = h("div", { class: "aa-zoom", "aria-hidden": "true", hidden: true });
    const caption = this.data.titles.length > 1 ? h("div", { class: "aa-caption" }, title) : null;
    const hint = h("div", { class: "aa-hint", "aria-hidden": "true", hidden: true });
    const element = h("div", { class: "aa-stage" }, canvas, note, zoom, caption, hint);
    return { element, canvas, note, zoom, hint, set: this.data.sets[this.data.titles.indexOf(title)], title };
  }

  buildHead() {
    const { data } = this;
    this.choice = data.sequences.length > 1
      ? h("select", { class: "aa-select", "aria-label": "Sequence", onchange: () => this.go(data.sequences[this.choice.selectedIndex].first, { anywhere: true }) },
        ...data.sequences.map(({ name }) => h("option", {}, name)))
      : h("span", { class: "aa-sequence" }, data.sequences[0].name);
    this.where = h("span", { class: "aa-where" });
    this.progressBar = h("span", { class: "aa-bar", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    this.progressWords = h("span", { class: "aa-progress-words" });
    this.saveButton = data.offline
      ? button("save", "Download the verdicts", () => this.download(), { words: "Download verdicts", kind: "aa-primary" })
      : null;
    return h("header", { class: "aa-head" },
      h("div", { class: "aa-title" }, this.choice, this.where),
      h("div", { class: "aa-progress" }, this.progressWords, this.progressBar),
      this.saveButton,
      h("div", { class: "aa-tools", role: "group", "aria-label": "Mistakes without a finding" },
        button("flag", "Mark the chosen box as wrong", () => this.act({ do: "mark" }), { words: "Mark wrong", key: "m" }),
        button("draw", "Draw a box where one is missing", () => this.act({ do: "draw" }), { words: "Draw missing", key: "d" })),
      button("fit", "Whole picture", () => this.act({ do: "fit" }), { key: "0", kind: "aa-quiet" }),
      button("help", "Keys", () => this.act({ do: "help" }), { key: "?", kind: "aa-quiet" }));
  }

  buildPanel() {
    const tabs = h("div", { class: "aa-tabs", role: "tablist", "aria-label": "Panel" });
    const pages = { Finding: this.buildFinding(), Queue: this.buildQueue(), Show: this.buildShow() };
    this.tabs = Object.entries(pages).map(([name, page]) => {
      const tab = h("button", {
        type: "button", role: "tab", id: `${this.id}-tab-${name}`, class: "aa-tab",
        "aria-controls": `${this.id}-page-${name}`, onclick: () => this.openTab(name),
      }, name);
      page.id = `${this.id}-page-${name}`;
      page.setAttribute("role", "tabpanel");
      page.setAttribute("aria-labelledby", tab.id);
      tabs.append(tab);
      return { name, tab, page };
    });
    this.openTab("Finding");
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const here = this.tabs.findIndex(({ tab }) => tab.getAttribute("aria-selected") === "true");
      const { name, tab } = this.tabs[(here + step + this.tabs.length) % this.tabs.length];
      event.stopPropagation();
      event.preventDefault();
      this.openTab(name);
      tab.focus();
    });
    return h("aside", { class: "aa-panel", "aria-label": "Finding and filters" }, tabs, ...Object.values(pages));
  }

  openTab(wanted) {
    for (const { name, tab, page } of this.tabs) {
      tab.setAttribute("aria-selected", String(name === wanted));
      tab.tabIndex = name === wanted ? 0 : -1;
      page.hidden = name !== wanted;
    }
    this.tab = wanted;
    if (this.list) this.invalidate();
  }

  buildFinding() {
    this.rule = h("span", { class: "aa-rule" });
    this.severity = h("span", { class: "aa-severity" });
    this.rank = h("span", { class: "aa-rank" });
    this.reason = h("p", { class: "aa-reason" });
    this.facts = h("dl", { class: "aa-facts" });
    this.about = h("p", { class: "aa-empty" });
    this.graph = h("canvas", { class: "aa-graph", role: "img", "aria-label": "Course of the track" });
    this.graph.addEventListener("click", (event) => {
      const box = this.graph.getBoundingClientRect();
      const { first, count } = this.sequence;
      this.go(first + Math.round(((event.clientX - box.left - 6) / (box.width - 12)) * (count - 1)));
    });
    this.measureChoice = h("select", {
      class: "aa-select aa-small", "aria-label": "Measure",
      onchange: () => { this.measure = this.measureChoice.value; this.invalidate(); },
    }, ...Object.entries(MEASURES).map(([name, words]) => h("option", { value: name }, words)));
    this.verdicts = Object.entries(VERDICTS).map(([name, words], index) => {
      const element = button(name, words, () => this.act({ do: "verdict", verdict: name }), {
        words, key: String(index + 1), kind: `aa-verdict aa-${name}`,
      });
      element.setAttribute("aria-pressed", "false");
      return { name, element };
    });
    this.acceptButton = button("accept", "Accept the suggested box", () => this.act({ do: "accept" }), { words: "Accept suggestion", key: "a" });
    this.undoButton = button("undo", "Undo the last verdict", () => this.act({ do: "undo" }), { key: "u" });
    this.undoButton.append(h("kbd", { "aria-hidden": "true" }, "u"));
    this.note = h("textarea", {
      class: "aa-input", rows: "2", "aria-label": "Note", placeholder: "Note (w)",
      onchange: () => this.noteChanged(),
    });
    this.correction = h("p", { class: "aa-correction", hidden: true });
    this.empty = h("p", { class: "aa-empty" });
    this.unnamed = h("p", { class: "aa-empty aa-unnamed" }, "Something wrong that no finding names? ",
      h("kbd", {}, "m"), " marks the chosen box, ", h("kbd", {}, "d"), " draws a missing one, ", h("kbd", {}, "b"), " goes from box to box.");
    this.card = h("div", { class: "aa-card" },
      h("div", { class: "aa-chips" }, this.severity, this.rule, this.rank), this.reason, this.facts, this.about);
    this.course = h("div", { class: "aa-course" }, h("div", { class: "aa-row" }, h("h3", {}, "Course"), this.measureChoice), this.graph);
    this.judgeBox = h("div", { class: "aa-judge", role: "group", "aria-label": "Verdict" },
      h("div", { class: "aa-verdicts" }, ...this.verdicts.map(({ element }) => element)),
      this.correction, h("div", { class: "aa-row" }, this.acceptButton, this.undoButton), this.note,
      h("p", { class: "aa-empty" }, this.data.kept));
    this.seenBox = h("div", { class: "aa-row", role: "group", "aria-label": "Mark" },
      button("flag", "Change this mark", () => this.act({ do: "mark" }), { words: "Change", key: "m" }),
      button("undo", "Take this mark back", () => this.act({ do: "unmark" }), { words: "Take back", key: "Del" }));
    return h("div", { class: "aa-page" },
      this.empty, this.unnamed, this.buildMarking(), this.card, this.course, this.seenBox, this.judgeBox);
  }

  /** Where a reviewer says what is wrong with a box that no finding names. */
  buildMarking() {
    const { data, id } = this;
    const field = (names) => {
      const list = h("datalist", { id: `${id}-names-${(made += 1)}` });
      const input = h("input", { class: "aa-input", list: list.id, autocomplete: "off" });
      const suggest = (some) => list.replaceChildren(...some.slice(0, LIST).map((name) => h("option", { value: name })));
      suggest(names);
      const title = h("span", {}, "");
      const ask = (words) => { title.textContent = words; };
      return { input, suggest, ask, row: h("label", { class: "aa-field" }, title, input, list) };
    };
    const label = field(data.labels);
    const track = field([]);
    const onward = { input: h("input", { type: "checkbox" }) };
    onward.row = h("label", { class: "aa-check" }, onward.input, h("span", {}, "From this frame on, not only here"));
    const kinds = OF_A_BOX.map((kind, index) => {
      const input = h("input", {
        type: "radio", name: `${id}-kind`, value: kind, onchange: () => this.chooseKind(kind),
      });
      return { kind, input, row: h("label", { class: "aa-kind" }, input, h("span", {}, MARKS[kind][0]), h("kbd", { "aria-hidden": "true" }, index + 1)) };
    });
    this.markForm = {
      label, track, onward, kinds,
      title: h("h3", {}), about: h("p", { class: "aa-empty" }), box: h("p", { class: "aa-drawn" }),
      kindBox: h("div", { class: "aa-kinds", role: "radiogroup", "aria-label": "What is wrong" }, ...kinds.map(({ row }) => row)),
      note: h("textarea", { class: "aa-input", rows: "2", "aria-label": "Note on the mistake", placeholder: "Note" }),
    };
    const { title, about, box, kindBox, note } = this.markForm;
    this.markForm.element = h("form", {
      class: "aa-marking", "aria-label": "Mark a mistake", hidden: true,
      onsubmit: (event) => { event.preventDefault(); this.recordMark(); },
    }, h("div", {}, title, about), kindBox, label.row, track.row, onward.row, box, note,
    h("div", { class: "aa-row" },
      h("button", { class: "aa-button aa-primary", type: "submit" }, h("span", {}, "Record"), h("kbd", { "aria-hidden": "true" }, "Enter")),
      h("button", { class: "aa-button", type: "button", onclick: () => this.closeMarking() }, h("span", {}, "Cancel"), h("kbd", { "aria-hidden": "true" }, "Esc"))));
    return this.markForm.element;
  }

  buildQueue() {
    this.orderChoice = h("select", {
      class: "aa-select aa-small", "aria-label": "Order of the findings",
      onchange: () => { this.byTime = this.orderChoice.value === "time"; this.refilter(); },
    }, h("option", { value: "worst" }, "the worst first"), h("option", { value: "time" }, "by time"));
    this.queueList = h("ol", { class: "aa-list" });
    this.queueMore = h("p", { class: "aa-empty" });
    return h("div", { class: "aa-page" },
      h("div", { class: "aa-row" }, h("h3", {}, "Findings"), this.orderChoice), this.queueList, this.queueMore);
  }

  buildShow() {
    const { data } = this;
    const check = (words, on, change, swatch) => {
      const input = h("input", { type: "checkbox", onchange: () => { change(input.checked); } });
      input.checked = on;
      const dot = swatch ? h("i", { class: "aa-swatch" }) : null;
      if (dot) dot.style.background = swatch;
      return h("label", { class: "aa-check" }, input, dot, h("span", {}, words));
    };
    const group = (title, ...inside) => h("fieldset", { class: "aa-group" }, h("legend", {}, title), ...inside);
    const layers = Object.entries(LAYERS).map(([name, words]) => check(words, true, (on) => {
      this.layers[name] = on;
      if (name === "strip") {
        this.strip.hidden = !on;
        this.resize();
      }
      this.invalidate();
    }));
    const pooled = check("One line of the timeline per track", false, (on) => {
      this.pooled = !on;
      this.timelineBase = null;
      this.resize();
    });
    const colour = h("select", {
      class: "aa-select aa-small", "aria-label": "Colour of the boxes",
      onchange: () => { this.colouring = colour.value; this.invalidate(); },
    }, ...["track", "label", "annotator"].map((name) => h("option", { value: name }, `by ${name}`)));
    colour.value = this.colouring;
    const filter = (title, kind, entries) => {
      if (entries.length < (kind === "track" || kind === "rule" ? 1 : 2)) return null;
      const list = h("div", { class: "aa-checks" });
      const more = h("p", { class: "aa-empty" });
      const show = (wanted) => {
        const found = entries.filter(({ words }) => words.toLowerCase().includes(wanted.toLowerCase()));
        list.replaceChildren(...found.slice(0, LIST).map(({ code, words, swatch }) => check(
          words, !this.hidden[kind].has(code), (on) => {
            this.hidden[kind][on ? "delete" : "add"](code);
            this.refilter();
          }, swatch,
        )));
        more.textContent = found.length > LIST ? `and ${found.length - LIST} more: narrow them by name` : "";
        more.hidden = found.length <= LIST;
      };
      const every = (on) => {
        for (const { code } of entries) this.hidden[kind][on ? "delete" : "add"](code);
        show(search.value);
        this.refilter();
      };
      const search = h("input", {
        class: "aa-input aa-small", type: "search", placeholder: "Find…",
        "aria-label": `Find among ${title.toLowerCase()}`, oninput: () => show(search.value),
      });
      show("");
      return group(title, h("div", { class: "aa-row" },
        entries.length > 8 ? search : null,
        h("button", { type: "button", class: "aa-link", "aria-label": `Show all ${title.toLowerCase()}`, onclick: () => every(true) }, "all"),
        h("button", { type: "button", class: "aa-link", "aria-label": `Hide all ${title.toLowerCase()}`, onclick: () => every(false) }, "none")),
      list, more);
    };
    const many = data.sequences.length > 1;
    const names = (list) => list.map((words, code) => ({ code, words }));
    return h("div", { class: "aa-page" },
      group("Layers", ...layers),
      group("Look", h("div", { class: "aa-row" }, h("span", {}, "Colour"), colour), pooled),
      filter("Rules", "rule", names(data.rules.map(plain))),
      filter("Annotators", "annotator", names(data.annotators)),
      filter("Labels", "label", names(data.labels)),
      filter("Tracks", "track", data.objects.track.map((track, code) => ({
        code, swatch: colourOf(data.objects.colour[code]),
        words: many ? `${track} · ${data.sequences[data.objects.sequence[code]].name}` : track,
      }))));
  }

  buildTransport() {
    this.playButton = button("play", "Play", () => this.act({ do: "play" }), { key: "Space", kind: "aa-round" });
    this.speedChoice = h("select", {
      class: "aa-select aa-small", "aria-label": "Speed", onchange: () => { this.speed = Number(this.speedChoice.value); },
    }, ...[0.25, 0.5, 1, 2, 4, 8].map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed} ×`)));
    this.jump = h("input", {
      class: "aa-input aa-jump", type: "text", inputmode: "numeric", "aria-label": "Jump to frame", title: "Jump to frame (j)",
      onchange: () => this.jumpTo(this.jump.value),
    });
    this.total = h("span", { class: "aa-total" });
    this.timeline = h("canvas", { class: "aa-timeline", "aria-hidden": "true" });
    this.slider = h("input", {
      type: "range", class: "aa-slider", min: "0", step: "1", value: "0", "aria-label": "Frame",
      oninput: () => this.go(this.sequence.first + Number(this.slider.value)),
    });
    this.lines = h("div", { class: "aa-lines" }, this.timeline, this.slider);
    return h("footer", { class: "aa-foot" },
      h("div", { class: "aa-transport", role: "group", "aria-label": "Playback" },
        button("previous", "Previous finding", () => this.act({ do: "finding", by: -1 }), { key: "p" }),
        button("back", "One frame back", () => this.act({ do: "step", by: -1 }), { key: "ArrowLeft" }),
        this.playButton,
        button("ahead", "One frame ahead", () => this.act({ do: "step", by: 1 }), { key: "ArrowRight" }),
        button("next", "Next finding", () => this.act({ do: "finding", by: 1 }), { key: "n" }),
        this.speedChoice, this.jump, this.total),
      this.lines);
  }

  buildHelp() {
    this.help = h("dialog", { class: "aa-help", "aria-labelledby": `${this.id}-help` },
      h("h2", { id: `${this.id}-help` }, "Keys"),
      h("dl", {}, ...HELP.flatMap(([keys, words]) => [
        h("dt", {}, ...keys.split("  ").map((key) => h("kbd", {}, key))), h("dd", {}, words),
      ])),
      h("p", {}, "Drag corners or edges of the box of a finding to correct it; drag elsewhere to pan; click a box to follow its track, then m to mark it as wrong."),
      h("form", { method: "dialog" }, h("button", { class: "aa-button aa-primary" }, h("span", {}, "Close"))));
    return this.help;
  }

  // ── Events ──

  on(target, event, handler, options) {
    target.addEventListener(event, handler, options);
    this.cleanups.push(() => target.removeEventListener(event, handler, options));
  }

  listen() {
    const { root, model } = this;
    this.on(root, "keydown", (event) => this.key(event));
    for (const stage of this.stages) this.listenStage(stage);
    this.on(this.timeline, "pointermove", (event) => this.hover(event));
    this.on(this.timeline, "pointerleave", () => { this.tip.hidden = true; });
    this.on(this.timeline, "click", (event) => this.clickTimeline(event));
    const watcher = new ResizeObserver(() => this.resize());
    watcher.observe(root);
    const theme = new MutationObserver(() => this.setTheme());
    theme.observe(document.body, { attributes: true });
    theme.observe(document.documentElement, { attributes: true });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.on(dark, "change", () => this.setTheme());
    for (const name of ["sequence", "frame", "selected"]) {
      const changed = () => this.take();
      model.on(`change:${name}`, changed);
      this.cleanups.push(() => model.off(`change:${name}`, changed));
    }
    const heard = (message) => this.hear(message);
    model.on("msg:custom", heard);
    this.cleanups.push(
      () => model.off("msg:custom", heard), () => watcher.disconnect(), () => theme.disconnect(),
      () => cancelAnimationFrame(this.drawing), () => clearTimeout(this.resting),
      () => clearTimeout(this.telling), () => cancelAnimationFrame(this.playing), () => this.pictures.close(),
    );
    model.send({ kind: "view", open: true });
  }

  close() {
    this.closed = true;
    for (const cleanup of this.cleanups.splice(0)) cleanup();
    try {
      this.model.send({ kind: "view", open: false });
    } catch {
      // the kernel has gone, and its side with it
    }
    this.root.replaceChildren();
  }

  key(event) {
    if (this.help.open) return;
    const target = event.composedPath()[0];
    const typing = target.matches?.("textarea, input:not([type=range]):not([type=checkbox]):not([type=radio])");
    if (this.marking && this.keyOfMarking(event, target, typing)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (typing) {
      if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        target.blur();
        this.root.focus();
      }
      event.stopPropagation();
      return;
    }
    // what a control does by itself stays its own: choose in a list, press a button
    if (target.matches?.("select, input[type=radio]") && /^(Arrow|Home|End| )/.test(event.key) && !event.altKey) return;
    if (target.matches?.("button, input[type=checkbox]") && event.key === " ") return;
    const action = keyAction(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  listenStage(stage) {
    const { canvas } = stage;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.on(canvas, "wheel", (event) => {
      const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016));
      const before = this.viewNow();
      const after = zoomAt(before, at(event), factor, this.image(), this.room);
      if (Math.abs(after.scale - before.scale) < 1e-9) return; // all the way out: the page scrolls
      event.preventDefault();
      this.setView(after);
    }, { passive: false });
    let drag = null;
    this.on(canvas, "pointerdown", (event) => {
      if (event.button !== 0) return;
      this.root.focus({ preventScroll: true });
      const point = at(event);
      const box = this.boxInHand();
      const grip = box && gripAt(box, this.viewNow(), point);
      drag = { grip, box, draws: !grip && this.drawsOn(stage), view: this.viewNow(), from: point, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    this.on(canvas, "pointermove", (event) => {
      const point = at(event);
      if (!drag) {
        const box = this.boxInHand();
        const grip = box && gripAt(box, this.viewNow(), point);
        canvas.style.cursor = grip ? `${grip}-resize` : this.drawsOn(stage) ? "crosshair" : "";
        return;
      }
      const [dx, dy] = [point[0] - drag.from[0], point[1] - drag.from[1]];
      drag.moved ||= Math.hypot(dx, dy) > 3;
      if (!drag.moved) return;
      const to = toImage(drag.view, point);
      if (drag.grip) this.setDraft(dragGrip(drag.box, drag.grip, to));
      else if (drag.draws) this.setDraft(dragGrip([...toImage(drag.view, drag.from), 0, 0], "se", to));
      else this.setView(centred({ ...drag.view, x: drag.view.x + dx, y: drag.view.y + dy }, this.image(), this.room));
    });
    this.on(canvas, "pointerup", (event) => {
      const point = toImage(this.viewNow(), at(event));
      if (drag?.draws) {
        if (!drag.moved) this.setDraft(this.usualBox(point));
        this.boxDrawn();
      } else if (drag && !drag.moved && !drag.grip) this.pick(stage, point);
      drag = null;
    });
    this.on(canvas, "pointercancel", () => { drag = null; });
    this.on(canvas, "dblclick", (event) => {
      if (this.view) this.act({ do: "fit" });
      else this.setView(zoomAt(this.viewNow(), at(event), 3, this.image(), this.room));
    });
  }

  act(action) {
    const { sequence } = this;
    const last = sequence.first + sequence.count - 1;
    const middle = [this.room.width / 2, this.room.height / 2];
    const acts = {
      step: () => this.go(this.position + action.by),
      first: () => this.go(sequence.first),
      last: () => this.go(last),
      play: () => this.play(!this.playing),
      release: () => { this.draft = null; this.object = this.picked = -1; this.choose(null); },
      finding: () => this.choose(neighbour(this.list, this.finding?.index, action.by), true),
      jump: () => { this.jump.focus(); this.jump.select(); },
      "zoom-to": () => {
        const [set] = this.data.sets;
        const row = this.chosenRow(set, this.rows(set));
        const box = this.boxInHand() ?? this.finding?.box ?? this.finding?.expected ?? (row < 0 ? null : boxAt(set, row));
        if (box) this.setView(zoomTo(box, this.image(), this.room));
      },
      fit: () => this.setView(null),
      zoom: () => this.setView(zoomAt(this.viewNow(), middle, action.by, this.image(), this.room)),
      verdict: () => this.giveVerdict(action.verdict, this.draft),
      accept: () => {
        if (this.finding?.expected && !this.finding.seen) this.giveVerdict("mistake", this.finding.expected);
        else this.say("This finding suggests no box.");
      },
      undo: () => this.undo(),
      note: () => { this.openTab("Finding"); (this.marking ? this.markForm.note : this.note).focus(); },
      nudge: () => {
        const box = this.boxInHand();
        if (box && (this.finding || this.marking)) this.setDraft(nudge(box, action.dx, action.dy, action.resize));
      },
      help: () => this.help.showModal(),
      box: () => this.nextBox(action.by),
      mark: () => this.markBox(),
      draw: () => this.drawMissing(),
      unmark: () => {
        if (this.finding?.seen) this.changeSeen(null, this.finding);
        else this.say("Choose a mark first: the queue lists them.");
      },
    };
    acts[action.do]();
  }

  // ── Moving ──

  /** Steps and the slider stay in their sequence; `anywhere` allows to leave it. */
  go(position, { anywhere = false } = {}) {
    const { first, count } = anywhere ? sequenceAt(this.data.sequences, position) : this.sequence;
    const target = Math.min(first + count - 1, Math.max(first, position));
    if (target === this.position && this.drawn) return;
    const before = this.sequence;
    this.direction = target < this.position ? -1 : 1;
    this.jumped = Math.abs(target - this.position) > AHEAD;
    this.position = target;
    this.since = performance.now();
    if (this.sequence !== before && this.room) this.resize(); // other pictures, other tracks
    this.fetch(false);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.fetch(true), REST);
    this.tell();
    this.invalidate();
  }

  jumpTo(words) {
    const number = Number.parseInt(words, 10);
    const position = positionOf(this.data.frame, this.sequence, number);
    if (position >= 0) this.go(position);
    else this.say(`There is no frame ${words} in ${this.sequence.name}.`);
    this.invalidate();
  }

  play(on) {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    if (on) {
      const { first, count } = this.sequence;
      if (this.position === first + count - 1) this.go(first);
      let due = performance.now();
      const tick = (now) => {
        const every = 1000 / (this.sequence.fps * this.speed);
        const steps = Math.floor((now - due) / every);
        // a frame whose picture is on its way is waited for, a little
        const waits = steps > 0 && !this.ready() && now - due < every + 400;
        if (steps > 0 && !waits) {
          due = steps > 4 ? now : due + steps * every;
          this.go(this.position + steps);
        }
        if (this.position === first + count - 1) this.play(false);
        else this.playing = requestAnimationFrame(tick);
      };
      this.playing = requestAnimationFrame(tick);
    }
    this.playButton.replaceChildren(icon(on ? "stop" : "play"));
    this.playButton.setAttribute("aria-label", on ? "Stop" : "Play");
  }

  ready() {
    const { data, pictures, position } = this;
    return !data.images[position] || pictures.get(position) || pictures.failed.has(position);
  }

  fetch(exact) {
    if (this.closed || !this.room) return;
    const has = (position) => this.data.images[position];
    const upcoming = [1, 2].map((step) => {
      const here = this.list.findIndex((finding) => finding.index === this.finding?.index);
      return this.list[here + step]?.position;
    }).filter((position) => position !== undefined);
    const width = this.image().width * this.viewNow().scale * Math.min(devicePixelRatio || 1, 2);
    if (exact) {
      if (has(this.position)) this.pictures.want([this.position], width, true);
    } else {
      const around = wanted(this.position, this.direction, this.sequence, upcoming).filter(has);
      const alone = this.jumped && around[0] === this.position && !this.ready();
      this.pictures.want(alone ? around.slice(0, 1) : around, width, false);
    }
  }

  pictureCame(position) {
    if (this.closed) return;
    const natural = this.pictures.cache.peek(position)?.natural;
    if (natural && learnSize(this.data, position, natural)) this.resize();
    if (position === this.position) { // the urgent one is here; now its neighbours
      this.jumped = false;
      this.fetch(false);
    }
    if (Math.abs(position - this.position) <= 2) this.invalidate();
  }

  // ── Choosing ──

  choose(finding, move = false) {
    this.closeMarking(false);
    this.finding = finding;
    this.draft = finding ? this.judging.judged[finding.index]?.corrected ?? null : null;
    this.note.value = finding ? this.judging.judged[finding.index]?.note ?? "" : "";
    this.measure = null;
    if (finding) {
      this.object = finding.object;
      if (move) this.go(finding.position, { anywhere: true });
      const box = this.boxInHand() ?? finding.box ?? finding.expected;
      if (this.view && box) this.setView(zoomTo(box, this.image(), this.room));
    }
    this.timelineBase = null;
    this.tell();
    this.invalidate();
  }

  pick(stage, point) {
    const slack = 4 / this.viewNow().scale;
    this.pickRow(stage.set, hit(stage.set, this.rows(stage.set), point, slack));
  }

  pickRow(set, row) {
    if (row < 0 && this.marking) return; // beside the boxes: what is half told stays
    const marking = this.marking;
    this.object = row < 0 ? -1 : set.object[row];
    this.picked = set === this.data.sets[0] ? row : -1;
    const finding = row < 0 ? null : this.list.find(
      (one) => one.position === this.position && (this.object >= 0 ? one.object === this.object : rowOf(set, one) === row),
    );
    if (row >= 0 && !finding) this.say(`${this.nameOf(set, row)}: no finding in this frame. m marks it as wrong.`);
    this.choose(finding ?? null);
    if (marking?.row >= 0 && this.picked >= 0) this.markBox(marking.kind);
  }

  /** Boxes by keyboard: the next one of this frame, from left to right. */
  nextBox(by) {
    const [set] = this.data.sets;
    const rows = this.rows(set).toSorted((a, b) => set.sides[a * 4] - set.sides[b * 4] || a - b);
    if (!rows.length) {
      this.say("There is no box in this frame.");
      return;
    }
    const here = rows.indexOf(this.chosenRow(set, rows));
    const row = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : (here + by + rows.length) % rows.length];
    this.pickRow(set, row);
    this.say(`${this.nameOf(set, row)}, ${rows.indexOf(row) + 1} of ${rows.length} boxes${this.finding ? `. ${this.finding.reason}` : ""}`);
  }

  /** The box that grips and keys act on: the draft, or the box of the mark or the finding. */
  boxInHand() {
    const { finding, marking } = this;
    if (marking) return marking.position === this.position ? marking.draft ?? marking.box : null;
    if (!finding || finding.seen || finding.position !== this.position) return null;
    return this.draft ?? finding.box ?? finding.expected;
  }

  setDraft(box) {
    (this.marking ?? this).draft = box.map((side) => Math.round(side * 100) / 100);
    this.invalidate();
  }

  // ── Marking what no finding names ──

  /** Start to mark the chosen box, or to change the chosen mark. */
  markBox(kind = "wrong_box") {
    const { data, finding } = this;
    const [set] = data.sets;
    if (finding?.seen) {
      if (finding.position !== this.position) this.go(finding.position, { anywhere: true });
      this.startMarking({
        kind: finding.kind, row: finding.box ? rowOf(set, finding) : -1, box: finding.box, draft: finding.expected,
        told: finding.seen, replaces: finding,
      });
      return;
    }
    const row = this.chosenRow(set, this.rows(set));
    if (row < 0) {
      this.say("Choose a box first: click it, or press b. d draws one that is missing.");
      return;
    }
    this.startMarking({
      kind, row, box: boxAt(set, row), draft: finding?.position === this.position ? this.draft : null,
      told: {
        track: data.objects.track[set.object[row]] ?? null, label: data.labels[set.label[row]] ?? null,
        annotator: data.annotators[set.annotator[row]] ?? null, note: "",
      },
    });
  }

  /** Start to draw a box where one is missing: of the followed track, where it has none here. */
  drawMissing() {
    const { data } = this;
    const [set] = data.sets;
    const rows = this.rows(set);
    const last = objectRow(set, this.object, this.nearestOf(set, this.object));
    const follows = last >= 0 && objectRow(set, this.object, this.position) < 0;
    const chosen = this.chosenRow(set, rows); // of several annotators, the one looked at
    const like = follows ? last : chosen >= 0 ? chosen : rows[0] ?? 0;
    const label = data.labels[follows ? set.label[last] : data.labels.indexOf(this.lastLabel ?? data.labels[set.label[like]])];
    const start = follows ? boxAt(set, last) : null;
    this.choose(null);
    if (!follows) this.object = this.picked = -1;
    this.startMarking({
      kind: "missing_box", row: -1, box: null, draft: null, start, placing: true,
      told: {
        track: follows ? data.objects.track[set.object[last]] : null, label: null, note: "",
        annotator: data.annotators[set.annotator[like]] ?? data.annotators[0] ?? null, corrected_label: label ?? "",
      },
    });
    this.root.focus({ preventScroll: true });
    this.live.textContent = DRAWING; // to be heard; the stage shows it as long as it holds
  }

  /** The position nearest to this one where an object has a box, or −1. */
  nearestOf(set, object) {
    if (object < 0) return -1;
    const { first, count } = this.sequence;
    for (let step = 0; step < count; step += 1) {
      for (const position of [this.position - step, this.position + step]) {
        if (position >= first && position < first + count && objectRow(set, object, position) >= 0) return position;
      }
    }
    return -1;
  }

  startMarking(marking) {
    const { data, markForm, sequence } = this;
    this.openTab("Finding");
    this.marking = { ...marking, position: this.position };
    markForm.element.hidden = false; // now: what is hidden takes no focus, nor the keys that follow
    const { kind, told } = marking;
    const isMissing = kind === "missing_box";
    const first = data.sequences.indexOf(sequence);
    const names = data.objects.track.filter((_, object) => data.objects.sequence[object] === first);
    const seen = this.seen.filter((one) => one.seen.sequence === sequence.name && one.seen.track).map((one) => one.seen.track);
    this.names = [...new Set([...names, ...seen])];
    markForm.track.suggest(this.names);
    markForm.label.input.value = told.corrected_label ?? "";
    markForm.track.input.value = isMissing ? told.track ?? (names.length ? newName(this.names, told.corrected_label) : "") : told.corrected_track ?? "";
    markForm.onward.input.checked = told.onward === true;
    markForm.note.value = told.note;
    markForm.title.textContent = isMissing ? "Missing object" : "What is wrong?";
    markForm.about.textContent = [
      isMissing ? null : told.track ?? told.label, data.annotators.length > 1 ? told.annotator : null, `frame ${data.frame[this.position]}`,
    ].filter(Boolean).join(" · ");
    this.chooseKind(kind);
    if (!marking.placing) (isMissing ? markForm.label.input : markForm.kinds.find((one) => one.kind === kind).input).focus();
    this.invalidate();
  }

  chooseKind(kind) {
    const { markForm, marking } = this;
    const hasTracks = this.names.length > 0;
    marking.kind = kind;
    for (const one of markForm.kinds) {
      one.input.checked = one.kind === kind;
      one.row.hidden = one.kind === "wrong_identity" && !hasTracks;
    }
    markForm.label.ask(kind === "missing_box" ? "What it is" : "The label it should have");
    markForm.track.ask(kind === "missing_box" ? "Which object, or a new name" : "Which object it is");
    markForm.kindBox.hidden = kind === "missing_box";
    markForm.label.row.hidden = !["wrong_label", "missing_box"].includes(kind);
    markForm.onward.row.hidden = kind !== "wrong_identity";
    markForm.track.row.hidden = !(kind === "wrong_identity" || (kind === "missing_box" && hasTracks));
    this.invalidate();
  }

  closeMarking(focus = true) {
    if (!this.marking) return;
    this.marking = null;
    if (focus) this.root.focus({ preventScroll: true });
    this.invalidate();
  }

  /** What a key does while something is marked; true where it did. */
  keyOfMarking(event, target, typing) {
    const { marking } = this;
    const { key, altKey, shiftKey, ctrlKey, metaKey } = event;
    if (ctrlKey || metaKey || (typing && !this.markForm.element.contains(target))) return false;
    if (key === "Escape") this.closeMarking();
    else if (marking.placing && key in ARROWS && !altKey && !typing) {
      const step = Math.max(1, Math.round(8 / this.viewNow().scale)); // eight on the screen
      const [dx, dy] = ARROWS[key];
      this.setDraft(marking.draft ? nudge(marking.draft, dx * step, dy * step, shiftKey) : marking.start ?? this.usualBox());
    } else if (key === "Enter" && !shiftKey && !target.matches?.("button, select")) {
      if (!marking.placing) this.recordMark();
      else {
        if (!marking.draft) this.setDraft(marking.start ?? this.usualBox());
        this.boxDrawn();
      }
    } else if (!typing && marking.kind !== "missing_box" && /^[1-4]$/.test(key)) {
      const { input, row } = this.markForm.kinds[key - 1];
      if (!row.hidden) {
        this.chooseKind(input.value);
        const { label, track } = this.markForm;
        ([label, track].find((one) => !one.row.hidden) ?? { input }).input.focus();
      }
    } else if (!typing && ["m", "a", "n", "p", "d", "2", "3", "1", "4"].includes(key.toLowerCase()) && !altKey) return true;
    else return false;
    return true;
  }

  drawsOn(stage) {
    return Boolean(this.marking?.placing) && stage.set === this.data.sets[0] && this.marking.position === this.position;
  }

  /** A box as large as those of the frame, around a point or in the middle of what is shown. */
  usualBox(point = toImage(this.viewNow(), [this.room.width / 2, this.room.height / 2])) {
    const [set] = this.data.sets;
    const rows = this.rows(set);
    const { width, height } = this.image();
    const middle = (side, fallback) => rows.map((row) => set.sides[row * 4 + side]).filter(Number.isFinite)
      .sort((a, b) => a - b)[rows.length >> 1] ?? fallback;
    const [w, hgt] = [middle(2, width / 10), middle(3, height / 10)];
    return [point[0] - w / 2, point[1] - hgt / 2, w, hgt];
  }

  /** The box stands; now what it is. */
  boxDrawn() {
    this.marking.placing = false;
    const { input } = this.markForm.label;
    input.focus();
    input.select();
    this.say("Drawn. Say what it is; Enter records it.");
    this.invalidate();
  }

  recordMark() {
    const { marking, markForm, data } = this;
    const { kind, told } = marking;
    const value = ({ input, row }) => (row.hidden ? null : input.value.trim() || null);
    const isMissing = kind === "missing_box";
    if (isMissing && !marking.draft) {
      this.say("Draw the box first.");
      return;
    }
    if (isMissing && !value(markForm.label)) {
      markForm.label.input.focus();
      this.say("Say what it is: its label.");
      return;
    }
    const { name } = sequenceAt(data.sequences, marking.position);
    const entry = {
      id: newId(), rule: `seen_${kind}`, sequence: name, frame: data.frame[marking.position],
      annotator: told.annotator, track: isMissing ? value(markForm.track) : told.track, label: told.label,
      ...named(marking.box), ...named(kind === "extra_box" ? null : marking.draft, "corrected_"),
      corrected_label: value(markForm.label), corrected_track: isMissing ? null : value(markForm.track),
      onward: kind === "wrong_identity" && markForm.onward.input.checked,
      note: markForm.note.value.trim(),
    };
    if (isMissing) this.lastLabel = entry.corrected_label;
    this.closeMarking();
    this.changeSeen(entry, marking.replaces);
  }

  /** Add something seen, put it in the place of another, or take it back. */
  changeSeen(entry, replaces = null, remember = true) {
    if (remember) {
      const history = [...this.judging.history, { seen: entry?.id ?? null, before: replaces?.seen ?? null }];
      this.judging = { ...this.judging, history };
    }
    const kept = this.seen.filter((one) => one !== replaces).map((one) => one.seen);
    this.takeSeen(entry ? [...kept, entry] : kept);
    this.record({ kind: "seen", finding: entry?.id ?? replaces.index, entry, replaces: replaces?.index ?? null });
    const fresh = entry && this.seen.find((one) => one.index === entry.id);
    this.choose(fresh ?? null, Boolean(fresh));
    this.say(entry ? `Marked: ${MARKS[fresh.kind][0].toLowerCase()}. u takes it back.` : "Mark taken back.");
  }

  takeSeen(entries) {
    this.seen = entries.map((entry) => asFinding(this.data, entry)).filter((one) => one.position >= 0);
    if (this.finding?.seen) this.finding = this.seen.find((one) => one.index === this.finding.index) ?? null;
    this.refilter();
  }

  // ── Verdicts ──

  giveVerdict(verdict, corrected) {
    const { finding } = this;
    if (finding?.seen) {
      this.say("A reviewer has marked this: m changes it, Delete takes it back.");
      return;
    }
    if (!finding) {
      this.say("Choose a finding first: n goes to the next one.");
      return;
    }
    const entry = {
      finding: finding.index, verdict, note: this.note.value.trim(),
      corrected: verdict === "mistake" ? corrected : null,
    };
    this.judging = judge(this.judging, { do: "verdict", ...entry });
    this.record({ kind: "verdict", ...entry });
    const next = nextOpen(this.list, finding.index, this.judging.judged);
    const { words } = progress(this.list, this.judging.judged);
    this.say(`${VERDICTS[verdict]}. ${words}.${next ? "" : " Every finding is reviewed."}`);
    if (next) this.choose(next, true);
    else this.choose(finding);
  }

  noteChanged() {
    const entry = this.finding && this.judging.judged[this.finding.index]; // marks have a form of their own
    if (!entry || entry.note === this.note.value.trim()) return; // goes with the verdict to come
    const changed = { ...entry, finding: this.finding.index, note: this.note.value.trim() };
    this.judging = judge(this.judging, { do: "verdict", ...changed });
    this.record({ kind: "verdict", ...changed });
    this.say("Note kept.");
  }

  undo() {
    const last = this.judging.history.at(-1);
    if (!last) {
      this.say("Nothing to undo.");
      return;
    }
    if ("seen" in last) {
      const now = this.seen.find((one) => one.index === last.seen) ?? null;
      this.judging = { ...this.judging, history: this.judging.history.slice(0, -1) };
      const before = last.before && { ...last.before, id: newId() };
      if (now || before) this.changeSeen(before, now, false);
      return;
    }
    this.judging = judge(this.judging, { do: "undo" });
    this.record({ kind: "undo", finding: last.finding });
    this.choose(this.data.findings[last.finding], true);
    this.say(`Taken back. ${progress(this.list, this.judging.judged).words}.`);
  }

  /** Send what has to be kept, and say so if nobody answers. */
  record(message) {
    const { unanswered } = this;
    unanswered.set(message.finding, (unanswered.get(message.finding) ?? 0) + 1);
    this.model.send(message);
    setTimeout(() => {
      if (!this.closed && unanswered.get(message.finding)) {
        this.say("Python has not recorded your last verdict. Is the kernel running?", true);
      }
    }, ANSWER);
  }

  refilter() {
    this.list = queue([...this.data.findings, ...this.seen], this.byTime, this.hidden.rule);
    this.timelineBase = null;
    this.invalidate();
  }

  // ── Python's side ──

  /** Tell Python where we are, when the reader rests: thirty steps a second need no thirty messages. */
  tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const { model, data } = this;
      const state = {
        sequence: this.sequence.name, frame: data.frame[this.position],
        selected: this.selected(), track: data.objects.track[this.object] ?? null,
      };
      const changed = Object.entries(state).filter(([name, value]) => model.get(name) !== value);
      if (!changed.length) return;
      this.telling = 0;
      for (const [name, value] of changed) model.set(name, value);
      model.save_changes();
    }, 90);
  }

  /** What Python calls the finding: marks stand in its ledger, not in its table. */
  selected() {
    return this.finding && !this.finding.seen ? this.finding.index : null;
  }

  /** Python has moved. */
  take() {
    if (this.taking || this.closed) return;
    this.taking = true;
    queueMicrotask(() => {
      this.taking = false;
      const { model, data } = this;
      const selected = model.get("selected");
      const sequence = data.sequences.find(({ name }) => name === model.get("sequence")) ?? this.sequence;
      const position = positionOf(data.frame, sequence, model.get("frame"));
      if (position >= 0) this.go(position, { anywhere: true });
      if (selected !== this.selected()) this.choose(data.findings[selected] ?? null);
    });
  }

  hear(message) {
    if (message.kind === "judged") {
      const open = (this.unanswered.get(message.finding) ?? 1) - 1;
      this.unanswered.set(message.finding, open);
      if (open > 0) return; // the reviewer has changed their mind since
      const judged = { ...this.judging.judged };
      if (message.entry) judged[message.finding] = message.entry;
      else delete judged[message.finding];
      this.judging = { ...this.judging, judged };
      this.timelineBase = null;
      this.invalidate();
    }
    if (message.kind === "seen") {
      const open = (this.unanswered.get(message.finding) ?? 1) - 1;
      this.unanswered.set(message.finding, open);
      this.takeSeen(message.seen);
    }
    if (message.kind === "problem") this.say(message.words, true);
  }

  say(words, isProblem = false) {
    this.live.textContent = words;
    this.live.classList.toggle("aa-problem", isProblem);
    clearTimeout(this.saying);
    this.live.classList.add("aa-shown");
    this.saying = setTimeout(() => this.live.classList.remove("aa-shown"), isProblem ? 8000 : 2200);
  }

  download() {
    const lines = this.model.lines();
    const link = h("a", {
      href: URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" })),
      download: this.data.download,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    this.say("Verdicts downloaded.");
  }

  // ── Size, view, theme ──

  image() {
    const [width, height] = this.data.size.subarray(this.position * 2, this.position * 2 + 2);
    return { width, height };
  }

  viewNow() {
    return this.view ? centred(this.view, this.image(), this.room) : fit(this.image(), this.room);
  }

  setView(view) {
    const whole = fit(this.image(), this.room);
    this.view = view && view.scale > whole.scale * 1.001 ? view : null;
    this.invalidate();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.fetch(true), REST);
  }

  resize() {
    const { root } = this;
    root.classList.toggle("aa-narrow", root.clientWidth < 760);
    const stage = this.stages[0].element;
    const width = Math.max(120, Math.floor(stage.clientWidth));
    const { width: w, height: hgt } = this.image();
    // beside the panel, tall enough for the verdicts to show without scrolling
    const least = root.clientWidth < 760 ? 180 : this.layers.strip ? 440 : 560;
    const height = Math.round(Math.min(this.model.get("height"), Math.max(least, (width * hgt) / w)));
    for (const { element } of this.stages) element.style.height = `${height}px`;
    this.room = { width, height };
    this.lanes = this.pooled ? 1 : this.laneObjects().length || 1;
    this.timeline.style.height = `${this.pooled ? 34 : 8 + this.lanes * LANE}px`;
    this.gutter = this.pooled ? 0 : GUTTER;
    this.lines.style.setProperty("--aa-gutter", `${this.gutter}px`);
    this.timelineBase = null;
    this.font = getComputedStyle(root).fontFamily;
    this.fetch(false);
    this.resting ??= setTimeout(() => this.fetch(true), REST);
    this.invalidate();
  }

  setTheme() {
    let ground = null;
    for (let element = this.root.parentElement; element && ground === null; element = element.parentElement) {
      ground = luminance(getComputedStyle(element).backgroundColor);
    }
    ground ??= matchMedia("(prefers-color-scheme: dark)").matches && this.data.offline ? 0 : 1;
    this.root.dataset.theme = ground < 0.25 ? "dark" : "light";
    this.inks = null;
    this.timelineBase = null;
    this.invalidate();
  }

  colours() {
    if (!this.inks) { // asked for on every frame, changed with the theme only
      const style = getComputedStyle(this.root);
      const at = (name) => style.getPropertyValue(name).trim();
      this.inks = { text: at("--aa-text"), muted: at("--aa-muted"), line: at("--aa-line") };
    }
    return this.inks;
  }

  // ── Drawing ──

  invalidate() {
    if (!this.drawing && !this.closed) {
      this.drawing = requestAnimationFrame(() => {
        this.drawing = 0;
        this.draw();
      });
    }
  }

  draw() {
    if (!this.room || this.closed) return;
    const { position, pictures, data } = this;
    // For a moment the frame before stays, whole, rather than a picture without its boxes.
    const patience = 120 - (performance.now() - (this.since ?? 0));
    if (this.drawn && !this.ready() && patience > 0) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.invalidate(), patience);
      this.drawChrome();
      return;
    }
    this.drawn = true;
    for (const stage of this.stages) this.drawStage(stage);
    if (this.layers.strip) this.drawStrip();
    this.drawChrome();
    const picture = pictures.cache.peek(position);
    const state = !data.images[position] ? "none" : pictures.failed.has(position) ? "broken" : !picture ? "waiting" : picture.exact ? "exact" : "quick";
    Object.assign(this.root.dataset, { shown: position, picture: state });
  }

  rows(set) {
    const { hidden } = this;
    return rowsAt(set, this.position).filter((row) => !hidden.track.has(set.object[row])
      && !hidden.label.has(set.label[row]) && !hidden.annotator.has(set.annotator[row]));
  }

  colour(set, row) {
    if (this.colouring === "label") return colourOf(set.label[row]);
    if (this.colouring === "annotator") return colourOf(set.annotator[row]);
    const object = set.object[row];
    return object < 0 ? colourOf(set.label[row]) : colourOf(this.data.objects.colour[object]);
  }

  nameOf(set, row) {
    const { data } = this;
    const name = data.objects.track[set.object[row]] ?? data.labels[set.label[row]] ?? "box";
    return data.annotators.length > 1 && set.annotator[row] >= 0 ? `${name} · ${data.annotators[set.annotator[row]]}` : name;
  }

  drawStage(stage) {
    const { room, data, position, pictures, layers, finding } = this;
    const view = this.viewNow();
    const ctx = prepare(stage.canvas, room.width, room.height);
    const { set } = stage;
    const image = this.image();
    const picture = pictures.get(position);
    const [x, y] = toScreen(view, [0, 0]);
    const [w, hgt] = [image.width * view.scale, image.height * view.scale];
    if (picture) {
      ctx.imageSmoothingEnabled = view.scale < 4;
      ctx.drawImage(picture.bitmap, x, y, w, hgt);
    } else {
      ctx.fillStyle = "#24272d";
      ctx.fillRect(x, y, w, hgt);
      ctx.strokeStyle = "#3a3f47";
      ctx.strokeRect(x + 0.5, y + 0.5, w - 1, hgt - 1);
    }
    this.drawPlaceholder(stage, picture);

    const isMain = set === data.sets[0];
    const rows = this.rows(set);
    const marks = new Map();
    for (const one of isMain ? this.here() : []) {
      const row = rowOf(set, one);
      if (row >= 0 && (one.seen || !marks.has(row))) marks.set(row, one);
    }
    const chosen = this.chosenRow(set, rows);
    const few = rows.length <= 40;
    if (layers.ghost) this.drawGhosts(ctx, view, set, rows, chosen);
    if (layers.trail && this.object >= 0) this.drawTrail(ctx, view, set);
    if (isMain && layers.expected) this.drawSuggestions(ctx, view);
    const order = rows.toSorted((a, b) => (a === chosen) - (b === chosen) || marks.has(a) - marks.has(b));
    for (const row of order) {
      const mark = marks.get(row);
      if (!mark && row !== chosen && !layers.others) continue;
      const box = boxAt(set, row);
      if (!box.every(Number.isFinite)) continue;
      const colour = this.colour(set, row);
      ctx.globalAlpha = chosen >= 0 && row !== chosen && !mark ? 0.7 : 1;
      drawBox(ctx, view, box, colour, {
        width: row === chosen ? 2.5 : 1.75,
        dash: data.annotators.length > 1 ? DASHES[Math.max(0, set.annotator[row]) % DASHES.length] : [],
      });
      if (mark) drawCorners(ctx, view, box, SEVERITY[mark.severity]);
      ctx.globalAlpha = 1;
      const wide = box[2] * view.scale > (few ? 10 : 34) && (few || chosen < 0);
      if (layers.names && (wide || mark || row === chosen)) {
        drawName(ctx, view, box, this.nameOf(set, row), colour, this.font, mark?.severity);
      }
    }
    ctx.globalAlpha = 1;
    if (isMain) this.drawHandles(ctx, view);
    stage.hint.hidden = !this.drawsOn(stage);
    if (this.drawsOn(stage)) stage.hint.textContent = DRAWING;
    stage.zoom.hidden = !this.view;
    if (this.view) stage.zoom.textContent = `${Math.round(view.scale * 100)} %`;
    const words = `${stage.title}, frame ${data.frame[position]} of ${this.sequence.name}: ${rows.length} boxes`;
    stage.canvas.setAttribute("aria-label", finding && finding.position === position ? `${words}. ${finding.reason}` : words);
  }

  /** Findings of this frame that pass the filters. */
  here() {
    if (this.hereAt !== this.position || this.hereOf !== this.list) {
      this.hereNow = this.list.filter((finding) => finding.position === this.position);
      Object.assign(this, { hereAt: this.position, hereOf: this.list });
    }
    return this.hereNow;
  }

  chosenRow(set, rows) {
    const { finding, marking, picked } = this;
    if (set === this.data.sets[0]) {
      if (marking?.row >= 0 && marking.position === this.position) return marking.row;
      if (finding?.position === this.position) return rowOf(set, finding);
      if (picked >= 0 && rows.includes(picked)) return picked;
    }
    return this.object < 0 ? -1 : rows.find((row) => set.object[row] === this.object) ?? -1;
  }

  drawPlaceholder(stage, picture) {
    const { data, position, pictures } = this;
    const name = data.images[position];
    const problem = pictures.failed.get(position);
    const [title, words] = picture ? [] : !name
      ? ["No picture for this frame", "The boxes are drawn without it."]
      : problem ? [name, problem] : [name, "on its way …"];
    stage.note.hidden = !title;
    stage.note.classList.toggle("aa-broken", Boolean(problem));
    if (title) {
      stage.note.firstChild.textContent = title;
      stage.note.lastChild.textContent = words;
    }
  }

  drawGhosts(ctx, view, set, rows, chosen) {
    const before = this.finding?.position === this.position && this.finding.from >= 0 ? this.finding.from : this.position - 1;
    if (before < this.sequence.first) return;
    const objects = chosen >= 0 ? [set.object[chosen]] : rows.length <= 30 ? rows.map((row) => set.object[row]) : [];
    ctx.globalAlpha = 0.7;
    for (const object of objects) {
      const row = objectRow(set, object, before);
      if (row >= 0) drawBox(ctx, view, boxAt(set, row), "#ffffff", { width: 1.25, dash: [2, 3] });
    }
    ctx.globalAlpha = 1;
  }

  drawTrail(ctx, view, set) {
    const { first, count } = this.sequence;
    const centres = [];
    for (let position = Math.max(first, this.position - 25); position <= Math.min(first + count - 1, this.position + 25); position += 1) {
      const row = objectRow(set, this.object, position);
      if (row < 0) continue;
      const [left, top, width, height] = boxAt(set, row);
      centres.push([position, ...toScreen(view, [left + width / 2, top + height / 2])]);
    }
    const colour = colourOf(this.data.objects.colour[this.object]);
    const past = centres.filter(([position]) => position <= this.position);
    const trace = (points) => () => points.forEach(([, x, y], index) => (index ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.globalAlpha = 0.45;
    strokeTwice(ctx, colour, 1.25, [2, 3], trace(centres.filter(([position]) => position >= this.position)));
    ctx.globalAlpha = 0.9;
    strokeTwice(ctx, colour, 1.5, [], trace(past));
    for (const [position, x, y] of centres) {
      ctx.globalAlpha = position <= this.position ? 0.95 : 0.5;
      ctx.fillStyle = position === this.position ? "#fff" : colour;
      ctx.beginPath();
      ctx.arc(x, y, position === this.position ? 3.5 : 1.8, 0, Math.PI * 2);
      ctx.fill();
    }
    ctx.globalAlpha = 1;
  }

  drawSuggestions(ctx, view) {
    for (const one of this.here()) {
      if (!one.expected || (one !== this.finding && one.box)) continue;
      drawBox(ctx, view, one.expected, "#ffffff", { width: one === this.finding ? 2 : 1.5, dash: [6, 4] });
      if (!one.box) {
        drawName(ctx, view, one.expected, `${this.whoIs(one)} missing`, "#ffffff", this.font, one.severity);
      }
    }
  }

  drawHandles(ctx, view) {
    const box = this.boxInHand();
    if (!box) return;
    if ((this.marking ?? this).draft) drawBox(ctx, view, box, "#7CE0B8", { width: 2.5 });
    const [x, y, w, hgt] = onScreen(view, box);
    const edges = [];
    if (w > 44) edges.push([x + w / 2, y], [x + w / 2, y + hgt]);
    if (hgt > 44) edges.push([x, y + hgt / 2], [x + w, y + hgt / 2]);
    for (const [cx, cy] of [[x, y], [x + w, y], [x, y + hgt], [x + w, y + hgt], ...edges]) {
      ctx.fillStyle = "#fff";
      ctx.strokeStyle = "#0b0d11";
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      ctx.rect(cx - 3.5, cy - 3.5, 7, 7);
      ctx.fill();
      ctx.stroke();
    }
  }

  /** Five crops of one place, so that a jump shows as a jump. */
  drawStrip() {
    const { data, pictures, sequence } = this;
    const set = data.sets[0];
    const follows = this.object >= 0 || Boolean(this.boxInHand() ?? this.finding);
    const boxAround = (position) => {
      const row = objectRow(set, this.object, position);
      if (row < 0 && position === this.marking?.position) return this.marking.draft ?? this.marking.box;
      return row >= 0 ? boxAt(set, row) : position === this.finding?.position ? this.finding.box ?? this.finding.expected : null;
    };
    const boxes = this.shots.map(({ offset }) => boxAround(this.position + offset));
    const known = boxes.filter(Boolean);
    const image = this.image();
    let window = [0, 0, image.width, image.height];
    if (follows && known.length) {
      const left = Math.min(...known.map((box) => box[0]));
      const top = Math.min(...known.map((box) => box[1]));
      const right = Math.max(...known.map((box) => box[0] + box[2]));
      const bottom = Math.max(...known.map((box) => box[1] + box[3]));
      const first = this.shots[0].canvas;
      const aspect = first.clientWidth / Math.max(1, first.clientHeight);
      const size = Math.max((right - left) / aspect, bottom - top) * 1.3;
      window = [(left + right - size * aspect) / 2, (top + bottom - size) / 2, size * aspect, size];
    }
    this.shots.forEach(({ offset, canvas, shot }, index) => {
      const position = this.position + offset;
      const inside = position >= sequence.first && position < sequence.first + sequence.count;
      shot.disabled = !inside;
      const width = canvas.clientWidth;
      const height = canvas.clientHeight;
      const ctx = prepare(canvas, width, height);
      const scale = Math.min(width / window[2], height / window[3]);
      const view = {
        scale, x: (width - window[2] * scale) / 2 - window[0] * scale, y: (height - window[3] * scale) / 2 - window[1] * scale,
      };
      const picture = inside && pictures.get(position);
      if (picture) ctx.drawImage(picture.bitmap, view.x, view.y, image.width * scale, image.height * scale);
      const box = inside && boxes[index];
      if (follows && box) drawBox(ctx, view, box, this.object < 0 ? "#fff" : colourOf(data.objects.colour[this.object]), { width: 1.5 });
      if (follows && inside && offset === 0 && this.finding?.expected && this.finding.position === position) {
        drawBox(ctx, view, this.finding.expected, "#ffffff", { width: 1.25, dash: [4, 3] });
      }
      shot.classList.toggle("aa-marked", inside && follows && this.list.some((one) => one.position === position && one.object === this.object));
    });
  }

  /** Everything around the picture. */
  drawChrome() {
    const { data, position, sequence, finding, judging } = this;
    const number = data.frame[position];
    const here = position - sequence.first;
    if (this.choice.tagName === "SELECT") this.choice.selectedIndex = data.sequences.indexOf(sequence);
    const seconds = sequence.fps_known ? ` · ${(here / sequence.fps).toFixed(2)} s` : "";
    this.where.textContent = `frame ${number}${seconds}${data.images[position] ? ` · ${data.images[position]}` : ""}`;
    if (document.activeElement !== this.jump && this.root.getRootNode().activeElement !== this.jump) this.jump.value = number;
    this.total.textContent = `of ${data.frame[sequence.first + sequence.count - 1]}`;
    this.slider.max = sequence.count - 1;
    this.slider.value = here;
    this.slider.setAttribute("aria-valuetext", `frame ${number}`);
    this.drawTimeline();
    if (this.stateOf !== judging.judged || this.stateList !== this.list) {
      this.state = progress(this.list, judging.judged);
      Object.assign(this, { stateOf: judging.judged, stateList: this.list });
    }
    const { state } = this;
    this.progressWords.textContent = data.findings.length ? state.words
      : this.seen.length ? `${this.seen.length} seen` : "no findings";
    this.progressBar.hidden = !data.findings.length;
    [state.mistakes, state.fine, state.unsure].forEach((count, index) => {
      this.progressBar.children[index].style.width = `${(100 * count) / Math.max(1, state.total)}%`;
    });
    if (this.saveButton) this.saveButton.disabled = !this.model.lines();
    if (this.tab === "Finding") this.drawFinding(finding);
    if (this.tab === "Queue") this.drawQueue();
  }

  drawFinding(finding) {
    const { data, judging, marking } = this;
    const hasTrack = this.object >= 0;
    this.empty.hidden = Boolean(finding || marking);
    this.unnamed.hidden = this.empty.hidden;
    this.empty.textContent = `${hasTrack ? `${data.objects.track[this.object]}. ` : ""}${data.findings.length
      ? "Press n for the next finding, or click a box."
      : "No findings were given: audit the labels first, or just look around."}`;
    this.card.hidden = !finding || Boolean(marking);
    this.judgeBox.hidden = !finding || finding.seen || Boolean(marking);
    this.seenBox.hidden = !finding?.seen || Boolean(marking);
    this.course.hidden = !hasTrack || Boolean(marking);
    this.markForm.element.hidden = !marking;
    if (marking) this.drawMarking();
    else if (finding) {
      const entry = judging.judged[finding.index];
      if (this.cardOf !== finding) {
        this.cardOf = finding;
        this.severity.textContent = finding.severity;
        this.severity.dataset.severity = finding.severity;
        this.rule.textContent = this.whatIs(finding);
        this.reason.textContent = finding.reason;
        this.about.textContent = [
          data.objects.track[finding.object] ?? finding.seen?.track, data.labels[finding.label],
          data.annotators.length > 1 ? data.annotators[finding.annotator] : null,
          `frame ${data.frame[finding.position]}`,
          finding.seen?.reviewer ? `marked by ${finding.seen.reviewer}` : null,
        ].filter(Boolean).join(" · ");
        this.facts.replaceChildren(...[
          ["value", Number.isFinite(finding.value) ? format(finding.value) : null],
          ["limit", Number.isFinite(finding.limit) ? format(finding.limit) : null],
          ["score", Number.isFinite(finding.score) ? finding.score.toFixed(2) : null],
          ["unit", finding.unit || null],
        ].filter(([, words]) => words).map(([name, words]) => h("div", {}, h("dt", {}, name), h("dd", {}, words))));
      }
      this.rank.textContent = `${this.list.indexOf(finding) + 1} of ${this.list.length}`;
      for (const { name, element } of this.verdicts) element.setAttribute("aria-pressed", String(entry?.verdict === name));
      this.acceptButton.disabled = !finding.expected;
      this.undoButton.disabled = !judging.history.length;
      this.correction.hidden = !this.draft;
      if (this.draft) {
        const [left, top, width, height] = this.draft.map((side) => Math.round(side));
        this.correction.textContent = `Corrected box: ${width} × ${height} at ${left}, ${top}. Press 1 to record it.`;
      }
    }
    if (hasTrack && !marking) this.drawGraph();
  }

  drawMarking() {
    const { kind, draft, placing } = this.marking;
    const { box } = this.markForm;
    const [left, top, width, height] = (draft ?? []).map((side) => Math.round(side));
    box.hidden = kind === "extra_box" || (!draft && !["wrong_box", "missing_box"].includes(kind));
    box.textContent = draft ? `${kind === "missing_box" ? "Drawn" : "Corrected"} box: ${width} × ${height} at ${left}, ${top}.`
      : placing ? "Draw the box first." : "Drag its corners or edges to where they belong, if you like, or use Alt + arrows.";
  }

  /** What a finding is about, in a word or two. */
  whatIs(finding) {
    return finding.seen ? MARKS[finding.kind]?.[0] ?? finding.kind : plain(this.data.rules[finding.rule]);
  }

  whoIs({ object, label, seen }) {
    return this.data.objects.track[object] ?? seen?.track ?? seen?.corrected_label ?? this.data.labels[label] ?? "box";
  }

  drawQueue() {
    const { list, data, judging, finding } = this;
    const here = Math.max(0, list.indexOf(finding));
    const start = Math.max(0, Math.min(here - LIST / 2, list.length - LIST));
    const key = [start, list.length, this.byTime, finding?.index, judging.history.length, this.hidden.rule.size].join();
    if (this.queueKey === key && this.queueOf === list) return;
    Object.assign(this, { queueKey: key, queueOf: list });
    this.queueList.start = start + 1;
    this.queueList.replaceChildren(...list.slice(start, start + LIST).map((one) => {
      const entry = judging.judged[one.index];
      const item = h("button", {
        type: "button", class: "aa-item", "aria-current": one === finding ? "true" : null,
        onclick: () => this.choose(one, true),
      }, h("i", { class: "aa-dot", "data-severity": one.severity }),
      h("span", { class: "aa-item-what" }, this.whoIs(one)),
      h("span", { class: "aa-item-where" }, `${this.whatIs(one)} · frame ${data.frame[one.position]}`),
      h("span", { class: "aa-item-verdict", "data-verdict": entry?.verdict }, one.seen ? "seen" : entry ? VERDICTS[entry.verdict].toLowerCase() : ""));
      return h("li", {}, item);
    }));
    this.queueMore.textContent = list.length ? (list.length > LIST ? `${LIST} of ${list.length} are listed.` : "") : "Nothing to review.";
    this.queueList.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  drawGraph() {
    const { data, sequence, finding } = this;
    const set = data.sets[0];
    const measure = this.measure ?? (finding ? measureFor(data.rules[finding.rule], finding.reason) : "height");
    this.measureChoice.value = measure;
    const key = `${this.object} ${measure} ${sequence.first}`;
    if (this.graphKey !== key) {
      this.graphKey = key;
      this.values = series(set, this.object, measure, sequence);
    }
    const { values } = this;
    const width = this.graph.clientWidth;
    const height = this.graph.clientHeight;
    const ctx = prepare(this.graph, width, height);
    const { text, muted, line } = this.colours();
    const known = values.filter(Number.isFinite);
    if (!known.length) return;
    const least = known.reduce((a, b) => Math.min(a, b));
    const most = known.reduce((a, b) => Math.max(a, b));
    const [low, high] = measure === "overlap" ? [Math.min(0.5, least), 1] : [least, most];
    const span = high - low || 2;
    const x = (index) => 6 + (index / Math.max(1, sequence.count - 1)) * (width - 12);
    const y = (value) => height - 8 - ((value - low + (high > low ? 0 : 1)) / span) * (height - 24);
    ctx.strokeStyle = line;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (const level of [low, high]) {
      ctx.moveTo(6, Math.round(y(level)) + 0.5);
      ctx.lineTo(width - 6, Math.round(y(level)) + 0.5);
    }
    ctx.stroke();
    const cursor = x(this.position - sequence.first);
    ctx.fillStyle = line;
    ctx.fillRect(cursor - 0.75, 4, 1.5, height - 8);
    ctx.strokeStyle = this.root.dataset.theme === "dark" ? colourOf(data.objects.colour[this.object]) : text;
    ctx.lineWidth = 1.5;
    ctx.lineJoin = "round";
    ctx.beginPath();
    let open = false;
    values.forEach((value, index) => {
      if (!Number.isFinite(value)) open = false;
      else {
        ctx[open ? "lineTo" : "moveTo"](x(index), y(value));
        if (!open && !Number.isFinite(values[index + 1])) ctx.lineTo(x(index) + 0.5, y(value));
        open = true;
      }
    });
    ctx.stroke();
    for (const one of this.list) {
      const value = values[one.position - sequence.first];
      if (one.object === this.object && Number.isFinite(value)) {
        drawMark(ctx, x(one.position - sequence.first), y(value), one.severity, one === finding ? 5.5 : 3.5);
      }
    }
    const now = values[this.position - sequence.first];
    if (Number.isFinite(now)) {
      ctx.fillStyle = text;
      ctx.beginPath();
      ctx.arc(cursor, y(now), 3, 0, Math.PI * 2);
      ctx.fill();
    }
    ctx.font = `10px ${this.font}`;
    ctx.fillStyle = muted;
    ctx.textBaseline = "alphabetic";
    ctx.fillText(format(high), 6, y(high) - 4);
    const words = Number.isFinite(now) ? format(now) : "no box here";
    ctx.textAlign = cursor > width / 2 ? "right" : "left";
    ctx.fillStyle = text;
    ctx.fillText(words, cursor + (cursor > width / 2 ? -6 : 6), 12);
    ctx.textAlign = "left";
    this.graph.setAttribute("aria-label", `${MEASURES[measure]} of ${data.objects.track[this.object]}, frame by frame; here ${words}`);
  }

  // ── The timeline ──

  laneObjects() {
    const { first, count } = this.sequence;
    const seen = new Map();
    for (const { object, position } of this.list) {
      if (object >= 0 && position >= first && position < first + count) seen.set(object, (seen.get(object) ?? 0) + 1);
    }
    const worst = [...seen].sort((a, b) => b[1] - a[1]).slice(0, LANES).map(([object]) => object);
    return worst.sort((a, b) => a - b);
  }

  timeX(position) {
    const { first, count } = this.sequence;
    const width = this.timeline.clientWidth;
    return this.gutter + 8 + ((position - first) / Math.max(1, count - 1)) * (width - this.gutter - 16);
  }

  drawTimeline() {
    const width = this.timeline.clientWidth;
    const height = this.timeline.clientHeight;
    if (!width) return;
    if (!this.timelineBase || this.timelineOf !== this.sequence || this.timelineJudged !== this.judging.judged) {
      this.timelineBase = document.createElement("canvas");
      Object.assign(this, { timelineOf: this.sequence, timelineJudged: this.judging.judged });
      this.paintTimeline(prepare(this.timelineBase, width, height), width, height);
    }
    const ctx = prepare(this.timeline, width, height);
    ctx.drawImage(this.timelineBase, 0, 0, width, height);
    const { text } = this.colours();
    const x = this.timeX(this.position);
    ctx.fillStyle = text;
    ctx.fillRect(x - 0.75, 0, 1.5, height);
  }

  paintTimeline(ctx, width, height) {
    const { muted, line, text } = this.colours();
    const findings = this.list.filter((one) => !this.hidden.track.has(one.object));
    const judged = (one) => one.index in this.judging.judged; // what was seen stays to be mended
    this.marks = [];
    if (this.pooled) {
      ctx.fillStyle = line;
      ctx.fillRect(8, height - 3, width - 16, 1);
      for (const cell of bins(findings, this.sequence, Math.max(2, Math.floor((width - 16) / 2)))) {
        const x = this.timeX(cell.findings[0].position);
        const tall = Math.min(height - 14, 5 + 5 * Math.log2(1 + cell.count));
        const open = cell.findings.some((one) => !judged(one));
        ctx.globalAlpha = open ? 1 : 0.4;
        ctx.fillStyle = SEVERITY[cell.severity];
        ctx.fillRect(x - 1, height - 3 - tall, 2, tall);
        drawMark(ctx, x, height - 3 - tall - 4, cell.severity, 5, !open);
        ctx.globalAlpha = 1;
        this.marks.push({ x, findings: cell.findings });
      }
    } else {
      this.laneObjects().forEach((object, lane) => {
        const y = 10 + lane * LANE;
        ctx.fillStyle = line;
        ctx.fillRect(this.gutter + 8, y, width - this.gutter - 16, 1);
        ctx.globalAlpha = 0.7;
        ctx.fillStyle = colourOf(this.data.objects.colour[object]);
        let start = -1;
        const { first, count } = this.sequence;
        for (let position = first; position <= first + count; position += 1) {
          const there = position < first + count && objectRow(this.data.sets[0], object, position) >= 0;
          if (there && start < 0) start = position;
          if (!there && start >= 0) {
            ctx.fillRect(this.timeX(start) - 1, y - 1, this.timeX(position - 1) - this.timeX(start) + 2, 3);
            start = -1;
          }
        }
        ctx.globalAlpha = 1;
        for (const one of findings.filter((each) => each.object === object)) {
          if (sequenceAt(this.data.sequences, one.position) !== this.sequence) continue;
          const x = this.timeX(one.position);
          drawMark(ctx, x, y + 0.5, one.severity, 4.5, judged(one));
          this.marks.push({ x, y, findings: [one] });
        }
        ctx.font = `${object === this.object ? 600 : 400} 11px ${this.font}`;
        ctx.fillStyle = object === this.object ? text : muted;
        ctx.textBaseline = "middle";
        ctx.fillText(shortened(ctx, this.data.objects.track[object], this.gutter - 4), 2, y + 1);
      });
    }
    if (this.finding && sequenceAt(this.data.sequences, this.finding.position) === this.sequence) {
      const x = this.timeX(this.finding.position);
      ctx.strokeStyle = text;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      ctx.roundRect(x - 5, 0.75, 10, height - 1.5, 3);
      ctx.stroke();
    }
  }

  markAt(event) {
    const box = this.timeline.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    for (const mark of this.marks ?? []) {
      const away = Math.abs(mark.x - x) + (mark.y === undefined ? 0 : Math.max(0, Math.abs(mark.y - y) - 6) * 4);
      if (away < 8 && (!best || away < best.away)) best = { ...mark, away };
    }
    return { x, mark: best, box };
  }

  hover(event) {
    const { mark, box } = this.markAt(event);
    this.tip.hidden = !mark;
    if (!mark) return;
    const lines = mark.findings.slice(0, 3).map((one) => h("span", {},
      h("strong", {}, `${this.data.objects.track[one.object] ?? this.whatIs(one)} · frame ${this.data.frame[one.position]}`), one.reason));
    if (mark.findings.length > 3) lines.push(h("span", {}, `and ${mark.findings.length - 3} more`));
    this.tip.replaceChildren(...lines);
    const root = this.root.getBoundingClientRect();
    const left = Math.min(root.width - this.tip.offsetWidth - 8, Math.max(8, box.left - root.left + mark.x - this.tip.offsetWidth / 2));
    this.tip.style.left = `${left}px`;
    this.tip.style.bottom = `${root.bottom - box.top + 6}px`;
  }

  clickTimeline(event) {
    const { x, mark } = this.markAt(event);
    const { first, count } = this.sequence;
    this.root.focus({ preventScroll: true });
    if (mark) {
      const open = mark.findings.find((one) => isOpen(one, this.judging.judged));
      this.choose(open ?? mark.findings[0], true);
    } else {
      const share = (x - this.gutter - 8) / (this.timeline.clientWidth - this.gutter - 16);
      this.go(first + Math.round(share * (count - 1)));
    }
  }
}

// ── Three homes ───────────────────────────────────────────────────────────────────────────────

/** anywidget's protocol: show a model in an element; what comes back takes it away again. */
function render({ model, el }) {
  const root = document.createElement("div");
  el.append(root);
  const scrubber = new Scrubber(model, root);
  return () => scrubber.close();
}

export default { render };

/** A page without Python: everything is in it, and the verdicts stay in the browser until saved. */
export function mount(element, { data, pictures }) {
  const model = pageModel(data, pictures);
  return new Scrubber(model, element);
}

const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function pageModel({ meta, arrays }, pictures) {
  const listeners = new Map();
  const emit = (event, ...words) => (listeners.get(event) ?? []).forEach((listener) => listener(...words));
  const shelf = `annotaudit ${meta.fingerprint} ${location.pathname}`;
  const bytes = Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, decoded(text)]));
  const data = readData({ meta, arrays: bytes });
  const kept = keptLines(shelf);
  const state = {
    _data: { meta, arrays: bytes }, _judged: { ...meta.judged, ...standing(data, kept) }, _seen: seenNow(meta.seen, kept), height: meta.height,
    sequence: data.sequences[0].name, frame: data.frame[0], selected: null, track: null, ...meta.start,
  };
  const reviewer = () => (document.getElementById("aa-reviewer")?.value ?? "").trim();
  const keep = (line) => {
    kept.push(line);
    try {
      localStorage.setItem(shelf, JSON.stringify(kept));
    } catch {
      // private windows keep nothing; the download still holds every verdict
    }
  };
  return {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    save_changes() {},
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== listener)),
    lines: () => kept.map((line) => `${JSON.stringify(line)}\n`).join(""),
    send(message) {
      const finding = data.findings[message.finding];
      if (message.kind === "verdict") keep(ledgerLine(data, finding, message, reviewer()));
      if (message.kind === "undo") {
        const gone = new Set(kept.map((line) => line.withdraws));
        const last = kept.findLast((line) => isAbout(data, line, finding) && !gone.has(line.id));
        if (last) keep(withdrawalLine(data, last.id, reviewer()));
      }
      if (message.kind === "seen") {
        if (message.entry) keep(seenLine(data, message.entry, reviewer()));
        if (message.replaces) keep(withdrawalLine(data, message.replaces, reviewer()));
        queueMicrotask(() => emit("msg:custom", { kind: "seen", finding: message.finding, seen: seenNow(meta.seen, kept) }));
      }
      if (finding) {
        const entry = standing(data, kept)[finding.index] ?? meta.judged[finding.index];
        queueMicrotask(() => emit("msg:custom", { kind: "judged", finding: finding.index, entry }));
      }
      if (message.kind !== "pictures") return;
      for (const position of message.positions) {
        const picture = pictures[position];
        queueMicrotask(() => emit("msg:custom", picture
          ? { kind: "picture", position, type: picture.type, natural: picture.natural, exact: true }
          : { kind: "picture", position, problem: "This page was saved without it." },
        picture ? [decoded(picture.bytes)] : []));
      }
    },
  };
}

function keptLines(shelf) {
  try {
    return JSON.parse(localStorage.getItem(shelf)) ?? [];
  } catch {
    return [];
  }
}

function isAbout(data, line, finding) {
  return line.frame === data.frame[finding.position] && line.rule === data.rules[finding.rule]
    && line.sequence === sequenceAt(data.sequences, finding.position).name
    && line.track === (data.objects.track[finding.object] ?? null)
    && line.annotator === (data.annotators[finding.annotator] ?? null)
    && line.left === (finding.box ? finding.box[0] : null);
}

/** What reviewers saw, known and kept on this page, less what was taken back. */
function seenNow(known, lines) {
  const gone = new Set(lines.map((line) => line.withdraws));
  const kept = lines.filter((line) => MARKS[line.rule?.replace("seen_", "")]);
  return [...known, ...kept].filter((line) => !gone.has(line.id));
}

/** The verdicts that stand after some lines of a ledger, by finding. */
function standing(data, lines) {
  const gone = new Set(lines.map((line) => line.withdraws).filter(Boolean));
  const judged = {};
  for (const line of lines.filter((one) => one.verdict && !gone.has(one.id))) {
    const finding = data.findings.find((one) => isAbout(data, line, one));
    const box = [line.corrected_left, line.corrected_top, line.corrected_width, line.corrected_height];
    if (finding) judged[finding.index] = { verdict: line.verdict, note: line.note, corrected: box[0] === null ? null : box };
  }
  return judged;
}
