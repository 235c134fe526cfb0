// The frame of a view: title, what it is, its controls, its files.
import { type ReactNode, type Ref } from "react";
import { download, downloadText, fileName } from "../base/download";
import { pngOfSvg } from "../base/svg_export";
import { whileBusy } from "../base/idle";
import { Popover } from "./Popover";

/** "What is this?" of a view. */
export interface Explanation {
  what: string;
  variant?: ReactNode; // what exactly is shown now: method, settings
  read: string;
  misread: string;
}

/** What a view can be saved as. Each is made when it is asked for. */
export interface Exports {
  name: string;
  svg?: () => string | null;
  png?: () => Promise<Blob>; // where there is no SVG (3-D)
  csv?: () => string;
  /** Further drawings of the view, such as its legend: the text of an SVG file. */
  drawings?: readonly { label: string; suffix: string; svg: () => string | null }[];
  /** Files that the server makes from the record behind the view. */
  links?: readonly { label: string; href: string }[];
}

function ExportMenu({ exports }: { exports: Exports }) {
  const name = fileName(exports.name);
  const savePng = async (): Promise<void> => {
    const svg = exports.svg?.();
    const blob = exports.png ? await exports.png() : svg ? await pngOfSvg(svg) : null;
    if (blob) download(`${name}.png`, blob);
  };
  return (
    <Popover label="Save" title={`Save: ${exports.name}`} className="button quiet" align="right">
      {(close) => (
        <div className="menu">
          {exports.svg && (
            <button
              type="button"
              onClick={() => {
                const text = exports.svg?.();
                if (text) downloadText(`${name}.svg`, text, "image/svg+xml");
                close();
              }}
            >
              Drawing, SVG
            </button>
          )}
          {(exports.svg || exports.png) && (
            <button
              type="button"
              onClick={() => {
                void whileBusy(savePng());
                close();
              }}
            >
              Picture, PNG
            </button>
          )}
          {exports.drawings?.map((drawing) => (
            <button
              key={drawing.suffix}
              type="button"
              onClick={() => {
                const text = drawing.svg();
                if (text) downloadText(`${name}-${drawing.suffix}.svg`, text, "image/svg+xml");
                close();
              }}
            >
              {drawing.label}
            </button>
          ))}
          {exports.csv && (
            <button
              type="button"
              onClick={() => {
                downloadText(`${name}.csv`, exports.csv?.() ?? "", "text/csv");
                close();
              }}
            >
              Numbers shown, CSV
            </button>
          )}
          {exports.links?.map((link) => (
            <a key={link.href} href={link.href} download onClick={close}>
              {link.label}
            </a>
          ))}
        </div>
      )}
    </Popover>
  );
}

export interface PanelProps {
  title: ReactNode;
  label: string; // the title in plain words, for screen readers
  note?: ReactNode; // beside the title: what is shown
  explanation?: Explanation;
  exports?: Exports;
  controls?: ReactNode;
  onClose?: () => void;
  className?: string;
  bodyRef?: Ref<HTMLDivElement>;
  children: ReactNode;
}

export function Panel(props: PanelProps) {
  const { title, label, note, explanation, exports, controls, onClose, className = "", bodyRef, children } = props;
  return (
    <section className={`panel ${className}`} aria-label={label}>
      <header className="panel-head">
        <h2>{title}</h2>
        {note && <span className="note">{note}</span>}
        <span className="spacer" />
        {explanation && (
          <Popover label="?" title={`What is this? ${label}`} className="button quiet round" align="right">
            <div className="explanation">
              <h3>{label}</h3>
              <p>{explanation.what}</p>
              {explanation.variant && (
                <>
                  <h4>Shown here</h4>
                  <div>{explanation.variant}</div>
                </>
              )}
              <h4>How to read it</h4>
              <p>{explanation.read}</p>
              <h4>Commonly misread</h4>
              <p>{explanation.misread}</p>
            </div>
          </Popover>
        )}
        {exports && <ExportMenu exports={exports} />}
        {onClose && (
          <button
            type="button"
            className="button quiet round"
            aria-label={`Close ${label}`}
            title="Close"
            onClick={onClose}
          >
            ×
          </button>
        )}
      </header>
      {controls && <div className="panel-controls">{controls}</div>}
      <div className="panel-body" ref={bodyRef}>
        {children}
      </div>
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      {children}
    </div>
  );
}
export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div className="empty" role="status">
      <span className="spinner" aria-hidden="true" />
      {what} …
    </div>
  );
}
export function Failure({ message }: { message: string }) {
  return (
    <div className="empty failure" role="alert">
      <h3>This cannot be shown</h3>
      <p>{message}</p>
    </div>
  );
}
