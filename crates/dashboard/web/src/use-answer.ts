// Asking while a view is shown: keeps the last answer on screen until the next one is there, and asks again at each tick.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";

export interface Asked<T> {
  /** The last answer to this very question. */
  value: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

/** How often what is still changing is asked again. A hit is counted within ten seconds, and shall be seen within fifteen. */
export const TICK_MS = 4_000;

/** Counts up while somebody looks, and while it runs. */
export function useTick(every_ms: number = TICK_MS, runs = true): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    if (!runs) return;
    const next = () => {
      if (!document.hidden) setTick((tick) => tick + 1);
    };
    const timer = setInterval(next, every_ms);
    document.addEventListener("visibilitychange", next);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", next);
    };
  }, [every_ms, runs]);
  return tick;
}

/** Asks `ask`; again when `key` changes (a new question), when `tick` does (the same question later), and after it failed until it does not. */
export function useAnswer<T>(key: string, tick: number, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: ApiError }>({ key });
  // Also of a period in which nothing changes any more: what could not be answered was not answered. A refusal stays one.
  const failed = state.key === key && state.error !== undefined && (state.error.status === 0 || state.error.status >= 500);
  const attempt = useTick(TICK_MS, failed);
  const running = useRef<{ key: string; abort: AbortController } | null>(null);
  useEffect(() => {
    // A slow answer is waited for, not asked for twice; one to a question that nobody has any more is not.
    if (running.current?.key === key) return;
    // What the counts do not hold they will not hold in four seconds either.
    if (state.key === key && state.error?.status === 400) return;
    running.current?.abort.abort();
    const mine = { key, abort: new AbortController() };
    running.current = mine;
    ask(mine.abort.signal)
      .then((value) => {
        if (!mine.abort.signal.aborted) setState({ key, value });
      })
      .catch((error: unknown) => {
        if (mine.abort.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(String(error), 0);
        setState((last) => (last.key === key ? { ...last, error: told } : { key, error: told }));
      })
      .finally(() => {
        if (running.current === mine) running.current = null;
      });
  }, [key, tick, attempt]);
  useEffect(() => () => running.current?.abort.abort(), []);
  const current = state.key === key ? state : undefined;
  return { value: current?.value, error: current?.error, loading: current?.value === undefined && current?.error === undefined };
}
