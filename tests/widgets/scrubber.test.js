// The scrubber's logic that needs no browser. Run by test_javascript.py, or: node --test tests/widgets
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// The module has to keep the ending .js for the browser; Node takes it from its text.
const path = new URL("../../annotaudit/widgets/scrubber.js", import.meta.url);
const scrubber = await import(`data:text/javascript,${encodeURIComponent(readFileSync(path, "utf8"))}`);

const image = { width: 200, height: 100 };
const stage = { width: 400, height: 400 };
const near = (actual, expected) => actual.forEach(
  (value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-9, `${actual} is not ${expected}`),
);

/** Two frames: one car of each of two annotators, then the first one's alone. */
const set = {
  starts: Uint32Array.of(0, 2, 3, 3), sides: Float32Array.of(0, 0, 10, 10, 2, 0, 10, 10, 5, 0, 10, 10),
  object: Int32Array.of(0, 1, 0), label: Int32Array.of(0, 0, 0), annotator: Int32Array.of(0, 1, 0),
};
const street = { name: "street", first: 0, count: 3 };

test("the whole picture is fitted and stands in the middle", () => {
  assert.deepEqual(scrubber.fit(image, stage), { scale: 2, x: 0, y: 100 });
});

test("zooming keeps the image point under the pointer", () => {
  const before = scrubber.fit(image, stage);
  const pointer = [130, 210];
  const after = scrubber.zoomAt(before, pointer, 3, image, stage);
  assert.equal(after.scale, 6);
  near(scrubber.toImage(after, pointer), scrubber.toImage(before, pointer));
});

test("zooming out ends at the whole picture, zooming in at forty times", () => {
  const whole = scrubber.fit(image, stage);
  assert.deepEqual(scrubber.zoomAt(whole, [0, 0], 0.1, image, stage), whole);
  assert.equal(scrubber.zoomAt(whole, [0, 0], 1e6, image, stage).scale, 2 * scrubber.MAX_ZOOM);
});

test("the picture cannot be dragged off the stage", () => {
  const view = scrubber.centred({ scale: 10, x: 500, y: -9999 }, image, stage);
  assert.deepEqual(view, { scale: 10, x: 0, y: -600 });
});

test("zooming to a box puts it in the middle", () => {
  const view = scrubber.zoomTo([90, 40, 20, 20], image, stage);
  near(scrubber.toScreen(view, [100, 50]), [200, 200]);
});

test("screen and image points are each other's inverse", () => {
  const view = { scale: 1.7, x: -20, y: 33 };
  near(scrubber.toImage(view, scrubber.toScreen(view, [12, 34])), [12, 34]);
});

test("what is fetched: this frame, the way ahead, the film strip, and not beyond the ends", () => {
  assert.deepEqual(scrubber.wanted(5, 1, { first: 0, count: 100 }, [], 4), [5, 6, 7, 4, 3, 8, 9]);
  assert.deepEqual(scrubber.wanted(5, -1, { first: 0, count: 100 }, [], 4), [5, 4, 3, 6, 7, 2, 1]);
  assert.deepEqual(scrubber.wanted(0, -1, { first: 0, count: 3 }, []), [0, 1, 2]);
  assert.deepEqual(scrubber.wanted(9, 1, { first: 0, count: 10 }, [70]), [9, 8, 7, 70]);
});

test("the cache keeps to its budget and lets the oldest go", () => {
  const gone = [];
  const cache = new scrubber.Cache(100, (thing) => gone.push(thing));
  cache.set(1, "a", 40);
  cache.set(2, "b", 40);
  cache.get(1); // used again: 2 is the oldest now
  cache.set(3, "c", 40);
  assert.deepEqual(gone, ["b"]);
  assert.equal(cache.bytes, 80);
  cache.clear();
  assert.deepEqual(gone, ["b", "a", "c"]);
  assert.equal(cache.bytes, 0);
});

test("a thing larger than the budget is kept while it is the only one", () => {
  const cache = new scrubber.Cache(10);
  cache.set(1, "a", 40);
  assert.equal(cache.get(1), "a");
});

test("positions: which sequence, and where a frame number stands", () => {
  const sequences = [{ first: 0, count: 3 }, { first: 3, count: 2 }];
  assert.equal(scrubber.sequenceAt(sequences, 2), sequences[0]);
  assert.equal(scrubber.sequenceAt(sequences, 3), sequences[1]);
  const frames = Int32Array.of(0, 2, 4, 10, 11);
  assert.equal(scrubber.positionOf(frames, sequences[0], 4), 2);
  assert.equal(scrubber.positionOf(frames, sequences[1], 4), -1);
});

