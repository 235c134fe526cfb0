// The frame of a view of one model's field: states before there is anything to see, files, help.
import { type ComponentType, type ReactNode, createContext, useContext } from "react";
import { client } from "../../api/client";
import type { ExportFormat } from "../../api/types";
import { formatInteger } from "../../geometry/numbers";
import { hideTooltip } from "../../widgets/Tooltip";
import { Empty, type Exports, Failure, Loading, Panel } from "../../widgets/Panel";
import { HELP } from "../help";
import { type Landscape, type LocalModel, type Topology, type Unfinished, landscapeName } from "../model";
import type { LocalKind } from "../../state";
import { FEATURE_HINT } from "./features";
import { type Frame, HINT } from "./plot";

export const TITLES: Readonly<Record<LocalKind, string>> = {
  contour: "Contour",
  surface: "Surface",
  curves: "Training curves",
  diagram: "Persistence diagram",
  barcode: "Barcode",
  tree: "Merge tree",
  profile: "Landscape profile",
  density: "Spectral density",
  eigenvalues: "Hessian eigenvalues",
  layers: "Trace by layer",
  cka: "Similarity of layers",
  confusion: "Predictions",
  connectivity: "Connectivity",
  solution: "Solution",
  volume: "Volume",
  difference: "Difference",
};

export interface ViewProps {
  readonly item: LocalModel;
}
export interface ComparisonViewProps {
  readonly items: readonly LocalModel[];
}

export function ViewPanel(props: {
  kind: LocalKind;
  model: string;
  note?: ReactNode;
  variant?: ReactNode;
  controls?: ReactNode;
  exports?: Exports;
  children: ReactNode;
}) {
  const { kind, model, note, variant, controls, exports, children } = props;
  const help = HELP[kind];
  return (
    <Panel
      title={TITLES[kind]}
      label={model ? `${TITLES[kind]} of ${model}` : TITLES[kind]}
      note={note}
      className={`local-panel local-${kind}`}
      controls={controls}
      {...(exports ? { exports } : {})}
      explanation={variant ? { ...help, variant } : help}
    >
      {useContext(SoFar)}
      <div className="local-body" onPointerLeave={hideTooltip}>
        {children}
      </div>
    </Panel>
  );
}

/** What is shown of the field: the definition's variant in words. */
export function variantOf(landscape: Landscape, topology?: Topology | null): ReactNode {
  const { record, grid } = landscape;
  const normalised = record.text("batch_norm");
  return (
    <>
      <p>
        {landscape.fieldTitle} of {record.subject || record.name}: {landscapeName(record)}, {grid.shape.join(" × ")}{" "}
        points.
        {normalised && ` Batch norm: ${normalised}.`}
      </p>
      {landscape.axisTitles.map((title) => (
        <p key={title}>{title}</p>
      ))}
      {topology && (
        <p>
          Neighbours: {topology.hierarchy.connectivity}; {topology.hierarchy.pairs.count.toLocaleString("en")} minima
          before simplification.
        </p>
      )}
    </>
  );
}

/** Files that the server makes of the field behind a view. */
export function fieldLinks(item: LocalModel, landscape: Landscape): Exports["links"] {
  const link = (label: string, format: ExportFormat) => ({
    label,
    href: client.exportUrl(item.study.id, landscape.record.id, format, landscape.field),
  });
  const dimensions = landscape.grid.shape.length;
  return [
    link("Field, NPZ", "npz"),
    link("Field, CSV", "csv"),
    ...(dimensions <= 3 ? [link("Field, VTI", "vti")] : []),
    ...(dimensions === 2 ? [link("Surface and trajectory, VTP", "vtp"), link("Surface, PLY", "ply")] : []),
  ];
}

