/* The closed forms and recursions of src/benign/theory/mixture, for the page, a worker and node alike.

   Letters: n points, d dimension, signal ‖μ‖, flipRate β, slope γ, budget α, stepSize η, width m, constant C, failure
   δ. tests/site/test_explorer.py holds the numbers to Python's; derivations are in docs/theory.md, § as given. */
"use strict";

const Theory = (() => {
  // ---------------------------------------------------------------- the normal distribution

  const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

  /** Φ(x): a power series near 0, a continued fraction in the tails, where the series would lose digits. */
  function normal(x) {
    if (Number.isNaN(x)) return NaN;
    if (x > 2.5) return 1 - normal(-x);
    if (x < -38.6) return 0;
    if (x < -2.5) {
      let fraction = -x;
      for (let k = 200; k > 0; k--) fraction = -x + k / fraction;
      return density(x) / fraction;
    }
    let term = x, sum = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) sum += term *= x * x / k;
    return 0.5 + sum * density(x);
  }

  // ---------------------------------------------------------------- half-spaces (§ 1 to 4)

  /** Robust error, observed labels, of a half-space with alignment ρ. */
  const halfSpaceError = (budget, rho, flipRate) =>
    (1 - flipRate) * normal(budget - rho) + flipRate * normal(budget + rho);

  /** Least robust error of any classifier. */
  const robustFloor = (budget, signal, flipRate) => Math.min(halfSpaceError(budget, signal, flipRate), 0.5);

  /** r = n‖μ‖²/d. */
  const crowding = (n, d, signal) => n * signal ** 2 / d;

  /** ρ of Σ λ_i y_i x_i, λ_i = λ_c on clean and λ_f on flipped points. */
  function alignment({ n, d, signal, flipRate }, clean, flipped) {
    const mean = (1 - flipRate) * clean - flipRate * flipped;
    const square = (1 - flipRate) * clean ** 2 + flipRate * flipped ** 2;
    return Math.sqrt(n) * signal ** 2 * mean / Math.sqrt(d * square + n * signal ** 2 * mean ** 2);
  }

  const averagingRho = (setting) => alignment(setting, 1, 1);

  function maxMarginRho(setting) {
    const { n, d, signal, flipRate, slope } = setting;
    const ratio = (1 + slope) ** 2 / (2 * (1 + slope ** 2)) * crowding(n, d, signal);
    const share = (1 - 2 * flipRate) * ratio / (1 + ratio);
    return alignment(setting, 1 - share, 1 + share);
  }

  // ---------------------------------------------------------------- the four-group recursion (§ 19)

  const TRUE = [1, 1, -1, -1], OBSERVED = [1, -1, -1, 1], ROUNDS = 3;

  /** Sizes of the groups (true, observed) = (+,+), (+,-), (-,-), (-,+), equal in both classes. */
  const groupSizes = (n, flipRate) => [1 - flipRate, flipRate, 1 - flipRate, flipRate].map((share) => n / 2 * share);


  /** ρ after each of the steps 1 … `steps`. Weights, as in Python: s_a along μ̂, b_{a,h,τ} along the noise
      of a point of group h, τ = 0 where the neuron was active on it in the first step. Places: of (a, h) 4a + h, of
      (a, h, τ) 8a + 2h + τ, of (h, g) 4h + g. */
  function fourGroup({ n, d, signal, flipRate, slope, budget, stepSize, steps, groups = groupSizes(n, flipRate) }) {
    const size = groups.reduce((sum, each) => sum + each, 0), attacked = budget > 0;
    const rate = [stepSize / size, -stepSize / size], pushed = TRUE.map((own, g) => OBSERVED[g] * own * signal);
    const others = Float64Array.from({ length: 16 }, (_, i) => Math.max(groups[i >> 2] - (i >> 2 === (i & 3)), 0));
    const s = [0, 0], b = new Float64Array(16), mean = new Float64Array(8), clean = new Float64Array(16);
    const z = new Float64Array(16), slopes = Float64Array.from({ length: 16 }, (_, i) => (i & 1 ? slope : 1));
    // The attack's direction, of length 1: along μ̂ (g), another point's noise (h, g) and its own (g).
    const alongMean = [0, 0, 0, 0], along = new Float64Array(16), alongOwn = [0, 0, 0, 0], pull = [0.5, 0.5, 0.5, 0.5];
    const crossed = [0, 0, 0, 0], pulled = [0, 0, 0, 0], inner = [0, 0];
    const rho = new Float64Array(steps);

    function direct() {
      for (let g = 0; g < 4; g++) {
        const i = 2 * g, j = i + 8;
        const plus = 0.25 * (slopes[i] + slopes[i + 1]), minus = -0.25 * (slopes[j] + slopes[j + 1]);
        alongMean[g] = plus * s[0] + minus * s[1];
        alongOwn[g] = 0.25 * (slopes[i] * b[i] + slopes[i + 1] * b[i + 1])
          - 0.25 * (slopes[j] * b[j] + slopes[j + 1] * b[j + 1]);
        let across = 0;
        for (let h = 0; h < 4; h++) {
          const part = along[4 * h + g] = plus * mean[h] + minus * mean[4 + h];
          across += others[4 * h + g] * (part * part);
        }
        let norm = Math.sqrt(alongMean[g] ** 2 + d * (across + alongOwn[g] ** 2));
        if (!(norm > 0)) norm = Infinity;
        alongMean[g] /= norm;
        alongOwn[g] /= norm;
        for (let h = 0; h < 4; h++) along[4 * h + g] /= norm;
      }
    }

    for (let t = 0; t < steps; t++) {
      for (let a = 0; a < 2; a++) {
        let along_ = 0;
        for (let g = 0; g < 4; g++) {
          pulled[g] = 0.5 * (slopes[8 * a + 2 * g] + slopes[8 * a + 2 * g + 1]) * pull[g];
          along_ += pulled[g] * groups[g] * (pushed[g] - budget * alongMean[g]);
        }
        s[a] += rate[a] * along_;
        for (let h = 0; h < 4; h++) {
          crossed[h] = 0;
          for (let g = 0; g < 4; g++) crossed[h] += others[4 * g + h] * along[4 * h + g] * pulled[g];
          const own = (OBSERVED[h] - budget * alongOwn[h]) * pull[h];
          for (let i = 8 * a + 2 * h, last = i + 2; i < last; i++) {
            b[i] += rate[a] * (own * slopes[i] - budget * crossed[h]);
            z[i] = clean[i] = s[a] * TRUE[h] * signal + d * b[i];
          }
          mean[4 * a + h] = 0.5 * (b[8 * a + 2 * h] + b[8 * a + 2 * h + 1]);
        }
      }
      for (let i = 0; i < 16; i++) slopes[i] = z[i] > 0 ? 1 : slope;
      for (let round = 0; attacked && round < ROUNDS; round++) {
        direct();
        for (let g = 0; g < 4; g++) {
          for (let a = 0; a < 2; a++) {
            let crosses = 0;
            for (let h = 0; h < 4; h++) crosses += others[4 * h + g] * along[4 * h + g] * mean[4 * a + h];
            inner[a] = s[a] * alongMean[g] + d * crosses;
            for (let i = 8 * a + 2 * g, last = i + 2; i < last; i++)
              z[i] = clean[i] - budget * OBSERVED[g] * (inner[a] + b[i] * (d * alongOwn[g]));
          }
        }
        for (let i = 0; i < 16; i++) slopes[i] = z[i] > 0 ? 1 : slope;
      }
      let across = 0;
      for (let g = 0; g < 4; g++) {
        const i = 2 * g, j = i + 8;
        const output = 0.25 * (slopes[i] * z[i] + slopes[i + 1] * z[i + 1])
          - 0.25 * (slopes[j] * z[j] + slopes[j + 1] * z[j + 1]);
        pull[g] = 1 / (1 + Math.exp(OBSERVED[g] * output));
        across += groups[g] * (mean[g] - mean[4 + g]) ** 2;
      }
      const normal_ = s[0] - s[1], length = Math.sqrt(normal_ ** 2 + d * across);
      rho[t] = length > 0 && Number.isFinite(length) ? signal * normal_ / length : NaN;
    }
    return rho;
  }

  // ---------------------------------------------------------------- the one number h(r, α/‖μ‖; t) (§ 19)

  /** The table of rows {r, ratio, t, seed, h, positive, negative}: its axes, and for each seed its rows by place. */
  function tableOfH(rows) {
    const axes = ["r", "ratio", "t"].map((name) => [...new Set(rows.map((row) => row[name]))].sort((p, q) => p - q));
    const seeds = new Map();
    for (const row of rows) {
      if (!seeds.has(row.seed)) seeds.set(row.seed, new Map());
      seeds.get(row.seed).set([row.r, row.ratio, row.t].map((value, i) => axes[i].indexOf(value)).join(), row);
    }
    const logs = (axis) => axis.map(Math.log);
    return { r: axes[0], ratio: axes[1], axes: [logs(axes[0]), axes[1], logs(axes[2])], seeds: [...seeds.values()] };
  }

  /** Place of x between the values of an axis: [index, share of the next]; null outside. */
  function place(axis, x) {
    const last = axis.length - 1;
    if (!(x >= axis[0] - 1e-9 && x <= axis[last] + 1e-9)) return null;
    let i = 0;
    while (i < last - 1 && x > axis[i + 1]) i++;
    return last === 0 ? [0, 0] : [i, Math.min(Math.max((x - axis[i]) / (axis[i + 1] - axis[i]), 0), 1)];
  }

  /** {h, positive, negative} of one seed, linear in log r, α/‖μ‖ and log t; NaN outside the table. */
  function tabled({ axes }, seed, { r, ratio, t }) {
    const places = [Math.log(r), ratio, Math.log(t)].map((x, i) => place(axes[i], x));
    const found = { h: 0, positive: 0, negative: 0 };
    for (let corner = 0; corner < 8; corner++) {
      const next = [corner & 1, corner >> 1 & 1, corner >> 2];
      const weight = places.reduce((w, at, i) => w * (at ? (next[i] ? at[1] : 1 - at[1]) : NaN), 1);
      if (weight === 0) continue;
      const row = Number.isNaN(weight) ? undefined : seed.get(places.map((at, i) => at[0] + next[i]).join());
      for (const name in found) found[name] += weight * (row?.[name] ?? NaN);
    }
    return found;
  }

  /** What the table says of any n, d and ‖μ‖: h, and the robust error of a half-space with ρ = ‖μ‖h, observed labels.
      From r = 1 on boundaries may bend, and seeds differ: low and high are the range over the table's networks, each
      taken as a half-space, and as two, one for either cluster with the ρ that its points see; NaN up to r = 1. */
  function predicted(table, { r, ratio, t, signal, flipRate }) {
    const networks = table.seeds.map((seed) => tabled(table, seed, { r, ratio, t }));
    const error = (h) => halfSpaceError(ratio * signal, h * signal, flipRate);
    const h = networks.reduce((sum, each) => sum + each.h, 0) / networks.length;
    const range = networks.flatMap((each) => [error(each.h), (error(each.positive) + error(each.negative)) / 2]);
    const bent = r > 1 + 1e-9;
    return { h, error: error(h), low: bent ? Math.min(...range) : NaN, high: bent ? Math.max(...range) : NaN };
  }

  /** The least ratio of those given at which h comes down to it; the largest if it never does (as `tolerances`). */
  function tolerated(ratios, h) {
    const kept = ratios.map((ratio, i) => [ratio, ratio - h[i]]).filter(([, short]) => Number.isFinite(short));
    const first = kept.findIndex(([, short]) => short >= 0);
    if (!kept.length || (first === 0 && kept[0][1] > 0 && kept[0][0] > 0)) return NaN;
    if (first < 0) return kept.at(-1)[0];
    if (first === 0) return kept[0][0];
    const [[x0, s0], [x1, s1]] = [kept[first - 1], kept[first]];
    return x0 - s0 / (s1 - s0) * (x1 - x0);
  }

  // ---------------------------------------------------------------- what the theorems assume (§ 8)

  /** Name of each assumption to whether it holds, as `assumptions.check` for an activation with a kink. */
  function assumptions({ n, d, signal, flipRate, budget, stepSize, initScale, width, constant, failure }) {
    const size = d + signal ** 2, power = signal ** 2, log = Math.log(n / failure);
    const ratio = (given, needed) => (needed > 0 ? given / needed : Infinity);
    const firstStep = stepSize * size / (2 * n * Math.sqrt(width)), initial = initScale * Math.sqrt(size / d);
    const shown = d / n * Math.max(Math.log(width * d / (n * failure)), 0);
    const largest = {
      sample_size: n / Math.log(1 / failure),
      dimension: d / Math.max(n * power, n ** 2 * log),
      signal: power / log,
      flip_rate: ratio(1, flipRate),
      test_signal: n * signal ** 4 / d,
      initialisation: ratio(firstStep, initial),
      sample_size_xu: n / Math.log(width / failure),
      width_xu: width / log,
      dimension_xu: d / (n * power + n ** 2 * log),
      signal_xu: ratio(signal, shown ** 0.25),
      step_literal: 1 / (stepSize * d ** 2),
    };
    const holds = Object.fromEntries(Object.entries(largest).map(([name, value]) => [name, value >= constant]));
    return {
      ...holds,
      budget: budget <= averagingRho({ n, d, signal, flipRate }) / 2,
      step: stepSize * size / n <= 3,
      initialisation_literal: initScale * Math.sqrt(width) <= stepSize,
    };
  }

  return { halfSpaceError, robustFloor, crowding, averagingRho, maxMarginRho, fourGroup, tableOfH, predicted, tolerated,
    assumptions };
})();

if (typeof module !== "undefined") module.exports = Theory;
