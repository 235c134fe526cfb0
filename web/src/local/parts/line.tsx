// A field along one direction: its values as a line.
import { useId, useMemo } from "react";
import { toCsv } from "../../base/csv";
import { svgText } from "../../base/svg_export";
import { formatNumber } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { useComparison } from "../comparison";
import type { Landscape } from "../model";
import { withUnit } from "./feature";
import { linePath } from "./lines";
import { type ViewProps, ViewPanel, fieldLinks, variantOf } from "./panel";
import { AxisBottom, AxisLeft, Clip, useFrame } from "./plot";

export function LineView({ item, landscape }: ViewProps & { landscape: Landscape }) {
  const comparison = useComparison();
  const axis = landscape.grid.axes[0]!;
  const { values } = landscape.grid;
  const frame = useFrame({
    kind: "contour",
    model: item.model.name,
    margins: { top: 12, right: 18, bottom: 44, left: 66 },
    x: useMemo(() => makeScale("linear", { low: axis[0]!, high: axis[axis.length - 1]! }), [axis]),
    y: comparison.scaleOf(item),
  });
  const id = useId().replace(/:/g, "");
  const { x, y } = frame;
  return (
    <ViewPanel
      kind="contour"
      model={item.model.name}
      variant={variantOf(landscape)}
      exports={{
        name: `line-${item.model.name}`,
        svg: () => (frame.svg.current ? svgText(frame.svg.current) : null),
        csv: () =>
          toCsv(
            ["axis_0", landscape.field],
            Array.from(values, (v, i) => [axis[i]!, v]),
          ),
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
          aria-label={`${landscape.fieldTitle} of ${item.model.name} along one direction`}
          onPointerLeave={hideTooltip}
          onPointerMove={(event) => {
            const at = frame.at(event);
            if (!at) return hideTooltip();
            let best = 0;
            axis.forEach((a, i) => {
              if (Math.abs(a - at.x) < Math.abs(axis[best]! - at.x)) best = i;
            });
            showTooltip(
              event.clientX,
              event.clientY,
              <Facts
                facts={[
                  ["at", formatNumber(axis[best]!, 3)],
                  [landscape.fieldTitle, withUnit(values[best]!, landscape.unit)],
                ]}
              />,
            );
          }}
        >
          <defs>
            <Clip id={`clip${id}`} frame={frame} pad={3} />
          </defs>
          <g clipPath={`url(#clip${id})`}>
            <path className="series" d={linePath(axis, values, x.px, y.px)} />
            {Array.from(
              values,
              (v, i) => v - v === 0 && <circle key={i} className="dot" cx={x.px(axis[i]!)} cy={y.px(v)} r={2.2} />,
            )}
          </g>
          <AxisBottom scale={x} frame={frame} title={landscape.axisTitles[0]} />
          <AxisLeft
            scale={y}
            frame={frame}
            title={landscape.unit ? `${landscape.fieldTitle} [${landscape.unit}]` : landscape.fieldTitle}
          />
        </svg>
      </div>
    </ViewPanel>
  );
}
