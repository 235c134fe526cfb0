// The study that the page shows, and the records that views ask for.
import { createContext, useContext, useEffect, useState } from "react";
import { client } from "../api/client";
import type { LossRecord } from "../api/record";
import type { Study } from "../api/types";

const StudyContext = createContext<Study | null>(null);
export const StudyProvider = StudyContext.Provider;

/** Only below a StudyProvider. */
export function useStudy(): Study {
  const study = useContext(StudyContext);
  if (!study) throw new Error("no study around this view");
  return study;
}

export type Loading<T> =
  | { state: "none" | "loading" }
  | { state: "error"; message: string }
  | { state: "ready"; value: T };

/** The outcome of `load`, asked again when `key` changes; `key` null: nothing is asked. */
export function useLoaded<T>(key: string | null, load: () => Promise<T>): Loading<T> {
  const [outcome, setOutcome] = useState<{ key: string; result: Loading<T> } | null>(null);
  useEffect(() => {
    if (key === null) return;
    let current = true;
    load().then(
      (value) => current && setOutcome({ key, result: { state: "ready", value } }),
      (cause: unknown) =>
        current &&
        setOutcome({
          key,
          result: { state: "error", message: cause instanceof Error ? cause.message : String(cause) },
        }),
    );
    return () => {
      current = false;
    };
    // `key` says all that `load` depends on.
  }, [key]);
  if (key === null) return { state: "none" };
  return outcome?.key === key ? outcome.result : { state: "loading" };
}

/** A record of the study; `id` null: none. */
export function useRecord(study: Study, id: number | null, fields: readonly string[] = []): Loading<LossRecord> {
  const key = id === null ? null : `${study.id}/${id}/${fields.join()}/${study.revision}`;
  return useLoaded(key, () => client.record(study.id, id as number, fields));
}

/** Several records at once; an id of null stays null. */
export function useRecords(study: Study, ids: readonly (number | null)[]): Loading<(LossRecord | null)[]> {
  const key = `${study.id}/${ids.join()}/${study.revision}`;
  return useLoaded(key, () =>
    Promise.all(ids.map((id) => (id === null ? Promise.resolve(null) : client.record(study.id, id)))),
  );
}
