// What the page shows: one value that the address holds whole, and one for what is under the pointer now.
import { Store, useStore } from "./base/store";
import { fromQuery, toQuery } from "./base/permalink";

export type Page = "studies" | "landscape" | "across" | "models" | "runs" | "trust";
export const PAGES: readonly Page[] = ["studies", "landscape", "across", "models", "runs", "trust"];

export type Theme = "auto" | "light" | "dark";

/** The numbers of a pair that edges can show. */
export type EdgeField = "mc_loss" | "mc_error" | "relative_barrier" | "barrier";

export interface GlobalState {
  method: string; // of placement; "" = the first there is
  layer: string; // "" = the first there is
  perGroup: boolean;
  field: EdgeField;
  edgeScale: "linear" | "symlog";
  range: [number, number] | null; // null = everything
  metrics: string[] | null; // null = all
  errorScale: "linear" | "log";
  eigenvalues: number; // bars in the Hessian ring
  eigenvalueScale: "auto" | "linear" | "symlog"; // auto: symmetric log beyond three decades
  modelLabels: boolean;
  metricLabels: boolean;
  metricRing: boolean;
  hessianRing: boolean;
  edges: boolean;
  legend: boolean;
  budget: number; // edges drawn one by one; 0 = chosen by the number of models
  density: "auto" | "on" | "off";
  zoom: [number, number, number] | null; // k, x, y in units of the placement
}

export type LocalKind =
  | "contour"
  | "surface"
  | "curves"
  | "diagram"
  | "barcode"
  | "tree"
  | "profile"
  | "density"
  | "eigenvalues"
  | "layers"
  | "cka"
  | "confusion"
  | "connectivity"
  | "solution"
  | "volume"
  | "difference";

export type ValueScale = "auto" | "linear" | "log" | "symlog" | "quantile";

/** Shared by every local view of the comparison (when locked) or by all views of one model. web/src/local owns it. */
export interface LocalState {
  open: LocalKind[];
  lock: boolean; // ranges, camera and zoom are the comparison's; else each model's own
  scale: ValueScale;
  colormap: string;
  colorRange: [number, number] | null; // null = from the values shown
  levels: number; // iso-lines of contours
  field: string; // which array of a landscape; "" = loss
  landscape: number; // which of a model's landscapes
  connectivity: string;
  persistence: number; // pairs with persistence <= this are gone; -1 = nothing removed
  pinned: Record<string, number[]>; // minima (vertices) that stay lit, by model
  trajectory: boolean;
  playback: number; // position on the trajectory, 0..1
  critical: boolean;
  mesh: boolean;
  contourLines: boolean;
  clip: number | null; // values above are cut off (surface) and dotted (contour)
  height: number; // of the surface, times its default
  cameras: Record<string, [number, number, number]>; // azimuth, elevation (radians), distance; "" = locked
  zoom: Record<string, [number, number, number]>; // by view kind, or "kind/model" unlocked: k, x, y
  options: Record<string, string | number | boolean | null>; // further settings of single views
}

export type AcrossView = "groups" | "relations" | "gallery" | "distances";

export interface AcrossState {
  view: AcrossView;
  family: string; // title of the models compared; "" = the first family, "all"
  groupAxis: "auto" | "linear" | "log";
  x: string; // relations: number or swept parameter; "" = the first
  y: string;
  xLog: boolean | null; // null: where positive numbers span more than three decades
  yLog: boolean | null;
  galleryKind: LocalKind;
  galleryRows: string; // swept parameter, "" = groups
  galleryColumns: string; // swept parameter, "" = members
  distance: number | null; // record of a distances matrix; null = the first
}

export interface TableState {
  sort: string;
  descending: boolean;
  filter: string;
}

export interface ViewState {
  study: string;
  page: Page;
  selected: string[]; // model names, in the order they were chosen
  theme: Theme;
  split: number; // share of the landscape page's width for the global structure
  tour: number; // step of the guided tour; 0 = not on tour
  global: GlobalState;
  local: LocalState;
  across: AcrossState;
  table: TableState;
}

