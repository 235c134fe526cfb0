// Expected numbers: scipy 1.10.1 and numpy 1.24.2 (stats.spearmanr, rankdata, t.ppf, t.interval, quantile).
import { expect, test } from "vitest";
import { meanInterval, quantile, rankCorrelation, ranks, studentT975 } from "./statistics";

const x = [3.1, 1.2, 5.5, 5.5, -2, 7.7, 0.3];
const y = [2.0, 1.0, 9.0, 4.0, 4.0, 8.5, -1];

test("ranks share ties", () => expect(ranks(x)).toEqual([4, 3, 5.5, 5.5, 1, 7, 2]));

test("rank correlation", () => {
  expect(rankCorrelation(x, y).rho).toBeCloseTo(0.6454545454545455, 14);
  const holes = rankCorrelation([NaN, ...x, 1], [1, ...y, NaN]);
  expect(holes.rho).toBeCloseTo(0.6454545454545455, 14);
  expect(holes.count).toBe(7);
  expect(rankCorrelation([1, 2], [1, 2]).rho).toBeNaN();
  expect(rankCorrelation([1, 1, 1], [1, 2, 3]).rho).toBeNaN();
});

test("points of Student’s t", () => {
  for (const [degrees, value] of [
    [1, 12.706204736432095],
    [2, 4.302652729911275],
    [5, 2.5705818366147395],
    [10, 2.2281388519649385],
    [15, 2.131449545559323],
    [30, 2.0422724563012373],
    [99, 1.9842169515086827],
  ] as const)
    expect(Math.abs(studentT975(degrees) / value - 1)).toBeLessThan(1e-4);
});

test("mean with its interval", () => {
  const { mean, low, high, count } = meanInterval([...x, NaN]);
  expect(mean).toBeCloseTo(3.042857142857143, 14);
  expect(low).toBeCloseTo(-0.11873456831107498, 3);
  expect(high).toBeCloseTo(6.204448854025362, 3);
  expect(count).toBe(7);
  expect(meanInterval([1]).low).toBeNaN();
});

test("quantiles", () => {
  expect(quantile(x, 0.1)).toBeCloseTo(-0.62, 12);
  expect(quantile(x, 0.5)).toBeCloseTo(3.1, 12);
  expect(quantile(x, 0.83)).toBeCloseTo(5.5, 12);
  expect(quantile([], 0.5)).toBeNaN();
});
