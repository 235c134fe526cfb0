import { describe, expect, it } from "vitest";
import { bandColors, colorAt, cssColor, cssGradient, inkOn, MAP_NAMES } from "./colormaps";
import { filledBands, holeRectangles, isolines, pathOf, regionOutline, signedArea, validCells } from "./contours";
import type { Chain } from "./contours";
import { block, difference, gridOf, interpolate, line, nearestIndex, positionOf, slice } from "./grid";
import type { Grid2 } from "./grid";
import { areaOf, isosurface } from "./isosurface";
import {
  fitTail,
  fitTitle,
  formatInteger,
  formatNumber,
  formatWithError,
  labelWidth,
  linearTicks,
  logTicks,
  niceStep,
  thinLabels,
  ticksOf,
} from "./numbers";
import { finiteRange, levelsOf, makeScale, pixelScale, quantileSupport, suggestedScale } from "./scales";
import { gridLines, linesOnSurface, strided, surfaceMesh } from "./surface";

const plane = (x: number[], y: number[], f: (x: number, y: number) => number): Grid2 => ({
  columns: x.length,
  rows: y.length,
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  values: Float64Array.from({ length: x.length * y.length }, (_, v) =>
    f(x[v % x.length]!, y[Math.floor(v / x.length)]!),
  ),
});
const steps = (low: number, high: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
const uneven = [-2, -1.7, -0.9, -0.1, 0.4, 0.5, 1.2, 2];
const areaOfChains = (chains: readonly Chain[]): number => chains.reduce((sum, c) => sum + signedArea(c.points), 0);

describe("isolines", () => {
  it("of a plane are straight, whatever the spacing, with the higher side to the left", () => {
    const grid = plane(uneven, uneven, (x, y) => x + 2 * y);
    const [only] = isolines(grid, Float64Array.of(0.3));
    expect(only!.chains.length).toBe(1);
    const { points, closed } = only!.chains[0]!;
    expect(closed).toBe(false);
    for (let i = 0; i < points.length; i += 2) expect(points[i]! + 2 * points[i + 1]!).toBeCloseTo(0.3, 12);
    for (let i = 0; i + 3 < points.length; i += 2) {
      const dx = points[i + 2]! - points[i]!;
      const dy = points[i + 3]! - points[i + 1]!;
      if (Math.hypot(dx, dy) > 1e-12) expect(-dy * 1 + dx * 2).toBeGreaterThan(0); // left normal . gradient
    }
  });
  it("of a bowl is one closed ring that encloses the lower side clockwise, of the circle's area", () => {
    const grid = plane(steps(-2, 2, 201), steps(-2, 2, 201), (x, y) => x * x + y * y);
    const [ring] = isolines(grid, Float64Array.of(1));
    expect(ring!.chains.map((c) => c.closed)).toEqual([true]);
    expect(signedArea(ring!.chains[0]!.points)).toBeCloseTo(-Math.PI, 3);
  });
  it("decides the two-diagonal case by the mean of the corners", () => {
    const corners = (mean: number): Grid2 => plane([0, 1], [0, 1], (x, y) => (x === y ? 1 : 2 * mean - 1));
    const joined = isolines(corners(0.6), Float64Array.of(0.5));
    const apart = isolines(corners(0.4), Float64Array.of(0.5));
    // joined: the pieces cut off the low corners; apart: the high ones
    const nearest = (chains: readonly Chain[], x: number, y: number): number =>
      Math.min(
        ...chains.map((c) => Math.hypot((c.points[0]! + c.points[2]!) / 2 - x, (c.points[1]! + c.points[3]!) / 2 - y)),
      );
    expect(joined[0]!.chains.length).toBe(2);
    expect(nearest(joined[0]!.chains, 1, 0)).toBeLessThan(nearest(joined[0]!.chains, 0, 0));
    expect(nearest(apart[0]!.chains, 0, 0)).toBeLessThan(nearest(apart[0]!.chains, 1, 0));
  });
  it("stop at holes", () => {
    const grid = plane(steps(0, 4, 5), steps(0, 4, 5), (x, y) => (x === 2 && y === 2 ? NaN : y));
    const [lines] = isolines(grid, Float64Array.of(1.5));
    expect(lines!.chains.length).toBe(2);
    expect(Array.from(validCells(grid)).reduce((a, b) => a + b, 0)).toBe(12);
    expect(holeRectangles(grid)).toEqual([
      [1, 1, 3, 2],
      [1, 2, 3, 3],
    ]);
  });
});

describe("filled bands", () => {
  it("add up to the valid domain, each as large as the closed form says", () => {
    const grid = plane(uneven, uneven, (x, y) => x + 0 * y);
    const levels = Float64Array.of(-1, 0, 1);
    const bands = filledBands(grid, levels);
    expect(areaOfChains(bands[0]!.chains)).toBeCloseTo(16, 12);
    expect(bands.slice(1).map((b) => areaOfChains(b.chains))).toEqual([12, 8, 4].map((a) => expect.closeTo(a, 10)));
  });
  it("leave holes out, with rings that are all closed", () => {
    const values = (x: number, y: number): number => ((x === 1 && y === 1) || (x === 3 && y === 3) ? Infinity : x * y);
    const grid = plane(steps(0, 6, 7), steps(0, 6, 7), values);
    const bands = filledBands(grid, Float64Array.of(5, 11.5));
    for (const band of bands) for (const chain of band.chains) expect(chain.closed).toBe(true);
    expect(areaOfChains(bands[0]!.chains)).toBeCloseTo(36 - 8, 12);
  });
  it("agree with counting fine points in random fields with ties and holes", () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 20; round++) {
      const n = 7;
      const values = Array.from({ length: n * n }, () => (random() < 0.08 ? NaN : Math.floor(random() * 5)));
      const grid: Grid2 = {
        columns: n,
        rows: n,
        x: Float64Array.from(steps(0, 6, n)),
        y: Float64Array.from(steps(0, 6, n)),
        values: Float64Array.from(values),
      };
      const levels = Float64Array.of(0.5, 2, 3.25);
      const bands = filledBands(grid, levels);
      // per cell, exactly: the polygon of {linear along sides >= level} by walking its corners and cuts
      levels.forEach((level, l) => {
        let expected = 0;
        for (let i = 0; i + 1 < n; i++)
          for (let j = 0; j + 1 < n; j++) {
            const at = [
              [i, j],
              [i, j + 1],
              [i + 1, j + 1],
              [i + 1, j],
            ] as const;
            const f = at.map(([r, c]) => values[r * n + c]!);
            if (f.some((v) => !Number.isFinite(v))) continue;
            const cross = f.filter((v, k) => v >= level !== f[(k + 1) % 4]! >= level).length;
            const walk: [number, number][] = [];
            const pieces: [number, number][][] = [];
            for (let k = 0; k < 4; k++) {
              const [r, c] = at[k]!;
              const [r2, c2] = at[(k + 1) % 4]!;
              const a = f[k]!;
              const b = f[(k + 1) % 4]!;
              if (a >= level) walk.push([c, r]);
              if (a >= level !== b >= level) {
                const t = (level - a) / (b - a);
                walk.push([c + t * (c2 - c), r + t * (r2 - r)]);
              }
            }
            if (cross === 4 && f.reduce((x, y) => x + y, 0) / 4 < level) {
              // two corner triangles
              for (let k = 0; k < walk.length; k++) {
                const isCorner =
                  Number.isInteger(walk[k]![0]) &&
                  Number.isInteger(walk[k]![1]) &&
                  f[at.findIndex(([r, c]) => r === walk[k]![1] && c === walk[k]![0])]! >= level;
                if (isCorner)
                  pieces.push([walk[(k + walk.length - 1) % walk.length]!, walk[k]!, walk[(k + 1) % walk.length]!]);
              }
            } else pieces.push(walk);
            for (const p of pieces) expected += signedArea(Float64Array.from(p.flat()));
          }
        expect(areaOfChains(bands[l + 1]!.chains)).toBeCloseTo(expected, 9);
      });
    }
  });
  it("are quick enough to be remade at every zoom: 1,001 x 1,001 with 12 levels counts its cells once", () => {
    const axis = steps(-3, 3, 1001);
    const grid = plane(axis, axis, (x, y) => Math.sin(2 * x) * Math.cos(3 * y) + 0.1 * x * x);
    const levels = levelsOf(makeScale("linear", finiteRange(grid.values)!), 12);
    const bands = filledBands(grid, levels);
    expect(bands.length).toBe(13);
    expect(areaOfChains(bands[0]!.chains)).toBeCloseTo(36, 6);
    const areas = bands.map((b) => areaOfChains(b.chains));
    expect(areas).toEqual([...areas].sort((a, b) => b - a));
  });
});