test("the size of one picture corrects the guess for its sequence, and no other size", () => {
  const sequences = [{ first: 0, count: 3 }, { first: 3, count: 1 }];
  const size = Int32Array.of(80, 60, 80, 60, 70, 70, 80, 60);
  assert.equal(scrubber.learnSize({ size, sequences }, 1, [100, 50]), true);
  assert.deepEqual([...size], [100, 50, 100, 50, 70, 70, 80, 60]);
  assert.equal(scrubber.learnSize({ size, sequences }, 0, [100, 50]), false);
});

test("overlap: half covered, touching, apart", () => {
  assert.equal(scrubber.overlap([0, 0, 10, 10], [0, 0, 10, 5]), 0.5);
  assert.equal(scrubber.overlap([0, 0, 10, 10], [10, 0, 10, 10]), 0);
  assert.equal(scrubber.overlap([0, 0, 10, 10], [50, 50, 1, 1]), 0);
});

test("a track's course has a hole where it has no box, and no overlap at its entry", () => {
  assert.deepEqual([...scrubber.series(set, 0, "left", street)], [0, 5, NaN]);
  const shared = scrubber.series(set, 0, "overlap", street);
  assert.ok(Number.isNaN(shared[0]));
  assert.equal(shared[1].toFixed(4), (50 / 150).toFixed(4));
});

test("the course shown suits the finding", () => {
  assert.equal(scrubber.measureFor("off_course", "Its bottom edge is 41 px too high."), "bottom");
  assert.equal(scrubber.measureFor("low_overlap", ""), "overlap");
  assert.equal(scrubber.measureFor("size_jump", ""), "area");
  assert.equal(scrubber.measureFor("gap", ""), "height");
});

test("a finding is matched by its object, and by its sides where the object is doubled", () => {
  const doubled = { ...set, object: Int32Array.of(0, 0, 0) };
  const finding = { position: 0, object: 0, box: [2, 0, 10, 10] };
  assert.equal(scrubber.rowOf(doubled, finding), 1);
  assert.equal(scrubber.rowOf(set, { ...finding, object: 1 }), 1);
  assert.equal(scrubber.rowOf(set, { position: 2, object: 0, box: null }), -1);
  assert.equal(scrubber.rowOf(set, { position: 0, object: -1, box: [0, 0, 10, 10] }), 0);
});

test("of boxes over each other the smallest is picked", () => {
  const nested = { ...set, sides: Float32Array.of(0, 0, 100, 100, 40, 40, 10, 10, 0, 0, 1, 1) };
  assert.equal(scrubber.hit(nested, [0, 1], [45, 45]), 1);
  assert.equal(scrubber.hit(nested, [0, 1], [5, 5]), 0);
  assert.equal(scrubber.hit(nested, [0, 1], [500, 5]), -1);
});

test("corners and edges are found on the screen, dragged on the picture, and may cross", () => {
  const box = [10, 10, 20, 20];
  const view = { scale: 2, x: 0, y: 0 };
  assert.equal(scrubber.gripAt(box, view, [61, 59]), "se");
  assert.equal(scrubber.gripAt(box, view, [40, 40]), null);
  assert.equal(scrubber.gripAt(box, view, [23, 40]), "w");
  assert.equal(scrubber.gripAt(box, view, [40, 62]), "s");
  assert.equal(scrubber.gripAt(box, view, [75, 62]), null);
  assert.deepEqual(scrubber.dragGrip(box, "se", [40, 50]), [10, 10, 30, 40]);
  assert.deepEqual(scrubber.dragGrip(box, "nw", [40, 50]), [30, 30, 10, 20]);
  assert.deepEqual(scrubber.dragGrip(box, "w", [4, 99]), [4, 10, 26, 20]);
  assert.deepEqual(scrubber.dragGrip(box, "n", [99, 40]), [10, 30, 20, 10]);
});

test("arrow keys move a box or its lower right corner, which stays one", () => {
  assert.deepEqual(scrubber.nudge([5, 5, 10, 10], -1, 0, false), [4, 5, 10, 10]);
  assert.deepEqual(scrubber.nudge([5, 5, 1, 10], -1, 1, true), [5, 5, 1, 11]);
});

