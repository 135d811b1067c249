/* The explorer: sliders, what theory says of their setting, what was measured near it, and training in the page.

   Explorer.mount(element, data) builds it in element's #explorer-slot; data = {cells, brackets, assumptions} is that of
   src/benign/pipeline/site/explorer.py. Theory has the numbers, a worker runs Trainer, Plotly draws.
   A setting: n, d, signal ‖μ‖, ratio α/‖μ‖, flipRate β, slope γ, t, width m; and which of ‖μ‖ and r = n‖μ‖²/d is kept
   when n or d moves. */
"use strict";

const Explorer = (() => {
  const STEPS = 1000, STEP_SCALE = 2, START_RATIO = 0.1; // of all training: t, c, and the start over the first step
  const MOST_TRAINED = 100, MOST_WIDTH = 200, MOST_RATIO = 1.2;
  const START = {
    n: 100, d: 1e4, signal: 8, ratio: 0.25, flipRate: 0.1, slope: 0.1, t: STEPS, width: 200, kept: "signal",
  };
  const EXAMPLES = {
    "Benign": {},
    "Past the transition": { ratio: 0.7 },
    "The same r in 10¹² dimensions": { d: 1e12, signal: 8e4, ratio: 0.25, kept: "r" },
    "More signal tolerates less: r = 16": { d: 1e6, signal: 400, ratio: 0.4, kept: "r" },
  };
  const CONTROLS = [
    { key: "n", label: "training points n", low: 10, high: 1000, log: true, whole: true },
    { key: "d", label: "dimension d", low: 100, high: 1e12, log: true, whole: true },
    { key: "signal", label: "signal ‖μ‖", low: 0.5, high: 1e7, log: true },
    { key: "r", label: "r = n‖μ‖²/d, in place of ‖μ‖", low: 0.01, high: 100, log: true },
    { key: "budget", label: "budget α", low: 0, high: MOST_RATIO, step: 0.01 }, // the slider's is α/‖μ‖
    { key: "flipRate", label: "share of wrong labels β", low: 0, high: 0.45, step: 0.01 },
    { key: "slope", label: "slope γ (0: ReLU, 1: linear)", low: 0, high: 1, step: 0.05 },
    { key: "t", label: "step t of gradient descent", low: 1, high: STEPS, log: true, whole: true },
  ];
  const ADDRESS = {
    n: "n", d: "d", signal: "mu", r: "r", budget: "alpha", flipRate: "beta", slope: "gamma", t: "t", width: "m",
  };
  // Names, colours and dashes, in charts and in the legend; those without a dash are marks.
  const LOOKS = {
    floor: ["no classifier is below", "c6", "dot"], averaging: ["averaging predictor", "c3", "dashdot"],
    margin: ["max-margin predictor", "c5", "dash"], four: ["four-group recursion", "ink", "solid"],
    table: ["table of h", "c2", "solid"], alpha: ["budget α: where ρ meets it, error is 1/2", "muted", "dot"],
    measured: ["measured networks", "c0"], bracket: ["certified brackets", "muted"],
    trainError: ["trained here: training error", "c4", "dot"], testError: ["trained here: test error", "c1", "dot"],
    robustTrainError: ["trained here: robust training error", "c4", "solid"],
    robustTestError: ["trained here: robust test error", "c1", "solid"],
    fitted: ["robust test error, true labels, below 1/2", "c0"], lost: ["1/2 or more", "c1"],
    unfitted: ["not all labels robustly fitted", "c6"], here: ["your setting", "ink"],
  };
  const grid = (count, value) => Array.from({ length: count }, (_, i) => value(i));
  const RATIOS = grid(41, (i) => i * MOST_RATIO / 40), FINE = grid(121, (i) => i * MOST_RATIO / 120);
  const CROWDINGS = grid(14, (i) => 10 ** (-1 + 0.2 * i)), SCANNED = grid(10, (i) => 0.05 + 0.1 * i);
  const TIMES = grid(61, (i) => Math.round(10 ** (i / 20)));

  // ---------------------------------------------------------------- small things

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  const button = (text, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, text);

  function short(x) {
    if (!Number.isFinite(x)) return "–";
    if (x === 0 || (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5)) return String(Number(x.toPrecision(3)));
    const [digits, exponent] = x.toExponential(2).split("e");
    const raised = String(Number(exponent)).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);
    return `${digits === "1.00" ? "" : `${Number(digits)}·`}10${raised}`;
  }
  const close = (p, q, by) => Math.abs(p - q) <= by + 1e-9;
  const closeLog = (p, q, by) => close(Math.log10(p), Math.log10(q), by);

  function remembered(store, key, compute) {
    const name = key.join();
    if (store.size > 2000) store.clear();
    if (!store.has(name)) store.set(name, compute());
    return store.get(name);
  }

  // ---------------------------------------------------------------- settings, networks and the table of h

  /** A setting, and what follows from it under the names that Theory and Trainer have. */
  function derived(setting) {
    const { n, d, signal, ratio, width } = setting, first = STEP_SCALE * Math.sqrt(n / (4 * width * d));
    return {
      ...setting, r: Theory.crowding(n, d, signal), budget: ratio * signal, steps: STEPS, stepScale: STEP_SCALE,
      stepSize: STEP_SCALE * n / (d + signal ** 2), initScale: START_RATIO * first,
    };
  }
  const comparable = (cell) =>
    cell.training === "adversarial" && cell.activation !== "smooth_leaky_relu" && cell.sampling !== "limit";
  const placed = (cell) =>
    ({ ...cell, r: Theory.crowding(cell.n, cell.d, cell.signal), ratio: cell.budget / cell.signal });

  /** The flagship's limit networks as tables of h, one for each β and γ that the tier has. */
  function tablesOfH(cells) {
    const found = new Map();
    for (const cell of cells.filter((each) => each.experiment === "phases" && each.sampling === "limit").map(placed)) {
      const { beta, gamma, signal } = cell;
      remembered(found, [beta, gamma], () => ({ beta, gamma, rows: [] })).rows.push({
        r: Number(cell.r.toPrecision(3)), ratio: Number(cell.ratio.toFixed(3)), t: cell.steps, seed: cell.seed,
        h: cell.rho / signal, positive: cell.rho_positive / signal, negative: cell.rho_negative / signal,
      });
    }
    return [...found.values()].map(({ rows, ...which }) => ({ ...which, ...Theory.tableOfH(rows) }));
  }

  const alike = (cell, { flipRate, slope }, by = 0.005) =>
    close(cell.beta, flipRate, by) && close(cell.gamma, slope, by);
  const sentence = (cell) => `n = ${cell.n}, d = ${short(cell.d)}, ‖μ‖ = ${short(cell.signal)}, `
    + `α = ${short(cell.budget)}, β = ${cell.beta}, γ = ${cell.gamma}, t = ${cell.steps}, seed ${cell.seed}`;

  // ---------------------------------------------------------------- the explorer

  function mount(element, data) {
    const slot = element.querySelector("#explorer-slot"), tables = tablesOfH(data.cells ?? []);
    const [cells, brackets] = [data.cells, data.brackets].map((some) => (some ?? []).filter(comparable).map(placed));
    const courses = new Map(), tolerances = new Map(), inputs = {}, charts = {};
    let setting = { ...START }, queue = [], scheduled = false, worker = null, trained = [];

    // -------------------------------------------------------------- theory at the setting

    const courseKey = (ratio) => [setting.n, setting.d, setting.signal, setting.flipRate, setting.slope, ratio];
    const course = (ratio) =>
      remembered(courses, courseKey(ratio), () => Theory.fourGroup(derived({ ...setting, ratio })));
    /** The setting at another r; ρ/‖μ‖ of closed forms and recursion knows no more of d. */
    const at = (r) => derived({ ...setting, d: 1e8, signal: Math.sqrt(r * 1e8 / setting.n) });
    const toleranceKey = (r) => [setting.n, setting.flipRate, setting.slope, setting.t, r];
    /** The α/‖μ‖ at which the recursion's ρ/‖μ‖ comes down to it. */
    const tolerance = (r) => remembered(tolerances, toleranceKey(r), () => {
      const there = { ...at(r), steps: setting.t }, h = [];
      for (const ratio of SCANNED) {
        h.push(Theory.fourGroup({ ...there, budget: ratio * there.signal }).at(-1) / there.signal);
        if (h.at(-1) < ratio) break;
      }
      return Theory.tolerated(SCANNED.slice(0, h.length), h);
    });
    const table = () => tables.find((each) => alike(each, setting, 0)) ?? Theory.tableOfH([]);
    const fromTable = (r, ratio, t) => Theory.predicted(table(), { ...setting, r, ratio, t });

    // -------------------------------------------------------------- the setting

    function change(key, value) {
      const next = { ...setting }, r = key === "r" ? value : derived(setting).r;
      if (key === "budget") next.ratio = value / setting.signal;
      else if (key !== "r") next[key] = value;
      if (key === "r" || key === "signal") next.kept = key;
      if (next.kept === "r") next.signal = Math.sqrt(r * next.d / next.n);
      adopt(next);
    }
    /** Take a setting over; what was trained is not about another one. */
    function adopt(next, write = true) {
      const another = Object.keys(next).some((key) => key !== "t" && key !== "kept" && next[key] !== setting[key]);
      setting = next;
      if (another) stop();
      if (write) history.replaceState(null, "", address());
      schedule();
    }
    function address() {
      const all = derived(setting), left = setting.kept === "r" ? "signal" : "r";
      const given = Object.entries(ADDRESS).filter(([key]) => key !== left);
      return `#explore?${given.map(([key, name]) => `${name}=${all[key]}`).join("&")}`;
    }
    /** Take the address bar's setting over, if it has one. */
    function follow() {
      const [place, query] = location.hash.split("?");
      if (place !== "#explore") return;
      const asked = new URLSearchParams(query ?? ""), next = { ...setting };
      const number = (key) => (asked.get(ADDRESS[key]) ? Number(asked.get(ADDRESS[key])) : NaN);
      for (const key of ["n", "d", "signal", "flipRate", "slope", "t", "width"]) {
        if (Number.isFinite(number(key))) next[key] = allowed(key, number(key));
      }
      if (number("r") > 0) [next.kept, next.signal] = ["r", Math.sqrt(number("r") * next.d / next.n)];
      if (number("budget") >= 0) next.ratio = Math.min(number("budget") / next.signal, MOST_RATIO);
      adopt(next, false);
      element.scrollIntoView();
    }
    function allowed(key, value) {
      if (key === "width") return Math.min(Math.max(2 * Math.round(value / 2), 2), MOST_WIDTH);
      const { low, high, whole } = CONTROLS.find((each) => each.key === key);
      const unit = key === "budget" ? setting.signal : 1;
      const inside = Math.min(Math.max(value, low * unit), high * unit);
      return whole ? Math.round(inside) : inside;
    }

    function control({ key, label, low, high, log, step }) {
      const [least, most] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
      const value = (place) => (log ? 10 ** place : key === "budget" ? place * setting.signal : place);
      const range = make("input", {
        type: "range", id: `ex-${key}`, min: least, max: most, step: step ?? (most - least) / 400,
        oninput: () => change(key, allowed(key, value(range.valueAsNumber))),
      });
      const number = make("input", {
        type: "number", step: "any", "aria-label": `${label}: number`, onchange: () => {
          if (Number.isFinite(number.valueAsNumber)) change(key, allowed(key, number.valueAsNumber));
          else schedule();
        },
      });
      inputs[key] = (all) => {
        range.value = log ? Math.log10(all[key]) : key === "budget" ? all.ratio : all[key];
        range.setAttribute("aria-valuetext", short(all[key]));
        const digits = Number(all[key].toPrecision(6));
        number.value = digits < 1e6 ? digits : digits.toExponential(); // 10¹² fits no phone
      };
      return make("div", { class: "ex-control" }, make("label", { for: `ex-${key}` }, label), range, number);
    }

    // -------------------------------------------------------------- when what is computed and drawn

    /** One drawing for many changes. */
    function schedule() {
      slot.dataset.busy = "true";
      if (!scheduled) requestAnimationFrame(refresh);
      scheduled = true;
    }
    /** What takes time, a recursion for each α and each r, is computed in slices: sliders stay live. */
    function refresh() {
      scheduled = false;
      const working = queue.length > 0;
      const spread = [8, 4, 2, 1].flatMap((by) => RATIOS.filter((_, i) => i % by === 0)); // a coarse curve first
      queue = [...spread.map((ratio) => () => course(ratio)), ...CROWDINGS.map((r) => () => tolerance(r))];
      queue.splice(0, 6).forEach((job) => job());
      const all = derived(setting);
      Object.values(inputs).forEach((input) => input(all));
      describe(all);
      assume(all);
      draw();
      if (!working) setTimeout(work, 0);
    }
    function work() {
      for (const end = performance.now() + 20; queue.length && performance.now() < end;) queue.shift()();
      if (queue.length) return void setTimeout(work, 0);
      draw();
      slot.dataset.busy = String(scheduled);
    }

    // -------------------------------------------------------------- charts

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    function line(key, x, y, more = {}) {
      const [name, hue, dash] = LOOKS[key], width = key === "four" ? 2.5 : 1.7;
      return { name, x, y, mode: "lines", line: { color: colour(hue), dash, width }, ...more };
    }
    const lines = (x, of) => Object.entries(of).map(([key, y]) => line(key, x, y));
    function marks(key, some, x, y, marker = {}) {
      const [name, hue] = LOOKS[key];
      return {
        name, mode: "markers", x: some.map(x), y: some.map(y), customdata: some, text: some.map(sentence),
        hovertemplate: "%{text}<br>%{y:.3g}<extra></extra>",
        marker: { size: 6, opacity: 0.75, color: colour(hue), ...marker },
      };
    }
    const ring = { size: 15, symbol: "circle-open", opacity: 1, line: { width: 2.5 } };

    /** Draw a chart; upright, across: where the setting stands, and the label noise. */
    function show(name, traces, xaxis, yaxis, upright = [], across = []) {
      const axis = { gridcolor: colour("line"), zeroline: false, linecolor: colour("muted"), fixedrange: true };
      const rule = { type: "line", line: { color: colour("muted"), dash: "dot", width: 1 } };
      const titled = ({ title, ...more }) => ({ ...axis, title: { text: title }, ...more }), fresh = !charts[name].data;
      Plotly.react(charts[name], traces.filter((each) => each.x.length), {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: 320, showlegend: false,
        margin: { l: 52, r: 8, t: 8, b: 42 }, font: { color: colour("ink"), size: 12, family: "inherit" },
        hovermode: "closest", xaxis: titled(xaxis), yaxis: titled(yaxis),
        shapes: [
          ...upright.map((x) => ({ ...rule, x0: x, x1: x, yref: "paper", y0: 0, y1: 1 })),
          ...across.map((y) => ({ ...rule, y0: y, y1: y, xref: "paper", x0: 0, x1: 1 })),
        ],
      }, { responsive: true, displayModeBar: false });
      if (fresh) charts[name].on("plotly_click", ({ points }) => choose(points[0].customdata));
    }

    function draw() {
      const all = derived(setting);
      const ends = { averaging: Theory.averagingRho(all), margin: Theory.maxMarginRho(all) };
      overBudget(all, ends);
      overTime(all, ends);
      phases(all);
    }

    function overBudget(all, ends) {
      const { signal, flipRate, r, t, ratio, budget } = all, x = FINE.map((share) => share * signal);
      const error = (share, rho) => Theory.halfSpaceError(share * signal, rho, flipRate);
      const h = FINE.map((share) => fromTable(r, share, t));
      const four = (share) => error(share, course(share)[t - 1]);
      const known = [...RATIOS.filter((share) => courses.has(courseKey(share).join())), ratio].sort((p, q) => p - q);
      const near = (cell) => isNear(cell, all) && closeLog(cell.steps, t, 0.15), place = (cell) => cell.ratio * signal;
      const certified = brackets.filter(near), error_y = {
        type: "data", array: certified.map((cell) => (cell.test_upper - cell.test_lower) / 2), color: colour("muted"),
      };
      const middle = (cell) => (cell.test_upper + cell.test_lower) / 2, measured = (cell) => cell.robust_test_error;
      const band = { line: { width: 0 }, hoverinfo: "skip" }, last = trained.filter((row) => row.step <= t).slice(-1);
      const fill = { fill: "tonexty", fillcolor: `${colour("c2")}33` };
      const star = { mode: "markers", marker: { symbol: "star", size: 14, color: colour("c1") } };
      show("budget", [
        line("table", x, h.map((each) => each.low), band),
        line("table", x, h.map((each) => each.high), { ...band, ...fill }),
        ...lines(x, {
          floor: x.map((each) => Theory.robustFloor(each, signal, flipRate)),
          averaging: FINE.map((share) => error(share, ends.averaging)),
          margin: FINE.map((share) => error(share, ends.margin)),
          table: h.map((each) => each.error),
        }),
        line("four", known.map((share) => share * signal), known.map(four)),
        { ...marks("bracket", certified, place, middle, { size: 1 }), error_y },
        marks("measured", cells.filter(near), place, measured),
        marks("measured", nearest(all).slice(0, 1).filter(near), place, measured, ring),
        line("robustTestError", last.map(() => budget), last.map((row) => row.robustTestError), star),
      ], { title: "budget α", range: [0, MOST_RATIO * signal] }, { title: "robust test error", range: [0, 1.02] },
      [budget], [flipRate]);
    }

    /** Errors and ρ over the steps of one training, at the setting's own α. */
    function overTime(all, ends) {
      const { signal, flipRate, budget, ratio, r, t } = all, steps = trained.map((row) => row.step);
      const rho = course(ratio), four = TIMES.map((step) => rho[step - 1]), when = (cell) => cell.steps;
      const error = (align) => Theory.halfSpaceError(budget, align, flipRate), level = (y) => TIMES.map(() => y);
      const h = TIMES.map((step) => fromTable(r, ratio, step));
      const near = cells.filter((cell) => isNear(cell, all) && close(cell.ratio, ratio, 0.02));
      const here = (key, of = key) =>
        line(key, steps, trained.map((row) => row[of]), { mode: "lines+markers", marker: { size: 5 } });
      const x = { type: "log", title: "step t", range: [-0.05, 3.05], dtick: 1 };
      show("time", [
        ...lines(TIMES, {
          floor: level(Theory.robustFloor(budget, signal, flipRate)),
          averaging: level(error(ends.averaging)), margin: level(error(ends.margin)),
          four: four.map(error), table: h.map((each) => each.error),
        }),
        marks("measured", near, when, (cell) => cell.robust_test_error),
        ...["trainError", "robustTrainError", "testError", "robustTestError"].map((key) => here(key)),
      ], x, { title: "error, observed labels", range: [-0.02, 1.02] }, [t], [flipRate]);
      show("rho", [
        ...lines(TIMES, {
          averaging: level(ends.averaging), margin: level(ends.margin), alpha: level(budget), four,
          table: h.map((each) => each.h * signal),
        }),
        marks("measured", near, when, (cell) => cell.rho), here("robustTestError", "rho"),
      ], x, { title: "alignment ρ", rangemode: "tozero" }, [t]);
    }

    /** Overfitting is robustly benign for large ‖μ‖ where α/‖μ‖ < h(r, α/‖μ‖). */
    function phases({ t, r, ratio }) {
      const found = table(), near = cells.filter((cell) => alike(cell, setting) && closeLog(cell.steps, t, 0.15));
      const lost = (cell) => cell.robust_test_error_clean_labels >= 0.5;
      const fate = (cell) => (cell.robust_train_error > 0 ? "unfitted" : lost(cell) ? "lost" : "fitted");
      const h = (rho) => CROWDINGS.map((each) => rho(at(each)) / at(each).signal);
      const tabled = (each) => Theory.tolerated(found.ratio, found.ratio.map((share) => fromTable(each, share, t).h));
      const four = CROWDINGS.map((each) => tolerances.get(toleranceKey(each).join()) ?? null);
      show("phases", [
        ...lines(CROWDINGS, { averaging: h(Theory.averagingRho), margin: h(Theory.maxMarginRho) }),
        line("four", CROWDINGS, four, { fill: "tozeroy", fillcolor: `${colour("c0")}1f` }),
        line("table", found.r, found.r.map(tabled)),
        ...["fitted", "lost", "unfitted"].map((key) =>
          marks(key, near.filter((cell) => fate(cell) === key), (cell) => cell.r, (cell) => cell.ratio)),
        line("here", [r], [ratio], { mode: "markers", marker: { ...ring, color: colour("ink") } }),
      ], { type: "log", title: "r = n‖μ‖²/d", range: [-1.1, 1.7], dtick: 1 },
      { title: "budget α/‖μ‖", range: [0, MOST_RATIO] });
    }

    // -------------------------------------------------------------- measured networks

    /** Whether theory expects the same of a network, whatever its n and d, at every α and t. */
    const isNear = (cell, all) =>
      alike(cell, all) && closeLog(cell.signal, all.signal, 0.05) && closeLog(cell.r, all.r, 0.1);
    /** The nearest five, in what ρ and error depend on before all. */
    function nearest({ r, signal, t, n, d, ratio, flipRate, slope }) {
      const log = (given, wanted, unit) => Math.log10(given / wanted) / unit;
      const far = (cell) => Math.hypot(
        log(cell.r, r, 0.5), log(cell.signal, signal, 0.3), log(cell.steps, t, 1), log(cell.n, n, 2),
        log(cell.d, d, 10), (cell.ratio - ratio) / 0.2, (cell.beta - flipRate) / 0.05, (cell.gamma - slope) / 0.3,
      );
      const all = cells.map((cell) => [far(cell), cell]).sort(([p], [q]) => p - q);
      return all.slice(0, 5).map(([, cell]) => cell);
    }
    function choose(cell) {
      if (!cell) return;
      const numbers = Object.entries(cell).filter(([, value]) => value !== null).map(([name, value]) => make("tr", {},
        make("th", { scope: "row" }, name), make("td", {}, typeof value === "number" ? short(value) : String(value))));
      const { n, d, signal, ratio, beta, gamma, steps } = cell;
      const same = { n, d, signal, ratio, flipRate: beta, slope: gamma, t: Math.min(steps, STEPS), kept: "signal" };
      parts.chosen.replaceChildren(
        make("h4", {}, sentence(cell)), button("Set the sliders to it", () => adopt({ ...setting, ...same })),
        make("div", { class: "scroll" }, make("table", { class: "plain" }, ...numbers)));
    }

    // -------------------------------------------------------------- words

    function describe(all) {
      const { flipRate, budget, signal, t, r, ratio, slope } = all, found = fromTable(r, ratio, t);
      const rho = course(ratio)[t - 1], error = Theory.halfSpaceError(budget, rho, flipRate);
      const range = found.low < found.high ? `, its networks ${short(found.low)} to ${short(found.high)}` : "";
      const tabled = `ρ = ${short(found.h * signal)} and ${short(found.error)}${range}`;
      const verdict = found.high - found.low > 0.2 ? "it depends on the sample whether overfitting is robustly benign"
        : error <= flipRate + 0.05 ? "overfitting is robustly benign"
          : error >= 0.5 ? "overfitting is robustly harmful" : "this is the transition";
      parts.summary.textContent = `r = ${short(r)}, α = ${short(ratio)}‖μ‖, t = ${t}. Four-group recursion: `
        + `ρ = ${short(rho)}, robust test error ${short(error)}. Table of h: `
        + `${found.h > 0 ? tabled : "does not reach so far"}. Label noise: ${short(flipRate)}; no classifier has less `
        + `than ${short(Theory.robustFloor(budget, signal, flipRate))}. So ${verdict}.`;
      const where = tables.map(({ beta, gamma }) => `(${beta}, ${gamma})`).join(", ") || "none in this tier";
      parts.where.textContent = table().r.length
        ? "From r = 1 on boundaries may bend, and samples differ: the shaded range is over the table's networks."
        : `Tables of h: (β, γ) = ${where}. At (${short(flipRate)}, ${short(slope)}) the recursion stands alone.`;
      parts.width.value = all.width;
      parts.nearest.replaceChildren(...nearest(all).map((cell) => make("li", {},
        button(sentence(cell), () => choose(cell)), ` robust test error ${short(cell.robust_test_error)}`)));
    }
    function assume(all) {
      const { constant, failure, descriptions, frei, ours } = data.assumptions;
      const holds = Theory.assumptions({ ...all, constant, failure });
      const verdict = [...frei, ...ours].every((name) => holds[name]) ? "hold" : "do not all hold";
      const said = (name) => make("li", { "data-assumption": name, "data-holds": holds[name] },
        make("strong", {}, holds[name] ? "✓ holds. " : "✗ fails. "), descriptions[name]);
      const names = Object.keys(descriptions), count = names.filter((name) => holds[name]).length;
      parts.assumed.textContent = `Assumptions: ${count} of ${names.length} hold`;
      parts.assumptions.replaceChildren(
        make("p", {}, `With C = ${constant} and δ = ${failure}, assumptions of the theorem's form, but for its own `
          + `step and start, ${verdict}.`), make("ul", {}, ...names.map(said)));
    }

    // -------------------------------------------------------------- train it here

    function start() {
      stop();
      const source = document.getElementById("trainer-source").textContent, began = performance.now();
      worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
      worker.onmessage = ({ data: row }) => {
        trained.push(row);
        tell(`Step ${row.step} of ${STEPS}: training error ${short(row.trainError)}, robust `
          + `${short(row.robustTrainError)}; test error ${short(row.testError)}, robust ${short(row.robustTestError)}; `
          + `ρ = ${short(row.rho)}; ${((performance.now() - began) / 1000).toFixed(1)} s.`);
        if (row.step === STEPS) end("done");
        draw();
      };
      worker.onerror = ({ message }) => { end("failed"); tell(`Training failed: ${message}`); };
      worker.postMessage({ ...derived(setting), seed: parts.seed.valueAsNumber || 0 });
      tell("Drawing the data …");
      state("running");
    }
    function tell(text) { parts.status.textContent = text; }
    function state(name) {
      parts.training.dataset.state = name;
      parts.start.disabled = setting.n > MOST_TRAINED || name === "running";
      parts.stop.disabled = name !== "running";
    }
    function end(name) {
      worker?.terminate();
      worker = null;
      state(name);
    }

    /** Forget what was trained. */
    function stop() {
      trained = [];
      tell("");
      end("idle");
    }

    // -------------------------------------------------------------- the page

    const parts = {
      summary: make("p", { id: "ex-summary", "aria-live": "polite" }), where: make("p", { class: "muted" }),
      assumed: make("summary"), assumptions: make("div", { id: "ex-assumptions" }),
      nearest: make("ol", { id: "ex-nearest" }),
      chosen: make("div", { id: "ex-chosen", "aria-live": "polite" }),
      status: make("p", { id: "ex-status", "aria-live": "polite" }),
      training: make("div", { class: "card", id: "ex-training" }),
      start: button("Train it here", start, { id: "ex-train", class: "primary" }),
      stop: button("Stop", () => { stop(); draw(); }),
      seed: make("input", { type: "number", min: 0, step: 1, value: 0, id: "ex-seed" }),
      width: make("input", {
        type: "number", min: 2, max: MOST_WIDTH, step: 2, id: "ex-width",
        onchange: ({ target }) => change("width", allowed("width", target.valueAsNumber || START.width)),
      }),
    };
    function legend(keys) {
      const borders = { solid: "solid", dot: "dotted", dash: "dashed", dashdot: "dashed" };
      const keyed = ([name, hue, dash]) => make("span", {
        class: dash ? "ex-line" : "ex-mark", style: `--hue: var(--${hue}); --dash: ${borders[dash]}`,
      }, name);
      return make("p", { class: "ex-legend" }, ...keys.map((key) => keyed(LOOKS[key])));
    }
    function figure(name, title, ...keys) {
      charts[name] = make("div", { class: "ex-chart", id: `ex-chart-${name}`, role: "img", "aria-label": title });
      return make("figure", { class: "card" }, make("h3", {}, title), charts[name], legend(keys));
    }
    const theory = ["averaging", "margin", "four", "table"];
    const errors = ["trainError", "robustTrainError", "testError", "robustTestError"];
    const example = ([name, values]) => button(name, () => adopt({ ...START, ...values }));
    parts.training.append(
      make("h3", {}, "Train it here"),
      make("p", {}, "Draws a training sample in law at your d, wrong labels in it, and 500 fresh points; trains a "
        + `network of m neurons adversarially for ${STEPS} steps (c = ${STEP_SCALE}) in this page, n up to `
        + `${MOST_TRAINED}; and attacks it. Robust errors are what the attack finds.`),
      make("div", { class: "row" }, parts.start, parts.stop, make("label", {}, "neurons m", parts.width),
        make("label", {}, "seed", parts.seed)), parts.status);
    slot.replaceChildren(
      make("div", { class: "row" }, ...Object.entries(EXAMPLES).map(example)),
      make("div", { class: "card ex-controls" }, ...CONTROLS.map(control)),
      parts.summary, parts.where, parts.training,
      make("div", { class: "ex-charts" },
        figure("budget", "Robust test error over the budget", "floor", ...theory, "measured", "bracket"),
        figure("time", "Errors over the steps", "floor", ...theory, "measured", ...errors),
        figure("rho", "Alignment ρ over the steps", ...theory, "alpha", "measured"),
        figure("phases", "Benign below the line, harmful above", ...theory, "fitted", "lost", "unfitted", "here")),
      make("details", { class: "card" }, parts.assumed, parts.assumptions),
      make("details", { class: "card" }, make("summary", {}, "Nearest measured networks"), make("p", { class: "muted" },
        "Charts show networks with nearly the same ‖μ‖ and r, whatever their n and d, the nearest with a ring. Click "
        + "a mark, or one of these, for its numbers."), parts.nearest), parts.chosen);
    Object.assign(api, { setting: () => derived(setting), trained: () => trained }); // for the console, and for tests
    document.addEventListener("themechange", schedule);
    window.addEventListener("hashchange", follow);
    stop();
    follow();
    schedule();
  }

  const api = { mount };
  return api;
})();
