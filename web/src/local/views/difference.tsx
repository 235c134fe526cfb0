// A - B of two fields on the same coordinates.
import { useMemo, useRef } from "react";
import { toCsv } from "../../base/csv";
import { difference } from "../../geometry/grid";
import { formatNumber } from "../../geometry/numbers";
import { finiteRange } from "../../geometry/scales";
import { Select } from "../../widgets/controls";
import { Empty, Loading } from "../../widgets/Panel";
import { useOption } from "../comparison";
import { type Landscape, ready } from "../model";
import { FieldPlot, diverging } from "../parts/field";
import { type ComparisonViewProps, ViewPanel } from "../parts/panel";
import { PlaneControls, usePlane } from "../parts/plane";

export function DifferenceView({ items }: ComparisonViewProps) {
  const names = items.map((item) => item.model.name);
  const [a, setA] = useOption("difference.a", "");
  const [b, setB] = useOption("difference.b", "");
  const first = names.includes(a) ? a : names[0]!;
  const second = names.includes(b) && b !== first ? b : (names.find((n) => n !== first) ?? first);
  const of = (name: string): Landscape | null => {
    const landscape = ready(items.find((item) => item.model.name === name)!.landscape);
    return landscape?.soFar ? null : landscape;
  };
  const [p, q] = [of(first), of(second)];
  const made = useMemo((): Landscape | null => {
    if (!p || !q || p === q) return null;
    const grid = difference(p.grid, q.grid);
    return grid ? { ...p, grid, range: finiteRange(grid.values) } : null;
  }, [p, q]);
  const select = names.length > 2 && (
    <>
      <Select label="A" value={first} options={names.map((n) => [n, n] as const)} onChange={setA} />
      <Select label="B" value={second} options={names.map((n) => [n, n] as const)} onChange={setB} />
    </>
  );
  const frame = (content: React.ReactNode) => (
    <ViewPanel kind="difference" model="" controls={select}>
      {content}
    </ViewPanel>
  );
  if (!p || !q)
    return frame(
      items.some((i) => i.landscape.state === "loading") ? (
        <Loading what="Loading the fields" />
      ) : (
        <Empty title="Nothing to subtract">
          <p>Both models need a landscape that is finished.</p>
        </Empty>
      ),
    );
  if (!made)
    return frame(
      <Empty title="Not on the same coordinates">
        <p>
          {first} has {p.grid.shape.join(" × ")} points, {second} {q.grid.shape.join(" × ")}, or their axes have other
          positions. Only fields on the same coordinates can be subtracted.
        </p>
      </Empty>,
    );
  if (!made.range || made.grid.shape.length < 2)
    return frame(
      <Empty title="Nothing to draw">
        <p>No common finite values in a plane.</p>
      </Empty>,
    );
  return <Difference landscape={made} first={first} second={second} select={select} />;
}

/** Symmetric-log where half of the differences are more than three decades below the largest. */
function suggested(landscape: Landscape): "linear" | "symlog" {
  const sizes = Float64Array.from(landscape.grid.values, Math.abs)
    .filter((v) => Number.isFinite(v))
    .sort();
  const middle = sizes[sizes.length >> 1] ?? 0;
  return middle > 0 && sizes[sizes.length - 1]! / middle > 1000 ? "symlog" : "linear";
}

function Difference({
  landscape,
  first,
  second,
  select,
}: {
  landscape: Landscape;
  first: string;
  second: string;
  select: React.ReactNode;
}) {
  const plane = usePlane(landscape);
  const [asked, setKind] = useOption("difference.scale", "auto");
  const kind = asked === "auto" ? suggested(landscape) : asked === "symlog" ? "symlog" : "linear";
  const scale = useMemo(() => diverging(landscape.range!.low, landscape.range!.high, kind), [landscape, kind]);
  const make = useRef<() => string | null>(() => null);
  return (
    <ViewPanel
      kind="difference"
      model=""
      note={`A = ${first}, B = ${second}${asked === "auto" && kind === "symlog" ? "; symmetric-log: most differences are more than 3 decades below the largest" : ""}`}
      variant={
        <p>
          {landscape.fieldTitle}: from {formatNumber(landscape.range!.low)} to {formatNumber(landscape.range!.high)}.
        </p>
      }
      controls={
        <>
          {select}
          <PlaneControls landscape={landscape} plane={plane} />
          <Select
            label="Scale"
            value={asked}
            options={[
              ["auto", "automatic"],
              ["linear", "linear"],
              ["symlog", "symmetric-log"],
            ]}
            onChange={setKind}
          />
        </>
      }
      exports={{
        name: `difference-${first}-${second}`,
        svg: () => make.current(),
        csv: () =>
          toCsv(
            ["axis_0", "axis_1", "difference"],
            Array.from(plane.grid.values, (v, k) => [
              plane.grid.y[Math.floor(k / plane.grid.columns)]!,
              plane.grid.x[k % plane.grid.columns]!,
              v,
            ]),
          ),
      }}
    >
      <FieldPlot
        kind="difference"
        model="*"
        grid={plane.grid}
        scale={scale}
        map="balance"
        levels={15}
        lines
        square
        xTitle={landscape.axisTitles[plane.columnAxis]!}
        yTitle={landscape.axisTitles[plane.rowAxis]!}
        valueTitle={`${landscape.fieldTitle}, A − B`}
        label={`${landscape.fieldTitle} of ${first} minus that of ${second}`}
        onSvg={(f) => (make.current = f)}
      />
    </ViewPanel>
  );
}
