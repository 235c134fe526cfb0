import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** Width and height of an element in CSS pixels, kept up to date. */
export function useSize<E extends HTMLElement>(): [RefObject<E>, { width: number; height: number }] {
  const element = useRef<E>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const read = (): void => {
      const next = { width: Math.round(target.clientWidth), height: Math.round(target.clientHeight) };
      setSize((last) => (last.width === next.width && last.height === next.height ? last : next));
    };
    read();
    const observer = new ResizeObserver(read);
    observer.observe(target);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
