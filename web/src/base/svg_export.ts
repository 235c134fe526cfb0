// A drawing of the page as a file of its own: style sheets and variables are resolved into attributes.

const PROPERTIES = [
  "fill",
  "fill-opacity",
  "fill-rule",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "font-style",
  "text-anchor",
  "dominant-baseline",
  "paint-order",
  "visibility",
  "display",
  "letter-spacing",
  "font-variant-numeric",
] as const;

function resolveStyles(from: Element, to: Element): void {
  if (from instanceof SVGElement && !(from instanceof SVGDefsElement)) {
    const style = getComputedStyle(from);
    for (const property of PROPERTIES) {
      const value = style.getPropertyValue(property);
      if (value !== "") to.setAttribute(property, value);
    }
    to.removeAttribute("class");
    to.removeAttribute("style");
  }
  const sources = [...from.children];
  const targets = [...to.children];
  sources.forEach((child, i) => {
    const target = targets[i];
    if (!target) return;
    if (child instanceof HTMLElement || child.getAttribute("data-no-export") !== null) target.remove();
    else resolveStyles(child, target);
  });
}

/** The text of a stand-alone SVG file with the page's surface colour behind it. */
export function svgText(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  resolveStyles(svg, copy);
  const box = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(Math.round(box.width)));
  copy.setAttribute("height", String(Math.round(box.height)));
  if (!copy.hasAttribute("viewBox"))
    copy.setAttribute("viewBox", `0 0 ${Math.round(box.width)} ${Math.round(box.height)}`);
  const [x, y, width, height] = (copy.getAttribute("viewBox") ?? "0 0 100 100").split(/[\s,]+/);
  const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ x, y, width, height })) back.setAttribute(name, value ?? "0");
  back.setAttribute("fill", getComputedStyle(document.documentElement).getPropertyValue("--surface").trim() || "#fff");
  copy.insertBefore(back, copy.firstChild);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

/** A drawing (the text of an SVG file) as PNG, `scale` pixels a unit. */
export async function pngOfSvg(text: string, scale = 2): Promise<Blob> {
  const size =
    /<svg[^>]*\swidth="([\d.]+)"[^>]*\sheight="([\d.]+)"/.exec(text) ??
    /<svg[^>]*\sheight="([\d.]+)"[^>]*\swidth="([\d.]+)"/.exec(text);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((Number(size?.[1]) || image.width) * scale);
  canvas.height = Math.round((Number(size?.[2]) || image.height) * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw a picture.");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return pngOfCanvas(canvas);
}

export function pngOfCanvas(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large to be saved."))),
      "image/png",
    ),
  );
}