export const DEFAULTS: ViewState = {
  study: "",
  page: "studies",
  selected: [],
  theme: "auto",
  split: 0.5,
  tour: 0,
  global: {
    method: "",
    layer: "",
    perGroup: false,
    field: "mc_loss",
    edgeScale: "symlog",
    range: null,
    metrics: null,
    errorScale: "linear",
    eigenvalues: 10,
    eigenvalueScale: "auto",
    modelLabels: true,
    metricLabels: false,
    metricRing: true,
    hessianRing: true,
    edges: true,
    legend: true,
    budget: 0,
    density: "auto",
    zoom: null,
  },
  local: {
    open: ["contour", "surface", "diagram", "tree"],
    lock: true,
    scale: "auto",
    colormap: "viridis",
    colorRange: null,
    levels: 12,
    field: "",
    landscape: 0,
    connectivity: "freudenthal",
    persistence: -1,
    pinned: {},
    trajectory: true,
    playback: 1,
    critical: false,
    mesh: false,
    contourLines: true,
    clip: null,
    height: 1,
    cameras: {},
    zoom: {},
    options: {},
  },
  across: {
    view: "groups",
    family: "",
    groupAxis: "auto",
    x: "",
    y: "",
    xLog: null,
    yLog: null,
    galleryKind: "contour",
    galleryRows: "",
    galleryColumns: "",
    distance: null,
  },
  table: { sort: "", descending: false, filter: "" },
};

export const view = new Store<ViewState>(DEFAULTS);

export function useView<S>(select: (state: ViewState) => S): S {
  return useStore(view, select);
}
export function setView(patch: Partial<ViewState>): void {
  view.update((state) => ({ ...state, ...patch }));
}
export function setGlobal(patch: Partial<GlobalState>): void {
  view.update((state) => ({ ...state, global: { ...state.global, ...patch } }));
}
export function setLocal(patch: Partial<LocalState>): void {
  view.update((state) => ({ ...state, local: { ...state.local, ...patch } }));
}
export function setAcross(patch: Partial<AcrossState>): void {
  view.update((state) => ({ ...state, across: { ...state.across, ...patch } }));
}
export function setTable(patch: Partial<TableState>): void {
  view.update((state) => ({ ...state, table: { ...state.table, ...patch } }));
}
export function toggleSelected(name: string): void {
  view.update((state) => ({
    ...state,
    selected: state.selected.includes(name) ? state.selected.filter((n) => n !== name) : [...state.selected, name],
  }));
}

/** What is pointed at. Never in the address. */
export interface HoverState {
  model: string | null;
  pair: number | null; // index into the study's pairs
  /** A minimum of a field, the same in contour, surface, diagram, barcode, tree and profile. */
  feature: { record: number; minimum: number } | null;
}

export const hover = new Store<HoverState>({ model: null, pair: null, feature: null });

export function useHover<S>(select: (state: HoverState) => S): S {
  return useStore(hover, select);
}
export function setHover(patch: Partial<HoverState>): void {
  hover.update((state) => ({ ...state, ...patch }));
}

/* ------------------------------------------------------------------ the address */

export function addressOf(state: ViewState): string {
  const { study, page, ...rest } = state;
  const { study: _study, page: _page, ...defaults } = DEFAULTS;
  const query = toQuery(rest, defaults);
  const path = study === "" ? `#/${page === "studies" ? "" : page}` : `#/${encodeURIComponent(study)}/${page}`;
  return query === "" ? path : `${path}?${query}`;
}

export function stateOf(address: string): ViewState {
  const [path = "", query = ""] = address.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [study = "", page = ""] = path.split("/");
  const { study: _study, page: _page, ...defaults } = DEFAULTS;
  const known = PAGES.includes(page as Page) ? (page as Page) : study === "" ? "studies" : "landscape";
  return { ...fromQuery(query, defaults), study: decodeURIComponent(study), page: known };
}

/** Keeps address and state together. Another page or study is a step of the browser's history, the rest is not. */
export function followAddress(): void {
  view.set(stateOf(window.location.hash));
  let waiting = 0;
  let last = view.get();
  view.subscribe(() => {
    const state = view.get();
    if (state.page !== last.page || state.study !== last.study) {
      window.clearTimeout(waiting);
      waiting = 0;
      window.history.pushState(null, "", addressOf(state));
    } else if (waiting === 0) {
      // Browsers allow only so many replacements a second: one a quarter second is plenty.
      waiting = window.setTimeout(() => {
        waiting = 0;
        const address = addressOf(view.get());
        if (address !== window.location.hash) window.history.replaceState(null, "", address);
      }, 250);
    }
    last = state;
  });
  const read = (): void => {
    if (addressOf(view.get()) !== window.location.hash) {
      last = stateOf(window.location.hash);
      view.set(last);
    }
  };
  window.addEventListener("popstate", read);
  window.addEventListener("hashchange", read);
}
