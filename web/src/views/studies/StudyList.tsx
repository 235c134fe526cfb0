// What this server serves; the way in.
import { type DragEvent, useEffect, useState } from "react";
import { client } from "../../api/client";
import type { StudyList as List } from "../../api/types";
import { formatInteger } from "../../geometry/numbers";
import { DEFAULTS, setView, view } from "../../state";
import { Empty } from "../../widgets/Panel";

export function openStudy(id: string): void {
  setView({ ...DEFAULTS, theme: view.get().theme, study: id, page: "landscape" });
}

const FIELD_FILE = /\.(npy|npz|csv|vti|ply|h5|hdf5)$/i;

/** A field that is dropped anywhere on the page is opened; the message of a failure is returned. */
export function useFieldDrop(): string {
  const [message, setMessage] = useState("");
  useEffect(() => {
    const over = (event: globalThis.DragEvent): void => event.preventDefault();
    const drop = (event: globalThis.DragEvent): void => {
      const handled = event.defaultPrevented; // by a place of its own
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (handled || !file) return;
      if (!FIELD_FILE.test(file.name))
        return setMessage(
          `${file.name} is not a field: .npy, .npz, .csv, .vti, .ply or .h5 can be dropped here, checkpoints under Runs.`,
        );
      setMessage(`Reading ${file.name} …`);
      client.addField(file).then(
        ({ study }) => {
          setMessage("");
          openStudy(study);
        },
        (cause: unknown) => setMessage(cause instanceof Error ? cause.message : String(cause)),
      );
    };
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  }, []);
  return message;
}

/** A field file becomes a study of its own. */
export function FieldDrop({ onAdded }: { onAdded: () => void }) {
  const [state, setState] = useState<{ over: boolean; message: string }>({ over: false, message: "" });
  const send = async (files: FileList | null): Promise<void> => {
    const file = files?.[0];
    if (!file) return;
    setState({ over: false, message: `Reading ${file.name} …` });
    try {
      const { study } = await client.addField(file);
      setState({ over: false, message: "" });
      onAdded();
      openStudy(study);
    } catch (cause) {
      setState({ over: false, message: cause instanceof Error ? cause.message : String(cause) });
    }
  };
  return (
    <label
      className={`drop ${state.over ? "over" : ""}`}
      onDragOver={(event: DragEvent) => {
        event.preventDefault();
        setState((s) => ({ ...s, over: true }));
      }}
      onDragLeave={() => setState((s) => ({ ...s, over: false }))}
      onDrop={(event) => {
        event.preventDefault();
        void send(event.dataTransfer.files);
      }}
    >
      <strong>Look at a field of your own</strong>
      <span>Drop a file here or choose one: .npy, .npz, .csv, .vti, .ply, .h5. It stays on this computer.</span>
      <input
        type="file"
        accept=".npy,.npz,.csv,.vti,.ply,.h5,.hdf5"
        onChange={(event) => void send(event.target.files)}
      />
      {state.message && (
        <span role="status" className="message">
          {state.message}
        </span>
      )}
    </label>
  );
}

export function StudyList({ list, onChanged }: { list: List; onChanged: () => void }) {
  return (
    <div className="page-body narrow">
      <h1>Studies</h1>
      {list.studies.length === 0 && (
        <Empty title="No study is being served">
          <p>
            Start the server with one: <code>losslens serve study.db</code>
          </p>
        </Empty>
      )}
      <ul className="study-list">
        {list.studies.map((study) => {
          const all = study.jobs.waiting + study.jobs.running + study.jobs.done + study.jobs.failed;
          return (
            <li key={study.id}>
              <button type="button" className="study-card" onClick={() => openStudy(study.id)}>
                <strong>{study.name}</strong>
                <span>
                  {study.kind === "field"
                    ? "scalar fields"
                    : `${formatInteger(study.models)} models in ${formatInteger(study.groups)} groups`}
                </span>
                {all > 0 && (
                  <span className="progress" role="img" aria-label={`${study.jobs.done} of ${all} jobs done`}>
                    <span style={{ width: `${(100 * study.jobs.done) / all}%` }} />
                  </span>
                )}
                <span className="note">
                  {formatInteger(study.jobs.done)} of {formatInteger(all)} results
                  {study.jobs.failed > 0 && <em className="fail"> · {formatInteger(study.jobs.failed)} failed</em>}
                  {study.jobs.running > 0 && <em> · running</em>}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      <FieldDrop onAdded={onChanged} />
      <p className="note">losslens {list.version}</p>
    </div>
  );
}
