// A matrix as coloured cells with names on both sides.
import { type ReactNode, useMemo } from "react";
import { type Cell, toCsv } from "../../base/csv";
import { type MapName, colorAt, cssColor, inkOn } from "../../geometry/colormaps";
import { labelWidth } from "../../geometry/numbers";
import { makeScale } from "../../geometry/scales";
import type { LocalKind } from "../../state";
import type { Exports } from "../../widgets/Panel";
import { Facts, hideTooltip, showTooltip } from "../../widgets/Tooltip";
import { HatchPattern } from "./bands";
import { ColorBar } from "./colorbar";
import { Drawing, useName } from "./drawing";
import { ViewPanel } from "./panel";
import { HINT, useFrame } from "./plot";
import { shorten } from "./series";

export interface HeatMapProps {
  readonly kind: LocalKind;
  readonly model: string;
  readonly name: string; // for files
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly value: (row: number, column: number) => number; // NaN: undefined, hatched
  readonly range: { readonly low: number; readonly high: number };
  readonly map: MapName;
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly valueTitle: string;
  readonly text?: (row: number, column: number) => string; // in the cell, where it fits
  readonly facts: (row: number, column: number) => readonly (readonly [string, string])[];
  readonly note?: ReactNode;
  readonly variant?: ReactNode;
  readonly controls?: ReactNode;
  readonly links?: Exports["links"];
}

const LEFT = 118;

export function HeatMap(props: HeatMapProps) {
  const { rows, columns, range, map } = props;
  const scale = makeScale("linear", range);
  const longest = Math.min(92, Math.max(12, ...columns.map((c) => labelWidth(c, 11))));
  const slanted = longest > 420 / columns.length; // a panel is about that wide
  const frame = useFrame({
    kind: props.kind,
    model: props.model || "*",
    margins: { top: 12, right: 92, bottom: (slanted ? longest * 0.72 + 10 : 18) + 24, left: LEFT },
    x: useMemo(() => makeScale("linear", { low: 0, high: columns.length }), [columns.length]),
    y: useMemo(() => makeScale("linear", { low: 0, high: rows.length }), [rows.length]),
    aspect: columns.length / rows.length,
  });
  const hatch = `hatch${useName()}`;
  const { x, y, inner } = frame;
  const width = x.px(1) - x.px(0);
  const height = y.px(0) - y.px(1);
  const top = (r: number): number => y.px(rows.length - r);
  const every = (pitch: number): number => Math.max(1, Math.ceil(13 / pitch));
  const csv = (): string =>
    toCsv(
      [props.rowTitle, props.columnTitle, props.valueTitle],
      rows.flatMap((row, r) => columns.map((column, c): Cell[] => [row, column, props.value(r, c)])),
    );
  const bottom = inner.y + inner.height;
  return (
    <ViewPanel
      kind={props.kind}
      model={props.model}
      note={props.note}
      variant={
        <>
          {props.variant}
          <p>{HINT}</p>
        </>
      }
      controls={props.controls}
      exports={{
        name: props.name,
        svg: frame.text,
        csv,
        ...(props.links ? { links: props.links } : {}),
      }}
    >
      <Drawing
        frame={frame}
        pad={0}
        data={{ cells: rows.length * columns.length }}
        label={`${props.valueTitle}: ${rows.length} rows (${props.rowTitle}), ${columns.length} columns (${props.columnTitle})`}
        defs={<HatchPattern id={hatch} />}
        onMove={(event) => {
          const at = frame.at(event);
          if (!at) return hideTooltip();
          const c = Math.min(columns.length - 1, Math.floor(at.x));
          const r = Math.min(rows.length - 1, rows.length - 1 - Math.floor(at.y));
          if (r < 0 || c < 0) return;
          showTooltip(event.clientX, event.clientY, <Facts facts={props.facts(r, c)} />);
        }}
        around={
          <>
            <g className="axis" aria-hidden="true">
              {rows.map((row, r) => {
                const at = top(r) + height / 2;
                return (
                  r % every(height) === 0 &&
                  at > inner.y &&
                  at < bottom && (
                    <text key={r} x={inner.x - 6} y={at + 4} textAnchor="end">
                      {shorten(row, LEFT - 30, 11)}
                      <title>{row}</title>
                    </text>
                  )
                );
              })}
              {columns.map((column, c) => {
                const at = x.px(c + 0.5);
                if (c % every(width) !== 0 || at < inner.x || at > inner.x + inner.width) return null;
                return slanted ? (
                  <text key={c} transform={`translate(${at + 4} ${bottom + 10}) rotate(-45)`} textAnchor="end">
                    {shorten(column, 92, 11)}
                    <title>{column}</title>
                  </text>
                ) : (
                  <text key={c} x={at} y={bottom + 15} textAnchor="middle">
                    {column}
                  </text>
                );
              })}
              <text className="axis-title" textAnchor="middle" x={inner.x + inner.width / 2} y={frame.height - 6}>
                {shorten(props.columnTitle, inner.width, 12)}
              </text>
              <text
                className="axis-title"
                textAnchor="middle"
                transform={`translate(${Math.max(12, inner.x - LEFT + 14)} ${inner.y + inner.height / 2}) rotate(-90)`}
              >
                {shorten(props.rowTitle, inner.height, 12)}
              </text>
            </g>
            <ColorBar frame={frame} scale={scale} map={map} title={props.valueTitle} />
          </>
        }
      >
        {rows.map((row, r) =>
          columns.map((column, c) => {
            const value = props.value(r, c);
            const left = x.px(c);
            if (left + width < inner.x || left > inner.x + inner.width || top(r) + height < inner.y || top(r) > bottom)
              return null;
            const rgb = colorAt(map, scale.share(value));
            const text = props.text?.(r, c);
            return (
              <g key={`${row}/${r}/${column}/${c}`}>
                <rect
                  x={left}
                  y={top(r)}
                  width={width + 0.4}
                  height={height + 0.4}
                  fill={value === value ? cssColor(rgb) : `url(#${hatch})`}
                />
                {text && value === value && labelWidth(text, 11) < width - 3 && height > 13 && (
                  <text
                    x={left + width / 2}
                    y={top(r) + height / 2 + 4}
                    textAnchor="middle"
                    style={{ fill: inkOn(rgb) }}
                  >
                    {text}
                  </text>
                )}
              </g>
            );
          }),
        )}
      </Drawing>
    </ViewPanel>
  );
}
