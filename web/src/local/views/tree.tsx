// The merge tree, heights true to the values.
import { useId, useMemo } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { formatCount, formatInteger, formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { layoutTree } from "../../topology/layout";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { light, litPair, togglePinned, useComparison, useLit, usePinned } from "../comparison";
import type { Landscape, Topology } from "../model";
import { FeatureFacts } from "../parts/feature";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";
import { KEYS_HINT, useMinimumKeys } from "../parts/keys";
import { type ViewProps, ViewPanel, WithField, fieldLinks, variantOf } from "../parts/panel";
import { AxisLeft, Clip, HINT, useFrame } from "../parts/plot";

export function TreeView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="tree" topology>
      {(landscape, topology) => <Tree item={item} landscape={landscape} topology={topology!} />}
    </WithField>
  );
}

const MOST = 3000;

function Tree({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const layout = useMemo(() => layoutTree(hierarchy, simplified), [hierarchy, simplified]);
  const branches = useMemo(
    () =>
      layout.branches.length <= MOST
        ? layout.branches
        : [...layout.branches]
            .sort((a, b) => hierarchy.pairs.persistence[b.pair]! - hierarchy.pairs.persistence[a.pair]!)
            .slice(0, MOST),
    [layout, hierarchy],
  );
  const lit = litPair(topology, simplified, useLit(landscape.record.id));
  const [pinned, setPinned] = usePinned(item.model.name);
  const frame = useFrame({
    kind: "tree",
    model: item.model.name,
    margins: { top: 12, right: 16, bottom: 24, left: 66 },
    x: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, layout.width) }), [layout.width]),
    y: useMemo(() => padded(scale), [scale]),
  });
  const keys = useMinimumKeys(landscape, topology, simplified, item.model.name, frame.svg);
  const id = useId().replace(/:/g, "");
  const { x, y } = frame;
  const pitch = x.px(1) - x.px(0);
  return (
    <ViewPanel
      kind="tree"
      model={item.model.name}
      note={[
        formatCount(simplified.count, "branch", "branches"),
        layout.branches.length > MOST && `the ${formatInteger(MOST)} longest are drawn`,
      ]
        .filter(Boolean)
        .join("; ")}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {KEYS_HINT} A click pins a branch.
          </p>
        </>
      }
      exports={{
        name: `tree-${item.model.name}`,
        svg: () => (frame.svg.current ? svgText(frame.svg.current) : null),
        csv: () =>
          toCsv(
            ["branch", "parent", "x", "minimum_vertex", "saddle_vertex", "birth", "death"],
            layout.branches.map((b) => [
              b.pair,
              b.parent,
              b.x,
              hierarchy.pairs.birth[b.pair]!,
              hierarchy.pairs.death[b.pair]!,
              b.birthValue,
              b.deathValue,
            ]),
          ),
        links: fieldLinks(item, landscape)!,
      }}
    >
      <div className="plot" ref={frame.box}>
        <svg
          ref={frame.svg}
          width={frame.width}
          height={frame.height}
          {...frame.bind}
          role="img"
          onKeyDown={(event) => keys(event) || frame.bind.onKeyDown(event)}
          data-branches={layout.branches.length}
          data-lit={lit >= 0 ? hierarchy.pairs.birth[lit] : ""}
          aria-label={`Merge tree of ${item.model.name}: ${simplified.count} branches from ${formatNumber(hierarchy.low)} to ${formatNumber(hierarchy.high)}. ${HINT}`}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} pad={4} />
          </defs>
          <g clipPath={`url(#clip${id})`}>
            {branches.map((b) => {
              const vertex = hierarchy.pairs.birth[b.pair]!;
              const at = x.px(b.x);
              const from = y.px(b.birthValue);
              const to = y.px(b.deathValue);
              const on = b.pair === lit || pinned.includes(vertex);
              const essential = b.parent < 0;
              const d = `M${at} ${from}V${to}${essential ? "" : `H${x.px(b.parentX)}`}`;
              return (
                <g
                  key={b.pair}
                  data-minimum={vertex}
                  className={`branch${on ? " lit" : ""}${essential ? " essential" : ""}${hierarchy.pairs.resolved[b.pair] ? "" : " unresolved"}`}
                  onPointerMove={(event) => {
                    light(landscape.record.id, vertex);
                    showTooltip(
                      event.clientX,
                      event.clientY,
                      <FeatureFacts landscape={landscape} topology={topology} simplified={simplified} pair={b.pair} />,
                    );
                  }}
                  onPointerLeave={() => {
                    light(landscape.record.id, null);
                    hideTooltip();
                  }}
                  onClick={() => !frame.dragged.current && setPinned(togglePinned(pinned, vertex))}
                >
                  <path className="reach" d={d} strokeWidth={Math.max(3, Math.min(12, pitch * 0.9))} />
                  <path className="line" d={d} />
                  {essential ? (
                    <rect className="leaf" x={at - 4.5} y={from - 4.5} width={9} height={9} />
                  ) : (
                    <circle
                      className="leaf"
                      cx={at}
                      cy={from}
                      r={on ? 5 : Math.max(1.4, Math.min(3.6, pitch * 0.35))}
                    />
                  )}
                </g>
              );
            })}
            <LevelLine scale={scale} axis={y} inner={frame.inner} />
          </g>
          <AxisLeft
            scale={y}
            frame={frame}
            title={landscape.unit ? `${landscape.fieldTitle} [${landscape.unit}]` : landscape.fieldTitle}
          />
        </svg>
      </div>
    </ViewPanel>
  );
}