describe("regions and paths", () => {
  it("outlines cover the patches of their vertices", () => {
    const grid = plane(steps(0, 4, 5), steps(0, 4, 5), () => 0);
    const inside = new Set([6, 7, 8, 11, 13, 16, 17, 18]); // a ring around vertex 12
    const chains = regionOutline(grid, (v) => inside.has(v));
    expect(chains.length).toBe(2);
    expect(areaOfChains(chains)).toBe(8);
    expect(areaOfChains(regionOutline(grid, () => true))).toBe(16);
  });
  it("a path closes its rings and rounds to a hundredth of a pixel", () => {
    const chains: Chain[] = [
      { points: Float64Array.of(0, 0, 1, 0, 1, 1), closed: true },
      { points: Float64Array.of(0, 0, 0, 0, 1 / 3, 1), closed: false },
    ];
    expect(
      pathOf(
        chains,
        (x) => x,
        (y) => y,
      ),
    ).toBe("M0 0L1 0L1 1ZM0 0L0.33 1");
  });
});

describe("grids", () => {
  const grid = gridOf(
    [2, 3, 4],
    [0, 1, 2].map((k) => Float64Array.from({ length: k + 2 }, (_, i) => 10 * k + i)),
    Float64Array.from({ length: 24 }, (_, i) => i),
  );
  it("are sliced in C order", () => {
    expect(Array.from(slice(grid, 0, 2, [0, 1, 0]).values)).toEqual([4, 5, 6, 7, 16, 17, 18, 19]);
    expect(Array.from(slice(grid, 2, 1, [1, 0, 0]).values)).toEqual([12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23]);
    expect(Array.from(line(grid, 1, [1, 0, 2]))).toEqual([14, 18, 22]);
    expect(block(grid, [2, 1, 0], []).shape).toEqual([4, 3, 2]);
    expect(Array.from(block(grid, [2, 1, 0], []).values.slice(0, 4))).toEqual([0, 12, 4, 16]);
    expect(positionOf(grid, 17)).toEqual([1, 11, 21]);
  });
  it("are interpolated bilinearly, with holes and an outside", () => {
    const bilinear = plane(uneven, uneven, (x, y) => 1 + x - y + 3 * x * y);
    expect(interpolate(bilinear, 0.45, -0.5)).toBeCloseTo(1 + 0.45 + 0.5 - 3 * 0.45 * 0.5, 12);
    expect(interpolate(bilinear, 2.01, 0)).toBeUndefined();
    expect(
      interpolate(
        plane([0, 1], [0, 1], (x) => (x ? NaN : 0)),
        0.5,
        0.5,
      ),
    ).toBeNaN();
    expect(nearestIndex(bilinear.x, 0.46)).toBe(5);
  });
  it("are subtracted only on the same coordinates", () => {
    expect(difference(grid, { ...grid, values: Float64Array.from(grid.values, (v) => v / 2) })!.values[6]).toBe(3);
    expect(
      difference(grid, { ...grid, axes: [grid.axes[0]!, grid.axes[1]!, Float64Array.of(0, 1, 2, 3)] }),
    ).toBeUndefined();
  });
});

