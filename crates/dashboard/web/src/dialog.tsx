// A window over the page: the browser's own dialog, which holds the focus, closes at Escape, and gives the focus back.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "./i18n";
import "./style/dialog.css";

export function Dialog({ title, className, onClose, children }: { title: string; className: string; onClose: () => void; children: ComponentChildren }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // At once: the next key is the window's.
  useLayoutEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      // While it is open, nothing outside of it can be given the focus.
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const outside = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose();
  };
  return (
    <dialog ref={dialog} class={`card ${className}`} aria-labelledby={id} onClick={outside} onCancel={(event) => (event.preventDefault(), onClose())}>
      <div class="dialog-body">
        <div class="head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" onClick={onClose}>
            {t("close")}
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
