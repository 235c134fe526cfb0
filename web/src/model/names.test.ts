import { expect, test } from "vitest";
import { smallStudy } from "./fixture";
import { baseTitle, familiesOf, shortNames } from "./names";

const network = {
  name: "net(options.shortcut=B)",
  title: "ResNet, shortcut=B",
  kind: "network" as const,
  settings: { data: "images", "train.rate": 0.1 },
  sweep: { "options.shortcut": "B" },
  models: [5],
  taxonomy: null,
  label: null,
};

test("the title of a sweep is what its groups share", () => {
  expect(baseTitle(network)).toBe("ResNet");
  expect(baseTitle({ title: "pinn(beta=1)", sweep: { beta: 1 } })).toBe("pinn");
  expect(baseTitle({ title: "alone", sweep: {} })).toBe("alone");
});

test("short names tell apart, or stay whole", () => {
  const study = smallStudy();
  expect(shortNames(study).groups).toEqual(["beta=1", "beta=50"]);
  expect(shortNames(study).models[4]).toBe("beta=50/1");
  const same = {
    ...study,
    groups: study.groups.map((g) => ({ ...g, sweep: { beta: 1 } })),
  };
  expect(shortNames(same).groups).toEqual(["g1", "g50"]);
});

test("problems are one family, networks one for each set of data", () => {
  const study = smallStudy();
  expect(familiesOf(study)).toEqual([{ title: "beta 1; beta 50", groups: [0, 1], models: [0, 1, 2, 3, 4] }]);
  const plain = { ...network, name: "plain", models: [6], sweep: { "options.shortcut": "none" } };
  const other = { ...network, name: "other", models: [7], settings: { data: "words" } };
  const field = { ...network, name: "field", models: [8], kind: "field" as const };
  const mixed = { ...study, groups: [...study.groups, network, plain, other, field] };
  expect(familiesOf(mixed).map((f) => f.groups)).toEqual([[0, 1], [2, 3], [4]]);
});
