// What all views of a comparison share: scales, the simplification, what is lit. One lock decides whether ranges, camera
// and zoom are the comparison's or each model's own; scale and colour map are always the comparison's.
import { createContext, useCallback, useContext, useMemo } from "react";
import type { MapName } from "../geometry/colormaps";
import { MAP_NAMES } from "../geometry/colormaps";
import {
  type Range,
  type Scale,
  type ScaleKind,
  decades,
  makeScale,
  quantileSupport,
  suggestedScale,
  unionRange,
} from "../geometry/scales";
import { hover, setHover, setLocal, useHover, useView, view } from "../state";
import { type Simplified, persistenceRange, significanceLevel, simplify } from "../topology/hierarchy";
import { selectedPairs } from "../topology/selection";
import { type LocalModel, type Topology, ready } from "./model";

export interface Comparison {
  readonly models: readonly LocalModel[];
  readonly locked: boolean;
  readonly map: MapName;
  readonly kind: ScaleKind; // what "auto" became
  readonly automatic: boolean;
  readonly range: Range | undefined; // of all fields shown
  /** Scale of values: the comparison's, or the model's own when unlocked. */
  readonly scaleOf: (model: LocalModel) => Scale;
  /** Simplification of a model's hierarchy at the shared threshold. */
  readonly simplifiedOf: (topology: Topology) => Simplified;
  readonly threshold: number;
  readonly persistence: { readonly low: number; readonly high: number } | undefined;
  readonly significance: number | undefined; // largest of the models'
}

const ComparisonContext = createContext<Comparison | null>(null);
export const ComparisonProvider = ComparisonContext.Provider;
export function useComparison(): Comparison {
  const comparison = useContext(ComparisonContext);
  if (!comparison) throw new Error("no comparison around this view");
  return comparison;
}

export function mapName(name: string): MapName {
  return (MAP_NAMES as readonly string[]).includes(name) ? (name as MapName) : "viridis";
}

const identities = new WeakMap<object, number>();
let identityCount = 0;
/** A number for an object, the same as long as it lives. */
function identity(value: object | null | undefined): number {
  if (!value) return 0;
  const known = identities.get(value) ?? ++identityCount;
  identities.set(value, known);
  return known;
}

export function useMakeComparison(models: readonly LocalModel[]): Comparison {
  const settings = useView(({ local: l }) => ({
    lock: l.lock,
    scale: l.scale,
    colormap: l.colormap,
    low: l.colorRange?.[0],
    high: l.colorRange?.[1],
    persistence: l.persistence,
  }));
  const landscapes = models.map((m) => ready(m.landscape));
  const topologies = models.map((m) => ready(m.topology));
  return useMemo(() => {
    const range = unionRange(landscapes.map((l) => l?.range));
    const given =
      settings.low !== undefined && settings.high !== undefined && settings.low < settings.high
        ? { low: settings.low, high: settings.high }
        : undefined;
    const automatic = settings.scale === "auto";
    const wanted: ScaleKind = settings.scale === "auto" ? suggestedScale(range) : settings.scale;
    const support =
      wanted === "quantile" ? quantileSupport(landscapes.flatMap((l) => (l ? [l.grid.values] : []))) : undefined;
    const shared = makeScale(wanted, given ?? range ?? { low: 0, high: 1 }, support);
    const own = new Map<string, Scale>(); // by name: the objects are new at every drawing
    models.forEach((model, i) => {
      const landscape = landscapes[i];
      own.set(
        model.model.name,
        settings.lock || given || !landscape?.range
          ? shared
          : makeScale(
              wanted,
              landscape.range,
              wanted === "quantile" ? quantileSupport([landscape.grid.values]) : undefined,
            ),
      );
    });
    const simplified = new Map<Topology, Simplified>();
    const spans = topologies.map((t) => (t ? persistenceRange(t.hierarchy.pairs) : undefined));
    const levels = topologies
      .map((t) => (t ? significanceLevel(t.hierarchy.pairs) : undefined))
      .filter((s) => s !== undefined);
    return {
      models,
      locked: settings.lock,
      map: mapName(settings.colormap),
      kind: shared.kind,
      automatic,
      range,
      scaleOf: (model) => own.get(model.model.name) ?? shared,
      simplifiedOf: (topology) => {
        const known = simplified.get(topology) ?? simplify(topology.hierarchy.pairs, settings.persistence);
        simplified.set(topology, known);
        return known;
      },
      threshold: settings.persistence,
      persistence: unionRange(spans),
      significance: levels.length > 0 ? Math.max(...levels) : undefined,
    };
    // `models` itself is new at every drawing: what it holds is compared.
  }, [
    models
      .map(
        (m, i) =>
          `${m.model.name} ${m.landscape.state} ${identity(landscapes[i])} ${m.topology.state} ${identity(topologies[i])}`,
      )
      .join(),
    settings,
  ]);
}

