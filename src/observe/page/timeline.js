"use strict";
// Numbers as people read them, the same as in the text report.
const format = (() => {
  const three = (value) => value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  const two = (value) => String(value).padStart(2, "0");
  return {
    time(us) {
      if (us < 1000) return Math.round(us) + " µs";
      if (us < 1e6) return three(us / 1e3) + " ms";
      if (us < 1e8) return three(us / 1e6) + " s";
      const seconds = Math.floor(us / 1e6);
      const clock = Math.floor(seconds / 60) % 60;
      return seconds < 3600 ? clock + ":" + two(seconds % 60)
        : Math.floor(seconds / 3600) + ":" + two(clock) + ":" + two(seconds % 60);
    },
    bytes(count) {
      const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
      let unit = 0;
      while (count >= 1024 && unit < 5) { count /= 1024; ++unit; }
      return three(count) + " " + units[unit];
    },
    count: (count) => count.toLocaleString("en-US"),
    ratio: (ratio) => ratio ? three(ratio) + "×" : "–",
    percent: (part, whole) => whole > 0 ? Math.round(100 * part / whole) + "%" : "–",
  };
})();

const attemptStates = ["running", "counted", "came too late", "failed", "stopped", "lost with its executor"];

// The timeline of attempts on a canvas: a row for each slot, grouped by executor. Feed it with add(), show() and
// setRunning(); whatever is drawn costs no more than there are pixels.
function makeTimeline(frame, tools, tip) {
  const canvas = frame.querySelector("canvas");
  const context = canvas.getContext("2d");
  const RUNNING = 0, COUNTED = 1, FAILED = 3, LOST = 5;
  const left = 176, top = 26;

  const lanes = new Map();   // executor id -> {executor, rows: [[bar…]…], running: [[bar…]…]}
  const stages = new Map();  // "job.stage" -> {index, name}
  const hidden = new Set();
  let rows = [];
  let end = 1;
  let view = {from: 0, to: 1};
  let whole = true;  // the view follows the run's end
  let drag = null, scale = 1, width = 0, rowHeight = 16;

  const laneOf = (id) => {
    if (!lanes.has(id)) lanes.set(id, {executor: {id, host: "", lost: -1, slots: 0}, rows: [], running: []});
    return lanes.get(id);
  };
  const keyOf = (job, stage) => job + "." + stage;
  const stageOf = (key) => {
    if (!stages.has(key)) stages.set(key, {index: stages.size, name: "", label: "stage " + key.split(".")[1]});
    return stages.get(key);
  };

  function clear() { for (const lane of lanes.values()) lane.rows = []; }
  function add(bars) {
    for (let i = 0; i < bars.start.length; ++i) {
      const row = laneOf(bars.executor[i]).rows;
      (row[bars.slot[i]] ||= []).push({
        stage: keyOf(bars.job[i], bars.stage[i]), partition: bars.partition[i], attempt: bars.attempt[i],
        tasks: bars.tasks[i], state: bars.state[i], backup: bars.backup[i], start: bars.start[i],
        end: bars.start[i] + bars.took[i], read: bars.read[i], written: bars.written[i], spilled: bars.spilled[i],
      });
      stageOf(keyOf(bars.job[i], bars.stage[i]));
    }
  }
  function setRunning(running, now) {
    for (const lane of lanes.values()) lane.running = [];
    for (const [job, stage, partition, attempt, executor, slot, start, backup, progress] of running) {
      stageOf(keyOf(job, stage));
      laneOf(executor).running[slot] = {stage: keyOf(job, stage), partition, attempt, tasks: 1, state: RUNNING, backup,
                                        start, end: now, progress, read: 0, written: 0, spilled: 0};
    }
  }
  function setExecutors(executors) {
    for (const executor of executors) laneOf(executor.id).executor = executor;
  }
  function setStage(job, stage, name) {
    stageOf(keyOf(job, stage)).name = name;
  }
  function show(now) {
    end = Math.max(now, 1);
    if (whole) view = {from: 0, to: end};
    rows = [];
    for (const lane of [...lanes.values()].sort((a, b) => a.executor.id - b.executor.id)) {
      lane.first = rows.length;
      lane.count = Math.max(lane.executor.slots, lane.rows.length, lane.running.length, 1);
      for (let slot = 0; slot < lane.count; ++slot) rows.push({lane, bars: lane.rows[slot] || [], running: lane.running[slot]});
    }
    addToggles();
    resize();
  }

  const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const x = (at) => left + (at - view.from) / (view.to - view.from) * (width - left);
  const at = (px) => view.from + Math.max(0, px - left) / (width - left) * (view.to - view.from);

  // A step of 1, 2 or 5 times a power of ten that gives a label about every 110 pixels.
  function tickStep() {
    const least = (view.to - view.from) * 110 / Math.max(width - left, 110);
    const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least) || 10 * power;
  }

  function drawAxis(colours) {
    context.fillStyle = colours.panel;
    context.fillRect(left, 0, width - left, top);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const step = tickStep();
    for (let tick = Math.ceil(view.from / step) * step; tick <= view.to; tick += step) {
      const px = Math.round(x(tick)) + 0.5;
      context.strokeStyle = colours.line;
      context.beginPath();
      context.moveTo(px, top);
      context.lineTo(px, top + rows.length * rowHeight);
      context.stroke();
      if (px < width - 52) {
        context.fillStyle = colours.quiet;
        context.fillText(format.time(Math.round(tick)), px + 4, top / 2);
      }
    }
  }

  function drawLanes(colours) {
    let band = false;
    for (const lane of lanes.values()) {
      const y = top + lane.first * rowHeight, height = lane.count * rowHeight;
      if (band) {
        context.fillStyle = colours.page;
        context.fillRect(left, y, width - left, height);
      }
      band = !band;
      context.fillStyle = colours.text;
      context.font = "12px system-ui, sans-serif";
      context.textBaseline = "middle";
      if (height >= 12) {
        const host = lane.executor.host ? " · " + lane.executor.host : "";
        context.fillText(("executor " + lane.executor.id + host).slice(0, 28), 8, y + Math.min(height / 2, 10), left - 16);
      }
      if (lane.executor.lost >= 0 && lane.executor.lost <= view.to) {
        context.fillStyle = colours.line;
        context.fillRect(Math.max(x(lane.executor.lost), left), y, width, height);
      }
    }
  }

  function firstVisible(bars) {
    let low = 0, high = bars.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bars[middle].end < view.from) low = middle + 1; else high = middle;
    }
    return low;
  }

  function drawBar(bar, y, gap, colours) {
    const from = Math.max(x(bar.start), left);
    const to = Math.max(Math.min(x(bar.end), width), from + 1);
    const colour = bar.state === COUNTED || bar.state === RUNNING ? colours.stages[stageOf(bar.stage).index % 8]
      : bar.state === FAILED || bar.state === LOST ? colours.bad : colours.other;
    context.globalAlpha = bar.state === RUNNING ? 0.45 : 1;
    context.fillStyle = colour;
    context.fillRect(from, y + gap, Math.max(to - from - (to - from > 3 ? 1 : 0), 1), rowHeight - 2 * gap);
    context.globalAlpha = 1;
    if (bar.backup && to - from > 3) {
      context.fillStyle = colours.panel;
      context.fillRect(from, y + gap, 2, rowHeight - 2 * gap);
    }
    return {to, colour};
  }

  function drawAttempts(colours) {
    rows.forEach((row, index) => {
      const y = top + index * rowHeight, gap = rowHeight > 6 ? 1 : 0;
      let drawn = -1, drawnColour = "";
      for (let i = firstVisible(row.bars); i < row.bars.length; ++i) {
        const bar = row.bars[i];
        if (bar.start > view.to) break;
        if (hidden.has(bar.stage)) continue;
        // Bars that end on a pixel that has their colour already are there.
        if (x(bar.end) <= drawn + 0.5 && bar.state === COUNTED && drawnColour === colours.stages[stageOf(bar.stage).index % 8]) continue;
        const {to, colour} = drawBar(bar, y, gap, colours);
        drawn = to;
        drawnColour = colour;
      }
      if (row.running && !hidden.has(row.running.stage) && row.running.start <= view.to) drawBar(row.running, y, gap, colours);
    });
  }

  function draw() {
    const colours = {
      page: colourOf("--page"), panel: colourOf("--panel"), line: colourOf("--line"), text: colourOf("--text"),
      quiet: colourOf("--quiet"), bad: colourOf("--bad"), other: colourOf("--other"), accent: colourOf("--accent"),
      stages: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => colourOf("--s" + i)),
    };
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = colours.panel;
    context.fillRect(0, 0, width, top + rows.length * rowHeight);
    drawLanes(colours);
    drawAxis(colours);
    drawAttempts(colours);
    if (drag) {
      context.globalAlpha = 0.18;
      context.fillStyle = colours.accent;
      context.fillRect(Math.min(drag.from, drag.to), top, Math.abs(drag.to - drag.from), rows.length * rowHeight);
      context.globalAlpha = 1;
    }
  }

  let pending = false;
  function redraw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => { pending = false; draw(); });
  }

  function resize() {
    scale = window.devicePixelRatio || 1;
    width = frame.clientWidth;
    rowHeight = Math.max(3, Math.min(20, Math.floor(520 / Math.max(rows.length, 1))));
    const height = top + rows.length * rowHeight;
    // Browsers refuse canvases beyond some 16,000 pixels.
    scale = Math.min(scale, 16000 / height);
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
      canvas.style.height = height + "px";
      [canvas.width, canvas.height] = pixels;
    }
    draw();
  }

  function zoom(factor, centre = (view.from + view.to) / 2) {
    const span = Math.min(end, Math.max((view.to - view.from) * factor, 10));
    const share = (centre - view.from) / (view.to - view.from);
    move(centre - span * share, span);
  }
  function move(from, span) {
    from = Math.max(0, Math.min(from, end - span));
    whole = span >= end;
    view = {from, to: from + span};
    redraw();
  }

  function barAt(px, py) {
    const row = rows[Math.floor((py - top) / rowHeight)];
    if (!row || px < left || py < top) return null;
    const when = at(px), pixel = (view.to - view.from) / (width - left);
    const running = row.running;
    if (running && running.start <= when + pixel && !hidden.has(running.stage)) return running;
    let best = null;
    for (let i = firstVisible(row.bars); i < row.bars.length; ++i) {
      const bar = row.bars[i];
      if (bar.start > when + pixel) break;
      if (bar.end >= when - pixel && !hidden.has(bar.stage)) best = bar;
    }
    return best;
  }

  function showTip(event) {
    const box = canvas.getBoundingClientRect();
    const bar = barAt(event.clientX - box.left, event.clientY - box.top);
    tip.hidden = !bar;
    if (!bar) return;
    const stage = stageOf(bar.stage);
    const what = bar.tasks > 1 ? bar.tasks + " tasks in a row from task " + bar.partition
      : "task " + bar.partition + ", attempt " + bar.attempt + ": " + attemptStates[bar.state] + (bar.backup ? " (backup)" : "");
    const lines = [stage.label + " " + what, stage.name,
                   "from " + format.time(bar.start) + ", " + (bar.state === RUNNING ? "for " : "took ") + format.time(bar.end - bar.start)];
    if (bar.state !== RUNNING) lines.push("read " + format.bytes(bar.read) + ", wrote " + format.bytes(bar.written) + (bar.spilled ? ", spilled " + format.bytes(bar.spilled) : ""));
    else if (bar.progress) lines.push(Math.round(bar.progress / 1e4) + "% done");
    tip.textContent = lines.join("\n");
    tip.style.left = Math.max(0, Math.min(event.clientX + 14, window.innerWidth - 430)) + "px";
    tip.style.top = Math.min(event.clientY + 14, window.innerHeight - 120) + "px";
  }

  canvas.addEventListener("pointerdown", (event) => {
    const px = event.clientX - canvas.getBoundingClientRect().left;
    drag = {from: Math.max(px, left), to: Math.max(px, left)};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return showTip(event);
    tip.hidden = true;
    drag.to = Math.max(event.clientX - canvas.getBoundingClientRect().left, left);
    redraw();
  });
  canvas.addEventListener("pointerup", () => {
    if (!drag) return;
    const {from, to} = drag;
    drag = null;
    if (Math.abs(to - from) > 4) {
      const first = at(Math.min(from, to));
      move(first, Math.max(at(Math.max(from, to)) - first, 10));
    }
    redraw();
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("dblclick", () => move(0, end));
  frame.addEventListener("keydown", (event) => {
    const span = view.to - view.from;
    const keys = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => move(0, end),
      ArrowLeft: () => move(view.from - span / 5, span), ArrowRight: () => move(view.from + span / 5, span),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  function button(text, action) {
    const element = document.createElement("button");
    element.type = "button";
    element.append(text);
    element.addEventListener("click", () => action(element));
    tools.append(element);
    return element;
  }
  button("Zoom in", () => zoom(0.5));
  button("Zoom out", () => zoom(2));
  button("Whole run", () => move(0, end));
  function addToggles() {
    for (const [key, stage] of stages) {
      if (stage.toggle) {
        stage.toggle.title = stage.name;
        continue;
      }
      if (stage.index >= 24) continue;
      stage.toggle = button(stage.label, (element) => {
        if (!hidden.delete(key)) hidden.add(key);
        element.setAttribute("aria-pressed", String(!hidden.has(key)));
        redraw();
      });
      stage.toggle.setAttribute("aria-pressed", "true");
      const mark = document.createElement("span");
      mark.className = "key";
      mark.style.background = "var(--s" + stage.index % 8 + ")";
      stage.toggle.prepend(mark);
    }
  }
  const slowest = (count) => {
    const found = [];
    for (const lane of lanes.values()) {
      for (const row of lane.rows) {
        for (const bar of row || []) {
          if (bar.tasks > 1) continue;
          const took = bar.end - bar.start;
          if (found.length === count && took <= found[count - 1].took) continue;
          found.push({took, bar, executor: lane.executor});
          found.sort((a, b) => b.took - a.took);
          found.length = Math.min(found.length, count);
        }
      }
    }
    return found;
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => requestAnimationFrame(resize)).observe(frame);
  return {clear, add, setRunning, setExecutors, setStage, show, slowest, stageOf,
          bars: () => [...lanes.values()].reduce((sum, lane) => sum + lane.rows.reduce((n, row) => n + (row ? row.length : 0), 0), 0)};
}
