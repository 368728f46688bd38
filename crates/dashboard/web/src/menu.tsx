// A button that opens a small panel under it; Escape, a click elsewhere and leaving it by keyboard close it.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  title: string;
  className: string;
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, title, className, children }: Props) {
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!open) return;
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && frame.current?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return (
    <div class={`menu ${className}`} ref={frame} onKeyDown={press}>
      <button type="button" class="opener" ref={button} aria-expanded={open} aria-controls={id} title={title} onClick={() => setOpen(!open)}>
        {label}
      </button>
      <div class="sheet" id={id} hidden={!open} role="group" aria-label={title}>
        {open && children(close)}
      </div>
    </div>
  );
}