const findings = [
  { index: 0, position: 9, rule: 0, severity: "error" }, { index: 1, position: 2, rule: 1, severity: "note" },
  { index: 2, position: 5, rule: 0, severity: "warning" },
];

test("the queue: the worst first or by time, without hidden rules", () => {
  const order = (list) => list.map(({ index }) => index);
  assert.deepEqual(order(scrubber.queue(findings, false)), [0, 1, 2]);
  assert.deepEqual(order(scrubber.queue(findings, true)), [1, 2, 0]);
  assert.deepEqual(order(scrubber.queue(findings, true, new Set([0]))), [1]);
});

test("next and previous finding go round; the next open one skips what is judged", () => {
  assert.equal(scrubber.neighbour(findings, 2, 1).index, 0);
  assert.equal(scrubber.neighbour(findings, undefined, 1).index, 0);
  assert.equal(scrubber.neighbour(findings, undefined, -1).index, 2);
  assert.equal(scrubber.neighbour([], 0, 1), null);
  assert.equal(scrubber.nextOpen(findings, 0, { 0: {}, 1: {} }).index, 2);
  assert.equal(scrubber.nextOpen(findings, 2, { 2: {} }).index, 0);
  assert.equal(scrubber.nextOpen(findings, 0, { 0: {}, 1: {}, 2: {} }), null);
});

test("verdicts: given, given again, and taken back one by one", () => {
  let state = { judged: {}, history: [] };
  state = scrubber.judge(state, { do: "verdict", finding: 1, verdict: "fine" });
  state = scrubber.judge(state, { do: "verdict", finding: 1, verdict: "mistake", corrected: [1, 2, 3, 4] });
  assert.deepEqual(state.judged[1], { verdict: "mistake", corrected: [1, 2, 3, 4], note: "" });
  state = scrubber.judge(state, { do: "undo" });
  assert.equal(state.judged[1].verdict, "fine");
  state = scrubber.judge(state, { do: "undo" });
  assert.deepEqual(state, { judged: {}, history: [] });
  assert.equal(scrubber.judge(state, { do: "undo" }), state);
});

test("progress is told in words", () => {
  const judged = { 0: { verdict: "mistake" }, 2: { verdict: "unsure" } };
  assert.equal(scrubber.progress(findings, judged).words, "2 of 3 reviewed, 1 mistake");
  assert.equal(scrubber.progress(findings, {}).words, "0 of 3 reviewed, 0 mistakes");
  const more = [...findings, { index: "x", position: 3, severity: "seen", seen: {} }];
  assert.equal(scrubber.progress(more, judged).words, "2 of 3 reviewed, 1 mistake, 1 more seen");
  assert.equal(scrubber.nextOpen(more, 2, { 0: {}, 1: {}, 2: {} }), null); // it has its verdict
});

test("a timeline's columns tell the worst severity and how many", () => {
  const cells = scrubber.bins([...findings, { index: 3, position: 9, severity: "note" }], { first: 0, count: 10 }, 10);
  assert.deepEqual(cells.map(({ column, count, severity }) => [column, count, severity]), [
    [2, 1, "note"], [5, 1, "warning"], [9, 2, "error"],
  ]);
  assert.deepEqual(scrubber.bins(findings, { first: 20, count: 5 }, 10), []);
});

test("keys, in either case", () => {
  const key = (name, more = {}) => scrubber.keyAction({ key: name, ...more });
  assert.deepEqual(key("ArrowRight"), { do: "step", by: 1 });
  assert.deepEqual(key("ArrowLeft", { shiftKey: true }), { do: "step", by: -10 });
  assert.deepEqual(key("N", { shiftKey: true }), { do: "finding", by: 1 });
  assert.deepEqual(key("1"), { do: "verdict", verdict: "mistake" });
  assert.deepEqual(key("z"), { do: "zoom-to" });
  assert.deepEqual(key("B", { shiftKey: true }), { do: "box", by: -1 });
  assert.deepEqual(key("m"), { do: "mark" });
  assert.deepEqual(key("z", { ctrlKey: true }), { do: "undo" });
  assert.equal(key("s", { ctrlKey: true }), null); // saving the notebook stays the notebook's
  assert.equal(key("q"), null);
  assert.deepEqual(key("ArrowUp", { altKey: true, shiftKey: true }), { do: "nudge", dx: 0, dy: -1, resize: true });
});

