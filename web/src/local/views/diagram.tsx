// Persistence diagram: birth against death.
import { useId, useMemo, useState } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { formatCount, formatInteger, formatNumber } from "../../geometry/numbers";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { Facts } from "../../widgets/Tooltip";
import { Toggle } from "../../widgets/controls";
import { type Feature, featureTitle, featuresOf } from "../../topology/diagram";
import { light, litPair, togglePinned, useComparison, useLit, useOption, usePinned } from "../comparison";
import type { Landscape, Topology } from "../model";
import { FeatureFacts, withUnit } from "../parts/feature";
import { padded } from "../parts/padded";
import { KEYS_HINT, useMinimumKeys } from "../parts/keys";
import { type ViewProps, ViewPanel, WithField, fieldLinks, variantOf } from "../parts/panel";
import { AxisBottom, AxisLeft, Clip, HINT, useFrame } from "../parts/plot";
import { FEATURE_HEADER, featureRows } from "../parts/rows";

const MOST = 3000;

export function DiagramView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="diagram" topology>
      {(landscape, topology) => <Diagram item={item} landscape={landscape} topology={topology!} />}
    </WithField>
  );
}

function Diagram({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const axis = useMemo(() => padded(scale), [scale]);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const [cycles, setCycles] = useOption("cycles", false);
  const { features, left } = useMemo(
    () => featuresOf(hierarchy, simplified, cycles, MOST),
    [hierarchy, simplified, cycles],
  );
  const lit = litPair(topology, simplified, useLit(landscape.record.id));
  const [pinned, setPinned] = usePinned(item.model.name);
  const [brush, setBrush] = useState<{ x: number; y: number; toX: number; toY: number } | null>(null);
  const frame = useFrame({
    kind: "diagram",
    model: item.model.name,
    margins: { top: 12, right: 18, bottom: 44, left: 66 },
    x: axis,
    y: axis,
    aspect: 1,
    onBrush: (from, to, done) => {
      setBrush(done ? null : { x: from.x, y: from.y, toX: to.x, toY: to.y });
      if (!done) return;
      const [x0, x1] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
      const [y0, y1] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
      setPinned(
        features
          .filter((f) => f.pair >= 0 && f.birth >= x0 && f.birth <= x1 && f.death >= y0 && f.death <= y1)
          .map((f) => f.birthVertex),
      );
    },
  });
  const keys = useMinimumKeys(landscape, topology, simplified, item.model.name, frame.svg);
  const id = useId().replace(/:/g, "");
  const { x, y, inner } = frame;
  const unit = landscape.unit ? ` [${landscape.unit}]` : "";
  const unresolved = features.filter((f) => !f.resolved).length;
  const corner = (low: boolean): string => {
    const value = low ? Math.max(x.low, y.low) : Math.min(x.high, y.high);
    return `${x.px(value).toFixed(1)} ${y.px(value).toFixed(1)}`;
  };
  const threshold = comparison.threshold;
  const over = useMemo(() => {
    if (!(threshold > 0)) return "";
    // death = birth + threshold, curved on a scale that is not linear
    const points: string[] = [];
    for (let i = 0; i <= 60; i++) {
      const birth = x.value(i / 60);
      const v = y.px(birth + threshold);
      if (Number.isFinite(v)) points.push(`${x.px(birth).toFixed(1)} ${v.toFixed(1)}`);
    }
    return points.length > 1 ? `M${points.join("L")}` : "";
  }, [x, y, threshold]);

  return (
    <ViewPanel
      kind="diagram"
      model={item.model.name}
      note={[
        formatCount(simplified.count, "minimum", "minima"),
        unresolved > 0 && `${formatInteger(unresolved)} not resolved (hollow)`,
        left > 0 && `the ${formatInteger(MOST)} most persistent are drawn`,
      ]
        .filter(Boolean)
        .join("; ")}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {KEYS_HINT} Shift and drag pins the points in a rectangle; a click pins one.
          </p>
        </>
      }
      exports={{
        name: `diagram-${item.model.name}`,
        svg: () => (frame.svg.current ? svgText(frame.svg.current) : null),
        csv: () => toCsv(FEATURE_HEADER, featureRows(featuresOf(hierarchy, simplified, cycles).features)),
        links: fieldLinks(item, landscape)!,
      }}
      controls={
        <>
          {hierarchy.cycles.length > 0 && (
            <Toggle
              label={`Loops${hierarchy.cycles.some((c) => c.dimension > 1) ? " and voids" : ""}`}
              checked={cycles}
              onChange={setCycles}
            />
          )}
          {pinned.length > 0 && (
            <button type="button" className="button quiet" onClick={() => setPinned([])}>
              Unpin {pinned.length}
            </button>
          )}
        </>
      }
    >
      <div className="plot" ref={frame.box}>
        <svg
          ref={frame.svg}
          width={frame.width}
          height={frame.height}
          {...frame.bind}
          role="img"
          onKeyDown={(event) => keys(event) || frame.bind.onKeyDown(event)}
          data-features={features.filter((f) => f.dimension === 0).length}
          data-lit={lit >= 0 ? hierarchy.pairs.birth[lit] : ""}
          aria-label={`Persistence diagram of ${item.model.name}: ${simplified.count} minima. ${HINT}`}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} pad={5} />
          </defs>
          <g clipPath={`url(#clip${id})`}>
            <path
              className="outside"
              d={`M${corner(true)}L${corner(false)}L${x.px(Math.min(x.high, y.high)).toFixed(1)} ${y.from.toFixed(1)}L${corner(true)}Z`}
            />
            <path className="diagonal" d={`M${corner(true)}L${corner(false)}`} />
            {over && (
              <path className="threshold" d={over}>
                <title>{`persistence ${formatNumber(threshold, 3)}`}</title>
              </path>
            )}
            {[...features].reverse().map((f) => (
              <Point
                key={`${f.dimension}.${f.birthVertex}`}
                feature={f}
                cx={x.px(f.birth)}
                cy={Number.isFinite(f.death) ? y.px(f.death) : inner.y}
                lit={f.pair >= 0 && (f.pair === lit || pinned.includes(f.birthVertex))}
                superlevel={hierarchy.superlevel}
                unit={landscape.unit}
                onEnter={(px, py) => {
                  if (f.pair >= 0) {
                    light(landscape.record.id, f.birthVertex);
                    showTooltip(
                      px,
                      py,
                      <FeatureFacts landscape={landscape} topology={topology} simplified={simplified} pair={f.pair} />,
                    );
                  } else
                    showTooltip(
                      px,
                      py,
                      <Facts
                        facts={[
                          ["Feature", featureTitle(f, hierarchy.superlevel)],
                          ["born", withUnit(f.birth, landscape.unit)],
                          ["filled", f.essential ? "never" : withUnit(f.death, landscape.unit)],
                          ["persistence", withUnit(f.persistence, landscape.unit)],
                        ]}
                      />,
                    );
                }}
                onLeave={() => {
                  light(landscape.record.id, null);
                  hideTooltip();
                }}
                onPin={() => f.pair >= 0 && setPinned(togglePinned(pinned, f.birthVertex))}
              />
            ))}
            {brush && (
              <rect
                className="brush"
                x={Math.min(x.px(brush.x), x.px(brush.toX))}
                y={Math.min(y.px(brush.y), y.px(brush.toY))}
                width={Math.abs(x.px(brush.x) - x.px(brush.toX))}
                height={Math.abs(y.px(brush.y) - y.px(brush.toY))}
              />
            )}
          </g>
          <AxisBottom scale={x} frame={frame} title={`Birth${unit}`} />
          <AxisLeft scale={y} frame={frame} title={`Death${unit}`} />
        </svg>
      </div>
    </ViewPanel>
  );
}

