import { type Scale, makeScale } from "../../geometry/scales";

/** A little room around the values, so that marks at the ends are whole. Quantiles end where the data ends. */
export function padded(scale: Scale, share = 0.03): Scale {
  if (scale.kind === "quantile") return scale;
  return makeScale(scale.kind, { low: scale.value(-share), high: scale.value(1 + share) });
}
