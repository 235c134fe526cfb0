// How far jobs under way are, as the server last said: for views of what there is so far.
import type { ProgressEvent } from "../api/types";
import { Store, useStore } from "../base/store";

const progressing = new Store<ReadonlyMap<string, number>>(new Map());

export function noteProgress(study: string, event: ProgressEvent): void {
  progressing.update((known) => new Map(known).set(`${study}/${event.job}`, event.done));
}
export function forgetProgress(study: string, job: number): void {
  progressing.update((known) => {
    if (!known.has(`${study}/${job}`)) return known;
    const next = new Map(known);
    next.delete(`${study}/${job}`);
    return next;
  });
}

/** Changes whenever one of a study's jobs has got further. */
export function useProgressMark(study: string): string {
  return useStore(progressing, (known) =>
    [...known]
      .filter(([key]) => key.startsWith(`${study}/`))
      .map(([key, done]) => `${key}:${done}`)
      .join(),
  );
}