describe("surfaces", () => {
  const bowl = plane(steps(-1, 1, 41), steps(-1, 1, 41), (x, y) => x * x + y * y);
  const flat = (mesh: { positions: Float32Array; triangles: Uint32Array }): number =>
    areaOf({ positions: mesh.positions.map((v, i) => (i % 3 === 2 ? 0 : v)), triangles: mesh.triangles });
  it("cover the plane; clipped ones stop at the level", () => {
    expect(flat(surfaceMesh(bowl, (v) => v))).toBeCloseTo(4, 5);
    const clipped = surfaceMesh(bowl, (v) => v, { clip: 0.49 });
    expect(flat(clipped)).toBeCloseTo(Math.PI * 0.49, 2);
    for (const t of clipped.triangles) expect(clipped.values[t]!).toBeLessThanOrEqual(Math.fround(0.49));
    // counter-clockwise seen from above everywhere
    const { positions: p, triangles } = clipped;
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[t + k]!) as [number, number, number];
      const cross = (p[b]! - p[a]!) * (p[c + 1]! - p[a + 1]!) - (p[b + 1]! - p[a + 1]!) * (p[c]! - p[a]!);
      expect(cross).toBeGreaterThanOrEqual(-1e-6);
    }
  });
  it("leave holes open and keep the last row when strided", () => {
    const holed = { ...bowl, values: bowl.values.map((v, i) => (i === 41 * 20 + 20 ? NaN : v)) };
    expect(surfaceMesh(holed, (v) => v).triangles.length / 3).toBe(2 * (1600 - 4));
    expect(Array.from(strided(10, 4))).toEqual([0, 4, 8, 9]);
    expect(flat(surfaceMesh(bowl, (v) => v, { stride: 7 }))).toBeCloseTo(4, 5);
  });
  it("carry contour lines of the right length, on the surface", () => {
    const fine = surfaceMesh(
      plane(steps(-1, 1, 161), steps(-1, 1, 161), (x, y) => Math.hypot(x, y)),
      (v) => v,
    );
    const { points, level } = linesOnSurface(fine, [0.25, 0.75]);
    const length = [0, 0];
    for (let s = 0; s < level.length; s++) {
      const [a, b] = [points.subarray(6 * s, 6 * s + 3), points.subarray(6 * s + 3, 6 * s + 6)];
      length[level[s]!]! += Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);
      expect(a[2]).toBe(Math.fround([0.25, 0.75][level[s]!]!));
      expect(Math.hypot(a[0]!, a[1]!)).toBeCloseTo(a[2]!, 3);
    }
    expect(length[0]).toBeCloseTo(2 * Math.PI * 0.25, 2);
    expect(length[1]).toBeCloseTo(2 * Math.PI * 0.75, 2);
  });
  it("as a mesh: rows and columns", () => {
    const { points } = gridLines(bowl, (v) => v, 10);
    expect(points.length / 6).toBe(2 * 5 * 40);
  });
});

