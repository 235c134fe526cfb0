// A connectivity curve as a small plot: loss along the path, the straight line dashed.
import { client } from "../api/client";
import { isNumber } from "../base/statistics";
import { formatNumber } from "../geometry/numbers";
import { decades, finiteRange, makeScale } from "../geometry/scales";
import { useLoaded } from "../model/study";

export function CurvePreview({
  study,
  record,
  width = 220,
  height = 96,
}: {
  study: string;
  record: number;
  width?: number;
  height?: number;
}) {
  const loaded = useLoaded(`${study}/${record}`, () => client.record(study, record));
  if (loaded.state === "error") return <p className="note">The curve cannot be read: {loaded.message}</p>;
  if (loaded.state !== "ready") return <p className="note">Loading the curve …</p>;
  const curve = loaded.value;
  const t = curve.numbers("t");
  const loss = curve.numbers("loss");
  const straight = curve.numbers("linear_loss");
  const range = finiteRange(loss, straight);
  if (!range || t.length === 0) return <p className="note">No point of this curve is finite.</p>;
  const log = decades(range) > 3;
  const scale = makeScale(log ? "log" : "linear", range);
  const left = 58;
  const x = (v: number): number => left + v * (width - left - 8);
  const y = (v: number): number => 6 + (1 - scale.share(v)) * (height - 26);
  const path = (values: ArrayLike<number>): string => {
    let pen = false;
    let text = "";
    for (let i = 0; i < Math.min(values.length, t.length); i++) {
      const value = values[i] as number;
      if (!isNumber(value)) {
        pen = false;
        continue;
      }
      text += `${pen ? "L" : "M"}${x(t[i] as number).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = true;
    }
    return text;
  };
  return (
    <svg
      className="curve-preview"
      width={width}
      height={height}
      role="img"
      aria-label={`Loss along the path, from ${formatNumber(loss[0])} to ${formatNumber(loss[loss.length - 1])}`}
    >
      <line className="axis" x1={left} x2={width - 8} y1={height - 18} y2={height - 18} />
      <line className="axis" x1={left} x2={left} y1={4} y2={height - 18} />
      <text x={left - 4} y={12} textAnchor="end">
        {formatNumber(range.high, 3)}
      </text>
      <text x={left - 4} y={height - 19} textAnchor="end">
        {formatNumber(range.low, 3)}
      </text>
      <text x={left - 4} y={height / 2 - 2} textAnchor="end">
        loss
      </text>
      {log && (
        <text x={left - 4} y={height / 2 + 10} textAnchor="end">
          (log)
        </text>
      )}
      <text x={left} y={height - 5} textAnchor="middle">
        t = 0
      </text>
      <text x={width - 8} y={height - 5} textAnchor="end">
        1
      </text>
      {straight.length > 0 && <path className="straight" d={path(straight)} />}
      <path className="curved" d={path(loss)} />
    </svg>
  );
}