/** Shows `children` once the field (and, if asked for, its hierarchy) is there. */
export function WithField({
  item,
  kind,
  topology = false,
  children,
}: {
  item: LocalModel;
  kind: LocalKind;
  topology?: boolean;
  children: (landscape: Landscape, topology: Topology | null) => ReactNode;
}) {
  const frame = (content: ReactNode): ReactNode => (
    <ViewPanel kind={kind} model={item.model.name}>
      {content}
    </ViewPanel>
  );
  const { landscape } = item;
  const soFar = landscape.state === "ready" ? landscape.value.soFar : null;
  if (landscape.state === "none")
    return frame(
      <Empty title="No landscape yet">
        <p>
          This model has no stored landscape. Add one under Runs, or with
          <code> losslens run</code>.
        </p>
      </Empty>,
    );
  if (landscape.state === "error") return frame(<Failure message={landscape.message} />);
  if (landscape.state !== "ready") return frame(<Loading what="Loading the field" />);
  if (soFar && (topology || !landscape.value.range))
    return frame(
      <Empty title={topology ? "Once the landscape is finished" : "No point yet"}>
        <p>{soFarSentence(soFar, item.unfinished)}</p>
      </Empty>,
    );
  if (!landscape.value.range)
    return frame(
      <Empty title="No finite value">
        <p>All {landscape.value.holes.toLocaleString("en")} points of this field are NaN or infinite.</p>
      </Empty>,
    );
  if (topology) {
    if (item.topology.state === "error") return frame(<Failure message={item.topology.message} />);
    if (item.topology.state !== "ready") return frame(<Loading what="Computing the merge tree" />);
  }
  const drawn = children(landscape.value, item.topology.state === "ready" ? item.topology.value : null);
  return soFar ? (
    <SoFar.Provider value={<SoFarBar soFar={soFar} job={item.unfinished} />}>{drawn}</SoFar.Provider>
  ) : (
    drawn
  );
}

/* ------------------------------------------------------------------ fields that are not finished */

/** What a panel of an unfinished field shows above its drawing. */
const SoFar = createContext<ReactNode>(null);

export function soFarSentence(soFar: { done: number; total: number }, job: Unfinished | null): string {
  const points = `${formatInteger(soFar.done)} of ${formatInteger(soFar.total)} points`;
  if (job?.state === "running") return `Computing: ${points} so far.`;
  if (job?.state === "failed") return `Failed after ${points}: ${job.message.replace(/\.?$/, ".")}`;
  return `Stopped after ${points}; the next run goes on from here.`;
}

function SoFarBar({ soFar, job }: { soFar: { done: number; total: number }; job: Unfinished | null }) {
  return (
    <div className={`so-far ${job?.state ?? "stopped"}`} role="status" data-done={soFar.done} data-total={soFar.total}>
      <progress max={soFar.total} value={soFar.done} aria-label="Points computed" />
      <span>{soFarSentence(soFar, job)} Between them the picture is interpolated.</span>
    </div>
  );
}

export interface TopologyProps extends ViewProps {
  readonly landscape: Landscape;
  readonly topology: Topology;
}

/** A view of a field and its hierarchy, once both are there. */
export function topologyView(kind: LocalKind, View: ComponentType<TopologyProps>): ComponentType<ViewProps> {
  return ({ item }) => (
    <WithField item={item} kind={kind} topology>
      {(landscape, topology) => <View item={item} landscape={landscape} topology={topology!} />}
    </WithField>
  );
}

/** The panel of a drawing of features: what is shown, how to select, files. */
export function FeaturePanel(props: {
  kind: LocalKind;
  item: LocalModel;
  landscape: Landscape;
  topology: Topology;
  frame: Pick<Frame, "text">;
  notes: readonly (string | false)[];
  controls?: ReactNode;
  csv: () => string;
  children: ReactNode;
}) {
  const { kind, item, landscape, topology } = props;
  return (
    <ViewPanel
      kind={kind}
      model={item.model.name}
      note={props.notes.filter(Boolean).join("; ")}
      controls={props.controls}
      variant={
        <>
          {variantOf(landscape, topology)}
          <p>
            {HINT} {FEATURE_HINT}
          </p>
        </>
      }
      exports={{
        name: `${kind}-${item.model.name}`,
        svg: props.frame.text,
        csv: props.csv,
        links: fieldLinks(item, landscape)!,
      }}
    >
      {props.children}
    </ViewPanel>
  );
}

/** "Loss [percent]" */
export function valueTitle(landscape: Landscape): string {
  return landscape.unit ? `${landscape.fieldTitle} [${landscape.unit}]` : landscape.fieldTitle;
}
