// Comparisons over all models.
import { useMemo } from 'react';
import type { Study } from '../api/types';
import { modelColumns } from '../model/columns';
import { useRecord } from '../model/study';
import { type AcrossView, setAcross, useView } from '../state';
import { Distances } from '../views/across/Distances';
import { Groups } from '../views/across/Groups';
import { Relations } from '../views/across/Relations';
import { Segments } from '../widgets/controls';
import { Loading } from '../widgets/Panel';

export function AcrossPage({ study }: { study: Study }) {
  const shown = useView((s) => s.across.view);
  const loaded = useRecord(study, study.study_records.comparison);
  const comparison = loaded.state === 'ready' ? loaded.value : null;
  const columns = useMemo(() => modelColumns(study, comparison), [study, comparison]);
  return (
    <div className="page-body across">
      <div className="bar">
        <h1>Across models</h1>
        <Segments<AcrossView> label="View" value={shown} onChange={(v) => setAcross({ view: v })}
          options={[['groups', 'Groups'], ['relations', 'Relations'], ['gallery', 'Gallery'], ['distances', 'Distances']]} />
      </div>
      {loaded.state === 'loading' ? <Loading /> : shown === 'groups' ? <Groups study={study} columns={columns} comparison={comparison} />
        : shown === 'relations' ? <Relations study={study} columns={columns} />
        : shown === 'distances' ? <Distances study={study} /> : null}
    </div>
  );
}
