/** Labels beside points, where they cover nothing. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface LabelRequest {
  node: number; // index into nodes
  lines: string[];
  width: number; // pixels
  priority: number; // higher first
}

const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Places labels beside their glyphs where they cover no glyph and no label; those without room are left out. */
export function placeLabels(
  nodes: readonly { readonly x: number; readonly y: number }[],
  radius: number,
  requests: readonly LabelRequest[],
  lineHeight: number,
  boundsOf: (node: number) => Box,
): (Box & { request: LabelRequest; side: number })[] {
  const cell = 64;
  const grid = new Map<string, Box[]>();
  const visit = (box: Box, each: (list: Box[]) => boolean): boolean => {
    for (let x = Math.floor(box.x / cell); x <= Math.floor((box.x + box.width) / cell); x++)
      for (let y = Math.floor(box.y / cell); y <= Math.floor((box.y + box.height) / cell); y++) {
        const key = `${x},${y}`;
        let list = grid.get(key);
        if (!list) grid.set(key, (list = []));
        if (each(list)) return true;
      }
    return false;
  };
  const add = (box: Box): void => {
    visit(box, (list) => (list.push(box), false));
  };
  for (const node of nodes) add({ x: node.x - radius, y: node.y - radius, width: 2 * radius, height: 2 * radius });
  const placed: (Box & { request: LabelRequest; side: number })[] = [];
  for (const request of [...requests].sort((a, b) => b.priority - a.priority || a.node - b.node)) {
    const node = nodes[request.node];
    if (!node) continue;
    const height = request.lines.length * lineHeight;
    const w = request.width;
    const gap = 3;
    const bounds = boundsOf(request.node);
    const places: readonly (readonly [number, number])[] = [
      [node.x - w / 2, node.y + radius + gap],
      [node.x - w / 2, node.y - radius - gap - height],
      [node.x + radius + gap, node.y - height / 2],
      [node.x - radius - gap - w, node.y - height / 2],
    ];
    for (let side = 0; side < places.length; side++) {
      const [x, y] = places[side] as readonly [number, number];
      const box = { x, y, width: w, height };
      if (x < bounds.x || y < bounds.y || x + w > bounds.x + bounds.width || y + height > bounds.y + bounds.height)
        continue;
      if (visit(box, (list) => list.some((other) => overlaps(box, other)))) continue;
      add(box);
      placed.push({ ...box, request, side });
      break;
    }
  }
  return placed;
}