describe("isosurface", () => {
  const n = 33;
  const axis = Float64Array.from(steps(-1, 1, n));
  const ball = gridOf(
    [n, n, n],
    [axis, axis, axis],
    Float64Array.from({ length: n ** 3 }, (_, v) =>
      Math.hypot(axis[Math.floor(v / n / n)]!, axis[Math.floor(v / n) % n]!, axis[v % n]!),
    ),
  );
  it("of a ball is a closed sphere of the right area and volume that turns towards higher values", () => {
    const mesh = isosurface(ball, 0.7);
    expect(areaOf(mesh)).toBeCloseTo(4 * Math.PI * 0.49, 1);
    const edges = new Map<string, number>();
    let volume = 0;
    const { positions: p, triangles: t } = mesh;
    for (let i = 0; i < t.length; i += 3) {
      const c = [t[i]!, t[i + 1]!, t[i + 2]!] as const;
      c.forEach((a, k) => {
        const b = c[(k + 1) % 3]!;
        edges.set(`${a} ${b}`, (edges.get(`${a} ${b}`) ?? 0) + 1);
      });
      const at = (v: number, k: number): number => p[3 * v + k]!;
      const [a, b, d] = c;
      volume +=
        (at(a, 0) * (at(b, 1) * at(d, 2) - at(b, 2) * at(d, 1)) -
          at(a, 1) * (at(b, 0) * at(d, 2) - at(b, 2) * at(d, 0)) +
          at(a, 2) * (at(b, 0) * at(d, 1) - at(b, 1) * at(d, 0))) /
        6;
    }
    expect(volume).toBeGreaterThan(0); // outwards: values grow with the radius
    expect(volume).toBeCloseTo((4 / 3) * Math.PI * 0.343, 1);
    for (const [edge, count] of edges) {
      expect(count).toBe(1); // each directed side once: one orientation, no cracks
      expect(edges.get(edge.split(" ").reverse().join(" "))).toBe(1);
    }
    const used = new Set(t);
    expect(used.size - edges.size / 2 + t.length / 3).toBe(2); // Euler: a sphere
  });
  it("leaves holes open and gives nothing outside the range", () => {
    expect(isosurface(ball, 5).triangles.length).toBe(0);
    const holed = { ...ball, values: ball.values.map((v, i) => (i === Math.floor(n ** 3 / 2) ? NaN : v)) };
    expect(isosurface(holed, 0.7).triangles.length).toBe(isosurface(ball, 0.7).triangles.length);
    expect(isosurface(holed, 0.05).triangles.length).toBeLessThan(isosurface(ball, 0.05).triangles.length);
  });
});

