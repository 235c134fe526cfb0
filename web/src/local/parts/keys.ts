// Minima by the keyboard: ] and [ step through them, the most persistent first; Enter pins the lit one.
import { type KeyboardEvent, type RefObject, createElement, useMemo } from "react";
import { light, togglePinned, useLit, usePinned } from "../comparison";
import type { Landscape, Topology } from "../model";
import type { Simplified } from "../../topology/hierarchy";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { FeatureFacts } from "./feature";

export const KEYS_HINT = "The keys ] and [ light the minima one after the other, Enter pins, Escape ends.";

/** Whether the key was one of these; else it is the drawing's own. */
export function useMinimumKeys(
  landscape: Landscape,
  topology: Topology | null,
  simplified: Simplified | null,
  model: string,
  svg: RefObject<SVGSVGElement>,
): (event: KeyboardEvent) => boolean {
  const lit = useLit(landscape.record.id);
  const [pinned, setPinned] = usePinned(model);
  const order = useMemo(() => {
    if (!topology || !simplified) return [];
    const { pairs } = topology.hierarchy;
    return Array.from({ length: pairs.count }, (_, i) => i)
      .filter((i) => simplified.kept[i])
      .sort((a, b) => pairs.essential[b]! - pairs.essential[a]! || pairs.persistence[b]! - pairs.persistence[a]!);
  }, [topology, simplified]);
  return (event) => {
    if (!topology || !simplified || order.length === 0) return false;
    const { birth } = topology.hierarchy.pairs;
    const at = order.findIndex((pair) => birth[pair] === lit);
    if (event.key === "]" || event.key === "[") {
      const next = event.key === "]" ? (at + 1) % order.length : (at <= 0 ? order.length : at) - 1;
      const pair = order[next]!;
      light(landscape.record.id, birth[pair]!);
      const box = svg.current?.getBoundingClientRect();
      if (box)
        showTooltip(
          box.left + 56,
          box.top + 4,
          createElement(FeatureFacts, {
            landscape,
            topology,
            simplified,
            pair,
            before: [["minimum", `${next + 1} of ${order.length}`]],
          }),
        );
    } else if (event.key === "Enter" && lit !== null) setPinned(togglePinned(pinned, lit));
    else if (event.key === "Escape" && lit !== null) {
      light(landscape.record.id, null);
      hideTooltip();
    } else return false;
    event.preventDefault();
    return true;
  };
}
