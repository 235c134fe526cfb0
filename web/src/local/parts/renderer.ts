// One WebGL renderer for all 3-D views of the page: browsers allow few contexts, comparisons need many panels. Each
// panel's picture is copied to its own 2-D canvas.
import { type Camera, ColorManagement, LinearSRGBColorSpace, type Scene, WebGLRenderer } from "three";

// Colours are given as they are to appear; nothing is converted.
ColorManagement.enabled = false;

let shared: WebGLRenderer | null | undefined;

function renderer(): WebGLRenderer | null {
  if (shared !== undefined) return shared;
  try {
    shared = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: "high-performance" });
    shared.outputColorSpace = LinearSRGBColorSpace;
    shared.autoClear = true;
    shared.setClearColor(0x000000, 0);
    shared.domElement.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      shared = undefined;
    });
  } catch {
    shared = null;
  }
  return shared;
}

export function canDraw3d(): boolean {
  return renderer() !== null;
}

let width = 0;
let height = 0;

/** Draws into `target`, whose size in device pixels becomes w x h. */
export function draw3d(scene: Scene, camera: Camera, target: HTMLCanvasElement, w: number, h: number): void {
  const gl = renderer();
  const context = target.getContext("2d");
  if (!gl || !context || w < 1 || h < 1) return;
  if (w > width || h > height) {
    width = Math.max(width, w);
    height = Math.max(height, h);
    gl.setSize(width, height, false);
  }
  gl.setScissorTest(true);
  gl.setViewport(0, 0, w, h);
  gl.setScissor(0, 0, w, h);
  gl.render(scene, camera);
  if (target.width !== w || target.height !== h) {
    target.width = w;
    target.height = h;
  }
  context.globalCompositeOperation = "copy";
  context.drawImage(gl.domElement, 0, height - h, w, h, 0, 0, w, h);
  context.globalCompositeOperation = "source-over";
}
