/** A camera on a sphere around a box, and what of the box's frame it sees. z is up; the box is centred on the origin. */

export type Vector3 = readonly [number, number, number];

export interface Orbit {
  readonly azimuth: number; // radians; 0: from -y, towards +x
  readonly elevation: number;
  readonly distance: number; // from the centre, in units of the box
}

export const START: Orbit = { azimuth: -0.62, elevation: 0.55, distance: 2.95 };

export function eye(orbit: Orbit): Vector3 {
  const c = Math.cos(orbit.elevation);
  return [
    orbit.distance * c * Math.sin(orbit.azimuth),
    -orbit.distance * c * Math.cos(orbit.azimuth),
    orbit.distance * Math.sin(orbit.elevation),
  ];
}

export function turned(orbit: Orbit, azimuth: number, elevation: number, zoom = 1): Orbit {
  const bound = (v: number, low: number, high: number): number => Math.max(low, Math.min(high, v));
  let a = orbit.azimuth + azimuth;
  if (a > Math.PI) a -= 2 * Math.PI;
  if (a < -Math.PI) a += 2 * Math.PI;
  return {
    azimuth: a,
    elevation: bound(orbit.elevation + elevation, -0.2, Math.PI / 2 - 0.01),
    distance: bound(orbit.distance * zoom, 0.5, 8),
  };
}

/** Perspective projection to pixels; depth grows away from the eye. */
export function projector(
  orbit: Orbit,
  width: number,
  height: number,
  fieldOfView: number,
  target: Vector3 = [0, 0, 0],
): (p: Vector3) => { readonly x: number; readonly y: number; readonly depth: number } {
  const e = eye(orbit);
  const length = Math.hypot(e[0], e[1], e[2]);
  const back: Vector3 = [e[0] / length, e[1] / length, e[2] / length];
  const right: Vector3 = [Math.cos(orbit.azimuth), Math.sin(orbit.azimuth), 0];
  const up: Vector3 = [
    back[1] * right[2] - back[2] * right[1],
    back[2] * right[0] - back[0] * right[2],
    back[0] * right[1] - back[1] * right[0],
  ];
  const focal = height / 2 / Math.tan(fieldOfView / 2);
  return (p) => {
    const d: Vector3 = [p[0] - target[0] - e[0], p[1] - target[1] - e[1], p[2] - target[2] - e[2]];
    const dot = (a: Vector3): number => a[0] * d[0] + a[1] * d[1] + a[2] * d[2];
    const depth = -dot(back);
    return { x: width / 2 + (focal * dot(right)) / depth, y: height / 2 - (focal * dot(up)) / depth, depth };
  };
}

/** Edges of a box (half extents) where axes are drawn: for x and y the lower edge that is nearest on the screen, for z the
 * leftmost upright one. Each from its low to its high end, with the direction away from the box. */
export interface BoxAxis {
  readonly from: Vector3;
  readonly to: Vector3;
  readonly outwards: Vector3;
}

export function boxAxes(half: Vector3, project: ReturnType<typeof projector>): readonly [BoxAxis, BoxAxis, BoxAxis] {
  const [hx, hy, hz] = half;
  const lower = (a: BoxAxis, b: BoxAxis): BoxAxis => {
    const middle = (e: BoxAxis): Vector3 => [(e.from[0] + e.to[0]) / 2, (e.from[1] + e.to[1]) / 2, -hz];
    return project(middle(a)).y >= project(middle(b)).y ? a : b;
  };
  const alongX = (s: number): BoxAxis => ({ from: [-hx, s * hy, -hz], to: [hx, s * hy, -hz], outwards: [0, s, 0] });
  const alongY = (s: number): BoxAxis => ({ from: [s * hx, -hy, -hz], to: [s * hx, hy, -hz], outwards: [s, 0, 0] });
  const uprights = [
    [-1, -1],
    [-1, 1],
    [1, -1],
    [1, 1],
  ].map(
    ([sx, sy]): BoxAxis => ({
      from: [sx! * hx, sy! * hy, -hz],
      to: [sx! * hx, sy! * hy, hz],
      outwards: [sx! / Math.SQRT2, sy! / Math.SQRT2, 0],
    }),
  );
  const left = uprights.reduce((a, b) => (project(a.from).x <= project(b.from).x ? a : b));
  return [lower(alongX(-1), alongX(1)), lower(alongY(-1), alongY(1)), left];
}
