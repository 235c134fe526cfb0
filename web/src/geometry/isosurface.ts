/** Isosurfaces of a three-dimensional block by marching tetrahedra: each cube is split into six tetrahedra around its
 * main diagonal (Freudenthal), so that faces of neighbours agree and the surface has no cracks. Cubes with a corner that
 * is not finite are left open. Triangles turn counter-clockwise seen from the higher values. */
import type { Grid } from "./grid";

export interface TriangleMesh {
  readonly positions: Float32Array; // in the axes' coordinates: axis 0, 1, 2
  readonly triangles: Uint32Array;
}

/** Orders of the three axes: a tetrahedron steps from corner 000 to 111 along them. Odd orders are mirrored. */
const ORDERS: readonly (readonly [number, number, number, boolean])[] = [
  [0, 1, 2, false],
  [1, 2, 0, false],
  [2, 0, 1, false],
  [0, 2, 1, true],
  [2, 1, 0, true],
  [1, 0, 2, true],
];

export function isosurface(grid: Grid, level: number): TriangleMesh {
  if (grid.shape.length !== 3) throw new Error(`a block is wanted; the grid has ${grid.shape.length} axes`);
  const [n0, n1, n2] = grid.shape as [number, number, number];
  const strides = [n1 * n2, n2, 1] as const;
  const { values, axes } = grid;
  const total = values.length;
  const positions: number[] = [];
  const triangles: number[] = [];
  const known = new Map<number, number>();
  const place = (v: number): [number, number, number] => [
    axes[0]![Math.floor(v / strides[0])]!,
    axes[1]![Math.floor(v / strides[1]) % n1]!,
    axes[2]![v % n2]!,
  ];
  const crossing = (a: number, b: number): number => {
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const key = low * total + high;
    const made = known.get(key);
    if (made !== undefined) return made;
    const t = (level - values[low]!) / (values[high]! - values[low]!);
    const p = place(low);
    const q = place(high);
    positions.push(p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), p[2] + t * (q[2] - p[2]));
    const index = positions.length / 3 - 1;
    known.set(key, index);
    return index;
  };
  const corners = [0, 0, 0, 0];
  for (let i = 0; i + 1 < n0; i++)
    for (let j = 0; j + 1 < n1; j++)
      for (let k = 0; k + 1 < n2; k++) {
        const base = i * strides[0] + j * strides[1] + k;
        let low = Infinity;
        let high = -Infinity;
        let finite = true;
        for (let c = 0; c < 8; c++) {
          const value = values[base + (c & 1 ? strides[0] : 0) + (c & 2 ? strides[1] : 0) + (c & 4 ? 1 : 0)]!;
          if (value - value !== 0) finite = false;
          if (value < low) low = value;
          if (value > high) high = value;
        }
        if (!finite || low >= level || high < level) continue;
        for (const [p, q, r, odd] of ORDERS) {
          corners[0] = base;
          corners[1] = corners[0] + strides[p]!;
          corners[2] = corners[1] + strides[q]!;
          corners[3] = corners[2] + strides[r]!;
          tetrahedron(corners, odd);
        }
      }
  return { positions: Float32Array.from(positions), triangles: Uint32Array.from(triangles) };

  /** Corners in steps along an even order of the axes are positively oriented: (b - a) . ((c - a) x (d - a)) > 0. */
  function tetrahedron(at: readonly number[], odd: boolean): void {
    const above: number[] = [];
    const below: number[] = [];
    at.forEach((v, c) => (values[v]! >= level ? above : below).push(c));
    if (above.length === 0 || below.length === 0) return;
    const side = (a: number, b: number): number => crossing(at[a]!, at[b]!);
    const push = (a: number, b: number, c: number, flip: boolean): void => {
      if (a === b || b === c || a === c) return;
      if (flip) triangles.push(a, c, b);
      else triangles.push(a, b, c);
    };
    // parity of the order (lone corner or pair first) decides which way the triangle turns
    if (above.length === 1 || below.length === 1) {
      const lone = above.length === 1 ? above[0]! : below[0]!;
      const rest = [0, 1, 2, 3].filter((c) => c !== lone);
      const mirrored = lone % 2 === 1;
      // seen from the lone corner, b c d of a positive tetrahedron turn clockwise
      const flip = (above.length === 1) !== (mirrored !== odd);
      push(side(lone, rest[0]!), side(lone, rest[1]!), side(lone, rest[2]!), flip);
      return;
    }
    const [a, b] = above as [number, number];
    const [c, d] = below as [number, number];
    const order = [a, b, c, d];
    let swaps = 0;
    for (let x = 0; x < 4; x++) for (let y = x + 1; y < 4; y++) if (order[x]! > order[y]!) swaps++;
    const flip = (swaps % 2 === 1) !== odd;
    const ac = side(a, c);
    const ad = side(a, d);
    const bd = side(b, d);
    const bc = side(b, c);
    push(ac, bd, ad, flip);
    push(ac, bc, bd, flip);
  }
}

/** Area of a mesh, for reading and tests. */
export function areaOf(mesh: TriangleMesh): number {
  const { positions, triangles } = mesh;
  let area = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[t + k]!) as [number, number, number];
    const u = [0, 1, 2].map((k) => positions[b + k]! - positions[a + k]!) as [number, number, number];
    const w = [0, 1, 2].map((k) => positions[c + k]! - positions[a + k]!) as [number, number, number];
    area += Math.hypot(u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]) / 2;
  }
  return area;
}
