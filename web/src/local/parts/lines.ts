/** SVG path of a series; what is not finite interrupts it. */
export function linePath(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  px: (v: number) => number,
  py: (v: number) => number,
): string {
  let text = "";
  let pen = false;
  for (let i = 0; i < xs.length && i < ys.length; i++) {
    const u = px(xs[i]!);
    const v = py(ys[i]!);
    if (!Number.isFinite(u) || !Number.isFinite(v)) {
      pen = false;
      continue;
    }
    text += `${pen ? "L" : "M"}${u.toFixed(2)} ${v.toFixed(2)}`;
    pen = true;
  }
  return text;
}

/** Closed area between two series; only where both are finite, one piece a run. */
export function bandPath(
  xs: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  px: (v: number) => number,
  py: (v: number) => number,
): string {
  let text = "";
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 1) {
      text += `M${run.map((i) => `${px(xs[i]!).toFixed(2)} ${py(high[i]!).toFixed(2)}`).join("L")}`;
      text += `L${run
        .reverse()
        .map((i) => `${px(xs[i]!).toFixed(2)} ${py(low[i]!).toFixed(2)}`)
        .join("L")}Z`;
    }
    run = [];
  };
  for (let i = 0; i < xs.length; i++)
    if (Number.isFinite(py(low[i]!)) && Number.isFinite(py(high[i]!))) run.push(i);
    else flush();
  flush();
  return text;
}
