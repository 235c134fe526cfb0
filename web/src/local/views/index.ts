// The views by kind. Adding one: a file, and a line here.
import { type ComponentType, createElement, lazy, Suspense } from "react";
import { whileBusy } from "../../base/idle";
import type { Study } from "../../api/types";
import type { LocalKind } from "../../state";
import { type LocalModel, fieldRecords } from "../model";
import type { ViewProps } from "../parts/panel";
import { BarcodeView } from "./barcode";
import { ContourView } from "./contour";
import { DiagramView } from "./diagram";
import { ProfileView } from "./profile";
import { TreeView } from "./tree";

export interface ComparisonViewProps {
  readonly items: readonly LocalModel[];
}
type Entry =
  | { readonly of: "model"; readonly view: ComponentType<ViewProps>; readonly has: (item: LocalModel) => boolean }
  | { readonly of: "comparison"; readonly view: ComponentType<ComparisonViewProps>; readonly has: (study: Study, items: readonly LocalModel[]) => boolean };

/** three.js is fetched when the first 3-D view is opened. */
function later(load: () => Promise<{ default: ComponentType<ViewProps> }>): ComponentType<ViewProps> {
  const View = lazy(() => whileBusy(load()));
  return (props) => createElement(Suspense, { fallback: createElement("div", { className: "empty", role: "status" }, "Loading the 3-D view …") },
    createElement(View, props));
}

const hasField = (item: LocalModel): boolean => fieldRecords(item.model).length > 0;

export const VIEWS: Readonly<Partial<Record<LocalKind, Entry>>> = {
  contour: { of: "model", view: ContourView, has: hasField },
  surface: { of: "model", view: later(() => import("./surface")), has: hasField },
  diagram: { of: "model", view: DiagramView, has: hasField },
  barcode: { of: "model", view: BarcodeView, has: hasField },
  tree: { of: "model", view: TreeView, has: hasField },
  profile: { of: "model", view: ProfileView, has: hasField },
};

/** Views for which at least one of the models has data, in a fixed order. */
export function availableKinds(study: Study, items: readonly LocalModel[]): LocalKind[] {
  return (Object.keys(VIEWS) as LocalKind[]).filter((kind) => {
    const entry = VIEWS[kind]!;
    return entry.of === "model" ? items.some(entry.has) : entry.has(study, items);
  });
}
