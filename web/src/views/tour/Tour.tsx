// Shows one step of the tour at a time and sets the page to what it speaks of.
import { useEffect, useMemo, useRef } from "react";
import type { Study } from "../../api/types";
import { useRecord } from "../../model/study";
import { checksOf } from "../../model/checks";
import { setView, useView, view } from "../../state";
import { tourSteps } from "./steps";

export function Tour({ study }: { study: Study }) {
  const step = useView((s) => s.tour);
  const comparison = useRecord(study, step > 0 ? study.study_records.comparison : null);
  const trust = useRecord(study, step > 0 ? study.study_records.trust : null);
  const heading = useRef<HTMLHeadingElement>(null);
  const steps = useMemo(() => {
    if (comparison.state === "loading" || trust.state === "loading") return [];
    const checks = trust.state === "ready" ? checksOf(trust.value) : null;
    const count = (verdict: string): number => checks?.filter((c) => c.verdict === verdict).length ?? 0;
    return tourSteps(
      study,
      comparison.state === "ready" ? comparison.value : null,
      checks && { pass: count("pass"), doubt: count("doubt"), fail: count("fail") },
    );
  }, [study, comparison, trust]);
  const current = steps[step - 1];
  const applied = useRef(0);
  useEffect(() => {
    if (!current || applied.current === step) return;
    applied.current = step;
    const state = view.get();
    setView({
      page: current.page,
      ...(current.selected ? { selected: current.selected } : {}),
      global: { ...state.global, ...current.global },
      across: { ...state.across, ...current.across },
    });
    heading.current?.focus({ preventScroll: true });
  }, [current, step]);
  useEffect(() => {
    if (step === 0) applied.current = 0;
  }, [step]);
  if (step === 0 || !current) return null;
  const go = (to: number): void => setView({ tour: to });
  return (
    <aside className="tour" aria-label="Guided tour" onKeyDown={(e) => e.key === "Escape" && go(0)}>
      <p className="note">
        Tour, {step} of {steps.length}
      </p>
      <h2 ref={heading} tabIndex={-1}>
        {current.title}
      </h2>
      {current.text.map((text) => (
        <p key={text}>{text}</p>
      ))}
      <p className="row">
        <button type="button" className="button" disabled={step === 1} onClick={() => go(step - 1)}>
          Back
        </button>
        {step < steps.length ? (
          <button type="button" className="button primary" onClick={() => go(step + 1)}>
            Next
          </button>
        ) : (
          <button type="button" className="button primary" onClick={() => go(0)}>
            Done
          </button>
        )}
        <span className="spacer" />
        {step < steps.length && (
          <button type="button" className="button quiet" onClick={() => go(0)}>
            Leave
          </button>
        )}
      </p>
    </aside>
  );
}
