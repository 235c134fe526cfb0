// The topological landscape profile: basins as funnels, as wide as they have points.
import { useMemo } from "react";
import { toCsv } from "../../base/csv";
import { colorAt, cssColor } from "../../geometry/colormaps";
import { formatCount, formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { touchedFunnels } from "../../topology/brush";
import { outlinePath, outlinesOf, profileOf } from "../../topology/profile";
import { Toggle } from "../../widgets/controls";
import { useComparison, useOption } from "../comparison";
import { ready } from "../model";
import { Drawing, useName } from "../parts/drawing";
import { useFeatures } from "../parts/features";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";
import { FeaturePanel, type TopologyProps, topologyView, valueTitle } from "../parts/panel";
import { AxisBottom, AxisLeft, useFrame } from "../parts/plot";

export const ProfileView = topologyView("profile", Profile);

function Profile({ item, landscape, topology }: TopologyProps) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const [shares, setShares] = useOption("profile.shares", false);
  const profile = useMemo(
    () => profileOf(hierarchy, simplified, landscape.grid.values, topology.order()),
    [hierarchy, simplified, landscape, topology],
  );
  const shown = useFeatures(item, landscape, topology);
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
  const offset = (widest - profile.vertices) / 2;
  const frame = useFrame({
    kind: "profile",
    model: item.model.name,
    margins: { top: 12, right: 16, bottom: 44, left: 66 },
    x: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, widest) / unit }), [widest, unit]),
    y: useMemo(() => padded(scale), [scale]),
    brush: {
      touched: ({ x: [low, high], y: levels }) =>
        touchedFunnels(profile, { x: [low * unit - offset, high * unit - offset], y: levels }),
      select: shown.select,
    },
  });
  const values = `values${useName()}`;
  const { x, y, inner } = frame;
  const px = (vertices: number): number => x.px((vertices + offset) / unit);
  const perVertex = (x.px(1) - x.px(0)) / unit;
  const { outlines, slivers } = useMemo(() => outlinesOf(profile, perVertex, y.px), [profile, perVertex, y]);
  const stops = Array.from({ length: 25 }, (_, i) => i / 24);
  const mark = (pair: number) => shown.mark(pair, (at) => [["level here", formatNumber(frame.at(at)?.y ?? NaN, 3)]]);
  return (
    <FeaturePanel
      kind="profile"
      item={item}
      landscape={landscape}
      topology={topology}
      frame={frame}
      notes={[formatCount(simplified.count, "basin", "basins")]}
      controls={<Toggle label="Widths as shares" checked={shares} onChange={setShares} />}
      csv={() =>
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
        )
      }
    >
      <Drawing
        frame={frame}
        pad={2}
        keys={shown.keys}
        data={{ basins: simplified.count, lit: shown.vertexOf(shown.lit), selected: shown.selected.size }}
        label={`Landscape profile of ${item.model.name}: ${simplified.count} basins`}
        defs={
          <linearGradient
            id={values}
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
        }
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={shares ? "Share of the grid points" : "Grid points"} />
            <AxisLeft scale={y} frame={frame} title={valueTitle(landscape)} />
          </>
        }
      >
        {outlines.map((outline) => (
          <path
            key={outline.node}
            d={outlinePath(outline, px, y.px)}
            fill={`url(#${values})`}
            {...mark(outline.pair)}
            className={`funnel${shown.on(outline.pair) ? " lit" : ""}${hierarchy.pairs.resolved[outline.pair] ? "" : " unresolved"}`}
          />
        ))}
        {slivers.map((s) => (
          <line
            key={s.x}
            x1={px(s.x)}
            x2={px(s.x)}
            y1={y.px(s.low)}
            y2={y.px(s.high)}
            {...mark(s.pair)}
            className={`sliver${shown.on(s.pair) ? " lit" : ""}`}
          />
        ))}
        {outlines.map(({ node, pair, centre }) => {
          const vertex = profile.nodes.vertex[node]!;
          const leaf = profile.floor[node] === 0;
          return leaf ? (
            <circle
              key={vertex}
              {...mark(pair)}
              className={`leaf${shown.on(pair) ? " lit" : ""}`}
              cx={px(centre)}
              cy={y.px(profile.nodes.value[node]!)}
              r={2.4}
            />
          ) : null;
        })}
        <LevelLine scale={scale} axis={y} inner={inner} />
      </Drawing>
    </FeaturePanel>
  );
}
