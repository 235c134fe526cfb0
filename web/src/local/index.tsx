// Everything local to the selected models: one field of each, seen in several linked ways.
import type { ReactNode } from "react";
import type { Model, Study } from "../api/types";
import { type LocalKind, useView } from "../state";
import { Boundary } from "../widgets/Boundary";
import { Empty } from "../widgets/Panel";
import { ComparisonProvider, useMakeComparison } from "./comparison";
import "./local.css";
import { type LocalModel, useLocalModels } from "./model";
import { Toolbar } from "./toolbar";
import { VIEWS, availableKinds } from "./views";

export interface LocalViewsProps {
  study: Study;
  models: Model[];
}

export function LocalViews({ study, models }: LocalViewsProps) {
  const wanted = useView(({ local }) => ({
    landscape: local.landscape,
    field: local.field,
    connectivity: local.connectivity,
  }));
  const items = useLocalModels(study, models, wanted);
  const comparison = useMakeComparison(items);
  const open = useView((state) => state.local.open);
  if (models.length === 0)
    return (
      <Empty title="No model selected">
        <p>Click a model in the graph or in the table; several can be compared side by side.</p>
      </Empty>
    );
  const available = availableKinds(study, items);
  const shown = available.filter((kind) => open.includes(kind));
  return (
    <ComparisonProvider value={comparison}>
      <div className="local" data-models={models.length}>
        <Toolbar available={available} />
        {shown.length === 0 && (
          <Empty title="No view chosen">
            <p>Choose one or more views above.</p>
          </Empty>
        )}
        {models.length > 1 ? (
          <div
            className="local-columns"
            style={{ gridTemplateColumns: `repeat(${models.length}, minmax(320px, 1fr))` }}
          >
            {models.map((model) => (
              <h3 key={model.name} className="local-model">
                {model.name}
              </h3>
            ))}
            {shown.map((kind) => (
              <Row key={kind} kind={kind} items={items} />
            ))}
          </div>
        ) : (
          <div className="local-flow">
            {shown.map((kind) => (
              <Row key={kind} kind={kind} items={items} />
            ))}
          </div>
        )}
      </div>
    </ComparisonProvider>
  );
}

function Row({ kind, items }: { kind: LocalKind; items: readonly LocalModel[] }): ReactNode {
  const entry = VIEWS[kind];
  if (!entry) return null;
  if (entry.of === "comparison") {
    const View = entry.view;
    return (
      <div className="local-span">
        <Boundary name={`${kind}/${items.map((item) => item.model.name).join()}`}>
          <View items={items} />
        </Boundary>
      </div>
    );
  }
  const View = entry.view;
  return items.map((item) => (
    <Boundary key={`${kind}/${item.model.name}`} name={`${item.study.revision}`}>
      <View item={item} />
    </Boundary>
  ));
}