/** "Logarithmic, because the values span 5.2 decades". */
export function scaleSentence(comparison: Comparison): string {
  const { kind, automatic, range } = comparison;
  if (!range) return "";
  const span = decades(range);
  if (automatic && kind === "log") return `logarithmic: the values span ${span.toFixed(1)} decades`;
  if (automatic)
    return span > 0 ? `linear: the values span ${span.toFixed(1)} decades` : "linear: not all values are positive";
  return kind === "symlog" ? "symmetric-log: linear below 1/1000 of the largest value" : "";
}

/* ------------------------------------------------------------------ what is lit */

/** The lit minimum (a vertex) of a field's record: under the pointer, else null. */
export function useLit(record: number | undefined): number | null {
  return useHover((state) => (state.feature && state.feature.record === record ? state.feature.minimum : null));
}
export function light(record: number, minimum: number | null): void {
  const now = hover.get().feature;
  if (minimum === null) {
    if (now !== null) setHover({ feature: null });
  } else if (now?.record !== record || now.minimum !== minimum) setHover({ feature: { record, minimum } });
}

/** Pair lit in a hierarchy: what is kept of the lit minimum; -1: none. */
export function litPair(topology: Topology, simplified: Simplified, minimum: number | null): number {
  if (minimum === null) return -1;
  const pair = topology.hierarchy.pairs.birth.indexOf(minimum);
  return pair < 0 ? -1 : simplified.survivor[pair]!;
}

/** Selected minima of a model (vertices), and how to change them. */
export function usePinned(model: string): readonly [readonly number[], (vertices: readonly number[]) => void] {
  const pinned = useView((state) => state.local.pinned[model] ?? NONE);
  const set = useCallback(
    (vertices: readonly number[]) => {
      const { [model]: _gone, ...others } = view.get().local.pinned;
      setLocal({ pinned: vertices.length > 0 ? { ...others, [model]: [...vertices] } : others });
    },
    [model],
  );
  return [pinned, set];
}
const NONE: readonly number[] = [];

/** How much is selected in the models compared, and how to clear it. */
export function useSelection(comparison: Comparison): {
  readonly features: number;
  readonly models: number;
  readonly clear: () => void;
} {
  const pinned = useView((state) => state.local.pinned);
  const counts = comparison.models.map((m) => {
    const topology = ready(m.topology);
    return topology
      ? selectedPairs(topology.hierarchy.pairs, comparison.simplifiedOf(topology), pinned[m.model.name] ?? NONE).size
      : 0;
  });
  const clear = (): void => {
    const names = new Set(comparison.models.map((m) => m.model.name));
    setLocal({
      pinned: Object.fromEntries(Object.entries(view.get().local.pinned).filter(([name]) => !names.has(name))),
    });
  };
  return { features: counts.reduce((sum, n) => sum + n, 0), models: counts.filter((n) => n > 0).length, clear };
}

type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;

/** A setting of single views, in the address. */
export function useOption<T extends string | number | boolean>(
  name: string,
  initial: T,
): readonly [Widened<T>, (value: Widened<T>) => void] {
  const value = useView((state) => state.local.options[name] ?? initial);
  const set = useCallback(
    (next: Widened<T>) => {
      const { [name]: _gone, ...others } = view.get().local.options;
      setLocal({ options: (next as unknown) === initial ? others : { ...others, [name]: next } });
    },
    [name, initial],
  );
  return [(typeof value === typeof initial ? value : initial) as Widened<T>, set];
}
