// Features of one field in a view: which are lit and selected, what their marks do, and the keys. All views of the field
// show the same: what is under the pointer (hover) and what was selected (the address).
import { type KeyboardEvent, createElement, useMemo } from "react";
import { litPair, light, useComparison, useLit, usePinned } from "../comparison";
import type { Landscape, LocalModel, Topology } from "../model";
import type { Simplified } from "../../topology/hierarchy";
import { selectedPairs } from "../../topology/selection";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { FeatureFacts } from "./feature";

type Lines = readonly (readonly [string, string])[];
interface At {
  readonly clientX: number;
  readonly clientY: number;
}

export const FEATURE_HINT =
  "Shift and drag draws a rectangle that selects what it touches (Ctrl adds); a click selects one. The keys ] and [ light the minima one after the other, with Shift they add them to the selection; Enter selects, Delete clears, Escape ends.";

export interface Features {
  readonly simplified: Simplified | null;
  /** Pair under the pointer; -1: none. */
  readonly lit: number;
  readonly selected: ReadonlySet<number>; // pairs
  readonly on: (pair: number) => boolean; // lit or selected
  readonly vertexOf: (pair: number) => number | ""; // of a pair's minimum
  /** The pointer is on a pair (-1: on none), whose facts are shown after `before`. */
  readonly point: (pair: number, at: At, before?: Lines) => void;
  readonly leave: () => void;
  readonly toggle: (pair: number) => void;
  readonly select: (pairs: readonly number[], more: boolean) => void;
  /** Spread on the mark of a pair. */
  readonly mark: (
    pair: number,
    before?: (at: At) => Lines,
  ) => {
    readonly "data-minimum": number | "";
    readonly onPointerMove: (event: At & { buttons: number; stopPropagation: () => void }) => void;
    readonly onPointerLeave: () => void;
    readonly onClick: (event: { stopPropagation: () => void }) => void;
  };
  readonly keys: (event: KeyboardEvent) => boolean;
}

export function useFeatures(item: LocalModel, landscape: Landscape, topology: Topology | null): Features {
  const comparison = useComparison();
  const simplified = topology ? comparison.simplifiedOf(topology) : null;
  const record = landscape.record.id;
  const minimum = useLit(record);
  const [pinned, setPinned] = usePinned(item.model.name);
  const lit = topology && simplified ? litPair(topology, simplified, minimum) : -1;
  const selected = useMemo(
    () => selectedPairs(topology?.hierarchy.pairs, simplified, pinned),
    [topology, simplified, pinned],
  );
  const order = useMemo(() => {
    if (!topology || !simplified) return [];
    const { pairs } = topology.hierarchy;
    return Array.from({ length: pairs.count }, (_, i) => i)
      .filter((i) => simplified.kept[i])
      .sort((a, b) => pairs.essential[b]! - pairs.essential[a]! || pairs.persistence[b]! - pairs.persistence[a]!);
  }, [topology, simplified]);
  const birth = topology?.hierarchy.pairs.birth;
  const vertices = (pairs: Iterable<number>): number[] => Array.from(pairs, (pair) => birth![pair]!);

  const point: Features["point"] = (pair, at, before = []) => {
    const known = topology !== null && simplified !== null && pair >= 0;
    light(record, known ? birth![pair]! : null);
    if (known)
      showTooltip(
        at.clientX,
        at.clientY,
        createElement(FeatureFacts, { landscape, topology, simplified, pair, before }),
      );
    else if (before.length > 0) showTooltip(at.clientX, at.clientY, createElement(Facts, { facts: before }));
  };
  const leave = (): void => {
    light(record, null);
    hideTooltip();
  };
  const select: Features["select"] = (pairs, more) =>
    setPinned(vertices(more ? new Set([...selected, ...pairs]) : pairs));
  const toggle = (pair: number): void => {
    if (pair < 0) return;
    setPinned(vertices(selected.has(pair) ? [...selected].filter((p) => p !== pair) : [...selected, pair]));
  };
  const step = (event: KeyboardEvent, forwards: boolean, adds: boolean): void => {
    const now = order.indexOf(lit);
    const next = forwards ? (now + 1) % order.length : (now <= 0 ? order.length : now) - 1;
    const pair = order[next]!;
    const box = event.currentTarget.getBoundingClientRect();
    point(pair, { clientX: box.left + 56, clientY: box.top + 4 }, [["minimum", `${next + 1} of ${order.length}`]]);
    if (adds) select(lit >= 0 ? [lit, pair] : [pair], true);
  };
  const keys = (event: KeyboardEvent): boolean => {
    if (order.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const { key } = event;
    if (key === "]" || key === "}") step(event, true, key === "}" || event.shiftKey);
    else if (key === "[" || key === "{") step(event, false, key === "{" || event.shiftKey);
    else if (key === "Enter" && lit >= 0) toggle(lit);
    else if ((key === "Delete" || key === "Backspace") && selected.size > 0) select([], false);
    else if (key === "Escape" && lit >= 0) leave();
    else return false;
    event.preventDefault();
    return true;
  };
  return {
    simplified,
    lit,
    selected,
    on: (pair) => pair >= 0 && (pair === lit || selected.has(pair)),
    vertexOf: (pair) => (pair >= 0 && birth ? birth[pair]! : ""),
    point,
    leave,
    toggle,
    select,
    mark: (pair, before) => ({
      "data-minimum": pair >= 0 && birth ? birth[pair]! : "",
      onPointerMove: (event) => {
        if (event.buttons !== 0) return; // a drag passes over it
        event.stopPropagation();
        point(pair, event, before?.(event));
      },
      onPointerLeave: leave,
      onClick: (event) => {
        event.stopPropagation();
        toggle(pair);
      },
    }),
    keys,
  };
}
