// Is what I see right? Every check of the study, in plain words, and what to run next.
import type { Study } from "../../api/types";
import { toCsv } from "../../base/csv";
import { isNumber } from "../../base/statistics";
import { formatNumber } from "../../geometry/numbers";
import { checksOf } from "../../model/checks";
import { useRecord } from "../../model/study";
import { Empty, Failure, Loading, Panel } from "../../widgets/Panel";

export function Trust({ study }: { study: Study }) {
  const loaded = useRecord(study, study.study_records.trust);
  if (loaded.state === "none")
    return (
      <div className="page-body narrow">
        <h1>Trust</h1>
        <Empty title="Nothing has been checked yet">
          <p>The checks are the last job of a study; they appear here once it has run.</p>
        </Empty>
      </div>
    );
  if (loaded.state === "error") return <Failure message={loaded.message} />;
  if (loaded.state !== "ready") return <Loading what="Loading the checks" />;
  const checks = checksOf(loaded.value);
  const count = (verdict: string): number => checks.filter((c) => c.verdict === verdict).length;
  return (
    <div className="page-body narrow">
      <h1>Can these results be trusted?</h1>
      <p className="verdicts">
        <span className="verdict pass">{count("pass")} pass</span>{" "}
        <span className="verdict doubt">{count("doubt")} doubtful</span>{" "}
        <span className="verdict fail">{count("fail")} fail</span>
      </p>
      <Panel
        title="Checks"
        label="Checks"
        className="trust"
        explanation={{
          what: "What could make a result of this study wrong, each with the number that decides it: the grid, the axes, batch norm, the samples, convergence of curves and eigenvalues, the sizes of samples and seeds.",
          read: "Pass: nothing to do. Doubt: say it where you use the result, or run what is proposed. Fail: do not use what depends on it.",
          misread: "A pass does not prove a conclusion: it says that this one cause of error is absent.",
        }}
        exports={{
          name: `${study.name}-trust`,
          csv: () =>
            toCsv(
              ["check", "verdict", "number", "sentence", "next"],
              checks.map((c) => [c.name, c.verdict, c.number, c.sentence, c.next]),
            ),
        }}
      >
        <ul className="checks">
          {checks.map((c) => (
            <li key={c.name}>
              <span className={`verdict ${c.verdict}`}>{c.verdict}</span>
              <div>
                <h3>
                  {c.name}
                  {isNumber(c.number) && (
                    <span className="note">
                      {" "}
                      {formatNumber(c.number)}
                      {c.unit && ` ${c.unit}`}
                    </span>
                  )}
                </h3>
                <p>{c.sentence}</p>
                {c.next && <p className="next">Next: {c.next}</p>}
              </div>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}
