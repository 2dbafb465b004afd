"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run-data").textContent);
  const canvas = document.querySelector(".timeline canvas");
  if (!canvas) return;
  const frame = canvas.parentElement;
  const tools = document.querySelector(".tools");
  const tip = document.querySelector(".tip");
  const context = canvas.getContext("2d");
  const states = ["running", "counted", "succeeded too late", "failed", "stopped", "executor lost"];
  const counted = 1, failed = 3, lost = 5;
  const left = 168, top = 26;

  // Every attempt gets a row: the first of its executor's rows that is free when it starts.
  const attempts = [];
  run.stages.forEach((stage, index) => {
    for (let i = 0; i < stage.start.length; ++i) {
      attempts.push({stage: index, i, executor: stage.executor[i], state: stage.state[i],
                     start: stage.start[i], end: stage.start[i] + stage.took[i]});
    }
  });
  attempts.sort((a, b) => a.start - b.start);
  const lanes = new Map();
  for (const executor of run.executors) lanes.set(executor.id, {executor, rows: [], free: []});
  for (const attempt of attempts) {
    const lane = lanes.get(attempt.executor);
    if (!lane) continue;
    let row = lane.free.findIndex((free) => free <= attempt.start);
    if (row < 0) row = lane.free.push(0) - 1;
    lane.free[row] = attempt.end;
    (lane.rows[row] ||= []).push(attempt);
  }
  const rows = [];
  for (const lane of lanes.values()) {
    lane.first = rows.length;
    for (const row of lane.rows) rows.push({lane, attempts: row});
    if (lane.rows.length === 0) rows.push({lane, attempts: []});
  }

  const hidden = new Set();
  const end = Math.max(run.end, 1);
  let view = {from: 0, to: end};
  let drag = null;
  let scale = 1, width = 0, rowHeight = 16;

  const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const time = (us) => us < 1000 ? us + " us" : us < 1e6 ? (us / 1e3).toPrecision(3) + " ms"
    : us < 1e8 ? (us / 1e6).toPrecision(3) + " s"
    : Math.floor(us / 6e7) + ":" + String(Math.floor(us / 1e6) % 60).padStart(2, "0");
  const bytes = (count) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (count >= 1024 && unit < 4) { count /= 1024; ++unit; }
    return (unit ? count.toPrecision(3) : count) + " " + units[unit];
  };
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
      if (px < width - 46) {
        context.fillStyle = colours.quiet;
        context.fillText(time(Math.round(tick)), px + 4, top / 2);
      }
    }
  }

  function drawLanes(colours) {
    let band = false;
    for (const lane of lanes.values()) {
      const y = top + lane.first * rowHeight;
      const height = Math.max(lane.rows.length, 1) * rowHeight;
      if (band) {
        context.fillStyle = colours.page;
        context.fillRect(left, y, width - left, height);
      }
      band = !band;
      context.fillStyle = colours.text;
      context.font = "12px system-ui, sans-serif";
      if (height >= 12) {
        const host = lane.executor.host ? " " + lane.executor.host : "";
        context.fillText(("executor " + lane.executor.id + host).slice(0, 26), 8, y + Math.min(height / 2, 10), left - 16);
      }
      if (lane.executor.lost >= 0 && lane.executor.lost <= view.to) {
        context.fillStyle = colours.lost;
        context.fillRect(Math.max(x(lane.executor.lost), left), y, width, height);
      }
    }
  }

  function drawAttempts(colours) {
    rows.forEach((row, index) => {
      const y = top + index * rowHeight;
      const gap = rowHeight > 6 ? 1 : 0;
      let drawn = -1, drawnColour = "";
      for (const attempt of row.attempts) {
        if (attempt.end < view.from || hidden.has(attempt.stage)) continue;
        if (attempt.start > view.to) break;
        const from = Math.max(x(attempt.start), left);
        const to = Math.max(x(attempt.end), from + 1);
        const colour = attempt.state === counted ? colours.stages[attempt.stage % 8]
          : attempt.state === failed || attempt.state === lost ? colours.bad : colours.other;
        // Attempts that share a pixel are drawn once, so a hundred thousand of them cost no more than there are pixels.
        if (to <= drawn + 0.5 && colour === drawnColour) continue;
        context.fillStyle = colour;
        context.fillRect(from, y + gap, Math.max(to - from - (to - from > 3 ? 1 : 0), 1), rowHeight - 2 * gap);
        drawn = to;
        drawnColour = colour;
      }
    });
  }

  function draw() {
    const colours = {
      page: colourOf("--page"), panel: colourOf("--panel"), line: colourOf("--line"), text: colourOf("--text"),
      quiet: colourOf("--quiet"), bad: colourOf("--bad"), other: colourOf("--other"), accent: colourOf("--accent"),
      lost: colourOf("--line"), stages: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => colourOf("--s" + i)),
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
    rowHeight = Math.max(3, Math.min(18, Math.floor(520 / Math.max(rows.length, 1))));
    const height = top + rows.length * rowHeight;
    // Browsers refuse canvases beyond some 16,000 pixels.
    scale = Math.min(scale, 16000 / height);
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    draw();
  }

  function zoom(factor, centre = (view.from + view.to) / 2) {
    const span = Math.min(end, Math.max((view.to - view.from) * factor, 10));
    const share = (centre - view.from) / (view.to - view.from);
    move(centre - span * share, span);
  }
  function move(from, span) {
    from = Math.max(0, Math.min(from, end - span));
    view = {from, to: from + span};
    redraw();
  }

  function attemptAt(px, py) {
    const row = rows[Math.floor((py - top) / rowHeight)];
    if (!row || px < left || py < top) return null;
    const when = at(px), pixel = (view.to - view.from) / (width - left);
    let best = null;
    for (const attempt of row.attempts) {
      if (attempt.start > when + pixel) break;
      if (attempt.end >= when - pixel && !hidden.has(attempt.stage)) best = attempt;
    }
    return best;
  }

  function show(event) {
    const box = canvas.getBoundingClientRect();
    const attempt = attemptAt(event.clientX - box.left, event.clientY - box.top);
    tip.hidden = !attempt;
    if (!attempt) return;
    const stage = run.stages[attempt.stage], i = attempt.i;
    tip.textContent = [
      "stage " + stage.id + " task " + stage.partition[i] + ", attempt " + stage.attempt[i] + ": " + states[attempt.state],
      stage.name,
      "from " + time(attempt.start) + ", took " + time(attempt.end - attempt.start),
      "read " + bytes(stage.read[i]) + ", wrote " + bytes(stage.written[i]),
    ].join("\n");
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - 430) + "px";
    tip.style.top = Math.min(event.clientY + 14, window.innerHeight - 120) + "px";
  }

  canvas.addEventListener("pointerdown", (event) => {
    const px = event.clientX - canvas.getBoundingClientRect().left;
    drag = {from: Math.max(px, left), to: Math.max(px, left)};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return show(event);
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
  if (run.stages.length <= 24) {
    run.stages.forEach((stage, index) => {
      if (stage.start.length === 0) return;
      const toggle = button("stage " + stage.id, (element) => {
        if (!hidden.delete(index)) hidden.add(index);
        element.setAttribute("aria-pressed", String(!hidden.has(index)));
        redraw();
      });
      toggle.setAttribute("aria-pressed", "true");
      toggle.title = stage.name;
      const key = document.createElement("span");
      key.className = "key";
      key.style.background = "var(--s" + index % 8 + ")";
      toggle.prepend(key);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(resize).observe(frame);
  resize();
})();
