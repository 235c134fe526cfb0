// The pairs as bars, the most persistent first.
import { useMemo } from "react";
import { toCsv } from "../../base/csv";
import { formatCount, formatInteger } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { touchedBars } from "../../topology/brush";
import { featuresOf } from "../../topology/diagram";
import { useComparison } from "../comparison";
import { Drawing } from "../parts/drawing";
import { useFeatures } from "../parts/features";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";
import { FeaturePanel, type TopologyProps, topologyView, valueTitle } from "../parts/panel";
import { AxisBottom, useFrame } from "../parts/plot";
import { FEATURE_HEADER, featureRows } from "../parts/rows";

const MOST = 3000;

export const BarcodeView = topologyView("barcode", Barcode);

function Barcode({ item, landscape, topology }: TopologyProps) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const { features, left } = useMemo(() => featuresOf(hierarchy, simplified, false, MOST), [hierarchy, simplified]);
  const shown = useFeatures(item, landscape, topology);
  // locked: as many rows in every panel, so that bars have the same height
  const rows = comparison.locked
    ? Math.min(
        MOST,
        Math.max(
          ...comparison.models.map((m) =>
            m.topology.state === "ready" ? comparison.simplifiedOf(m.topology.value).count : 1,
          ),
        ),
      )
    : features.length;
  const frame = useFrame({
    kind: "barcode",
    model: item.model.name,
    margins: { top: 12, right: 24, bottom: 44, left: 30 },
    x: useMemo(() => padded(scale), [scale]),
    y: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, rows) }), [rows]),
    brush: { touched: (r) => touchedBars(features, rows, r), select: shown.select },
  });
  const { x, y, inner } = frame;
  const pitch = Math.abs(y.px(1) - y.px(0));
  const thick = Math.max(0.8, Math.min(14, pitch * 0.68));
  const point = Math.max(5, thick * 0.7);
  return (
    <FeaturePanel
      kind="barcode"
      item={item}
      landscape={landscape}
      topology={topology}
      frame={frame}
      notes={[
        formatCount(simplified.count, "minimum", "minima"),
        left > 0 && `the ${formatInteger(MOST)} most persistent are drawn`,
      ]}
      csv={() => toCsv(FEATURE_HEADER, featureRows(featuresOf(hierarchy, simplified, false).features))}
    >
      <Drawing
        frame={frame}
        pad={4}
        keys={shown.keys}
        data={{ features: features.length, lit: shown.vertexOf(shown.lit), selected: shown.selected.size }}
        label={`Barcode of ${item.model.name}: ${simplified.count} bars`}
        around={
          <>
            <AxisBottom scale={x} frame={frame} title={valueTitle(landscape)} />
            <text
              className="axis-title"
              textAnchor="middle"
              aria-hidden="true"
              transform={`translate(${inner.x - 12} ${inner.y + inner.height / 2}) rotate(-90)`}
            >
              Pairs, most persistent first
            </text>
          </>
        }
      >
        {features.map((f, i) => {
          const at = y.px(rows - i - 0.5);
          if (at < inner.y - pitch || at > inner.y + inner.height + pitch) return null;
          const from = Math.min(x.px(f.birth), x.px(f.death));
          const to = Math.max(x.px(f.birth), x.px(f.death));
          return (
            <g
              key={f.birthVertex}
              {...shown.mark(f.pair)}
              className={`bar d0${f.resolved ? "" : " unresolved"}${shown.on(f.pair) ? " lit" : ""}${f.essential ? " essential" : ""}`}
            >
              <rect className="reach" x={inner.x} width={inner.width} y={at - pitch / 2} height={pitch} />
              {f.essential ? (
                <path d={`M${from} ${at - thick / 2}H${to}l${point} ${thick / 2}l${-point} ${thick / 2}H${from}Z`} />
              ) : (
                <rect className="mark" x={from} width={Math.max(1.2, to - from)} y={at - thick / 2} height={thick} />
              )}
            </g>
          );
        })}
        <LevelLine scale={scale} axis={x} inner={inner} across />
      </Drawing>
    </FeaturePanel>
  );
}
