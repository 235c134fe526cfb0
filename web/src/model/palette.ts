// Colours of groups and metrics: the same everywhere. Taken from the theme so that both themes keep their contrast.
import { Store, useStore } from "../base/store";
import { colorAt, cssColor } from "../geometry/colormaps";
import { view } from "../state";

export interface Palette {
  dark: boolean;
  text: string;
  text2: string;
  surface: string;
  line: string;
  grid: string;
  ink: string;
  ink2: string;
  under: string;
  select: string;
  accent: string;
  negative: string;
}

/** Okabe and Ito's colours, told apart with any colour vision; lighter twins on dark ground. */
const GROUPS_LIGHT = ["#0072b2", "#d55e00", "#009e73", "#b0538c", "#b07d00", "#3a8fc4", "#6b6b6b", "#8c2d04"];
const GROUPS_DARK = ["#56a8e0", "#ff8a3d", "#2fc79a", "#e08fc0", "#e6b422", "#8fd0f5", "#b5b5b5", "#d9774f"];
/** Paul Tol's muted scheme, likewise. */
const METRICS_LIGHT = ["#117733", "#882255", "#332288", "#999933", "#44aa99", "#cc6677", "#6699cc", "#aa4499"];
const METRICS_DARK = ["#5cc27c", "#d777ab", "#9a8ff0", "#cfcf6b", "#7fd8c9", "#f0a0ac", "#9cc4ee", "#e08fe0"];

export function groupColor(index: number, count: number, dark: boolean): string {
  const palette = dark ? GROUPS_DARK : GROUPS_LIGHT;
  if (count <= palette.length) return palette[index % palette.length] as string;
  // Many groups are a sweep: a scale in their order says more than repeated colours.
  const share = count > 1 ? index / (count - 1) : 0;
  return cssColor(colorAt("viridis", dark ? 0.2 + 0.8 * share : 0.85 * share));
}

/** Colours of some of many metrics: each its own as long as there are colours. */
export function metricColors(indices: readonly number[], dark: boolean): string[] {
  const palette = dark ? METRICS_DARK : METRICS_LIGHT;
  const used = new Set<number>();
  return indices.map((index) => {
    let at = index % palette.length;
    for (let i = 0; i < palette.length && used.has(at); i++) at = (at + 1) % palette.length;
    used.add(at);
    return palette[at] as string;
  });
}

const dark = new Store(false);
let current: Palette | null = null;

/** Keeps the document's theme with the view state and the system; called once, before anything is drawn. */
export function followTheme(): void {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const theme = view.get().theme;
    const on = theme === "auto" ? query.matches : theme === "dark";
    document.documentElement.dataset.theme = on ? "dark" : "light";
    current = null;
    dark.set(on);
  };
  apply();
  view.subscribe(() => {
    const theme = view.get().theme;
    if ((theme === "auto" ? query.matches : theme === "dark") !== dark.get()) apply();
  });
  query.addEventListener("change", apply);
}

/** The theme's colours (theme.css), for drawings on canvas and in files. */
export function usePalette(): Palette {
  const on = useStore(dark, (value) => value);
  if (current?.dark === on) return current;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  current = {
    dark: on,
    text: color("text"),
    text2: color("text-2"),
    surface: color("surface"),
    line: color("line"),
    grid: color("grid"),
    ink: color("ink"),
    ink2: color("ink-2"),
    under: color("under"),
    select: color("select"),
    accent: color("accent"),
    negative: color("negative"),
  };
  return current;
}
