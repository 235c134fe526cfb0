import { expect, test } from "vitest";
import { addressOf, DEFAULTS, stateOf, type ViewState } from "../state";
import { fromQuery, toQuery } from "./permalink";

const changed: ViewState = {
  ...DEFAULTS,
  study: "s0",
  page: "landscape",
  selected: ["beta1/0", "x & y=#?"],
  theme: "dark",
  split: 0.4,
  global: { ...DEFAULTS.global, field: "barrier", range: [-1.5, 0.25], metrics: [], zoom: [2, -0.1, 0.3], layer: "12" },
  local: {
    ...DEFAULTS.local,
    open: ["tree"],
    zoom: { contour: [2, 0.1, 0.2] },
    colorRange: [1e-9, 2],
    options: { a: true, b: "x" },
  },
  table: { sort: "loss", descending: true, filter: "beta1 loss<0.1" },
};

test("the default state is a short address", () => {
  expect(addressOf(DEFAULTS)).toBe("#/");
  expect(stateOf("")).toEqual(DEFAULTS);
});

test("every state survives its address", () => {
  expect(stateOf(addressOf(changed))).toEqual(changed);
  expect(addressOf(stateOf(addressOf(changed)))).toBe(addressOf(changed));
});

test("every single setting survives, whatever text it holds", () => {
  for (const text of ["", "true", "null", "12", "-1", "[", '{"a":1}', '"', "ä %20+&=#", "<script>"])
    expect(
      stateOf(addressOf({ ...DEFAULTS, study: "s", page: "landscape", table: { ...DEFAULTS.table, filter: text } }))
        .table.filter,
    ).toBe(text);
});

test("nonsense in a link falls back to the defaults", () => {
  const state = stateOf(
    '#/s0/nowhere?global.budget=many&global.edges=3&selected=beta1&unknown=1&local.open={"a":1}&split=[]&global.field=nonsense',
  );
  expect(state.page).toBe("landscape");
  expect(state.global.budget).toBe(0);
  expect(state.global.edges).toBe(true);
  expect(state.selected).toEqual([]);
  expect(state.local.open).toEqual(DEFAULTS.local.open);
  expect(state.split).toBe(DEFAULTS.split);
});

test("free maps are written whole", () => {
  const defaults = { map: {} as Record<string, number>, deep: { a: 1 } };
  expect(fromQuery(toQuery({ map: { x: 1 }, deep: { a: 2 } }, defaults), defaults)).toEqual({
    map: { x: 1 },
    deep: { a: 2 },
  });
});
