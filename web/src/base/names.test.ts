import { expect, test } from "vitest";
import { tellingNames } from "./names";

test("what is shared is left out, at word borders", () => {
  expect(tellingNames(["PINN, 1-D convection, beta=1", "PINN, 1-D convection, beta=50"])).toEqual([
    "beta=1",
    "beta=50",
  ]);
  expect(tellingNames(["pinn(beta=1)", "pinn(beta=50)"])).toEqual(["beta=1", "beta=50"]);
  expect(tellingNames(["resnet", "pinn"])).toEqual(["resnet", "pinn"]);
  expect(tellingNames(["net", "net wide"])).toEqual(["net", "net wide"]);
  expect(tellingNames(["alone here"])).toEqual(["alone here"]);
});
