// The merge tree, heights true to the values.
import { useMemo } from "react";
import { toCsv } from "../../base/csv";
import { formatCount, formatInteger, formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { touchedBranches } from "../../topology/brush";
import { layoutTree } from "../../topology/layout";
import { useComparison } from "../comparison";
import { Drawing } from "../parts/drawing";
import { useFeatures } from "../parts/features";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";
import { FeaturePanel, type TopologyProps, topologyView, valueTitle } from "../parts/panel";
import { AxisLeft, useFrame } from "../parts/plot";

const MOST = 3000;

export const TreeView = topologyView("tree", Tree);

function Tree({ item, landscape, topology }: TopologyProps) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const { pairs } = hierarchy;
  const layout = useMemo(() => layoutTree(hierarchy, simplified), [hierarchy, simplified]);
  const branches = useMemo(
    () =>
      layout.branches.length <= MOST
        ? layout.branches
        : [...layout.branches].sort((a, b) => pairs.persistence[b.pair]! - pairs.persistence[a.pair]!).slice(0, MOST),
    [layout, pairs],
  );
  const shown = useFeatures(item, landscape, topology);
  const frame = useFrame({
    kind: "tree",
    model: item.model.name,
    margins: { top: 12, right: 16, bottom: 24, left: 66 },
    x: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, layout.width) }), [layout.width]),
    y: useMemo(() => padded(scale), [scale]),
    brush: { touched: (r) => touchedBranches(branches, r), select: shown.select },
  });
  const { x, y } = frame;
  const pitch = x.px(1) - x.px(0);
  return (
    <FeaturePanel
      kind="tree"
      item={item}
      landscape={landscape}
      topology={topology}
      frame={frame}
      notes={[
        formatCount(simplified.count, "branch", "branches"),
        layout.branches.length > MOST && `the ${formatInteger(MOST)} longest are drawn`,
      ]}
      csv={() =>
        toCsv(
          ["branch", "parent", "x", "minimum_vertex", "saddle_vertex", "birth", "death"],
          layout.branches.map((b) => [
            b.pair,
            b.parent,
            b.x,
            pairs.birth[b.pair]!,
            pairs.death[b.pair]!,
            b.birthValue,
            b.deathValue,
          ]),
        )
      }
    >
      <Drawing
        frame={frame}
        pad={4}
        keys={shown.keys}
        data={{ branches: layout.branches.length, lit: shown.vertexOf(shown.lit), selected: shown.selected.size }}
        label={`Merge tree of ${item.model.name}: ${simplified.count} branches from ${formatNumber(hierarchy.low)} to ${formatNumber(hierarchy.high)}`}
        around={<AxisLeft scale={y} frame={frame} title={valueTitle(landscape)} />}
      >
        {branches.map((b) => {
          const at = x.px(b.x);
          const from = y.px(b.birthValue);
          const on = shown.on(b.pair);
          const essential = b.parent < 0;
          const d = `M${at} ${from}V${y.px(b.deathValue)}${essential ? "" : `H${x.px(b.parentX)}`}`;
          return (
            <g
              key={b.pair}
              {...shown.mark(b.pair)}
              className={`branch${on ? " lit" : ""}${essential ? " essential" : ""}${pairs.resolved[b.pair] ? "" : " unresolved"}`}
            >
              <path className="reach" d={d} strokeWidth={Math.max(3, Math.min(12, pitch * 0.9))} />
              <path className="line" d={d} />
              {essential ? (
                <rect className="leaf" x={at - 4.5} y={from - 4.5} width={9} height={9} />
              ) : (
                <circle className="leaf" cx={at} cy={from} r={on ? 5 : Math.max(1.4, Math.min(3.6, pitch * 0.35))} />
              )}
            </g>
          );
        })}
        <LevelLine scale={scale} axis={y} inner={frame.inner} />
      </Drawing>
    </FeaturePanel>
  );
}
