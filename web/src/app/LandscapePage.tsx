// The main page: the whole on the left, single models on the right, a bar between them that can be moved.
import { useMemo, useRef } from 'react';
import type { Study } from '../api/types';
import { LocalViews } from '../local';
import { extreme, leadingColumn, medoid, modelColumns } from '../model/columns';
import { setView, useView } from '../state';
import { GlobalView } from '../views/global/GlobalView';
import { ModelTable } from '../views/table/ModelTable';
import { Boundary } from '../widgets/Boundary';
import { Empty } from '../widgets/Panel';

function Start({ study }: { study: Study }) {
  const columns = useMemo(() => modelColumns(study), [study]);
  const leading = leadingColumn(columns);
  const all = study.models.map((_, i) => i);
  const names = (models: readonly (number | null)[]): string[] =>
    [...new Set(models.filter((m) => m !== null))].map((m) => study.models[m]?.name ?? '').filter(Boolean);
  const medoids = names(study.groups.map((g) => medoid(study, g.models, leading))).slice(0, 6);
  const extremes = names([extreme(leading, all, true), extreme(leading, all, false)]);
  return (
    <Empty title="No model is open">
      <p>Click models in the global structure or rows of the table: their landscapes open here, side by side.</p>
      <p className="row">
        {medoids.length > 0 && <button type="button" className="button primary" onClick={() => setView({ selected: medoids })}>
          Open the medoid of {study.groups.length === 1 ? 'the group' : 'each group'}</button>}
        {extremes.length === 2 && <button type="button" className="button" onClick={() => setView({ selected: extremes })}>Open the best and the worst</button>}
      </p>
    </Empty>
  );
}

export function LandscapePage({ study }: { study: Study }) {
  const selected = useView((s) => s.selected);
  const split = useView((s) => s.split);
  const root = useRef<HTMLDivElement>(null);
  const models = useMemo(
    () => selected.map((name) => study.models.find((m) => m.name === name)).filter((m) => m !== undefined),
    [selected, study],
  );
  const field = study.kind === 'field';
  const shown = field && models.length === 0 ? study.models.slice(0, 1) : models;
  const clamp = (v: number): number => Math.round(1000 * Math.max(0.25, Math.min(0.75, v))) / 1000;
  return (
    <div className="landscape" ref={root} style={{ gridTemplateColumns: field && study.models.length === 1 ? '0 0 1fr' : `minmax(0, ${split}fr) 9px minmax(0, ${1 - split}fr)` }}>
      <div className="landscape-side">
        {!field && <Boundary name="global"><GlobalView study={study} /></Boundary>}
        {study.models.length > 1 && <Boundary name="table"><ModelTable study={study} /></Boundary>}
      </div>
      <div className="splitter" role="separator" aria-orientation="vertical" aria-label="Width of the global structure" tabIndex={0}
        aria-valuemin={25} aria-valuemax={75} aria-valuenow={Math.round(100 * split)}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          const box = root.current?.getBoundingClientRect();
          if (box && event.buttons === 1) setView({ split: clamp((event.clientX - box.left) / box.width) });
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') setView({ split: clamp(split - 0.02) });
          if (event.key === 'ArrowRight') setView({ split: clamp(split + 0.02) });
        }} />
      <div className="landscape-side local">
        {shown.length > 0
          ? <Boundary name={shown.map((m) => m.name).join()}><LocalViews study={study} models={shown} /></Boundary>
          : <Start study={study} />}
      </div>
    </div>
  );
}
