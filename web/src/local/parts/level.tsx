// One movable level of the values, shown by every view: a line on the contour and the surface, a cut through tree, profile
// and bars.
import { formatNumber } from "../../geometry/numbers";
import type { PixelScale, Scale } from "../../geometry/scales";
import { Toggle } from "../../widgets/controls";
import { useOption } from "../comparison";

/** The level as a value; null: not shown. It is kept as a share of the scale, so that it stays inside every scale. */
export function useLevel(scale: Scale): number | null {
  const [share] = useOption("level", -1);
  return share < 0 ? null : scale.value(Math.max(0.001, Math.min(0.999, share)));
}

export function LevelControl({ scale }: { scale: Scale }) {
  const [share, setShare] = useOption("level", -1);
  const value = useLevel(scale);
  return (
    <>
      <Toggle label="Level" checked={share >= 0} onChange={(on) => setShare(on ? 0.5 : -1)} />
      {value !== null && (
        <label className="control">
          <input
            type="range"
            min={0}
            max={1000}
            value={Math.round(share * 1000)}
            style={{ width: 90 }}
            aria-label="Level of the values"
            aria-valuetext={formatNumber(value, 3)}
            onChange={(e) => setShare(Number(e.target.value) / 1000)}
          />
          <output className="count">{formatNumber(value, 3)}</output>
        </label>
      )}
    </>
  );
}

/** The level in a drawing whose values run upwards (or, `across`, to the right). */
export function LevelLine({
  scale,
  axis,
  inner,
  across = false,
}: {
  scale: Scale;
  axis: PixelScale;
  inner: { x: number; y: number; width: number; height: number };
  across?: boolean;
}) {
  const value = useLevel(scale);
  if (value === null) return null;
  const at = axis.px(value);
  return (
    <line
      className="level"
      x1={across ? at : inner.x}
      x2={across ? at : inner.x + inner.width}
      y1={across ? inner.y : at}
      y2={across ? inner.y + inner.height : at}
    />
  );
}