describe("scales", () => {
  it("go there and back", () => {
    const support = quantileSupport([[5, 1, 2, 2, 9, NaN]]);
    for (const kind of ["linear", "log", "symlog", "quantile"] as const) {
      const scale = makeScale(kind, kind === "symlog" ? { low: -3, high: 9 } : { low: 1, high: 9 }, support);
      expect(scale.kind).toBe(kind);
      expect(scale.share(scale.low)).toBeCloseTo(0, 12);
      expect(scale.share(scale.high)).toBeCloseTo(1, 12);
      for (const share of [0.1, 0.37, 0.8])
        expect(scale.share(scale.value(share))).toBeCloseTo(share, kind === "quantile" ? 1 : 10);
      expect(scale.share(NaN)).toBeNaN();
    }
    expect(makeScale("quantile", { low: 1, high: 9 }, support).share(5)).toBeCloseTo(0.75, 12);
    expect(makeScale("log", { low: -1, high: 9 }).kind).toBe("symlog");
    expect(makeScale("log", { low: 1e-4, high: 10 }).share(0.01)).toBeCloseTo(0.4, 12);
  });
  it("are logarithmic by default beyond three decades", () => {
    expect(suggestedScale({ low: 0.01, high: 10 })).toBe("linear");
    expect(suggestedScale({ low: 0.0099, high: 10 })).toBe("log");
    expect(suggestedScale({ low: -1, high: 1e9 })).toBe("linear");
    expect(finiteRange([NaN, 3, Infinity, -2])).toEqual({ low: -2, high: 3 });
    expect(finiteRange([NaN])).toBeUndefined();
  });
  it("give levels inside the range and pixels", () => {
    expect(Array.from(levelsOf(makeScale("log", { low: 1, high: 1e4 }), 3))).toEqual(
      [10, 100, 1000].map((v) => expect.closeTo(v, 9)),
    );
    const px = pixelScale(makeScale("linear", { low: 2, high: 4 }), 100, 0);
    expect(px.px(3)).toBe(50);
    expect(px.invert(25)).toBe(3.5);
    expect(makeScale("linear", { low: 3, high: 3 }).share(3)).toBeCloseTo(0.5, 12);
  });
});

