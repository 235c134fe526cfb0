// A button that opens a small sheet below it. Escape, a click outside and leaving by Tab close it.
import { type ReactNode, useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "react";

export interface PopoverProps {
  label: ReactNode;
  title: string;
  children: ReactNode | ((close: () => void) => ReactNode);
  className?: string;
  align?: "left" | "right";
}

export function Popover({ label, title, children, className = "button", align = "left" }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = useCallback(() => {
    setOpen(false);
    button.current?.focus();
  }, []);

  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    document.addEventListener("pointerdown", outside, true);
    document.addEventListener("keydown", key, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      document.removeEventListener("keydown", key, true);
    };
  }, [open, close]);

  // Panels cut what hangs over them, so the sheet is placed on the window.
  useLayoutEffect(() => {
    const element = sheet.current;
    const from = button.current?.getBoundingClientRect();
    if (!open || !element || !from) return;
    const { width, height } = element.getBoundingClientRect();
    const left = align === "right" ? from.right - width : from.left;
    element.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
    const below = from.bottom + 4;
    const top = below + height > window.innerHeight - 8 ? Math.max(8, from.top - 4 - height) : below;
    element.style.top = `${top}px`;
  }, [open, align]);

  return (
    <span
      ref={root}
      className="popover"
      onBlur={(event) => {
        if (open && event.relatedTarget && !root.current?.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button
        ref={button}
        type="button"
        className={className}
        title={title}
        aria-label={title}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        <div ref={sheet} id={id} className="sheet" role="group" aria-label={title}>
          {typeof children === "function" ? children(close) : children}
        </div>
      )}
    </span>
  );
}
