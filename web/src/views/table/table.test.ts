import { expect, test } from "vitest";
import { modelColumns } from "../../model/columns";
import { smallStudy } from "../../model/fixture";
import { matches, sortModels } from "./ModelTable";

const study = smallStudy();
const columns = modelColumns(study);
const found = (filter: string): number[] =>
  study.models.map((_, i) => i).filter((i) => matches(study, columns, i, filter));

test("the filter takes words and comparisons", () => {
  expect(found("")).toEqual([0, 1, 2, 3, 4]);
  expect(found("BETA 50")).toEqual([3, 4]);
  expect(found("g1 relative_error>=0.02")).toEqual([1, 2]);
  expect(found("beta=50")).toEqual([3, 4]);
  expect(found("top_eigenvalue<1e2")).toEqual([0, 1, 2]);
  expect(found("iv-b")).toEqual([0, 1, 2]);
  expect(found("nothing<3")).toEqual([]);
});

test("sorting: numbers, names in natural order, what has no number last", () => {
  expect(sortModels([0, 1, 2], [3, NaN, 1], false)).toEqual([2, 0, 1]);
  expect(sortModels([0, 1, 2], [3, NaN, 1], true)).toEqual([0, 2, 1]);
  expect(sortModels([0, 1, 2], ["m/10", "m/9", "m/1"], false)).toEqual([2, 1, 0]);
});