describe("numbers", () => {
  it("have sensible digits", () => {
    expect(
      [0, 0.5, 12.3456, 1234567, 0.00012346, -3.2e-9, 1e-7, 99999.6, NaN, -Infinity].map((v) => formatNumber(v)),
    ).toEqual(["0", "0.5", "12.35", "1.235×10⁶", "1.235×10⁻⁴", "−3.2×10⁻⁹", "10⁻⁷", "100,000", "not a number", "−∞"]);
    expect(formatNumber(null)).toBe("–");
    expect(formatInteger(-1234567)).toBe("−1,234,567");
    expect(formatWithError(12.3456, 0.0213)).toBe("12.346 ± 0.021");
    expect(formatWithError(0.5, NaN)).toBe("0.5");
    expect(formatWithError(1.23456e-8, 2.1e-10)).toBe("(1.235 ± 0.021)×10⁻⁸");
  });
  it("ticks are multiples of 1, 2 or 5 and share their decimals", () => {
    expect([0.9, 1.1, 3, 6, 9].map((v) => niceStep(v, 1))).toEqual([1, 1, 2, 5, 10]);
    expect(linearTicks(-1, 1, 4).map((t) => t.label)).toEqual(["−1.0", "−0.5", "0", "0.5", "1.0"]);
    expect(linearTicks(0, 3e-5, 3).map((t) => t.label)).toEqual(["0", "10⁻⁵", "2×10⁻⁵", "3×10⁻⁵"]);
    expect(linearTicks(0, 200000, 5).map((t) => t.label)).toEqual(["0", "50,000", "100,000", "150,000", "200,000"]);
    expect(linearTicks(0, 10000, 2).map((t) => t.label)).toEqual(["0", "5,000", "10,000"]);
    expect(linearTicks(0, 8000, 2).map((t) => t.label)).toEqual(["0", "5000"]);
    expect(linearTicks(0, 2e6, 5).map((t) => t.label)).toEqual(["0", "0.5×10⁶", "1.0×10⁶", "1.5×10⁶", "2.0×10⁶"]);
    expect(linearTicks(-1.2e-5, 0, 3).map((t) => t.label)).toEqual(["−1.0×10⁻⁵", "−0.5×10⁻⁵", "0"]);
    expect(linearTicks(0.1, 0.7, 3).map((t) => t.value)).toEqual([0.2, 0.4, 0.6]);
    expect(linearTicks(20000, 40000, 2).map((t) => t.label)).toEqual(["20,000", "30,000", "40,000"]);
  });
  it("logarithmic ticks name decades", () => {
    expect(
      logTicks(1e-8, 1, 5)
        .filter((t) => t.label)
        .map((t) => t.label),
    ).toEqual(["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"]);
    expect(
      logTicks(0.5, 30)
        .filter((t) => t.major)
        .map((t) => t.value),
    ).toEqual([0.5, 1, 2, 5, 10, 20]);
    expect(ticksOf(makeScale("symlog", { low: -100, high: 100 }), 5).map((t) => t.value)).toContain(0);
    const quantiles = ticksOf(makeScale("quantile", { low: 0, high: 8 }, Float64Array.from(steps(0, 8, 9))), 3);
    expect(quantiles.map((t) => t.value)).toEqual([0, 4, 8]);
  });
  it("titles fit their room", () => {
    const title = "α₀: random direction";
    expect([300, 100, 20].map((room) => fitTitle(title, room))).toEqual([title, "α₀", "α₀"]);
    expect(fitTitle("Eigenvalue", 30)).toBe("Eig…");
  });
  it("names cut in front keep the end that tells them apart", () => {
    const name = "convection, beta = 50";
    expect(fitTail(name, 300)).toBe(name);
    for (const room of [90, 60, 30]) {
      const cut = fitTail(name, room);
      expect(cut.startsWith("…") && name.endsWith(cut.slice(1))).toBe(true);
      expect(labelWidth(cut)).toBeLessThanOrEqual(room);
    }
    expect(fitTail(name, 0)).toBe("…0");
  });
  it("labels that would touch are dropped, ticks stay", () => {
    const thin = thinLabels(linearTicks(0, 10, 10), (v) => v * 10, labelWidth);
    expect(thin.length).toBe(11);
    expect(thin.filter((t) => t.label).length).toBeLessThan(11);
  });
});

describe("colour maps", () => {
  it("run from end to end, as immutable tables", () => {
    expect(cssColor(colorAt("viridis", 0))).toBe("#440154");
    expect(cssColor(colorAt("viridis", 1))).toBe("#fde725");
    expect(cssColor(colorAt("viridis", NaN))).toBe("#440154");
    expect(cssColor(colorAt("magma", 0.5))).toBe("#b63878"); // half-way from #9e2f7f to #cd4071
    for (const map of MAP_NAMES) {
      const before = cssGradient(map);
      const colors = bandColors(map, 5) as string[];
      expect(() => colors.reverse()).toThrow();
      expect(cssGradient(map)).toBe(before);
    }
    expect(inkOn([1, 1, 1])).toBe("#000000");
    expect(inkOn(colorAt("viridis", 0))).toBe("#ffffff");
  });
  it("brown is dark where values are low", () => {
    const light = [0, 0.25, 0.5, 0.75, 1].map((t) => colorAt("brown", t).reduce((a, b) => a + b));
    expect(light).toEqual([...light].sort((a, b) => a - b));
  });
});
