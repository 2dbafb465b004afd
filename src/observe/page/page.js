(() => {
  const $ = (id) => document.getElementById(id);
  const embedded = $("run-data");
  const timeline = makeTimeline($("timeline"), $("tools"), $("tip"));
  const jobs = new Map();  // id -> {data, element}
  let cursor = "";

  // An element with its attributes and children; children are nodes or text, and null is left out.
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined).map((child) =>
      child instanceof Node ? child : String(child)));
    return element;
  }
  const fill = (element, ...children) => element.replaceChildren(...children.flat().filter((child) => child !== null));
  const pill = (state) => h("span", {class: "badge " + state}, state);
  const column = (title, under, number) => h("th", {scope: "col", class: number ? "n" : null}, title,
    ...(under ? [h("br"), h("span", {class: "lower"}, under)] : []));
  const number = (text, hot) => h("td", {class: "n" + (hot ? " hot" : "")}, text);
  // Two figures of one kind, the second below the first.
  const pair = (first, second, hot, hotBelow) => h("td", {class: "n"}, h("span", {class: hot ? "hot" : null}, first),
    h("span", {class: "under" + (hotBelow ? " hot" : "")}, second));
  const table = (columns, rows, narrow) => h("table", {class: narrow ? "narrow" : null},
    h("thead", {}, h("tr", {}, columns)), h("tbody", {}, rows));
  const nothing = (text) => h("p", {class: "quiet"}, text);

  function fractionDone(stage) {
    const tasks = stage.tasks - stage.before;
    let fraction = tasks > 0 ? (stage.done - stage.before) / tasks : 1;
    const bytes = stage.bytesIn + stage.live;
    if (stage.input > 0 && stage.before === 0 && bytes > 0 && stage.done < stage.tasks) fraction = Math.max(fraction, bytes / stage.input);
    return Math.max(0, Math.min(fraction, 1));
  }
  const elapsed = (stage, now) => stage.started < 0 ? 0 : (stage.finished < 0 ? now : stage.finished) - stage.started;
  function timeLeft(stage, now) {
    const done = fractionDone(stage);
    if (stage.state !== "running" || done <= 0 || done >= 1) return "";
    return format.time(Math.max(1e6, elapsed(stage, now) * (1 - done) / done)) + " left";
  }

  function bar(stage) {
    const width = (part) => "width:" + (100 * part).toFixed(2) + "%";
    const done = fractionDone(stage);
    const running = stage.tasks > 0 ? Math.min(stage.running / stage.tasks, 1 - done) : 0;
    return h("div", {class: "bar " + stage.state, role: "progressbar", "aria-valuenow": Math.round(100 * done), "aria-valuemin": 0, "aria-valuemax": 100},
      h("i", {class: "done", style: width(done)}), h("i", {class: "now", style: width(running)}));
  }

  function shape(stage) {
    const most = Math.max(...stage.shape, 1);
    if (stage.shape.length < 2) return h("span", {class: "quiet"}, "–");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "hist");
    svg.setAttribute("width", 80);
    svg.setAttribute("height", 22);
    svg.setAttribute("aria-hidden", "true");
    stage.shape.forEach((count, i) => {
      if (!count) return;
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = 1.5 + 20.5 * count / most;
      rect.setAttribute("x", i * 4);
      rect.setAttribute("y", 22 - height);
      rect.setAttribute("width", 3);
      rect.setAttribute("height", height);
      svg.append(rect);
    });
    return h("span", {title: "Task times from " + format.time(stage.least) + " to " + format.time(stage.longest) + ", on a logarithmic axis"}, svg);
  }

  function tasksText(stage, now) {
    const parts = [stage.done === stage.tasks ? format.count(stage.tasks) + (stage.tasks === 1 ? " task" : " tasks")
      : format.count(stage.done) + " of " + format.count(stage.tasks)];
    if (stage.running) parts.push(format.count(stage.running) + " running");
    if (stage.again) parts.push(format.count(stage.again) + " made again");
    const left = timeLeft(stage, now);
    if (left) parts.push(left);
    const text = h("span", {class: "sub"}, parts.join(" · "));
    if (stage.failed) text.append(" · ", h("span", {class: "hot"}, format.count(stage.failed) + " failed"));
    return text;
  }

  function stageRow(job, stage, now) {
    const mark = timeline.stageOf(job.id + "." + stage.id).index % 8;
    const name = h("td", {class: "wide"}, h("span", {class: "stage-name"}, stage.name));
    const why = stage.pending || (stage.state === "skipped" || stage.state === "failed" ? stage.reason : "");
    if (why) name.append(h("span", {class: "why"}, why));
    const ran = stage.started >= 0;
    const cells = [
      h("th", {scope: "row"}, h("span", {class: "key", style: "background:var(--s" + mark + ")"}), stage.id),
      name,
      h("td", {class: "progress"}, bar(stage), tasksText(stage, now)),
      h("td", {class: stage.state}, stage.state),
    ];
    const none = () => number("–");
    const spent = ran ? format.time(elapsed(stage, now)) : "–";
    cells.push(number(spent));
    if (!stage.shape.length) {
      cells.push(none(), h("td", {}, ""), none());
    } else {
      cells.push(pair(format.time(stage.median), format.time(stage.longest)), h("td", {}, shape(stage)),
        pair(format.ratio(stage.timeSkew), format.ratio(stage.byteSkew), stage.timeSkew >= 3 && stage.longest > 2e5, stage.byteSkew >= 3));
    }
    if (!ran) {
      cells.push(none(), none(), none(), none());
    } else {
      cells.push(pair(format.count(stage.recordsIn), format.count(stage.recordsOut)),
        pair(format.bytes(stage.bytesIn + stage.live), format.bytes(stage.bytesOut)),
        pair(format.bytes(stage.shuffleRead), format.bytes(stage.shuffleWritten)),
        stage.spills ? pair(format.bytes(stage.spilled), format.count(stage.spills) + (stage.spills === 1 ? " spill" : " spills"), true) : none());
    }
    return h("tr", {}, cells);
  }

  const stageColumns = () => [column("Stage"), column("Operations"), column("Progress"), column("State"), column("Elapsed", "", true),
    column("Median task", "longest", true), column("Task times"), column("Time skew", "byte skew", true),
    column("Records in", "out", true), column("Bytes read", "written", true), column("Shuffle read", "written", true),
    column("Spilled", "", true)];

  function drawJob(entry, now) {
    const job = entry.data;
    const open = entry.element ? entry.element.open : job.state !== "succeeded" || jobs.size <= 4;
    const planOpen = entry.element && entry.element.querySelector(".plan[open]") !== null;
    const tasks = job.stages.reduce((sum, stage) => sum + stage.tasks - stage.before, 0);
    const done = job.stages.reduce((sum, stage) => sum + stage.done - stage.before, 0);
    const element = h("details", {class: "job", open},
      h("summary", {}, "Job " + job.id + " · " + job.name + " ", pill(job.state),
        h("span", {class: "sub"}, " " + format.time((job.ended < 0 ? now : job.ended) - job.submitted) + " · " + format.count(done) + " of " + format.count(tasks) + " tasks")));
    if (job.state === "failed") element.append(h("p", {class: "error"}, job.cause + ": " + job.reason));
    const facts = [];
    if (job.inputs) facts.push("Input: " + format.count(job.inputs) + (job.inputs === 1 ? " file, " : " files, ") + format.bytes(job.inputBytes) + ", " + job.input + (job.inputs > 1 ? " and more" : ""));
    if (job.output) facts.push("Output: " + job.output);
    if (facts.length) element.append(nothing(facts.join(" · ")));
    element.append(h("div", {class: "scroll"}, table(stageColumns(), job.stages.map((stage) => stageRow(job, stage, now)))));
    if (job.plan) element.append(h("details", {class: "plan", open: planOpen}, h("summary", {}, "Plan and lineage"), h("pre", {}, job.plan)));
    if (entry.element) entry.element.replaceWith(element); else $("jobs").prepend(element);
    entry.element = element;
  }

  function drawCards(data) {
    let tasks = 0, done = 0, attempts = 0, failed = 0, running = 0;
    for (const {data: job} of jobs.values()) {
      for (const stage of job.stages) {
        tasks += stage.tasks - stage.before;
        done += stage.done - stage.before;
        attempts += stage.attempts;
        failed += stage.failed;
        running += stage.running;
      }
    }
    const seconds = Math.max(data.slots.withTasks / 1e6, 1e-6);
    const rate = (bytes) => bytes ? format.bytes(bytes / seconds) + "/s" : "nothing";
    const sum = data.totals;
    const card = (title, value, more, hot) => h("div", {}, h("dt", {}, title), h("dd", {}, value, h("small", {class: hot ? "hot" : null}, more)));
    fill($("cards"),
      card("Tasks", done === tasks ? format.count(tasks) : format.count(done) + " / " + format.count(tasks),
        data.over ? format.count(attempts) + " attempts" : format.count(running) + " running"),
      card("Failed or lost", format.count(failed), failed ? "attempts; see below" : "no attempt", failed > 0),
      card("Read", format.bytes(sum.bytesIn), rate(sum.bytesIn)),
      card("Written", format.bytes(sum.bytesOut), rate(sum.bytesOut)),
      card("Shuffled", format.bytes(sum.shuffleWritten), format.bytes(sum.shuffleRead) + " read back"),
      card("Spilled", format.bytes(sum.spilled), sum.spills ? format.count(sum.spills) + " spills" : "no spill", sum.spills > 0),
      card("Largest task", format.bytes(sum.memory), "of memory"),
      card("Slots computing", format.percent(data.slots.cpu, data.slots.total), "of " + format.time(data.slots.total) + " slot time"));
  }

  function drawHead(data) {
    const run = data.run;
    $("command").textContent = run.command || "Millrace run";
    document.title = (data.live && !data.over ? "▶ " : "") + (run.command || "Millrace run");
    const facts = [pill(data.state), h("span", {}, format.time(data.now))];
    if (run.started > 0) facts.push(h("span", {}, new Date(run.started / 1000).toLocaleString()));
    if (run.host) facts.push(h("span", {}, run.host + ", " + run.cores + " cores"));
    fill($("facts"), facts);
    $("message").hidden = !data.message;
    $("message").textContent = data.message;
  }

  function executorState(executor, now) {
    if (executor.draining) return h("td", {class: "wide interrupted"}, (executor.lost >= 0 ? "given back after " + format.time(executor.lost) : "leaving") + (executor.drainingReason ? ": " + executor.drainingReason : ""));
    if (executor.lost >= 0) return h("td", {class: "wide failed"}, "lost after " + format.time(executor.lost) + (executor.lostReason ? ": " + executor.lostReason : ""));
    if (executor.asideUntil >= 0) return h("td", {class: "wide interrupted"}, "set aside until " + format.time(executor.asideUntil) + ": " + executor.asideReason);
    if (executor.running) return h("td", {class: "running"}, "running " + executor.running);
    return h("td", {class: "waiting"}, "idle");
  }
  function drawExecutors(data) {
    const rows = data.executors.slice(0, 500).map((executor) => {
      const there = (executor.lost >= 0 ? executor.lost : data.now) - executor.added;
      const share = there > 0 && executor.slots ? Math.min(executor.busy / (there * executor.slots), 1) : 0;
      const where = executor.host + (executor.rack ? " · " + executor.rack : "");
      const aside = executor.timesAside ? " (set aside " + executor.timesAside + "×)" : "";
      return h("tr", {}, h("th", {scope: "row"}, executor.id), h("td", {}, where + aside), executorState(executor, data.now),
        number(format.count(executor.slots)),
        h("td", {}, h("div", {class: "bar small"}, h("i", {class: "done", style: "width:" + (100 * share).toFixed(1) + "%"})), h("span", {class: "sub"}, format.percent(share, 1) + " busy")),
        number(format.count(executor.attempts)), number(format.count(executor.failed), executor.failed > 0),
        number(executor.lost >= 0 || data.over ? "–" : format.time(Math.max(0, data.now - executor.heard)) + " ago"));
    });
    fill($("executors"), rows.length === 0 ? nothing("None yet.") : table([column("Executor"), column("Host"), column("State"), column("Slots", "", true), column("Busy"),
      column("Attempts", "", true), column("Failed", "", true), column("Last heard", "", true)], rows),
      data.executors.length > 500 ? nothing("The first 500 of " + format.count(data.executors.length) + ".") : null);
  }

  function drawFailures(data) {
    const rows = data.executors.filter((executor) => executor.lost >= 0 && executor.lostReason && !executor.draining).map((executor) =>
      h("tr", {}, number(format.time(executor.lost)), h("td", {}, "executor " + executor.id + " was lost"), h("td", {}, executor.host), h("td", {}, "lost_node"), h("td", {class: "wide"}, executor.lostReason)));
    for (const failure of data.failures) {
      rows.push(h("tr", {}, number(format.time(failure.at)),
        h("td", {}, "stage " + failure.stage + " task " + failure.partition + " ", h("span", {class: "sub"}, "attempt " + failure.attempt)),
        h("td", {}, "executor " + failure.executor), h("td", {}, failure.cause), h("td", {class: "wide"}, failure.message)));
    }
    fill($("failures"), rows.length === 0 ? nothing("None.") : table([column("At", "", true), column("What"), column("Where"), column("Cause"), column("Message")], rows),
      data.failureCount > data.failures.length ? nothing("The first " + data.failures.length + " of " + format.count(data.failureCount) + " failures.") : null);
  }

  function drawTime(data) {
    const slots = data.slots;
    const parts = [["compute", "Computing", slots.cpu], ["wait", "Waiting for disk, memory, locks or the processor", slots.waiting],
      ["waste", "Attempts that do not count: failed, lost, stopped", slots.wasted], ["idle", "Slots without a task", slots.idle]];
    const stack = h("div", {class: "stack", "aria-hidden": "true"}, parts.filter((part) => part[2] > 0 && slots.total > 0).map(([style, , time]) =>
      h("i", {class: style, style: "width:" + (100 * time / slots.total).toFixed(2) + "%"})));
    fill($("time"), stack, table([column("Slot time"), column("Share", "", true), column("Time", "", true)], parts.map(([style, text, time]) =>
      h("tr", {}, h("td", {}, h("span", {class: "key " + style}), text), number(format.percent(time, slots.total)), number(format.time(time)))), true));
  }

  function drawPairs(id, left, right, pairs) {
    fill($(id), table([column(left), column(right, "", true)], pairs.map(([name, value]) => h("tr", {}, h("td", {}, name), number(value))), true));
  }

  function drawSlowest() {
    const rows = timeline.slowest(10).map(({bar, executor, took}) => {
      const stage = timeline.stageOf(bar.stage);
      return h("tr", {}, h("td", {}, stage.label + " task " + bar.partition + " ", h("span", {class: "sub"}, "attempt " + bar.attempt)),
        h("td", {class: "wide"}, stage.name), h("td", {}, executor.id + (executor.host ? " · " + executor.host : "")), h("td", {}, attemptStates[bar.state]),
        number(format.time(took)), number(format.bytes(bar.read)), number(format.bytes(bar.written)), number(bar.spilled ? format.bytes(bar.spilled) : "–"));
    });
    fill($("slowest"), rows.length === 0 ? nothing("None has ended.") : table([column("Task"), column("Operations"), column("Executor"), column("Outcome"),
      column("Took", "", true), column("Read", "", true), column("Written", "", true), column("Spilled", "", true)], rows));
  }

  function drawRest(data) {
    $("findings-section").hidden = data.findings.length === 0;
    fill($("findings"), data.findings.map((text) => h("li", {}, text)));
    const counters = Object.entries(data.totals.counters);
    $("counters-section").hidden = counters.length === 0;
    drawPairs("counters", "Counter", "Value", counters.map(([name, value]) => [name, format.count(value)]));
    const run = data.run;
    const options = Object.entries(run.options);
    if (run.processor) options.push(["processor", run.processor]);
    if (run.memory) options.push(["memory of the machine", format.bytes(run.memory)]);
    if (run.version) options.push(["Millrace", run.version]);
    drawPairs("options", "Name", "Value", options);
  }

  function update(data) {
    cursor = data.cursor;
    for (const job of data.jobs) {
      for (const stage of job.stages) timeline.setStage(job.id, stage.id, stage.name);
    }
    if (data.allBars) timeline.clear();
    timeline.add(data.bars);
    timeline.setExecutors(data.executors);
    timeline.setRunning(data.running, data.now);
    drawHead(data);
    for (const job of data.jobs) {
      if (!jobs.has(job.id)) jobs.set(job.id, {data: job, element: null});
      const entry = jobs.get(job.id);
      entry.data = job;
      drawJob(entry, data.now);
    }
    drawCards(data);
    drawExecutors(data);
    drawFailures(data);
    drawTime(data);
    drawSlowest();
    drawRest(data);
    timeline.show(data.now);
    document.body.dataset.state = data.state;
    document.body.dataset.bars = timeline.bars();
  }

  // The server answers when half a second has passed or the run is over.
  async function follow() {
    for (let failures = 0;;) {
      try {
        const answer = await fetch("data?after=" + cursor, {cache: "no-store"});
        if (!answer.ok) throw new Error(answer.status);
        const data = await answer.json();
        failures = 0;
        update(data);
        $("connection").textContent = data.over ? "· the run is over; this page stays as it is" : "· live";
        if (data.over) return;
      } catch (error) {
        if (++failures > 3) {
          $("connection").textContent = "· the process is gone; this is what it said last";
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  }

  if (embedded) {
    update(JSON.parse(embedded.textContent));
    $("connection").textContent = "· report of a run";
  } else {
    follow();
  }
})();
