// A drawing in its frame: what is cut to the inside, axes and legends around it, keys, and the brush.
import { type KeyboardEvent, type PointerEvent, type ReactNode, type SVGProps, useId } from "react";
import { hideTooltip } from "../../widgets/Tooltip";
import { BrushMark } from "./brush";
import { Clip, type Frame, HINT } from "./plot";

/** A name that no other drawing of the page has: ids of patterns and clips. */
export function useName(): string {
  return useId().replace(/:/g, "");
}

export interface DrawingProps {
  readonly frame: Frame;
  readonly label: string; // for those who do not see it; how to move in it is added
  readonly data?: Readonly<Record<string, string | number>>; // data-* of the drawing
  readonly pad?: number; // how far marks may stick out of the inside
  readonly under?: ReactNode; // a canvas below
  readonly defs?: ReactNode;
  readonly around?: ReactNode; // axes, legends
  readonly beside?: ReactNode; // beside the drawing, not in it
  readonly keys?: (event: KeyboardEvent) => boolean; // whether it was theirs
  readonly onMove?: (event: PointerEvent) => void;
  readonly onLeave?: () => void;
  readonly svg?: SVGProps<SVGSVGElement>;
  readonly children: ReactNode; // cut to the inside
}

export function Drawing(props: DrawingProps) {
  const { frame, label, data = {}, pad = 1, keys, onMove, onLeave } = props;
  const clip = `clip${useName()}`;
  return (
    <div className="plot" ref={frame.box}>
      {props.under}
      <svg
        {...props.svg}
        ref={frame.svg}
        width={frame.width}
        height={frame.height}
        {...frame.bind}
        role="img"
        aria-label={`${label}. ${HINT}`}
        {...Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]))}
        onKeyDown={(event) => keys?.(event) || frame.bind.onKeyDown(event)}
        // the end of a drag is no click
        onClickCapture={(event) => frame.dragged.current && event.stopPropagation()}
        onPointerMove={onMove}
        onPointerLeave={() => {
          onLeave?.();
          hideTooltip();
        }}
      >
        <defs>
          <Clip id={clip} frame={frame} pad={pad} />
          {props.defs}
        </defs>
        <g clipPath={`url(#${clip})`}>
          {props.children}
          <BrushMark brushed={frame.brushed} />
        </g>
        {props.around}
      </svg>
      {props.beside}
    </div>
  );
}