function Point({
  feature,
  cx,
  cy,
  lit,
  superlevel,
  unit,
  onEnter,
  onLeave,
  onPin,
}: {
  feature: Feature;
  cx: number;
  cy: number;
  lit: boolean;
  superlevel: boolean;
  unit: string;
  onEnter: (x: number, y: number) => void;
  onLeave: () => void;
  onPin: () => void;
}) {
  const shared = {
    className: `feature d${feature.dimension}${feature.essential ? " essential" : ""}${feature.resolved ? "" : " unresolved"}${lit ? " lit" : ""}`,
    "data-minimum": feature.pair >= 0 ? feature.birthVertex : undefined,
    role: "img",
    "aria-label": `${featureTitle(feature, superlevel)}, birth ${withUnit(feature.birth, unit)}, ${
      feature.essential ? "essential" : `death ${withUnit(feature.death, unit)}`
    }`,
    onPointerEnter: (event: { clientX: number; clientY: number }) => onEnter(event.clientX, event.clientY),
    onPointerLeave: onLeave,
    onClick: onPin,
  };
  const r = lit ? 6.5 : 4.2;
  if (feature.dimension === 1) return <path {...shared} d={`M${cx} ${cy - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}Z`} />;
  if (feature.dimension === 2) return <path {...shared} d={`M${cx} ${cy - r}l${r} ${1.8 * r}h${-2 * r}Z`} />;
  return feature.essential ? (
    <rect {...shared} x={cx - r} y={cy - r} width={2 * r} height={2 * r} />
  ) : (
    <circle {...shared} cx={cx} cy={cy} r={r} />
  );
}
