// What is selected in all views of the comparison: how much, by numbers, and no more.
import { useState } from "react";
import { formatCount } from "../../geometry/numbers";
import { setLocal, view } from "../../state";
import { QUANTITIES, type Quantity, pairsBetween } from "../../topology/selection";
import { NumberInput, Select, Toggle } from "../../widgets/controls";
import { Popover } from "../../widgets/Popover";
import { useComparison, useSelection } from "../comparison";
import { ready } from "../model";
import { useDragSelects } from "./brush";

export function SelectionBar() {
  const comparison = useComparison();
  const { features, models, clear } = useSelection(comparison);
  const [selects, setSelects] = useDragSelects();
  const several = comparison.models.length > 1 && features > 0 ? ` in ${formatCount(models, "model", "models")}` : "";
  return (
    <div className="selection" role="group" aria-label="Selected features">
      <Toggle label="Drag selects" checked={selects} onChange={setSelects} />
      <Popover label="Select …" title="Select features by their numbers" className="button quiet">
        {() => <ByNumbers />}
      </Popover>
      <output className="count" data-selected={features} aria-live="polite">
        {formatCount(features, "feature", "features")} selected{several}
      </output>
      <button type="button" className="button quiet" disabled={features === 0} onClick={clear}>
        Clear
      </button>
    </div>
  );
}

function ByNumbers() {
  const comparison = useComparison();
  const [quantity, setQuantity] = useState<Quantity>("persistence");
  const [low, setLow] = useState<number | null>(null);
  const [high, setHigh] = useState<number | null>(null);
  const trees = comparison.models.flatMap((m) => {
    const topology = ready(m.topology);
    return topology ? [{ name: m.model.name, topology, simplified: comparison.simplifiedOf(topology) }] : [];
  });
  const bounds = trees.reduce(
    (most, { topology, simplified }) => {
      const { pairs } = topology.hierarchy;
      const reach = (value: number): void => {
        if (value < most.low) most.low = value;
        if (value > most.high) most.high = value;
      };
      for (let i = 0; i < pairs.count; i++) {
        if (!simplified.kept[i]) continue;
        if (quantity === "persistence") reach(pairs.persistence[i]!);
        if (quantity === "birth") reach(pairs.birthValue[i]!);
        if (quantity === "death" && !pairs.essential[i]) reach(pairs.deathValue[i]!);
      }
      if (quantity === "basin") {
        reach(1);
        reach(topology.hierarchy.vertices);
      }
      return most;
    },
    { low: Infinity, high: -Infinity },
  );
  const some = bounds.low <= bounds.high ? bounds : { low: 0, high: 0 };
  const [from, to] = [low ?? some.low, high ?? some.high];
  const found = trees.map(({ name, topology, simplified }) => ({
    name,
    minima: pairsBetween(topology.hierarchy, simplified, quantity, from, to).map(
      (pair) => topology.hierarchy.pairs.birth[pair]!,
    ),
  }));
  const count = found.reduce((sum, f) => sum + f.minima.length, 0);
  const select = (): void => {
    const { pinned } = view.get().local;
    const next = Object.fromEntries(found.filter((f) => f.minima.length > 0).map((f) => [f.name, f.minima]));
    const others = Object.entries(pinned).filter(([name]) => !found.some((f) => f.name === name));
    setLocal({ pinned: { ...Object.fromEntries(others), ...next } });
  };
  return (
    <div className="ranges">
      <Select
        label="Quantity"
        value={quantity}
        options={Object.entries(QUANTITIES) as [Quantity, string][]}
        onChange={(q) => {
          setQuantity(q);
          setLow(null);
          setHigh(null);
        }}
      />
      <NumberInput label="At least" value={from} onChange={setLow} />
      <NumberInput label="At most" value={to} onChange={setHigh} />
      <button type="button" className="button" disabled={count === 0} onClick={select}>
        Select {formatCount(count, "feature", "features")}
      </button>
    </div>
  );
}
