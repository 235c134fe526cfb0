// Form elements with their labels.
import { type ReactNode, useEffect, useState } from "react";
import { formatNumber } from "../geometry/numbers";

export function Select<T extends string>({
  label,
  value,
  options,
  onChange,
  hideLabel = false,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  hideLabel?: boolean;
}) {
  return (
    <label className="control">
      <span className={hideLabel ? "visually-hidden" : ""}>{label}</span>
      <select value={value} aria-label={label} onChange={(event) => onChange(event.target.value as T)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Toggle({
  label,
  checked,
  onChange,
}: {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="control toggle">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}

/** A typed number; what is not a number is kept in the field, marked and not passed on. */
export function NumberInput({
  label,
  value,
  onChange,
  minimum = -Infinity,
  maximum = Infinity,
  hideLabel = false,
  width = 7,
}: {
  label: string;
  value: number;
  onChange: (value: number) => void;
  minimum?: number;
  maximum?: number;
  hideLabel?: boolean;
  width?: number;
}) {
  const short = Number(value.toPrecision(5));
  const plain = !Number.isFinite(value)
    ? ""
    : short !== 0 && Math.abs(short) < 1e-3
      ? short.toExponential()
      : String(short);
  const [text, setText] = useState(plain);
  useEffect(() => setText(plain), [plain]);
  const parsed = Number(text.replace("−", "-").replace(",", "."));
  const valid = text.trim() !== "" && Number.isFinite(parsed) && parsed >= minimum && parsed <= maximum;
  return (
    <label className="control">
      <span className={hideLabel ? "visually-hidden" : ""}>{label}</span>
      <input
        type="text"
        inputMode="decimal"
        size={width}
        value={text}
        aria-label={label}
        aria-invalid={!valid}
        title={valid ? `${label}: ${formatNumber(parsed)}` : `${label}: a number is needed`}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => (valid ? parsed !== value && text !== plain && onChange(parsed) : setText(plain))}
        onKeyDown={(event) => {
          if (event.key === "Enter" && valid) onChange(parsed);
        }}
      />
    </label>
  );
}

/** One of a few, all visible. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <div className="segments" role="radiogroup" aria-label={label}>
      {options.map(([key, text]) => (
        <button
          key={key}
          type="button"
          role="radio"
          aria-checked={key === value}
          tabIndex={key === value ? 0 : -1}
          onClick={() => onChange(key)}
          onKeyDown={(event) => {
            const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            if (step === 0) return;
            const at = options.findIndex(([k]) => k === key);
            const next = options[(at + step + options.length) % options.length];
            if (!next) return;
            onChange(next[0]);
            (
              event.currentTarget.parentElement?.children[(at + step + options.length) % options.length] as HTMLElement
            )?.focus();
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
