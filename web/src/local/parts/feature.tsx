// A minimum in words, for tooltips everywhere.
import { positionOf } from "../../geometry/grid";
import { formatInteger, formatNumber, formatPercent } from "../../geometry/numbers";
import { Facts } from "../../widgets/Tooltip";
import type { Landscape, Topology } from "../model";
import { type Simplified, basinSizes } from "../../topology/hierarchy";

const sizes = new WeakMap<Simplified, Int32Array>();
function sizesOf(topology: Topology, simplified: Simplified): Int32Array {
  const known = sizes.get(simplified) ?? basinSizes(topology.hierarchy, simplified);
  sizes.set(simplified, known);
  return known;
}

export function withUnit(value: number, unit: string): string {
  return unit ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

export function coordinates(landscape: Landscape, vertex: number): string {
  return `(${positionOf(landscape.grid, vertex)
    .map((x) => formatNumber(x, 3))
    .join(", ")})`;
}

export function featureFacts(
  landscape: Landscape,
  topology: Topology,
  simplified: Simplified,
  pair: number,
): readonly (readonly [string, string])[] {
  const { pairs, superlevel } = topology.hierarchy;
  const size = sizesOf(topology, simplified)[pair] ?? 0;
  const valid = landscape.grid.values.length - landscape.holes;
  const essential = pairs.essential[pair] === 1;
  return [
    [
      superlevel ? "Maximum" : essential ? "Lowest minimum" : "Minimum",
      withUnit(pairs.birthValue[pair]!, landscape.unit),
    ],
    ["at", coordinates(landscape, pairs.birth[pair]!)],
    essential ? ["Meets", "nothing lower: essential"] : ["Saddle", withUnit(pairs.deathValue[pair]!, landscape.unit)],
    [essential ? "Range above it" : "Persistence", withUnit(pairs.persistence[pair]!, landscape.unit)],
    ...(landscape.grid.values.length === topology.hierarchy.basins.length
      ? [["Basin", `${formatInteger(size)} points, ${formatPercent(size / valid)}`] as const]
      : []),
    ...(pairs.resolved[pair] === 0 ? [["Not resolved", "lower than the halves of the data differ"] as const] : []),
  ];
}

export function FeatureFacts(props: {
  landscape: Landscape;
  topology: Topology;
  simplified: Simplified;
  pair: number;
  before?: readonly (readonly [string, string])[];
}) {
  const { landscape, topology, simplified, pair, before = [] } = props;
  return <Facts facts={[...before, ...featureFacts(landscape, topology, simplified, pair)]} />;
}
