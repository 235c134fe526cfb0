// A study that is kept up to date: the server says when something changed.
import { useEffect, useRef, useState } from "react";
import { client } from "../api/client";
import type { ProgressEvent, StateEvent, Study } from "../api/types";
import { forgetProgress, noteProgress } from "./progressing";
import type { Loading } from "./study";

export interface Live {
  study: Loading<Study>;
  status: StateEvent | null;
  progress: ReadonlyMap<number, ProgressEvent>; // of jobs under way
  failed: readonly string[]; // messages since the page was opened
  connected: boolean;
  reload: () => void;
}

export function useLiveStudy(id: string): Live {
  const [study, setStudy] = useState<{ id: string; result: Loading<Study> }>({ id: "", result: { state: "none" } });
  const [status, setStatus] = useState<StateEvent | null>(null);
  const [progress, setProgress] = useState<ReadonlyMap<number, ProgressEvent>>(new Map());
  const [failed, setFailed] = useState<readonly string[]>([]);
  const [connected, setConnected] = useState(true);
  const [turn, setTurn] = useState(0);
  const revision = useRef(-1);

  useEffect(() => {
    if (id === "") return;
    let current = true;
    client.study(id).then(
      (value) => {
        if (!current) return;
        revision.current = value.revision;
        setStudy({ id, result: { state: "ready", value } });
      },
      (cause: unknown) =>
        current &&
        setStudy({ id, result: { state: "error", message: cause instanceof Error ? cause.message : String(cause) } }),
    );
    return () => {
      current = false;
    };
  }, [id, turn]);

  useEffect(() => {
    if (id === "") return;
    setStatus(null);
    setProgress(new Map());
    setFailed([]);
    let waiting = 0;
    // Results may come many a second; the study is read again at most every second.
    const refresh = (): void => {
      if (waiting === 0)
        waiting = window.setTimeout(() => {
          waiting = 0;
          setTurn((t) => t + 1);
        }, 1000);
    };
    const forgetJob = (job: number): void =>
      setProgress((known) => {
        if (!known.has(job)) return known;
        const next = new Map(known);
        next.delete(job);
        return next;
      });
    const stop = client.events(id, {
      state: (event) => {
        setConnected(true);
        setStatus(event);
        if (!event.running) setProgress(new Map());
        if (revision.current >= 0 && event.revision !== revision.current) refresh();
      },
      progress: (event) => {
        client.forget(id, event.job); // what it has so far is more now
        noteProgress(id, event);
        setProgress((known) => new Map(known).set(event.job, event));
      },
      done: (event) => {
        client.forget(id, event.job);
        forgetProgress(id, event.job);
        forgetJob(event.job);
        refresh();
      },
      failed: (event) => {
        forgetJob(event.job);
        setFailed((list) => [...list.slice(-19), `${event.kind} ${event.subject} ${event.other}: ${event.message}`]);
        refresh();
      },
      broken: () => setConnected(false),
    });
    return () => {
      window.clearTimeout(waiting);
      stop();
    };
  }, [id]);

  return {
    study: id === "" ? { state: "none" } : study.id === id ? study.result : { state: "loading" },
    status,
    progress,
    failed,
    connected,
    reload: () => setTurn((t) => t + 1),
  };
}
