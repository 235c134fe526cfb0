// The pairs as bars, the most persistent first.
import { useId, useMemo } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { formatCount, formatInteger } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { featuresOf } from "../../topology/diagram";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { light, litPair, togglePinned, useComparison, useLit, usePinned } from "../comparison";
import type { Landscape, Topology } from "../model";
import { FeatureFacts } from "../parts/feature";
import { KEYS_HINT, useMinimumKeys } from "../parts/keys";
import { type ViewProps, ViewPanel, WithField, fieldLinks, variantOf } from "../parts/panel";
import { AxisBottom, Clip, HINT, useFrame } from "../parts/plot";
import { FEATURE_HEADER, featureRows } from "../parts/rows";
import { LevelLine } from "../parts/level";
import { padded } from "../parts/padded";

const MOST = 3000;

export function BarcodeView({ item }: ViewProps) {
  return (
    <WithField item={item} kind="barcode" topology>
      {(landscape, topology) => <Barcode item={item} landscape={landscape} topology={topology!} />}
    </WithField>
  );
}

function Barcode({ item, landscape, topology }: ViewProps & { landscape: Landscape; topology: Topology }) {
  const comparison = useComparison();
  const scale = comparison.scaleOf(item);
  const axis = useMemo(() => padded(scale), [scale]);
  const simplified = comparison.simplifiedOf(topology);
  const { hierarchy } = topology;
  const { features, left } = useMemo(() => featuresOf(hierarchy, simplified, false, MOST), [hierarchy, simplified]);
  const lit = litPair(topology, simplified, useLit(landscape.record.id));
  const [pinned, setPinned] = usePinned(item.model.name);
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
    x: axis,
    y: useMemo(() => makeScale("linear", { low: 0, high: Math.max(1, rows) }), [rows]),
  });
  const keys = useMinimumKeys(landscape, topology, simplified, item.model.name, frame.svg);
  const id = useId().replace(/:/g, "");
  const { x, y, inner } = frame;
  const row = (i: number): number => y.px(rows - i - 0.5);
  const pitch = Math.abs(y.px(1) - y.px(0));
  const thick = Math.max(0.8, Math.min(14, pitch * 0.68));
  return (
    <ViewPanel
      kind="barcode"
      model={item.model.name}
      note={[
        formatCount(simplified.count, "minimum", "minima"),
        left > 0 && `the ${formatInteger(MOST)} most persistent are drawn`,
      ]
        .filter(Boolean)
        .join("; ")}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {KEYS_HINT} A click pins a bar.
          </p>
        </>
      }
      exports={{
        name: `barcode-${item.model.name}`,
        svg: () => (frame.svg.current ? svgText(frame.svg.current) : null),
        csv: () => toCsv(FEATURE_HEADER, featureRows(featuresOf(hierarchy, simplified, false).features)),
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
          data-features={features.length}
          data-lit={lit >= 0 ? hierarchy.pairs.birth[lit] : ""}
          aria-label={`Barcode of ${item.model.name}: ${simplified.count} bars. ${HINT}`}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} pad={4} />
          </defs>
          <g clipPath={`url(#clip${id})`}>
            {features.map((f, i) => {
              const at = row(i);
              if (at < inner.y - pitch || at > inner.y + inner.height + pitch) return null;
              const from = Math.min(x.px(f.birth), x.px(f.death));
              const to = Math.max(x.px(f.birth), x.px(f.death));
              const on = f.pair === lit || pinned.includes(f.birthVertex);
              return (
                <g
                  key={f.birthVertex}
                  data-minimum={f.birthVertex}
                  className={`bar d0${f.resolved ? "" : " unresolved"}${on ? " lit" : ""}${f.essential ? " essential" : ""}`}
                  onPointerMove={(event) => {
                    light(landscape.record.id, f.birthVertex);
                    showTooltip(
                      event.clientX,
                      event.clientY,
                      <FeatureFacts landscape={landscape} topology={topology} simplified={simplified} pair={f.pair} />,
                    );
                  }}
                  onPointerLeave={() => {
                    light(landscape.record.id, null);
                    hideTooltip();
                  }}
                  onClick={() => !frame.dragged.current && setPinned(togglePinned(pinned, f.birthVertex))}
                >
                  <rect className="reach" x={inner.x} width={inner.width} y={at - pitch / 2} height={pitch} />
                  {f.essential ? (
                    <path
                      d={`M${from} ${at - thick / 2}H${to}l${Math.max(5, thick * 0.7)} ${thick / 2}l${-Math.max(5, thick * 0.7)} ${thick / 2}H${from}Z`}
                    />
                  ) : (
                    <rect
                      className="mark"
                      x={from}
                      width={Math.max(1.2, to - from)}
                      y={at - thick / 2}
                      height={thick}
                    />
                  )}
                </g>
              );
            })}
            <LevelLine scale={scale} axis={x} inner={frame.inner} across />
          </g>
          <AxisBottom
            scale={x}
            frame={frame}
            title={landscape.unit ? `${landscape.fieldTitle} [${landscape.unit}]` : landscape.fieldTitle}
          />
          <text
            className="axis-title"
            textAnchor="middle"
            aria-hidden="true"
            transform={`translate(${inner.x - 12} ${inner.y + inner.height / 2}) rotate(-90)`}
          >
            Pairs, most persistent first
          </text>
        </svg>
      </div>
    </ViewPanel>
  );
}
