/* Adversarial training of the two-layer network, in a Web Worker: what src/benign/train/gradient_descent.py does.

   Points are drawn in law at their d in orthonormal coordinates of the span of μ and the sample, k = n + 1 of them
   (docs/theory.md §7, Bartlett's decomposition): exact at every d, and no dearer at 10¹² than at 10³. The part of the
   small initial weights outside that span meets no training point and is left out. Robust errors are found by attack,
   the fixed point of δ ← -αy∇f/‖∇f‖, so they are lower bounds; α is the attack's budget in training and in testing.

   Letters: n points, m neurons, k coordinates; x, δ (n, k), W (m, k), Z = (x + δ)Wᵀ and slopes S = aφ'(Z) (n, m). */
"use strict";

const Trainer = (() => {
  const TOLERANCE = 1e-3, EVALUATIONS = 4, UNCHECKED = 15, MOVES = 10, TEST_POINTS = 500;

  // ---------------------------------------------------------------- chance

  /** Seeded draws: xoshiro128** (Blackman, Vigna), normals by the polar method, χ² by Marsaglia and Tsang. */
  function generator(seed) {
    const state = new Uint32Array(4);
    for (let i = 0, word = seed >>> 0; i < 4; i++) { // splitmix32
      word = (word + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(word ^ word >>> 16, 0x21f0aaad);
      mixed = Math.imul(mixed ^ mixed >>> 15, 0x735a2d97);
      state[i] = mixed ^ mixed >>> 15;
    }
    const rotate = (x, by) => x << by | x >>> 32 - by;
    function word() {
      const result = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0, shifted = state[1] << 9;
      state[2] ^= state[0];
      state[3] ^= state[1];
      state[1] ^= state[2];
      state[0] ^= state[3];
      state[2] ^= shifted;
      state[3] = rotate(state[3], 11);
      return result;
    }
    const uniform = () => ((word() >>> 5) * 67108864 + (word() >>> 6) + 0.5) / 9007199254740992; // in (0, 1)
    let spare = null;
    function normal() {
      if (spare !== null) return [spare, (spare = null)][0];
      for (;;) {
        const u = 2 * uniform() - 1, v = 2 * uniform() - 1, square = u * u + v * v;
        if (square >= 1 || square === 0) continue;
        const scale = Math.sqrt(-2 * Math.log(square) / square);
        spare = v * scale;
        return u * scale;
      }
    }
    function chiSquare(degrees) {
      if (degrees < 3) return Array.from({ length: degrees }, normal).reduce((sum, z) => sum + z * z, 0);
      const shape = degrees / 2 - 1 / 3, scale = 1 / Math.sqrt(9 * shape);
      for (;;) {
        const z = normal(), v = (1 + scale * z) ** 3;
        if (v > 0 && Math.log(uniform()) < z * z / 2 + shape - shape * v + shape * Math.log(v)) return 2 * shape * v;
      }
    }
    return { uniform, normal, chiSquare };
  }

  // ---------------------------------------------------------------- draws

  /** Points (n, k), k = min(d, n + 1): μ's axis first, then each point's noise along earlier ones, and what is new. */
  function drawSample({ n, d, signal, flipRate }, random) {
    const k = Math.min(d, n + 1), x = new Float64Array(n * k);
    const clean = Float64Array.from({ length: n }, () => (random.uniform() < 0.5 ? 1 : -1)), y = clean.slice();
    for (let i = 0; i < n; i++) {
      for (let c = 0; c <= Math.min(i, d - 1); c++) x[i * k + c] = random.normal();
      if (i < d - 1) x[i * k + i + 1] = Math.sqrt(random.chiSquare(d - 1 - i));
      x[i * k] += clean[i] * signal;
    }
    // Exactly ⌊βn⌋ wrong labels, in random places.
    const places = Array.from({ length: n }, (_, i) => [random.uniform(), i]).sort((p, q) => p[0] - q[0]);
    for (const [, i] of places.slice(0, Math.floor(flipRate * n + 1e-9))) y[i] = -y[i];
    return { n, k, x, y };
  }

  /** Fresh points: what of them lies outside the span meets no weight. */
  function drawFresh({ signal, flipRate }, k, random) {
    const x = Float64Array.from({ length: TEST_POINTS * k }, random.normal), y = new Float64Array(TEST_POINTS);
    for (let i = 0; i < TEST_POINTS; i++) {
      const clean = random.uniform() < 0.5 ? 1 : -1;
      x[i * k] += clean * signal;
      y[i] = random.uniform() < flipRate ? -clean : clean;
    }
    return { n: TEST_POINTS, k, x, y };
  }

  /** W₀ (m, k): rows in pairs, so that f = 0, a tenth as long as their first step is. */
  function initialWeights({ n, d, width, stepScale }, k, random) {
    const deviation = 0.1 * stepScale * Math.sqrt(n / (4 * width * d)) / Math.sqrt(d), w = new Float64Array(width * k);
    for (let i = 0; i < width / 2 * k; i++) w[i] = w[i + width / 2 * k] = deviation * random.normal();
    return w;
  }

  // ---------------------------------------------------------------- the network

  /** C (rows, columns) += A·B, the entry (i, j) of A being a[i·down + j·across]; blocks of 2 by 4 for speed. */
  function addProduct(c, a, down, across, b, rows, inner, columns) {
    for (let i = 0; i < rows; i += 2) {
      const one = i * columns, two = i + 1 < rows ? one + columns : one, second = i + 1 < rows ? 1 : 0;
      for (let j = 0; j < inner; j += 4) {
        const p = i * down + j * across, q = p + second * down, left = Math.min(inner - j, 4);
        const a0 = a[p], a1 = left > 1 ? a[p + across] : 0;
        const a2 = left > 2 ? a[p + 2 * across] : 0, a3 = left > 3 ? a[p + 3 * across] : 0;
        const d0 = second * a[q], d1 = left > 1 ? second * a[q + across] : 0;
        const d2 = left > 2 ? second * a[q + 2 * across] : 0, d3 = left > 3 ? second * a[q + 3 * across] : 0;
        const b0 = j * columns, b1 = left > 1 ? b0 + columns : b0;
        const b2 = left > 2 ? b1 + columns : b0, b3 = left > 3 ? b2 + columns : b0;
        for (let t = 0; t < columns; t++) {
          const v0 = b[b0 + t], v1 = b[b1 + t], v2 = b[b2 + t], v3 = b[b3 + t];
          c[one + t] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3;
          c[two + t] += d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3;
        }
      }
    }
  }

  /** Forward pass and input gradient at points p (count, k): f, and rows of S and of ∇f. */
  function passes(w, m, k, slope) {
    const outer = 1 / Math.sqrt(m), transposed = new Float64Array(k * m);
    function renew() {
      for (let j = 0; j < m; j++) for (let c = 0; c < k; c++) transposed[c * m + j] = w[j * k + c];
    }
    function forward(p, count, s, f) {
      s.fill(0, 0, count * m);
      addProduct(s, p, k, 1, transposed, count, k, m);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let j = 0, at = i * m; j < m; j++, at++) {
          const z = s[at], each = (z > 0 ? 1 : slope) * (j < m / 2 ? outer : -outer);
          sum += each * z;
          s[at] = each;
        }
        f[i] = sum;
      }
    }
    function gradient(s, count, g) {
      g.fill(0, 0, count * k);
      addProduct(g, s, m, 1, w, count, m, k);
    }
    return { renew, forward, gradient };
  }

  /** g ← the unit direction of descent of y·f, and the relative Frank-Wolfe gap of δ (count, k) into `gap`. */
  function descend(g, delta, y, count, k, budget, gap) {
    for (let i = 0; i < count; i++) {
      let square = 0, aligned = 0;
      for (let c = i * k; c < (i + 1) * k; c++) square += g[c] * g[c];
      const scale = square > 0 ? -y[i] / Math.sqrt(square) : 0;
      for (let c = i * k; c < (i + 1) * k; c++) aligned += (g[c] *= scale) * delta[c];
      gap[i] = (square > 0 ? 1 : 0) - aligned / budget;
    }
  }

  /** Shares of points lost as they are and within the budget, with their observed labels; ρ of the mean gradient. */
  function tested(network, { n, k, x, y }, m, w, budget, signal) {
    let count = n, point = x.slice(), labels = y.slice(), start = x.slice(), lost = 0, clean = 0, rho = NaN;
    const delta = new Float64Array(n * k), s = new Float64Array(n * m), g = new Float64Array(n * k);
    const f = new Float64Array(n), gap = new Float64Array(n);
    for (let move = 0; count > 0; move++) {
      network.forward(point, count, s, f);
      if (move === 0) rho = alignment(s, n, m, w, k, signal);
      if (budget > 0) {
        network.gradient(s, count, g);
        descend(g, delta, labels, count, k, budget, gap);
      }
      let kept = 0;
      for (let i = 0; i < count; i++) {
        if (!(labels[i] * f[i] > 0)) { lost++; continue; }
        if (!(budget > 0) || gap[i] <= 1e-4 || move === MOVES) continue;
        labels[kept] = labels[i];
        for (let c = 0; c < k; c++) {
          const to = kept * k + c, from = i * k + c;
          start[to] = start[from];
          delta[to] = budget * g[from];
          point[to] = start[to] + delta[to];
        }
        kept++;
      }
      if (move === 0) clean = lost / n;
      count = kept;
    }
    return { clean, robust: lost / n, rho };
  }

  /** ρ = ⟨μ, v⟩/‖v‖, v the mean input gradient over points with slopes S (n, m); μ = ‖μ‖e₀. */
  function alignment(s, n, m, w, k, signal) {
    const mean = new Float64Array(m), v = new Float64Array(k);
    for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < m; j++) mean[j] += s[at++];
    addProduct(v, mean, m, 1, w, 1, m, k);
    return signal * v[0] / Math.hypot(...v);
  }

  // ---------------------------------------------------------------- training

  /** 1, 2, 3, 5, 7, 10, … : evenly spaced on a logarithmic axis, the last step included. */
  function stops(steps) {
    const all = [];
    for (let i = 0; 10 ** (i / 6) < steps * (1 - 1e-9); i++) all.push(Math.round(10 ** (i / 6)));
    return new Set([...all, steps]);
  }

  /** Train on {n, d, signal, flipRate, slope, budget, width, steps, stepScale, seed}; post gets a row at each stop. */
  function train(setting, post) {
    const { d, signal, slope, budget, width: m, steps, stepScale, seed } = setting, random = generator(seed);
    const sample = drawSample(setting, random), { n, k, x, y } = sample;
    const fresh = drawFresh(setting, k, random), w = initialWeights(setting, k, random);
    const network = passes(w, m, k, slope), rate = stepScale / (d + signal ** 2), recorded = stops(steps); // η/n
    const delta = new Float64Array(n * k), p = x.slice(), s = new Float64Array(n * m), g = new Float64Array(n * k);
    const f = new Float64Array(n), gap = new Float64Array(n);
    let stride = 0, unchecked = 0;

    function forward() {
      for (let c = 0; c < n * k; c++) p[c] = x[c] + delta[c];
      network.forward(p, n, s, f);
    }
    function move(open) {
      for (let i = 0; i < n; i++) if (open(i)) for (let c = i * k; c < (i + 1) * k; c++) delta[c] = budget * g[c];
    }
    /** δ ← α·g/‖g‖ until the gap closes; it is looked at less often while it stays far below its tolerance. */
    function innerMaximum() {
      let next = stride;
      for (let evaluation = 1; ; evaluation++) {
        network.gradient(s, n, g);
        descend(g, delta, y, n, k, budget, gap);
        const largest = gap.reduce((most, each) => Math.max(most, each), 0);
        if (evaluation === 1) {
          if (largest > TOLERANCE / 10) next = 0;
          else if (largest <= TOLERANCE / 100) next = Math.min(2 * stride + 1, UNCHECKED);
        }
        if (evaluation === EVALUATIONS || largest <= TOLERANCE) break;
        move((i) => gap[i] > TOLERANCE);
        forward();
      }
      move(() => true);
      [stride, unchecked] = [next, 0];
    }

    for (let step = 1; step <= steps; step++) {
      network.renew();
      forward();
      if (budget > 0 && step > 1 && unchecked++ >= stride) innerMaximum(); // at W₀ there is no direction
      for (let i = 0; i < n; i++) {
        const pull = rate * y[i] / (1 + Math.exp(y[i] * f[i]));
        for (let at = i * m; at < (i + 1) * m; at++) s[at] *= pull;
      }
      addProduct(w, s, 1, m, p, m, n, k); // W ← W + S̃ᵀP
      if (!recorded.has(step)) continue;
      network.renew();
      const trained = tested(network, sample, m, w, budget, signal);
      const found = tested(network, fresh, m, w, budget, signal);
      post({ step, trainError: trained.clean, robustTrainError: trained.robust, testError: found.clean,
        robustTestError: found.robust, rho: found.rho });
    }
  }

  return { train };
})();

if (typeof module !== "undefined") module.exports = Trainer;
// In a worker: one setting in, a row for each stop out.
if (typeof WorkerGlobalScope !== "undefined") onmessage = ({ data }) => Trainer.train(data, postMessage);
