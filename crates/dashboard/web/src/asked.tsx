// What the accounts' panels share: a list that is asked again after a change, what a change came to, and a button that asks twice.

import { useEffect, useState } from "preact/hooks";
import { read } from "./api";
import { t } from "./late";
import { taught } from "./sign-in";

/** What a path answers, and a way to ask again. */
export function useList<T>(path: string): [T | undefined, () => void, string] {
  const [value, setValue] = useState<T>();
  const [said, setSaid] = useState("");
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    read<T>(path, abort.signal)
      .then((value) => {
        setValue(value);
        setSaid("");
      })
      .catch((error: unknown) => abort.signal.aborted || setSaid(taught(error)));
    return () => abort.abort();
  }, [path, attempt]);
  return [value, () => setAttempt((attempt) => attempt + 1), said];
}

/** Does a change, and tells what it came to. */
export function useChange(then: () => void): [(doing: Promise<unknown>) => void, string, boolean] {
  const [said, setSaid] = useState("");
  const [failed, setFailed] = useState(false);
  const start = (doing: Promise<unknown>) => {
    doing
      .then(() => {
        setFailed(false);
        setSaid(t("done"));
        then();
      })
      .catch((error: unknown) => {
        setFailed(true);
        setSaid(taught(error));
      });
  };
  return [start, said, failed];
}

export function Said({ said, failed }: { said: string; failed: boolean }) {
  return (
    <p class={failed ? "said wrong" : "said"} role={failed ? "alert" : "status"}>
      {said}
    </p>
  );
}

/** A button for what cannot be taken back: it asks first, and forgets that it asked when the focus leaves it. */
export function Sure({ what, label, onSure }: { what: string; label: string; onSure: () => void }) {
  const [asked, setAsked] = useState(false);
  const press = () => {
    if (asked) onSure();
    setAsked(!asked);
  };
  const sure = t("sure", { what });
  return (
    <button type="button" class={asked ? "plain sure" : "plain"} aria-label={asked ? `${sure} ${label}` : label} onClick={press} onBlur={() => setAsked(false)}>
      {asked ? sure : what}
    </button>
  );
}
