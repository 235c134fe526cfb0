// One way to draw for the screen (canvas) and for a file (SVG): a drawing is written once, against this.

export interface Stroke {
  color: string;
  width: number;
  dash?: readonly number[];
  opacity?: number;
  cap?: "butt" | "round";
}
export interface TextStyle {
  size: number;
  color: string;
  anchor?: "start" | "middle" | "end";
  weight?: number;
  halo?: string; // colour of an outline that keeps the text readable on marks
}
export type Point = readonly [number, number];

export interface Painter {
  circle(x: number, y: number, radius: number, fill: string | null, stroke?: Stroke): void;
  /** Part of a ring between two radii, angles clockwise from twelve o'clock. */
  sector(x: number, y: number, inner: number, outer: number, from: number, to: number, fill: string): void;
  /** Quadratic curves of one style: [x0, y0, control x, control y, x1, y1] each. */
  curves(curves: readonly ArrayLike<number>[], stroke: Stroke): void;
  line(points: readonly Point[], stroke: Stroke): void;
  rectangle(x: number, y: number, width: number, height: number, fill: string): void;
  text(x: number, y: number, text: string, style: TextStyle): void;
  /** What follows belongs together in a file and has this name. */
  group(name: string): void;
}

const FONT = 'Inter, "Noto Sans", "DejaVu Sans", system-ui, sans-serif';

export class CanvasPainter implements Painter {
  constructor(private readonly context: CanvasRenderingContext2D) {}

  private stroke(style: Stroke): void {
    const { context } = this;
    context.strokeStyle = style.color;
    context.lineWidth = style.width;
    context.lineCap = style.cap ?? "butt";
    context.setLineDash(style.dash ? [...style.dash] : []);
    context.globalAlpha = style.opacity ?? 1;
    context.stroke();
    context.globalAlpha = 1;
  }
  circle(x: number, y: number, radius: number, fill: string | null, stroke?: Stroke): void {
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 2 * Math.PI);
    if (fill !== null) {
      this.context.fillStyle = fill;
      this.context.fill();
    }
    if (stroke) this.stroke(stroke);
  }
  sector(x: number, y: number, inner: number, outer: number, from: number, to: number, fill: string): void {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, outer, from - Math.PI / 2, to - Math.PI / 2);
    context.arc(x, y, inner, to - Math.PI / 2, from - Math.PI / 2, true);
    context.closePath();
    context.fillStyle = fill;
    context.fill();
  }
  curves(curves: readonly ArrayLike<number>[], stroke: Stroke): void {
    const { context } = this;
    // Long paths are slow to fill in software: some at a time.
    for (let first = 0; first < curves.length; first += 64) {
      context.beginPath();
      for (let i = first; i < Math.min(first + 64, curves.length); i++) {
        const c = curves[i] as ArrayLike<number>;
        context.moveTo(c[0] as number, c[1] as number);
        if (c[2] === c[0] && c[3] === c[1]) context.lineTo(c[4] as number, c[5] as number);
        else context.quadraticCurveTo(c[2] as number, c[3] as number, c[4] as number, c[5] as number);
      }
      this.stroke(stroke);
    }
  }
  line(points: readonly Point[], stroke: Stroke): void {
    this.context.beginPath();
    points.forEach(([x, y], i) => (i === 0 ? this.context.moveTo(x, y) : this.context.lineTo(x, y)));
    this.stroke(stroke);
  }
  rectangle(x: number, y: number, width: number, height: number, fill: string): void {
    this.context.fillStyle = fill;
    this.context.fillRect(x, y, width, height);
  }
  text(x: number, y: number, text: string, style: TextStyle): void {
    const { context } = this;
    context.font = `${style.weight ?? 400} ${style.size}px ${FONT}`;
    context.textAlign = style.anchor === "middle" ? "center" : (style.anchor ?? "start");
    context.textBaseline = "alphabetic";
    if (style.halo) {
      context.strokeStyle = style.halo;
      context.lineWidth = 3;
      context.lineJoin = "round";
      context.setLineDash([]);
      context.strokeText(text, x, y);
    }
    context.fillStyle = style.color;
    context.fillText(text, x, y);
  }
  group(): void {}
}

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
const n = (value: number): string => String(Math.round(value * 100) / 100);

