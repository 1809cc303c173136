"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("replay").textContent);
  const { acts, events, words, days } = data;
  const SECTIONS = ["tokens", "open", "done", "taken", "dropped", "clocks", "data", "whose", "case"];
  const CLOCK = ["state", "colour", "left", "total", "over", "unit", "due", "provisional", "paused", "late"];
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? values[key] : all));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // Only text is ever put into the page: what people typed stays what they typed.
  function make(tag, about, ...inside) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(about || {})) {
      if (key === "class") node.className = value;
      else if (key === "style") Object.assign(node.style, value);
      else if (value !== undefined) node.setAttribute(key, value);
    }
    node.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
    return node;
  }
  const show = (id, ...nodes) => document.querySelector(`#${id} .body`).replaceChildren(...nodes);
  const two = (n) => String(n).padStart(2, "0");
  function wall(at) {
    const local = new Date(at + data.offset);
    return `${local.getUTCFullYear()}-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())} ` +
      `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}`;
  }

  // --- states: each act says only what it changed

  const states = [];
  acts.reduce((before, act) => {
    const after = { ...before };
    for (const [section, changes] of Object.entries(act.change)) {
      const held = new Map(before[section]);
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) held.delete(key);
        else held.set(key, value);
      }
      after[section] = held;
    }
    states.push(after);
    return after;
  }, Object.fromEntries(SECTIONS.map((section) => [section, new Map()])));

  const clockOf = (row) => Object.fromEntries(CLOCK.map((key, n) => [key, row[n]]));
  const trackOf = new Map(data.tracks.map((track) => [track.clock, track]));
  const unitName = (unit) => data.units[unit] || unit;

  // --- diagrams

  const MARKS = ["s-at", "s-done", "s-taken", "s-dropped", "s-yellow", "s-red", "s-now",
    "s-task", "s-event", "s-race", "s-scope", "s-multi", "s-incident", "s-undo", "s-join"];
  const figures = new Map([...document.querySelectorAll(".chart")].map((one) => [Number(one.dataset.chart), one]));
  const elements = new Map();
  for (const [number, figure] of figures) {
    for (const group of figure.querySelectorAll("[data-element]")) {
      group.classList.remove(...MARKS);
      elements.set(`${number}:${group.dataset.element}`, group);
    }
  }
  const SVG = "http://www.w3.org/2000/svg";
  let marked = [];
  let badges = [];

  function mark(place, ...classes) {
    const group = elements.get(place);
    if (group) {
      group.classList.add(...classes);
      marked.push(group);
    }
    return group;
  }
  const boxes = new Map();
  function badge(group, kind, text) {
    badges.push([group, kind, text]);
  }
  function drawBadges() {
    // Measured all at once, and once: what is measured must be laid out.
    for (const [group] of badges) {
      if (!boxes.has(group)) boxes.set(group, (group.querySelector(".outline") || group).getBBox());
    }
    badges = badges.map(([group, kind, text]) => {
      const [box, node] = [boxes.get(group), document.createElementNS(SVG, "g")];
      const [circle, label] = [document.createElementNS(SVG, "circle"), document.createElementNS(SVG, "text")];
      const [x, y] = [box.x + box.width, box.y];
      node.setAttribute("class", `badge ${kind}`);
      for (const [key, value] of [["cx", x], ["cy", y], ["r", text.length > 2 ? 15 : 12]]) circle.setAttribute(key, value);
      label.setAttribute("x", x);
      label.setAttribute("y", y);
      label.textContent = text;
      node.append(circle, label);
      // Above every other figure of the picture.
      group.ownerSVGElement.append(node);
      return node;
    });
  }

  function drawDiagram(state, act) {
    const version = data.versions.find((one) => one.definition === state.case.get("definition"));
    for (const [number, figure] of figures) figure.hidden = !version.charts.includes(number);
    for (const group of marked) group.classList.remove(...MARKS);
    for (const node of badges) node.remove();
    marked = [];
    badges = [];
    for (const place of state.taken.keys()) mark(place, "s-taken");
    for (const place of state.done.keys()) mark(place, "s-done");
    for (const place of state.dropped.keys()) mark(place, "s-dropped");
    const colours = new Map();
    for (const step of state.open.values()) {
      const worst = step.colour === "red" ? "red" : step.late || step.colour === "yellow" ? "yellow" : "";
      if (worst && colours.get(step.place) !== "red") colours.set(step.place, worst);
    }
    for (const [place, [count, wait]] of state.tokens) {
      const colour = wait === "incident" ? "" : colours.get(place) || "";
      const group = mark(place, "s-at", `s-${wait}`, ...(colour ? [`s-${colour}`] : []));
      if (!group) continue;
      const sign = wait === "incident" ? "?" : colour === "red" ? "!!" : colour === "yellow" ? "!" : "";
      badge(group, wait === "incident" ? "incident" : colour, sign && count > 1 ? `${count}${sign[0]}` : sign || String(count));
    }
    for (const [place, count] of state.done) {
      const group = elements.get(place);
      if (group && !state.tokens.has(place) && group.querySelector(".outline") && /task|activity|subprocess|call/i.test(group.getAttribute("class"))) {
        badge(group, "done", count > 1 ? `✓${count}` : "✓");
      }
    }
    for (const place of state.dropped.keys()) {
      const group = elements.get(place);
      if (group && !state.tokens.has(place) && !state.done.has(place)) badge(group, "dropped", "×");
    }
    drawBadges();
    // Where it happened: at the step that was done, or at what became of it.
    const { task, element } = JSON.parse(events[act.seq - 1][3]).data;
    const before = states[Math.max(current - 1, 0)].open.get(task) || state.open.get(task);
    let first = before ? mark(before.place, "s-now") : null;
    if (!first && element) first = [...elements].find(([place]) => place.endsWith(`:${element}`) && !figures.get(parseInt(place, 10)).hidden)?.[1];
    for (const section of ["done", "tokens", "dropped"]) {
      for (const [place, value] of Object.entries(act.change[section] || {})) {
        if (value !== null && /task|call|sub/i.test((elements.get(place) || document.body).getAttribute("class") || "")) {
          const there = mark(place, "s-now");
          first = first || there;
        }
      }
    }
    return first;
  }

  let zoom = 0; // 0: as wide as there is room
  function resize() {
    for (const figure of figures.values()) {
      const svg = figure.querySelector("svg.lianban-diagram");
      const width = Number(figure.dataset.width);
      // Where it would be too small to read, it can be moved about instead.
      const least = Math.min(width, width * 0.45);
      if (zoom) svg.style.width = `${Math.round(width * zoom)}px`;
      else {
        svg.style.width = "100%";
        svg.style.minWidth = `${Math.round(least)}px`;
        svg.style.maxWidth = `${Math.round(width * 1.25)}px`;
        continue;
      }
      svg.style.minWidth = svg.style.maxWidth = "";
    }
  }
  function zoomBy(factor) {
    if (!zoom) {
      const svg = document.querySelector(".chart:not([hidden]) svg.lianban-diagram");
      zoom = svg.getBoundingClientRect().width / Number(svg.closest(".chart").dataset.width);
    }
    zoom = Math.min(4, Math.max(0.1, zoom * factor));
    resize();
  }
  function follow(group) {
    const box = group && group.closest(".scroll");
    if (!box || (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight)) return;
    const [inner, outer] = [group.getBoundingClientRect(), box.getBoundingClientRect()];
    if (inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom) return;
    box.scrollTo({
      left: box.scrollLeft + inner.left - outer.left - (outer.width - inner.width) / 2,
      top: box.scrollTop + inner.top - outer.top - (outer.height - inner.height) / 2,
      behavior: calm.matches || playing || !settled ? "auto" : "smooth",
    });
  }

  // --- the timeline

  const since = days.starts[0];
  const until = days.starts[days.starts.length - 1];
  const percent = (at) => ((Math.min(Math.max(at, since), until) - since) / (until - since)) * 100;
  const end = (at) => at || data.until;
  const left = (at) => `${percent(at)}%`;
  const span = (from, to) => ({ left: left(from), width: `${Math.max(percent(to) - percent(from), 0)}%` });

  function worked(unit, from, to) {
    // Working days after the first, as the law counts them.
    const off = new Set(days.off[unit] || []);
    let n = 0;
    days.dates.forEach((_, day) => {
      if (days.starts[day] > from && days.starts[day] <= to && !off.has(day)) n += 1;
    });
    return n;
  }
  function offDays(unit) {
    const found = [];
    let run = null;
    for (const day of days.off[unit] || []) {
      if (run && run[1] === day) run[1] = day + 1;
      else found.push((run = [day, day + 1]));
    }
    return found.map(([from, to]) => make("div", { class: "off", style: span(days.starts[from], days.starts[to]) }));
  }
  function goTo(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const at = since + ((event.clientX - box.left) / box.width) * (until - since);
    let n = acts.findIndex((act) => act.at > at);
    if (n === -1) n = acts.length;
    go(Math.max(n - 1, 0));
  }
  function row(label, small, height, inside, told) {
    const track = make("div", { class: "track", style: { height: `${height}px` } }, ...inside, make("div", { class: "veil" }));
    track.addEventListener("click", goTo);
    return make("div", { class: "row", role: "listitem", "aria-label": told },
      make("div", { class: "label" }, label, make("small", {}, small)), track);
  }

  let scale = 1;
  function scaleBy(factor) {
    scale = Math.min(64, Math.max(1, scale * factor));
    document.querySelector(".time > div").style.width = `${scale * 100}%`;
    drawTimeline();
    panelWhose(current, states[current]);
    cursorInView();
  }
  function cursorInView() {
    const [box, axis] = [document.querySelector(".time"), $("axis")];
    if (box.scrollWidth <= box.clientWidth) return;
    const x = axis.offsetLeft + axis.clientWidth * percent(acts[current].at) / 100;
    if (x < box.scrollLeft + 180 || x > box.scrollLeft + box.clientWidth - 30) box.scrollLeft = x - box.clientWidth / 2;
  }
  const shares = new Map();
  function drawTimeline() {
    const room = $("axis").clientWidth || 600;
    const every = Math.max(1, Math.ceil(days.dates.length / Math.max(1, Math.floor(room / 64))));
    const ticks = [];
    for (let n = 0; n < days.dates.length; n += every) {
      const shown = n === 0 || days.dates[n].slice(0, 4) !== days.dates[n - every].slice(0, 4) ? days.dates[n] : days.dates[n].slice(5);
      ticks.push(make("span", { style: { left: left(days.starts[n]) } }, shown));
    }
    if (ticks.length > 1 && every * (ticks.length - 1) > days.dates.length - every * 0.6) ticks.pop();
    $("axis").replaceChildren(...ticks);

    const byUnit = new Map();
    for (const bar of data.bars) byUnit.set(bar.unit, [...(byUnit.get(bar.unit) || []), bar]);
    $("lanes").replaceChildren(...[...byUnit].map(([unit, bars]) => {
      const floors = [];
      const drawn = bars.map((bar) => {
        let floor = floors.findIndex((busy) => busy <= bar.since);
        if (floor === -1) floor = floors.length;
        floors[floor] = end(bar.until);
        const counted = fill(words.working_days, { n: worked(unit, bar.since, end(bar.until)) });
        const told = `${bar.name}: ${wall(bar.since)} – ${bar.until ? wall(bar.until) : "…"} · ${counted} · ${words[bar.end]}`;
        const fits = (percent(end(bar.until)) - percent(bar.since)) / 100 * room > 40 ? "" : "small";
        return make("div", { class: `bar ${bar.end} ${fits}`, title: told, style: { ...span(bar.since, end(bar.until)), top: `${2 + floor * 18}px` } }, bar.name);
      });
      const small = make("span", {}, "");
      shares.set(`unit:${unit}`, small);
      return row(unitName(unit), small, Math.max(1, floors.length) * 18 + 2, [...offDays(unit), ...drawn],
        `${unitName(unit)}: ${bars.map((bar) => `${bar.name} ${words[bar.end]}`).join(", ")}`);
    }));

    const SIGNS = { reminder: "◷", yellow: "▲", red: "◆", expired: "✕", restarted: "↻", extended: "+", overstayed: "‖" };
    // The runnings of one clock for one step stand in one row.
    const byClock = new Map();
    for (const track of data.tracks) {
      const key = JSON.stringify([track.name, track.step_name, track.unit, track.term]);
      byClock.set(key, [...(byClock.get(key) || []), track]);
    }
    $("tracks").replaceChildren(...[...byClock.values()].map((tracks) => {
      const track = tracks[0];
      const inside = [...offDays(track.unit)];
      const told = [];
      for (const { since: from, until: to, tier, pauses, marks } of tracks) {
        inside.push(make("div", { class: `bar clock ${tier}`, style: span(from, end(to)), title: `${wall(from)} – ${to ? wall(to) : "…"}` }));
        for (const [since, until, ground] of pauses) {
          told.push(`${words.paused}: ${ground} · ${wall(since)} – ${until ? wall(until) : "…"}`);
          inside.push(make("div", { class: "pause", style: span(since, end(until)), title: told[told.length - 1] }));
        }
        for (const [at, kind] of marks) {
          told.push(`${words[kind] || kind} · ${wall(at)}`);
          inside.push(make("div", { class: `mark ${kind}`, style: { left: left(at) }, title: told[told.length - 1] }, SIGNS[kind] || "•"));
        }
      }
      const of = track.step_name ? `${track.step_name} · ${unitName(track.unit)}` : unitName(track.unit);
      const small = make("span", { title: track.basis }, of ? `${track.term} · ${of}` : track.term);
      return row(track.name, small, 20, inside, `${track.name}, ${track.term}, ${of}: ${told.join("; ")}`);
    }));
    if (!data.tracks.length) $("tracks").replaceChildren(make("p", { class: "sub" }, words.no_clocks));
  }

  // Whose the time was up to an act: the time until the next one is shared by those who had it.
  const held = [];
  acts.reduce((before, act, n) => {
    held.push(before);
    const next = n + 1 < acts.length ? acts[n + 1].at : data.until;
    const whose = [...states[n].whose.keys()];
    const after = new Map(before);
    for (const one of whose) after.set(one, (after.get(one) || 0) + Math.max(next - act.at, 0) / whose.length);
    return after;
  }, new Map());
  const inDays = (time) => time < 86400000
    ? fill(words.hours_n, { n: (time / 3600000).toFixed(1) })
    : fill(words.days_n, { n: (time / 86400000).toFixed(1) });

  // --- panels

  function panelAct(n) {
    const act = acts[n];
    const inside = [
      make("p", {}, make("b", {}, act.who), " ", make("span", { class: "sub" }, act.post)),
      make("p", {}, act.what),
      make("p", { class: "sub" }, act.when + (act.entered === act.when ? "" : ` · ${fill(words.entered, { when: act.entered })}`)),
    ];
    if (act.answers.length) {
      inside.push(make("h3", {}, words.entered_answers), pairs(act.answers));
    }
    if (act.last > act.seq) {
      const rows = [];
      for (let seq = act.seq + 1; seq <= act.last; seq += 1) rows.push(make("li", {}, said(seq)));
      inside.push(make("h3", {}, words.followed), make("ul", {}, ...rows));
    }
    show("act", ...inside);
  }
  const pairs = (rows, kind) => make("dl", { class: `pairs ${kind || ""}` }, ...rows.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));

  function panelSteps(state) {
    const rows = [...state.open].map(([id, step]) => {
      const chips = [];
      if (step.message) chips.push(make("span", { class: "chip" }, words.may_come));
      if (step.colour) chips.push(make("span", { class: `chip ${step.colour}` }, words[step.colour] || step.colour));
      else if (step.late) chips.push(make("span", { class: "chip expired" }, words.late));
      const due = step.due ? ` · ${fill(words.due, { due: wall(step.due) })}${step.provisional ? ` (${words.provisional})` : ""}` : "";
      const who = step.who ? ` · ${fill(words.signed_by, { who: step.who })}` : "";
      return make("li", {}, make("b", {}, step.name), " ", ...chips,
        make("div", { class: "sub" }, `${step.unit ? unitName(step.unit) : ""}${step.post ? ` / ${step.post}` : ""}${who}${due}`),
        step.name === id ? "" : make("code", {}, id));
    });
    show("steps", rows.length ? make("ul", { class: "plain" }, ...rows) : make("p", { class: "sub" }, words.nothing_open));
  }

  function panelClocks(state, act) {
    const live = (line) => ["running", "paused", "expired"].includes(line.state);
    const lines = [...state.clocks].map(([id, row]) => ({ id, ...clockOf(row), track: trackOf.get(id) }));
    const fresh = act.change.clocks || {};
    const shown = lines.filter((line) => live(line) || line.id in fresh);
    const over = lines.length - shown.length;
    const rows = shown.sort((a, b) => live(b) - live(a)).map((line) => {
      const about = line.track || { name: line.id, step_name: "" };
      const unit = words[`unit_${line.unit}`];
      const amount = line.over ? fill(words.over_by, { over: line.over, unit }) : fill(words.left_of, { left: line.left, total: line.total, unit });
      const share = line.over ? 100 : line.total ? (line.left / line.total) * 100 : 0;
      const chips = [make("span", { class: `chip ${line.state}` }, words[line.state])];
      if (line.colour) chips.push(" ", make("span", { class: `chip ${line.colour}` }, words[line.colour] || line.colour));
      const due = line.due ? ` · ${fill(words.due, { due: wall(line.due) })}${line.provisional ? ` (${words.provisional})` : ""}` : "";
      return make("li", { class: line.id in fresh ? "fresh" : "" },
        make("b", {}, about.name), about.step_name ? ` (${about.step_name})` : "", " ", ...chips,
        ...(live(line) ? [
          make("div", { class: line.over ? "meter over" : "meter", "aria-hidden": "true" }, make("i", { style: { width: `${share}%` } })),
          make("div", { class: "sub" }, amount + due),
        ] : []));
    });
    show("clocks", rows.length ? make("ul", { class: "plain" }, ...rows) : make("p", { class: "sub" }, lines.length ? "" : words.no_clocks),
      over ? make("p", { class: "sub" }, fill(words.clocks_over, { n: over })) : "");
  }

  function panelWhose(n, state) {
    const now = [...state.whose.keys()].map((one) => data.parties[one] || one);
    const sums = [...held[n]].filter(([, time]) => time > 0).sort((a, b) => b[1] - a[1]);
    show("whose", make("p", {}, now.length ? now.join("、") : words.nobody),
      sums.length ? make("h3", {}, words.whose_so_far) : "",
      pairs(sums.map(([one, time]) => [data.parties[one] || one, inDays(time)]), "sums"));
    for (const [one, node] of shares) node.textContent = held[n].has(one) ? inDays(held[n].get(one)) : "";
  }

  function panelPapers(n) {
    const rows = data.documents.filter((one) => one.act <= n).reverse().map((one) =>
      make("li", { class: one.act === n ? "fresh" : "" }, make("b", {}, one.name), ` ${one.number}`, make("br"), make("code", { title: one.digest }, `${one.digest.slice(0, 16)}…`)));
    show("papers", rows.length ? make("ul", { class: "plain" }, ...rows) : make("p", { class: "sub" }, words.no_documents));
  }

  function readable(text) {
    const value = JSON.parse(text);
    return typeof value === "string" ? value : text; // as it was written, large numbers included
  }
  function panelData(state, act) {
    const fresh = act.change.data || {};
    const rows = [...state.data].sort(([a], [b]) => (b in fresh) - (a in fresh)).flatMap(([key, value]) =>
      [make("dt", {}, key), make("dd", { class: key in fresh ? "fresh" : "" }, readable(value))]);
    show("data", rows.length ? make("dl", { class: "pairs" }, ...rows) : make("p", { class: "sub" }, words.no_data));
  }

  let recomputed = null;
  function panelProof(seq, state) {
    const [, , hash] = events[seq - 1];
    const seal = data.proof.seals.find((one) => one.seq >= seq);
    const { at, findings } = data.proof;
    const inside = [
      findings.length
        ? make("p", { class: "bad" }, `✕ ${fill(words.not_verified, { at, n: findings.length })}`)
        : make("p", { class: "ok" }, `✓ ${fill(words.verified, { at })}`),
    ];
    if (findings.length) inside.push(make("ul", {}, ...findings.map((one) => make("li", {}, one))));
    if (recomputed) inside.push(make("p", { class: recomputed.ok ? "ok" : "bad" }, `${recomputed.ok ? "✓" : "✕"} ${recomputed.text}`));
    inside.push(pairs([
      [fill(words.chain_here, { seq }), make("code", {}, hash)],
      [words.chain_before, make("code", {}, seq > 1 ? events[seq - 2][2] : "0".repeat(64))],
      [words.definition, make("code", {}, state.case.get("definition"))],
    ]));
    if (seal) {
      inside.push(make("h3", {}, fill(words.sealed_by, seal)), make("code", {}, seal.digest),
        make("p", { class: "sub" }, seal.key ? fill(words.seal_signed, { key: seal.key }) : words.seal_unsigned));
    } else inside.push(make("p", { class: "sub" }, words.not_sealed));
    inside.push(make("details", {}, make("summary", {}, words.offline), make("p", {}, words.offline_page), make("p", {}, fill(words.offline_office, { case: data.case }))));
    show("proof", ...inside);
  }
  async function recompute() {
    if (!(window.crypto && crypto.subtle)) return { ok: false, text: words.cannot_recompute };
    let before = "0".repeat(64);
    for (const [seq, , hash, body] of events) {
      const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)));
      const found = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      if (found !== hash || JSON.parse(body).prev !== before) return { ok: false, text: fill(words.recomputed_not, { seq }) };
      before = hash;
    }
    return { ok: true, text: fill(words.recomputed, { n: events.length, all: events.length }) };
  }

  // --- going from act to act

  const rows = [...document.querySelectorAll("#events tbody tr")];
  const said = (seq) => rows[seq - 1].cells[3].textContent;
  let current = -1;
  let playing = 0;
  let settled = false; // what is seen first need not be travelled to
  let lit = [];

  function go(n, seq) {
    n = Math.min(Math.max(n, 0), acts.length - 1);
    const [act, state] = [acts[n], states[n]];
    const picked = seq || act.last;
    if (n !== current) {
      current = n;
      $("slider").value = n;
      $("slider").setAttribute("aria-valuetext", `${fill(words.act_of, { n: n + 1, all: acts.length })}, ${act.when}, ${act.who}: ${act.what}`);
      document.querySelector(".time").style.setProperty("--cursor", n === acts.length - 1 ? left(data.until) : left(act.at));
      for (const id of ["first", "previous"]) $(id).disabled = n === 0;
      for (const id of ["next", "end"]) $(id).disabled = n === acts.length - 1;
      const live = $("now");
      live.setAttribute("aria-live", playing ? "off" : "polite");
      live.replaceChildren(make("b", {}, fill(words.act_of, { n: n + 1, all: acts.length })), ` · ${act.when} · ${act.who}: ${act.what}`);
      const there = drawDiagram(state, act);
      panelAct(n);
      panelSteps(state);
      panelClocks(state, act);
      panelWhose(n, state);
      panelPapers(n);
      panelData(state, act);
      cursorInView();
      follow(there);
    }
    panelProof(picked, state);
    for (const row of lit) row.classList.remove("shown", "picked");
    lit = rows.slice(act.seq - 1, act.last);
    for (const row of lit) row.classList.add("shown");
    rows[picked - 1].classList.add("picked");
    if (!seq) {
      const list = document.querySelector(".list");
      const top = lit[0].offsetTop - 40;
      if (top < list.scrollTop || lit[lit.length - 1].offsetTop + 30 > list.scrollTop + list.clientHeight) list.scrollTop = top;
    }
    if (!printing) history.replaceState(null, "", `#${picked}`);
  }

  function stop() {
    clearTimeout(playing);
    playing = 0;
    document.body.classList.remove("playing");
    $("play").title = words.play;
    $("play").setAttribute("aria-label", words.play);
  }
  function tick() {
    if (current >= acts.length - 1) {
      stop();
      return;
    }
    playing = setTimeout(tick, Number($("speed").value));
    go(current + 1);
  }
  function play() {
    if (playing) {
      stop();
      return;
    }
    if (current >= acts.length - 1) go(0);
    document.body.classList.add("playing");
    $("play").title = words.pause;
    $("play").setAttribute("aria-label", words.pause);
    playing = setTimeout(tick, Number($("speed").value));
  }
  function byHand(n, seq) {
    stop();
    go(n, seq);
  }

  function search() {
    const wanted = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((row, place) => {
      const text = `${row.textContent} ${events[place][1]} ${events[place][2]}`.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      n += !row.hidden;
    });
    $("found").textContent = wanted.length ? fill(words.found, { n, all: rows.length }) : "";
  }

  $("first").onclick = () => byHand(0);
  $("previous").onclick = () => byHand(current - 1);
  $("next").onclick = () => byHand(current + 1);
  $("end").onclick = () => byHand(acts.length - 1);
  $("play").onclick = play;
  $("slider").oninput = () => byHand(Number($("slider").value));
  $("search").oninput = search;
  $("smaller").onclick = () => zoomBy(1 / 1.3);
  $("larger").onclick = () => zoomBy(1.3);
  $("shorter").onclick = () => scaleBy(1 / 2);
  $("longer").onclick = () => scaleBy(2);
  $("fit").onclick = () => {
    const box = document.querySelector(".chart:not([hidden]) .scroll");
    zoom = box.clientWidth / Number(box.closest(".chart").dataset.width);
    resize();
  };
  document.querySelector("#events tbody").onclick = (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection())) byHand(Number(row.dataset.act), Number(row.dataset.seq));
  };
  document.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target;
    if (on === $("search")) {
      if (event.key === "Escape") {
        on.value = "";
        search();
        on.blur();
      }
      return;
    }
    if (on.tagName === "SELECT") return;
    const free = !["BUTTON", "SUMMARY"].includes(on.tagName);
    const moves = {
      ArrowLeft: () => byHand(current - 1),
      ArrowRight: () => byHand(current + 1),
      Home: () => byHand(0),
      End: () => byHand(acts.length - 1),
      "/": () => $("search").focus(),
    };
    if (free) moves[" "] = play;
    // What can be scrolled by these keys keeps them.
    if (on.matches(".scroll, .time") && event.key.startsWith("Arrow")) return;
    if (event.key in moves) {
      event.preventDefault();
      moves[event.key]();
    }
  };

  // On paper: the last state, and every event.
  let printing = false;
  let kept = 0;
  addEventListener("beforeprint", () => {
    stop();
    kept = current;
    printing = true;
    go(acts.length - 1);
  });
  addEventListener("afterprint", () => {
    go(kept);
    printing = false;
  });
  function named() {
    const seq = Number(location.hash.slice(1));
    const n = acts.findIndex((act) => act.seq <= seq && seq <= act.last);
    return n === -1 ? [acts.length - 1] : [n, seq];
  }
  addEventListener("hashchange", () => byHand(...named()));
  addEventListener("resize", () => {
    drawTimeline();
    panelWhose(current, states[current]);
  });

  document.body.classList.add("scripts");
  drawTimeline();
  resize();
  go(...named());
  settled = true;
  recompute().then((found) => {
    recomputed = found;
    panelProof(Number(location.hash.slice(1)) || acts[current].last, states[current]);
  });
})();
