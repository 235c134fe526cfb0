// "Idle" = nothing is being fetched, computed or drawn. `document.documentElement.dataset.idle` says "true" or
// "false": browser tests wait for it and never sleep.

let pending = 0;
let settling = 0;

function say(): void {
  document.documentElement.dataset.idle = pending === 0 ? "true" : "false";
}

/** Marks the page busy until the returned function is called (once). */
export function busy(): () => void {
  pending++;
  if (typeof document !== "undefined") say();
  let over = false;
  return () => {
    if (over) return;
    over = true;
    pending--;
    if (typeof document === "undefined" || pending > 0) return;
    // What the result changes is drawn in the next frames: idle is said after two of them.
    const turn = ++settling;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (pending === 0 && turn === settling) say();
      }),
    );
  };
}

export async function whileBusy<T>(work: Promise<T>): Promise<T> {
  const done = busy();
  try {
    return await work;
  } finally {
    done();
  }
}
