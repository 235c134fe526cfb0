// One WebGL renderer for all 3-D views of the page: browsers allow few contexts, comparisons need many panels. It draws
// off screen; each panel takes its picture over as a bitmap.
import { type Camera, ColorManagement, LinearSRGBColorSpace, type Scene, WebGLRenderer } from "three";

// Colours are given as they are to appear; nothing is converted.
ColorManagement.enabled = false;

interface Shared {
  readonly gl: WebGLRenderer;
  readonly canvas: OffscreenCanvas;
}
let shared: Shared | null | undefined;

function renderer(): Shared | null {
  if (shared !== undefined) return shared;
  try {
    const canvas = new OffscreenCanvas(2, 2);
    const gl = new WebGLRenderer({ canvas, antialias: false, alpha: true, powerPreference: "high-performance" });
    gl.outputColorSpace = LinearSRGBColorSpace;
    gl.setClearColor(0x000000, 0);
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      shared = undefined;
    });
    shared = { gl, canvas };
  } catch {
    shared = null;
  }
  return shared;
}

export function canDraw3d(): boolean {
  return renderer() !== null;
}

/** The picture, w x h pixels. Edges are smoothed by drawing more pixels than are shown. */
export function draw3d(scene: Scene, camera: Camera, w: number, h: number): ImageBitmap | null {
  const now = renderer();
  if (!now || w < 1 || h < 1) return null;
  if (now.canvas.width !== w || now.canvas.height !== h) now.gl.setSize(w, h, false);
  now.gl.render(scene, camera);
  return now.canvas.transferToImageBitmap();
}
