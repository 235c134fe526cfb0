// What holds for all views of the comparison.
import { useMemo } from "react";
import { MAP_NAMES, MAP_TITLES, cssGradient } from "../geometry/colormaps";
import { formatNumber } from "../geometry/numbers";
import { type LocalKind, type ValueScale, setLocal, useView } from "../state";
import { NumberInput, Select, Toggle } from "../widgets/controls";
import { Popover } from "../widgets/Popover";
import { mapName, scaleSentence, useComparison } from "./comparison";
import { fieldTitle, landscapeName, ready } from "./model";
import { PersistenceSlider } from "./parts/persistence";
import { TITLES } from "./parts/panel";
import { SelectionBar } from "./parts/selection";

const SCALES: readonly (readonly [ValueScale, string])[] = [
  ["auto", "automatic"],
  ["linear", "linear"],
  ["log", "logarithmic"],
  ["symlog", "symmetric-log"],
  ["quantile", "quantile"],
];
const CONNECTIVITIES = ["freudenthal", "freudenthal-plus", "axis", "box"] as const;

export function Toolbar({ available }: { available: readonly LocalKind[] }) {
  const comparison = useComparison();
  const settings = useView(({ local: l }) => ({
    lock: l.lock,
    scale: l.scale,
    colormap: l.colormap,
    field: l.field,
    landscape: l.landscape,
    connectivity: l.connectivity,
    levels: l.levels,
    clip: l.clip,
    zoomed: Object.keys(l.zoom).length + Object.keys(l.cameras).length,
    low: l.colorRange?.[0],
    high: l.colorRange?.[1],
  }));
  const open = useView((state) => state.local.open);
  const landscapes = comparison.models.map((m) => ready(m.landscape)).filter((l) => l !== null);
  const fields = useMemo(
    () => [...new Set(landscapes.flatMap((l) => l.fields))],
    [landscapes.map((l) => l.record.id).join()],
  );
  const most = Math.max(0, ...comparison.models.map((m) => m.landscapes.length));
  const { range } = comparison;

  return (
    <>
      <div className="local-toolbar" role="group" aria-label="Settings of the comparison">
        <div className="row">
          <div className="chips" role="group" aria-label="Views shown">
            {available.map((kind) => (
              <button
                key={kind}
                type="button"
                className="chip"
                aria-pressed={open.includes(kind)}
                data-view={kind}
                onClick={() =>
                  setLocal({
                    open: open.includes(kind)
                      ? open.filter((k) => k !== kind)
                      : available.filter((k) => k === kind || open.includes(k)),
                  })
                }
              >
                {TITLES[kind]}
              </button>
            ))}
          </div>
        </div>
        {landscapes.length > 0 && (
          <div className="row">
            {fields.length > 1 && (
              <Select
                label="Field"
                value={settings.field === "" ? (landscapes[0]?.field ?? "loss") : settings.field}
                options={fields.map((name) => [name, fieldTitle(name)] as const)}
                onChange={(field) => setLocal({ field, colorRange: null, persistence: -1 })}
              />
            )}
            {most > 1 && (
              <Select
                label="Landscape"
                value={String(Math.min(settings.landscape, most - 1))}
                options={Array.from(
                  { length: most },
                  (_, i) =>
                    [
                      String(i),
                      i === settings.landscape && landscapes[0]
                        ? `${i + 1}: ${landscapeName(landscapes[0].record)}`
                        : `${i + 1} of ${most}`,
                    ] as const,
                )}
                onChange={(i) => setLocal({ landscape: Number(i), persistence: -1 })}
              />
            )}
            <Select label="Values" value={settings.scale} options={SCALES} onChange={(scale) => setLocal({ scale })} />
            <span className="note scale-note" data-scale={comparison.kind}>
              {scaleSentence(comparison)}
            </span>
            <span
              className="map-swatch"
              style={{ background: cssGradient(mapName(settings.colormap)) }}
              aria-hidden="true"
            />
            <Select
              label="Colours"
              value={mapName(settings.colormap)}
              options={MAP_NAMES.map((n) => [n, MAP_TITLES[n]] as const)}
              onChange={(colormap) => setLocal({ colormap })}
            />
            <Popover label="Ranges" title="Ranges of values and levels">
              <div className="ranges">
                <NumberInput
                  label="Lowest value shown"
                  value={settings.low ?? range?.low ?? 0}
                  onChange={(low) => setLocal({ colorRange: [low, settings.high ?? range?.high ?? 1] })}
                />
                <NumberInput
                  label="Highest value shown"
                  value={settings.high ?? range?.high ?? 1}
                  onChange={(high) => setLocal({ colorRange: [settings.low ?? range?.low ?? 0, high] })}
                />
                <button
                  type="button"
                  className="button quiet"
                  disabled={settings.low === undefined}
                  onClick={() => setLocal({ colorRange: null })}
                >
                  Range of the data
                </button>
                <NumberInput
                  label="Contour levels"
                  value={settings.levels}
                  minimum={1}
                  maximum={100}
                  onChange={(levels) => setLocal({ levels: Math.round(levels) })}
                />
                <Toggle
                  label="Clip above a value"
                  checked={settings.clip !== null}
                  onChange={(on) => setLocal({ clip: on && range ? range.low + 0.5 * (range.high - range.low) : null })}
                />
                {settings.clip !== null && range && (
                  <label className="control">
                    <span>Clip at {formatNumber(settings.clip, 3)}</span>
                    <input
                      type="range"
                      min={0}
                      max={1000}
                      aria-label="Clip level"
                      aria-valuetext={formatNumber(settings.clip, 3)}
                      value={Math.round(1000 * comparison.scaleOf(comparison.models[0]!).share(settings.clip))}
                      onChange={(e) =>
                        setLocal({
                          clip: comparison.scaleOf(comparison.models[0]!).value(Number(e.target.value) / 1000),
                        })
                      }
                    />
                  </label>
                )}
              </div>
            </Popover>
            <Select
              label="Neighbours"
              value={settings.connectivity}
              options={CONNECTIVITIES.map((c) => [c, c] as const)}
              onChange={(connectivity) => setLocal({ connectivity, persistence: -1 })}
            />
            <button
              type="button"
              className="button lock"
              aria-pressed={settings.lock}
              data-lock={settings.lock}
              title={
                settings.lock
                  ? "Ranges, camera and zoom are the same in all panels"
                  : "Each model has its own ranges, camera and zoom"
              }
              onClick={() => setLocal({ lock: !settings.lock })}
            >
              {settings.lock ? "Locked" : "Unlocked"}
            </button>
            <button
              type="button"
              className="button quiet"
              disabled={settings.zoomed === 0}
              onClick={() => setLocal({ zoom: {}, cameras: {} })}
            >
              Reset views
            </button>
          </div>
        )}
      </div>
      {landscapes.length > 0 && (
        <div className="local-toolbar local-sticky">
          <PersistenceSlider />
          <SelectionBar />
        </div>
      )}
    </>
  );
}