test("colours repeat after the palette; a box without a track is grey", () => {
  assert.equal(scrubber.colourOf(0), scrubber.colourOf(scrubber.PALETTE.length));
  assert.equal(scrubber.colourOf(-1), "#E8E8E8");
  assert.equal(new Set(scrubber.PALETTE).size, scrubber.PALETTE.length);
});

test("luminance of what computed styles write", () => {
  assert.equal(scrubber.luminance("rgb(255, 255, 255)"), 1);
  assert.equal(scrubber.luminance("rgb(0, 0, 0)"), 0);
  assert.equal(scrubber.luminance("rgba(0, 0, 0, 0)"), null);
});

test("a ledger line has the fields Python reads, and null for what is unknown", () => {
  const data = {
    schema: 1, fingerprint: "abc", sequences: [street], frame: Int32Array.of(7, 8, 9),
    objects: { track: ["car:1"] }, annotators: ["ann"], rules: ["gap"], labels: ["car"],
  };
  const finding = { position: 1, object: 0, label: 0, annotator: 0, rule: 0, score: NaN, box: null };
  const entry = { verdict: "mistake", corrected: [1, 2, 3, 4], note: "hidden" };
  const line = scrubber.ledgerLine(data, finding, entry, "ben", new Date(0), "x");
  assert.deepEqual(line, {
    schema: 1, id: "x", sequence: "street", annotator: "ann", track: "car:1", rule: "gap", frame: 8,
    score: null, verdict: "mistake", left: null, top: null, width: null, height: null,
    corrected_left: 1, corrected_top: 2, corrected_width: 3, corrected_height: 4,
    label: "car", corrected_label: null, corrected_track: null, onward: false,
    note: "hidden", reviewer: "ben", time: "1970-01-01T00:00:00.000Z", fingerprint: "abc",
  });
});

test("what a reviewer saw is a finding among the others, and a line of the ledger", () => {
  const data = {
    schema: 1, fingerprint: "abc", sequences: [street], frame: Int32Array.of(7, 8, 9), sets: [set],
    objects: { track: ["car:1", "car:1"], sequence: [0, 0] }, annotators: ["ann", "ben"],
    rules: ["gap", "seen"], labels: ["car"],
  };
  const entry = {
    id: "x", rule: "seen_wrong_label", sequence: "street", frame: 7, annotator: "ben", track: "car:1",
    label: "car", left: 2, top: 0, width: 10, height: 10, corrected_left: null, corrected_top: null,
    corrected_width: null, corrected_height: null, corrected_label: "bus", corrected_track: null, note: "Two decks.",
  };
  const finding = scrubber.asFinding(data, entry);
  assert.equal(scrubber.rowOf(set, finding), 1); // the second annotator's, of the same name
  assert.equal(finding.reason, "The label is wrong, should be bus. Two decks.");
  assert.deepEqual([finding.box, finding.expected, finding.severity], [[2, 0, 10, 10], null, "seen"]);
  assert.equal(scrubber.asFinding(data, { ...entry, frame: 99 }).position, -1);
  const other = { ...entry, rule: "seen_wrong_identity", corrected_label: null, corrected_track: "car:2", onward: true, note: "" };
  assert.equal(scrubber.asFinding(data, other).reason, "It is another object, should be car:2 from here on.");
  assert.equal(scrubber.asFinding(data, { ...other, onward: false }).reason, "It is another object, should be car:2.");
  const line = scrubber.seenLine(data, entry, "eve", new Date(0));
  assert.deepEqual([line.id, line.verdict, line.score, line.reviewer], ["x", "mistake", null, "eve"]);
});

test("an object without a name gets the next one in the way of the others", () => {
  assert.equal(scrubber.newName(["Car:1", "Car:12", "Person:3"], "Car"), "Car:13");
  assert.equal(scrubber.newName(["Car:1"], "Bus"), "Bus:1");
  assert.equal(scrubber.newName(["7", "31"], "Pedestrian"), "32");
  assert.equal(scrubber.newName([], "Car"), "Car:1");
});

test("arrays are read wherever they start in their buffer", () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setInt32(1, 42, true);
  assert.deepEqual([...scrubber.asNumbers(new DataView(bytes.buffer, 1, 4), Int32Array)], [42]);
  assert.deepEqual([...scrubber.asNumbers(bytes.buffer.slice(0, 8), Int32Array)].length, 2);
});
