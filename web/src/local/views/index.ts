// The views by kind. Adding one: a file, and a line here.
import { type ComponentType, Suspense, createElement, lazy } from "react";
import { type Model, type Study, recordsOf } from "../../api/types";
import { whileBusy } from "../../base/idle";
import type { LocalKind } from "../../state";
import { type LocalModel, ready } from "../model";
import type { ComparisonViewProps, ViewProps } from "../parts/panel";
import { BarcodeView } from "./barcode";
import { CkaView } from "./cka";
import { ConfusionView } from "./confusion";
import { ConnectivityView, pairsAmong } from "./connectivity";
import { ContourView } from "./contour";
import { CurvesView } from "./curves";
import { DensityView } from "./density";
import { DiagramView } from "./diagram";
import { DifferenceView } from "./difference";
import { EigenvaluesView } from "./eigenvalues";
import { LayersView } from "./layers";
import { ProfileView } from "./profile";
import { SolutionView } from "./solution";
import { TreeView } from "./tree";

/** A panel a model, or one for the whole comparison; `has`: whether there is anything to show. */
type Entry =
  | { readonly of: "model"; readonly view: ComponentType<ViewProps>; readonly has: (item: LocalModel) => boolean }
  | {
      readonly of: "comparison";
      readonly view: ComponentType<ComparisonViewProps>;
      readonly has: (study: Study, items: readonly LocalModel[]) => boolean;
    };

/** three.js is fetched when the first 3-D view is opened. */
function later(load: () => Promise<{ default: ComponentType<ViewProps> }>): ComponentType<ViewProps> {
  const View = lazy(() => whileBusy(load()));
  return (props) =>
    createElement(
      Suspense,
      { fallback: createElement("div", { className: "empty", role: "status" }, "Loading the 3-D view …") },
      createElement(View, props),
    );
}

const hasField = (item: LocalModel): boolean => item.landscapes.length > 0;
const hasVolume = (item: LocalModel): boolean => (ready(item.landscape)?.grid.shape.length ?? 0) > 2;
const has = (model: Model, kind: string): boolean => recordsOf(model, kind).length > 0;
const group = (study: Study, item: LocalModel) => study.groups[item.model.group];

export const VIEWS: Readonly<Partial<Record<LocalKind, Entry>>> = {
  contour: { of: "model", view: ContourView, has: hasField },
  surface: { of: "model", view: later(() => import("./surface")), has: hasField },
  volume: { of: "model", view: later(() => import("./volume")), has: hasVolume },
  difference: { of: "comparison", view: DifferenceView, has: (_, items) => items.filter(hasField).length > 1 },
  diagram: { of: "model", view: DiagramView, has: hasField },
  barcode: { of: "model", view: BarcodeView, has: hasField },
  tree: { of: "model", view: TreeView, has: hasField },
  profile: { of: "model", view: ProfileView, has: hasField },
  curves: { of: "comparison", view: CurvesView, has: (_, items) => items.some((item) => has(item.model, "model")) },
  density: { of: "comparison", view: DensityView, has: (_, items) => items.some((item) => has(item.model, "density")) },
  eigenvalues: { of: "model", view: EigenvaluesView, has: (item) => has(item.model, "eigenpairs") },
  layers: { of: "model", view: LayersView, has: (item) => has(item.model, "trace") },
  cka: { of: "comparison", view: CkaView, has: (study) => study.study_records.similarity !== null },
  confusion: {
    of: "comparison",
    view: ConfusionView,
    has: (study, items) => items.some((item) => group(study, item)?.kind === "network" && has(item.model, "metrics")),
  },
  connectivity: {
    of: "comparison",
    view: ConnectivityView,
    has: (study, items) => pairsAmong(study, items).length > 0,
  },
  solution: {
    of: "model",
    view: SolutionView,
    has: (item) => group(item.study, item)?.kind === "pinn" && has(item.model, "metrics"),
  },
};

/** Views for which at least one of the models has data, in a fixed order. */
export function availableKinds(study: Study, items: readonly LocalModel[]): LocalKind[] {
  return (Object.keys(VIEWS) as LocalKind[]).filter((kind) => {
    const entry = VIEWS[kind]!;
    return entry.of === "model" ? items.some(entry.has) : entry.has(study, items);
  });
}
