// One slider of persistence for all views: logarithmic, with the significance level marked.
import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { formatInteger, formatNumber, labelWidth, logTicks, thinLabels } from "../../geometry/numbers";
import { setLocal } from "../../state";
import { NumberInput } from "../../widgets/controls";
import { hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { countAbove } from "../../topology/hierarchy";
import { useComparison } from "../comparison";
import { ready } from "../model";

const WIDTH = 320;
const PAD = 10;

export function PersistenceSlider() {
  const comparison = useComparison();
  const svg = useRef<SVGSVGElement>(null);
  const { threshold, persistence, significance } = comparison;
  const trees = comparison.models.map((m) => ready(m.topology)).filter((t) => t !== null);
  if (trees.length === 0) return null;
  const total = trees.reduce((sum, t) => sum + t.hierarchy.pairs.count, 0);
  const kept = trees.reduce((sum, t) => sum + comparison.simplifiedOf(t).count, 0);
  const count = `${formatInteger(kept)} of ${formatInteger(total)} minima kept`;
  if (!persistence)
    return (
      <div className="persistence">
        <span className="control-title">Persistence</span>
        <output className="count" data-kept={kept} data-total={total}>
          {count}
        </output>
        <span className="note">nothing to simplify: each field has one basin</span>
      </div>
    );

  const low = persistence.low / 1.05;
  const high = Math.max(persistence.high * 1.05, (significance ?? 0) * 1.05);
  const span = Math.log(high / low);
  const inner = WIDTH - 2 * PAD;
  const px = (v: number): number => PAD + Math.max(0, Math.min(1, Math.log(v / low) / span)) * inner;
  const at = (share: number): number => (share <= 0 ? -1 : low * Math.exp(Math.min(1, share) * span));
  const set = (value: number): void => setLocal({ persistence: value <= low ? -1 : Math.min(value, high) });
  const share = threshold <= low ? 0 : Math.log(threshold / low) / span;
  const drag = (event: PointerEvent): void => {
    const box = svg.current?.getBoundingClientRect();
    if (!box) return;
    const next = at((event.clientX - box.left - PAD) / inner);
    set(next);
    const then = trees.reduce((sum, t) => sum + countAbove(t.hierarchy.pairs, next), 0);
    showTooltip(
      event.clientX,
      event.clientY,
      `persistence > ${next < 0 ? "nothing removed" : formatNumber(next, 3)}: ${formatInteger(then)} minima`,
    );
  };
  const keys = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1 }[
      event.key
    ];
    if (event.key === "Home") set(-1);
    else if (event.key === "End") set(high);
    else if (step !== undefined) set(at(share + step));
    else return;
    event.preventDefault();
  };
  // one tick a pair: where the count changes
  const marks = trees.flatMap((t) =>
    Array.from(t.hierarchy.pairs.persistence).filter((p, i) => p > 0 && !t.hierarchy.pairs.essential[i]),
  );
  const columns = new Set(marks.map((p) => Math.round(px(p))));
  const ticks = thinLabels(
    logTicks(low, high, 6).filter((t) => t.major),
    px,
    (l) => labelWidth(l, 10.5),
    8,
  );
  return (
    <div className="persistence">
      <span className="control-title" id="persistence-title">
        Persistence above
      </span>
      <svg
        ref={svg}
        width={WIDTH}
        height={38}
        role="slider"
        tabIndex={0}
        aria-labelledby="persistence-title"
        aria-valuemin={0}
        aria-valuemax={high}
        aria-valuenow={Math.max(0, threshold)}
        aria-valuetext={`${threshold < 0 ? "nothing removed" : formatNumber(threshold, 3)}, ${count}`}
        onKeyDown={keys}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && drag(event)}
        onPointerUp={hideTooltip}
        onPointerLeave={hideTooltip}
      >
        {[...columns].map((x) => (
          <line key={x} className="pair" x1={x + 0.5} x2={x + 0.5} y1={3} y2={9} />
        ))}
        <line className="track" x1={PAD} x2={WIDTH - PAD} y1={14} y2={14} />
        <line className="track on" x1={px(Math.max(low, threshold))} x2={WIDTH - PAD} y1={14} y2={14} />
        {ticks.map((t) => (
          <g key={t.value}>
            <line className="tick" x1={px(t.value)} x2={px(t.value)} y1={16} y2={20} />
            {t.label && (
              <text x={px(t.value)} y={32} textAnchor="middle">
                {t.label}
              </text>
            )}
          </g>
        ))}
        {significance !== undefined && (
          <path className="significance" d={`M${px(significance)} 14l-4 -8h8Z`}>
            <title>{`significance: up to ${formatNumber(significance, 3)} the halves of the data differ by more`}</title>
          </path>
        )}
        <circle className="thumb" cx={threshold <= low ? PAD : px(threshold)} cy={14} r={6} />
      </svg>
      <NumberInput
        label="Persistence threshold"
        hideLabel
        width={7}
        value={Math.max(0, threshold)}
        minimum={0}
        onChange={(v) => set(v > 0 ? v : -1)}
      />
      <output className="count" data-kept={kept} data-total={total}>
        {count}
      </output>
      {significance !== undefined && (
        <button
          type="button"
          className="button quiet"
          onClick={() => set(significance)}
          title="Removes every pair that the two halves of the data do not resolve"
        >
          Significant only
        </button>
      )}
      <button type="button" className="button quiet" disabled={threshold < 0} onClick={() => set(-1)}>
        All
      </button>
    </div>
  );
}
