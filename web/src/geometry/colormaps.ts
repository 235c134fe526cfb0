/** Colour maps as immutable tables: control values at equal steps, linear in sRGB, the same as in the static figures
 * (src/figures/colormap.c). All are safe for the common colour-vision deficiencies. */

export type Rgb = readonly [number, number, number];

export const MAP_NAMES = ["viridis", "cividis", "magma", "brown", "balance", "grey"] as const;
export type MapName = (typeof MAP_NAMES)[number];

export const MAP_TITLES: Readonly<Record<MapName, string>> = Object.freeze({
  viridis: "Viridis",
  cividis: "Cividis",
  magma: "Magma",
  brown: "Brown (dark = low)",
  balance: "Balance (diverging)",
  grey: "Grey",
});

const CONTROL: Readonly<Record<MapName, readonly number[]>> = Object.freeze({
  viridis: Object.freeze([
    0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725,
  ]),
  cividis: Object.freeze([
    0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xe1cc55, 0xfee838,
  ]),
  magma: Object.freeze([
    0x000004, 0x180f3d, 0x440f76, 0x721f81, 0x9e2f7f, 0xcd4071, 0xf1605d, 0xfd9668, 0xfeca8d, 0xfcfdbf,
  ]),
  brown: Object.freeze([
    0x2e1503, 0x4a2408, 0x683612, 0x864b20, 0xa26433, 0xba7f4c, 0xcf9b6b, 0xe0b68e, 0xeed2b5, 0xf9edde,
  ]),
  balance: Object.freeze([
    0x1f4e8c, 0x3a76b4, 0x6ba3d0, 0xa6cae3, 0xe2ecf2, 0xf6e8e1, 0xf0bda4, 0xdb8468, 0xbd4a40, 0x8e1b2a,
  ]),
  grey: Object.freeze([
    0x1a1a1a, 0x313131, 0x494949, 0x616161, 0x7a7a7a, 0x949494, 0xaeaeae, 0xc8c8c8, 0xe2e2e2, 0xfafafa,
  ]),
});

/** Colour at t in 0..1 (outside and NaN: the nearer end, NaN the lower), channels 0..1. */
export function colorAt(map: MapName, t: number): Rgb {
  const stops = CONTROL[map];
  const clamped = t > 0 ? Math.min(t, 1) : 0;
  const position = clamped * (stops.length - 1);
  const low = Math.min(Math.floor(position), stops.length - 2);
  const part = position - low;
  const channel = (shift: number): number => {
    const a = (stops[low]! >> shift) & 0xff;
    const b = (stops[low + 1]! >> shift) & 0xff;
    return (a + part * (b - a)) / 255;
  };
  return [channel(16), channel(8), channel(0)];
}

export function cssColor(rgb: Rgb): string {
  const hex = (x: number): string =>
    Math.round(Math.max(0, Math.min(1, x)) * 255)
      .toString(16)
      .padStart(2, "0");
  return `#${hex(rgb[0])}${hex(rgb[1])}${hex(rgb[2])}`;
}

/** CSS gradient stops for a legend, left to right. */
export function cssGradient(map: MapName, direction = "to right"): string {
  return `linear-gradient(${direction}, ${CONTROL[map].map((_, i, all) => cssColor(colorAt(map, i / (all.length - 1)))).join(", ")})`;
}

/** Colours of `count` bands, the first for the lowest: both ends of the map are used. */
export function bandColors(map: MapName, count: number): readonly string[] {
  return Object.freeze(
    Array.from({ length: count }, (_, i) => cssColor(colorAt(map, count > 1 ? i / (count - 1) : 0.5))),
  );
}

/** Relative luminance (WCAG) of a colour, to choose ink that can be read on it. */
export function luminance(rgb: Rgb): number {
  const linear = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
}

/** Black or white, whichever has more contrast on `rgb`. */
export function inkOn(rgb: Rgb): "#000000" | "#ffffff" {
  return luminance(rgb) > 0.179 ? "#000000" : "#ffffff";
}
