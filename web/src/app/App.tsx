// The frame of the application: which study, which page, what runs.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { client } from "../api/client";
import { formatDuration } from "../base/time";
import { type Live, useLiveStudy } from "../model/live";
import { StudyProvider, useLoaded } from "../model/study";
import { type Page, setView, type Theme, useView, view } from "../state";
import { Cards } from "../views/cards/Cards";
import { Runs } from "../views/runs/Runs";
import { StudyList, useFieldDrop } from "../views/studies/StudyList";
import { Tour } from "../views/tour/Tour";
import { Trust } from "../views/trust/Trust";
import { Boundary } from "../widgets/Boundary";
import { Segments } from "../widgets/controls";
import { Failure, Loading } from "../widgets/Panel";
import { TooltipLayer } from "../widgets/Tooltip";
import { AcrossPage } from "./AcrossPage";
import { LandscapePage } from "./LandscapePage";

const TABS: readonly (readonly [Page, string])[] = [
  ["landscape", "Landscape"],
  ["across", "Across models"],
  ["models", "Model cards"],
  ["runs", "Runs"],
  ["trust", "Trust"],
];

function RunChip({ live }: { live: Live }) {
  const status = live.status;
  if (!live.connected)
    return (
      <span className="chip fail" role="status">
        No connection
      </span>
    );
  if (!status) return null;
  const { waiting, running, done, failed } = status.jobs;
  const all = waiting + running + done + failed;
  return (
    <button type="button" className="chip" onClick={() => setView({ page: "runs" })} title="Runs">
      {status.running ? (
        <>
          <span className="spinner" aria-hidden="true" />
          {done} of {all} results
          {Number.isFinite(status.eta_seconds) && status.eta_seconds > 0
            ? `, about ${formatDuration(status.eta_seconds)} left`
            : ""}
        </>
      ) : failed > 0 ? (
        <span className="fail">{failed} failed</span>
      ) : waiting > 0 ? (
        `${done} of ${all} results`
      ) : (
        "complete"
      )}
    </button>
  );
}

function CopyLink() {
  const [said, setSaid] = useState("");
  return (
    <>
      <button
        type="button"
        className="button quiet"
        title="Copy a link to exactly this view"
        onClick={() => {
          // The address follows the state after a moment; the link must not lag behind.
          window.setTimeout(() => {
            navigator.clipboard.writeText(window.location.href).then(
              () => setSaid("Copied"),
              () => setSaid("The address bar has the link"),
            );
            window.setTimeout(() => setSaid(""), 2500);
          }, 300);
        }}
      >
        Link
      </button>
      <span role="status" className="note">
        {said}
      </span>
    </>
  );
}

function TopBar({ live, name }: { live: Live | null; name: string }) {
  const page = useView((s) => s.page);
  const theme = useView((s) => s.theme);
  return (
    <header className="top">
      <button
        type="button"
        className="brand"
        onClick={() => setView({ study: "", page: "studies" })}
        title="All studies"
      >
        losslens
      </button>
      {name && (
        <>
          <span className="study-name">{name}</span>
          <nav aria-label="Pages">
            {TABS.map(([key, title]) => (
              <button
                key={key}
                type="button"
                aria-current={page === key ? "page" : undefined}
                onClick={() => setView({ page: key })}
              >
                {title}
              </button>
            ))}
          </nav>
        </>
      )}
      <span className="spacer" />
      {live && <RunChip live={live} />}
      {name && (
        <button type="button" className="button quiet" onClick={() => setView({ tour: 1 })}>
          Tour
        </button>
      )}
      {name && <CopyLink />}
      <Segments<Theme>
        label="Theme"
        value={theme}
        options={[
          ["light", "Light"],
          ["auto", "Auto"],
          ["dark", "Dark"],
        ]}
        onChange={(t) => setView({ theme: t })}
      />
    </header>
  );
}

function StudyPage({ live, canRun }: { live: Live; canRun: boolean }) {
  const page = useView((s) => s.page);
  if (live.study.state === "error") return <Failure message={live.study.message} />;
  if (live.study.state !== "ready") return <Loading what="Opening the study" />;
  const study = live.study.value;
  let body: ReactNode;
  switch (page) {
    case "across":
      body = <AcrossPage study={study} />;
      break;
    case "models":
      body = <Cards study={study} />;
      break;
    case "runs":
      body = <Runs study={study} live={live} canRun={canRun} />;
      break;
    case "trust":
      body = <Trust study={study} />;
      break;
    default:
      body = <LandscapePage study={study} />;
  }
  return (
    <StudyProvider value={study}>
      <Boundary name={`${study.id}/${page}`}>{body}</Boundary>
      <Tour study={study} />
    </StudyProvider>
  );
}

export function App() {
  const id = useView((s) => s.study);
  const [turn, setTurn] = useState(0);
  const list = useLoaded(`studies/${id === ""}/${turn}`, () => client.studies());
  const live = useLiveStudy(id);
  const dropped = useFieldDrop();

  // A server with one study opens it, once: the list can be gone back to.
  const opened = useRef(false);
  useEffect(() => {
    if (list.state !== "ready" || opened.current) return;
    opened.current = true;
    const only = list.value.studies.length === 1 ? list.value.studies[0] : undefined;
    if (only && view.get().study === "") setView({ study: only.id, page: "landscape" });
  }, [list]);

  const name = live.study.state === "ready" ? live.study.value.name : "";
  return (
    <>
      <TopBar live={id === "" ? null : live} name={name} />
      {dropped && (
        <p className="banner" role="status">
          {dropped}
        </p>
      )}
      <main id="main">
        {id !== "" ? (
          <StudyPage live={live} canRun={list.state === "ready" && list.value.can_run} />
        ) : list.state === "ready" ? (
          <StudyList list={list.value} onChanged={() => setTurn((t) => t + 1)} />
        ) : list.state === "error" ? (
          <Failure message={list.message} />
        ) : (
          <Loading />
        )}
      </main>
      <TooltipLayer />
    </>
  );
}