export class SvgPainter implements Painter {
  private readonly parts: string[] = [];
  private open = false;
  constructor(
    private readonly width: number,
    private readonly height: number,
    background: string,
  ) {
    this.rectangle(0, 0, width, height, background);
  }
  private strokeText(style: Stroke): string {
    return (
      `stroke="${escape(style.color)}" stroke-width="${n(style.width)}"` +
      (style.dash ? ` stroke-dasharray="${style.dash.map(n).join(" ")}"` : "") +
      (style.cap ? ` stroke-linecap="${style.cap}"` : "") +
      (style.opacity !== undefined && style.opacity < 1 ? ` stroke-opacity="${n(style.opacity)}"` : "")
    );
  }
  circle(x: number, y: number, radius: number, fill: string | null, stroke?: Stroke): void {
    this.parts.push(
      `<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" fill="${fill === null ? "none" : escape(fill)}"${
        stroke ? ` ${this.strokeText(stroke)}` : ""
      }/>`,
    );
  }
  sector(x: number, y: number, inner: number, outer: number, from: number, to: number, fill: string): void {
    const at = (radius: number, angle: number): string =>
      `${n(x + radius * Math.sin(angle))} ${n(y - radius * Math.cos(angle))}`;
    const whole = to - from >= 2 * Math.PI - 1e-9;
    const end = whole ? from + 2 * Math.PI - 1e-4 : to;
    const large = end - from > Math.PI ? 1 : 0;
    this.parts.push(
      `<path d="M${at(outer, from)}A${n(outer)} ${n(outer)} 0 ${large} 1 ${at(outer, end)}L${at(inner, end)}A${n(
        inner,
      )} ${n(inner)} 0 ${large} 0 ${at(inner, from)}Z" fill="${escape(fill)}"/>`,
    );
  }
  curves(curves: readonly ArrayLike<number>[], stroke: Stroke): void {
    for (const curve of curves) {
      const c = Array.from(curve, n);
      const straight = curve[2] === curve[0] && curve[3] === curve[1];
      this.parts.push(
        `<path d="M${c[0]} ${c[1]}${
          straight ? `L${c[4]} ${c[5]}` : `Q${c[2]} ${c[3]} ${c[4]} ${c[5]}`
        }" fill="none" ${this.strokeText(stroke)}/>`,
      );
    }
  }
  line(points: readonly Point[], stroke: Stroke): void {
    this.parts.push(
      `<polyline points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(" ")}" fill="none" ${this.strokeText(
        stroke,
      )}/>`,
    );
  }
  rectangle(x: number, y: number, width: number, height: number, fill: string): void {
    this.parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${escape(fill)}"/>`);
  }
  text(x: number, y: number, text: string, style: TextStyle): void {
    this.parts.push(
      `<text x="${n(x)}" y="${n(y)}" font-family='${FONT}' font-size="${n(style.size)}" fill="${escape(
        style.color,
      )}" text-anchor="${style.anchor ?? "start"}"${style.weight ? ` font-weight="${style.weight}"` : ""}${
        style.halo
          ? ` stroke="${escape(style.halo)}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"`
          : ""
      }>${escape(text)}</text>`,
    );
  }
  group(name: string): void {
    if (this.open) this.parts.push("</g>");
    this.parts.push(`<g data-part="${escape(name)}">`);
    this.open = true;
  }
  toString(): string {
    return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${n(this.width)}" height="${n(
      this.height,
    )}" viewBox="0 0 ${n(this.width)} ${n(this.height)}">\n${this.parts.join("\n")}\n${
      this.open ? "</g>\n" : ""
    }</svg>\n`;
  }
}
