// One kind of view of many models, as small multiples on shared scales.
import type { Study } from "../api/types";
import type { GalleryCells } from "../model/gallery";
import { type LocalKind, useView } from "../state";
import { Empty } from "../widgets/Panel";
import { ComparisonProvider, useMakeComparison } from "./comparison";
import "./local.css";
import { useLocalModels } from "./model";
import { VIEWS } from "./views";

/** Kinds that can be drawn for one model alone. */
export function galleryKinds(): LocalKind[] {
  return (Object.keys(VIEWS) as LocalKind[]).filter((kind) => VIEWS[kind]?.of === "model");
}

export function LocalGallery({ study, kind, cells }: { study: Study; kind: LocalKind; cells: GalleryCells }) {
  const wanted = useView(({ local }) => ({
    landscape: local.landscape,
    field: local.field,
    connectivity: local.connectivity,
  }));
  const indices = [...new Set(cells.cells.flat().filter((m) => m !== null))];
  const items = useLocalModels(
    study,
    indices.map((m) => study.models[m]!),
    wanted,
  );
  const comparison = useMakeComparison(items);
  const entry = VIEWS[kind];
  if (!entry || entry.of !== "model") return <Empty title="This view needs several models at once" />;
  const View = entry.view;
  return (
    <ComparisonProvider value={comparison}>
      <div
        className="gallery"
        style={{ gridTemplateColumns: `auto repeat(${cells.columns.length}, minmax(230px, 1fr))` }}
      >
        <span />
        {cells.columns.map((title, i) => (
          <h3 key={i} className="gallery-column">
            {title}
          </h3>
        ))}
        {cells.rows.map((title, r) => [
          <h3 key={`row${r}`} className="gallery-row">
            <span>{title}</span>
          </h3>,
          ...(cells.cells[r] ?? []).map((model, c) => {
            const item = model === null ? undefined : items[indices.indexOf(model)];
            return (
              <div key={`${r}/${c}`} className="gallery-cell">
                {item ? (
                  <>
                    <p className="note">{item.model.name}</p>
                    <View item={item} />
                  </>
                ) : (
                  <p className="note">no model</p>
                )}
              </div>
            );
          }),
        ])}
      </div>
    </ComparisonProvider>
  );
}
