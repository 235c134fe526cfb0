// The topological landscape profile.
import { useId, useMemo } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { colorAt, cssColor } from "../../geometry/colormaps";
import { formatCount, formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { outlinePath, outlinesOf, profileOf } from "../../topology/profile";
import { Toggle } from "../../widgets/controls";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { light, litPair, togglePinned, useComparison, useLit, useOption, usePinned } from "../comparison";
import { type Landscape, type Topology, ready } from "../model";
import { FeatureFacts } from "../parts/feature";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";
import { KEYS_HINT, useMinimumKeys } from "../parts/keys";
import { type ViewProps, ViewPanel, WithField, fieldLinks, variantOf } from "../parts/panel";
import { AxisBottom, AxisLeft, Clip, HINT, useFrame } from "../parts/plot";

export function ProfileView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="profile" topology>
      {(landscape, topology) => <Profile item={item} landscape={landscape} topology={topology!} />}
    </WithField>
  );
}

function Profile({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const [shares, setShares] = useOption("profile.shares", false);
  const profile = useMemo(
    () => profileOf(hierarchy, simplified, landscape.grid.values, topology.order()),
    [hierarchy, simplified, landscape, topology],
  );
  const lit = litPair(topology, simplified, useLit(landscape.record.id));
  const [pinned, setPinned] = usePinned(item.model.name);
  // locked: one unit of width for all models
  const widest =
    comparison.locked && !shares
      ? Math.max(
          ...comparison.models.map((m) => {
            const l = ready(m.landscape);
            return l ? l.grid.values.length - l.holes : 0;
          }),
        )
      : profile.vertices;
  const unit = shares ? profile.vertices : 1;
  const frame = useFrame({
    kind: "profile",
    model: item.model.name,
    margins: { top: 12, right: 16, bottom: 44, left: 66 },
    x: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, widest) / unit }), [widest, unit]),
    y: useMemo(() => padded(scale), [scale]),
  });
  const keys = useMinimumKeys(landscape, topology, simplified, item.model.name, frame.svg);
  const id = useId().replace(/:/g, "");
  const { x, y, inner } = frame;
  const offset = (widest - profile.vertices) / 2;
  const px = (vertices: number): number => x.px((vertices + offset) / unit);
  const perVertex = (x.px(1) - x.px(0)) / unit;
  const { outlines, slivers } = useMemo(() => outlinesOf(profile, perVertex, y.px), [profile, perVertex, y]);
  const stops = Array.from({ length: 25 }, (_, i) => i / 24);
  const label = `${landscape.fieldTitle}${landscape.unit ? ` [${landscape.unit}]` : ""}`;
  const bind = (pair: number) => {
    const vertex = hierarchy.pairs.birth[pair]!;
    return {
      "data-minimum": vertex,
      onPointerMove: (event: { clientX: number; clientY: number }) => {
        light(landscape.record.id, vertex);
        showTooltip(
          event.clientX,
          event.clientY,
          <FeatureFacts
            landscape={landscape}
            topology={topology}
            simplified={simplified}
            pair={pair}
            before={[["level here", formatNumber(frame.at(event)?.y ?? NaN, 3)]]}
          />,
        );
      },
      onPointerLeave: () => {
        light(landscape.record.id, null);
        hideTooltip();
      },
      onClick: () => !frame.dragged.current && setPinned(togglePinned(pinned, vertex)),
    };
  };
  const on = (pair: number): boolean => pair === lit || pinned.includes(hierarchy.pairs.birth[pair]!);
  return (
    <ViewPanel
      kind="profile"
      model={item.model.name}
      note={formatCount(simplified.count, "basin", "basins")}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {KEYS_HINT} A click pins a basin.
          </p>
        </>
      }
      controls={<Toggle label="Widths as shares" checked={shares} onChange={setShares} />}
      exports={{
        name: `profile-${item.model.name}`,
        svg: () => (frame.svg.current ? svgText(frame.svg.current) : null),
        csv: () =>
          toCsv(
            ["node", "parent", "vertex", "value", "centre", "width_below", "width_above", "minimum_vertex"],
            Array.from({ length: profile.nodes.count }, (_, i) => [
              i,
              profile.nodes.parent[i]!,
              profile.nodes.vertex[i]!,
              profile.nodes.value[i]!,
              profile.centre[i]!,
              profile.floor[i]!,
              profile.width[i]!,
              hierarchy.pairs.birth[profile.nodes.branch[i]!]!,
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
          data-basins={simplified.count}
          data-lit={lit >= 0 ? hierarchy.pairs.birth[lit] : ""}
          aria-label={`Landscape profile of ${item.model.name}: ${simplified.count} basins. ${HINT}`}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} pad={2} />
            <linearGradient
              id={`values${id}`}
              gradientUnits="userSpaceOnUse"
              x1={0}
              x2={0}
              y1={inner.y + inner.height}
              y2={inner.y}
            >
              {stops.map((s) => (
                <stop key={s} offset={s} stopColor={cssColor(colorAt(comparison.map, scale.share(y.value(s))))} />
              ))}
            </linearGradient>
          </defs>
          <g clipPath={`url(#clip${id})`}>
            {outlines.map((outline) => (
              <path
                key={outline.node}
                d={outlinePath(outline, px, y.px)}
                fill={`url(#values${id})`}
                {...bind(outline.pair)}
                className={`funnel${on(outline.pair) ? " lit" : ""}${hierarchy.pairs.resolved[outline.pair] ? "" : " unresolved"}`}
              />
            ))}
            {slivers.map((s) => (
              <line
                key={s.x}
                x1={px(s.x)}
                x2={px(s.x)}
                y1={y.px(s.low)}
                y2={y.px(s.high)}
                {...bind(s.pair)}
                className={`sliver${on(s.pair) ? " lit" : ""}`}
              />
            ))}
            {outlines.map(({ node, pair, centre }) => {
              const vertex = profile.nodes.vertex[node]!;
              const leaf = profile.floor[node] === 0;
              return leaf ? (
                <circle
                  key={vertex}
                  {...bind(pair)}
                  className={`leaf${on(pair) ? " lit" : ""}`}
                  cx={px(centre)}
                  cy={y.px(profile.nodes.value[node]!)}
                  r={2.4}
                />
              ) : null;
            })}
            <LevelLine scale={scale} axis={y} inner={frame.inner} />
          </g>
          <AxisBottom scale={x} frame={frame} title={shares ? "Share of the grid points" : "Grid points"} />
          <AxisLeft scale={y} frame={frame} title={label} />
        </svg>
      </div>
    </ViewPanel>
  );
}
