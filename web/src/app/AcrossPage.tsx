// Comparisons over all models.
import { useMemo } from "react";
import type { Study } from "../api/types";
import { LocalGallery, galleryKinds } from "../local/gallery";
import { TITLES } from "../local/parts/panel";
import { modelColumns } from "../model/columns";
import { galleryCells, sweptParameters } from "../model/gallery";
import { familiesOf, restrictTo } from "../model/names";
import { useRecord } from "../model/study";
import { type AcrossView, type LocalKind, setAcross, useView } from "../state";
import { Distances } from "../views/across/Distances";
import { Groups } from "../views/across/Groups";
import { Relations } from "../views/across/Relations";
import { Segments, Select } from "../widgets/controls";
import { Empty, Loading } from "../widgets/Panel";

function Gallery({ study }: { study: Study }) {
  const { galleryKind, galleryRows, galleryColumns } = useView((s) => s.across);
  const swept = sweptParameters(study);
  const cells = useMemo(() => galleryCells(study, galleryRows, galleryColumns), [study, galleryRows, galleryColumns]);
  const kinds = galleryKinds();
  const kind = kinds.includes(galleryKind) ? galleryKind : (kinds[0] ?? "contour");
  if (study.models.length === 0) return <Empty title="No models yet" />;
  return (
    <>
      <div className="bar">
        <Select<LocalKind>
          label="View"
          value={kind}
          options={kinds.map((k) => [k, TITLES[k]] as const)}
          onChange={(v) => setAcross({ galleryKind: v })}
        />
        <Select
          label="Rows"
          value={galleryRows}
          options={[["", "groups"], ...swept.map((p) => [p, p] as const)]}
          onChange={(v) => setAcross({ galleryRows: v })}
        />
        <Select
          label="Columns"
          value={galleryColumns}
          options={[["", "members"], ...swept.map((p) => [p, p] as const)]}
          onChange={(v) => setAcross({ galleryColumns: v })}
        />
        <span className="note">{cells.note} Scales are shared.</span>
      </div>
      <LocalGallery study={study} kind={kind} cells={cells} />
    </>
  );
}

export function AcrossPage({ study: whole }: { study: Study }) {
  const shown = useView((s) => s.across.view);
  const loaded = useRecord(whole, whole.study_records.comparison);
  const comparison = loaded.state === "ready" ? loaded.value : null;
  const wanted = useView((s) => s.across.family);
  const families = useMemo(() => familiesOf(whole), [whole]);
  const family = wanted === "all" ? null : (families.find((f) => f.title === wanted) ?? families[0] ?? null);
  const one = families.length > 1 && family !== null ? family : null;
  const study = useMemo(() => (one ? restrictTo(whole, one) : whole), [whole, one]);
  const columns = useMemo(() => modelColumns(study, comparison, one?.models ?? null), [study, comparison, one]);
  return (
    <div className="page-body across">
      <div className="bar">
        <h1>Across models</h1>
        <Segments<AcrossView>
          label="View"
          value={shown}
          onChange={(v) => setAcross({ view: v })}
          options={[
            ["groups", "Groups"],
            ["relations", "Relations"],
            ["gallery", "Gallery"],
            ["distances", "Distances"],
          ]}
        />
        {families.length > 1 && (
          <Select
            label="Models"
            value={one?.title ?? "all"}
            options={[...families.map((f) => [f.title, f.title] as const), ["all", "all: families are mixed"]]}
            onChange={(v) => setAcross({ family: v })}
          />
        )}
      </div>
      {loaded.state === "loading" ? (
        <Loading />
      ) : shown === "groups" ? (
        <Groups study={study} columns={columns} comparison={comparison} />
      ) : shown === "relations" ? (
        <Relations study={study} columns={columns} />
      ) : shown === "distances" ? (
        <Distances study={study} />
      ) : (
        <Gallery study={study} />
      )}
    </div>
  );
}
