// Everything local to one model, for the models that are selected.
import type { Model, Study } from "../api/types";

export interface LocalViewsProps {
  study: Study;
  models: Model[];
}

export function LocalViews({ models }: LocalViewsProps) {
  return <p>{models.map((model) => model.name).join(", ")}</p>;
}
