// A field along one direction: its values as a line, its basins as pieces of it.
import { useMemo } from "react";
import { toCsv } from "../../base/csv";
import { formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { touchedPoints } from "../../topology/brush";
import { basinOf } from "../../topology/hierarchy";
import { useComparison } from "../comparison";
import type { Landscape, Topology } from "../model";
import { Drawing } from "./drawing";
import { withUnit } from "./feature";
import { FEATURE_HINT, useFeatures } from "./features";
import { LevelControl, LevelLine } from "./level";
import { linePath } from "./lines";
import { type ViewProps, ViewPanel, fieldLinks, valueTitle, variantOf } from "./panel";
import { AxisBottom, AxisLeft, HINT, useFrame } from "./plot";

export function LineView({
  item,
  landscape,
  topology,
}: ViewProps & { landscape: Landscape; topology: Topology | null }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const axis = landscape.grid.axes[0]!;
  const { values } = landscape.grid;
  const shown = useFeatures(item, landscape, topology);
  const { simplified } = shown;
  const minima = useMemo(
    () =>
      topology && simplified
        ? Array.from(topology.hierarchy.pairs.birth, (vertex, pair) => ({
            pair,
            essential: topology.hierarchy.pairs.essential[pair] === 1,
            x: axis[vertex]!,
            y: values[vertex]!,
          })).filter((m) => simplified.kept[m.pair] === 1)
        : [],
    [topology, simplified, axis, values],
  );
  const basinAt = (vertex: number): number =>
    topology && simplified ? basinOf(topology.hierarchy, simplified, vertex) : -1;
  const frame = useFrame({
    kind: "contour",
    model: item.model.name,
    margins: { top: 12, right: 18, bottom: 44, left: 66 },
    x: useMemo(() => makeScale("linear", { low: axis[0]!, high: axis[axis.length - 1]! }), [axis]),
    y: scale,
    brush: { touched: (r) => touchedPoints(minima, r), select: shown.select },
  });
  const { x, y } = frame;
  const partOf = (inside: (pair: number) => boolean): string =>
    linePath(
      axis,
      Array.from(values, (v, i) => (inside(basinAt(i)) ? v : NaN)),
      x.px,
      y.px,
    );
  return (
    <ViewPanel
      kind="contour"
      model={item.model.name}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {FEATURE_HINT}
          </p>
        </>
      }
      controls={<LevelControl scale={scale} />}
      exports={{
        name: `line-${item.model.name}`,
        svg: frame.text,
        csv: () =>
          toCsv(
            ["axis_0", landscape.field],
            Array.from(values, (v, i) => [axis[i]!, v]),
          ),
        links: fieldLinks(item, landscape)!,
      }}
    >
      <Drawing
        frame={frame}
        pad={5}
        keys={shown.keys}
        data={{
          pairs: simplified?.count ?? "",
          lit: shown.vertexOf(shown.lit),
          selected: shown.selected.size,
        }}
        label={`${landscape.fieldTitle} of ${item.model.name} along one direction`}
        onLeave={shown.leave}
        onMove={(event) => {
          const at = frame.at(event);
          if (!at) return shown.leave();
          let best = 0;
          axis.forEach((a, i) => {
            if (Math.abs(a - at.x) < Math.abs(axis[best]! - at.x)) best = i;
          });
          shown.point(basinAt(best), event, [
            ["here", formatNumber(axis[best]!, 3)],
            [landscape.fieldTitle, withUnit(values[best]!, landscape.unit)],
          ]);
        }}
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={landscape.axisTitles[0]} />
            <AxisLeft scale={y} frame={frame} title={valueTitle(landscape)} />
          </>
        }
      >
        <path className="series" d={linePath(axis, values, x.px, y.px)} />
        {shown.selected.size > 0 && <path className="basin-line selected" d={partOf((p) => shown.selected.has(p))} />}
        {shown.lit >= 0 && <path className="basin-line" d={partOf((p) => p === shown.lit)} />}
        {Array.from(
          values,
          (v, i) => v - v === 0 && <circle key={i} className="dot" cx={x.px(axis[i]!)} cy={y.px(v)} r={2.2} />,
        )}
        <LevelLine scale={scale} axis={y} inner={frame.inner} />
        {minima.map((m) => {
          const shared = { ...shown.mark(m.pair), className: `minimum${shown.on(m.pair) ? " lit" : ""}` };
          return m.essential ? (
            <rect key={m.pair} {...shared} x={x.px(m.x) - 4.5} y={y.px(m.y) - 4.5} width={9} height={9} />
          ) : (
            <circle key={m.pair} {...shared} cx={x.px(m.x)} cy={y.px(m.y)} r={shown.on(m.pair) ? 5.5 : 3.8} />
          );
        })}
      </Drawing>
    </ViewPanel>
  );
}
