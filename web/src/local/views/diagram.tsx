// Persistence diagram: birth against death.
import { useMemo } from "react";
import { toCsv } from "../../base/csv";
import { formatCount, formatInteger, formatNumber } from "../../geometry/numbers";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { Toggle } from "../../widgets/controls";
import { touchedPoints } from "../../topology/brush";
import { type Feature, featureTitle, featuresOf } from "../../topology/diagram";
import { useComparison, useOption } from "../comparison";
import { Drawing } from "../parts/drawing";
import { withUnit } from "../parts/feature";
import { type Features, useFeatures } from "../parts/features";
import { padded } from "../parts/padded";
import { FeaturePanel, type TopologyProps, topologyView } from "../parts/panel";
import { AxisBottom, AxisLeft, useFrame } from "../parts/plot";
import { FEATURE_HEADER, featureRows } from "../parts/rows";

const MOST = 3000;

export const DiagramView = topologyView("diagram", Diagram);

function Diagram({ item, landscape, topology }: TopologyProps) {
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
  const shown = useFeatures(item, landscape, topology);
  // what never dies stands at the upper edge
  const top = (death: number): number => (Number.isFinite(death) ? death : y.high);
  const frame = useFrame({
    kind: "diagram",
    model: item.model.name,
    margins: { top: 12, right: 18, bottom: 44, left: 66 },
    x: axis,
    y: axis,
    aspect: 1,
    brush: {
      touched: (r) =>
        touchedPoints(
          features.map((f) => ({ pair: f.pair, x: f.birth, y: top(f.death) })),
          r,
        ),
      select: shown.select,
    },
  });
  const { x, y } = frame;
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
    <FeaturePanel
      kind="diagram"
      item={item}
      landscape={landscape}
      topology={topology}
      frame={frame}
      notes={[
        formatCount(simplified.count, "minimum", "minima"),
        unresolved > 0 && `${formatInteger(unresolved)} not resolved (hollow)`,
        left > 0 && `the ${formatInteger(MOST)} most persistent are drawn`,
      ]}
      csv={() => toCsv(FEATURE_HEADER, featureRows(featuresOf(hierarchy, simplified, cycles).features))}
      controls={
        hierarchy.cycles.length > 0 && (
          <Toggle
            label={`Loops${hierarchy.cycles.some((c) => c.dimension > 1) ? " and voids" : ""}`}
            checked={cycles}
            onChange={setCycles}
          />
        )
      }
    >
      <Drawing
        frame={frame}
        pad={5}
        keys={shown.keys}
        data={{
          features: features.filter((f) => f.dimension === 0).length,
          lit: shown.vertexOf(shown.lit),
          selected: shown.selected.size,
        }}
        label={`Persistence diagram of ${item.model.name}: ${simplified.count} minima`}
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={`Birth${unit}`} />
            <AxisLeft scale={y} frame={frame} title={`Death${unit}`} />
          </>
        }
      >
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
            shown={shown}
            cx={x.px(f.birth)}
            cy={y.px(top(f.death))}
            superlevel={hierarchy.superlevel}
            unit={landscape.unit}
          />
        ))}
      </Drawing>
    </FeaturePanel>
  );
}

function Point({
  feature,
  shown,
  cx,
  cy,
  superlevel,
  unit,
}: {
  feature: Feature;
  shown: Features;
  cx: number;
  cy: number;
  superlevel: boolean;
  unit: string;
}) {
  const lit = shown.on(feature.pair);
  const title = featureTitle(feature, superlevel);
  const cycle = {
    onPointerMove: (event: { clientX: number; clientY: number }) =>
      showTooltip(
        event.clientX,
        event.clientY,
        <Facts
          facts={[
            ["Feature", title],
            ["born", withUnit(feature.birth, unit)],
            ["filled", feature.essential ? "never" : withUnit(feature.death, unit)],
            ["persistence", withUnit(feature.persistence, unit)],
          ]}
        />,
      ),
    onPointerLeave: hideTooltip,
  };
  const shared = {
    className: `feature d${feature.dimension}${feature.essential ? " essential" : ""}${feature.resolved ? "" : " unresolved"}${lit ? " lit" : ""}`,
    role: "img",
    "aria-label": `${title}, birth ${withUnit(feature.birth, unit)}, ${
      feature.essential ? "essential" : `death ${withUnit(feature.death, unit)}`
    }`,
    ...(feature.pair >= 0 ? shown.mark(feature.pair) : cycle),
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
