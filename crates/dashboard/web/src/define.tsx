// What is counted beyond the built-in reports: the site's goals, segments, funnels and notes, with the way to add and remove them.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Sure } from "./asked";
import { type Annotation, type Bodies, type Definitions, type Funnel, type Kind, NAME_CHARS_MAX, type Segment, define, definitions, mayDefine, readAction, tellAction, tellGoal, undefine, whyNot } from "./definitions";
import { dimensionName, valueName } from "./filters";
import { clockTime } from "./format";
import { type LateWord, t } from "./late";
import type { Scope } from "./scope";
import "./style/define.css";
import { useAnswer } from "./use-answer";

/** As the server bounds them. */
const STEPS_MIN = 2;
const STEPS_MAX = 8;
const NOTE_CHARS_MAX = 500;

export function DefineView({ scope }: { scope: Scope }) {
  return (
    <div class="define">
      <p class="hint">{t("define_why")}</p>
      <div class="lists">
        <Section scope={scope} kind="goals" title="goals" why="goals_why" tell={tellGoal} form={(add) => <GoalForm add={add} />} />
        <Section scope={scope} kind="funnels" title="funnels" why="funnels_why" tell={tellFunnel} form={(add) => <FunnelForm add={add} />} />
        <Section scope={scope} kind="segments" title="segments" why="segments_why" tell={tellSegment} form={() => <p class="hint">{t("segments_how")}</p>} />
        <Section scope={scope} kind="annotations" title="annotations" why="annotations_why" tell={tellNote} form={(add) => <NoteForm add={add} today={scope.range.dates[1]} />} />
      </div>
    </div>
  );
}

const tellFunnel = ({ steps }: Funnel) => (steps ?? []).map((step) => step.label ?? tellAction(step)).join(" → ");
const tellNote = ({ at, text }: Annotation) => `${at?.slice(0, 10) ?? ""} ${text ?? ""}`;

/** A segment's filters in words; a shape that this page does not write is told as the API does. */
export function tellSegment({ filters }: Segment): string {
  const one = (filter: unknown): string => {
    if (!Array.isArray(filter)) return JSON.stringify(filter);
    const [operator, first, values] = filter as [string, unknown, unknown];
    if ((operator === "and" || operator === "or") && Array.isArray(first)) return `(${first.map(one).join(` ${t(`op_${operator}`)} `)})`;
    if (operator === "not") return `${t("op_not")} ${one(first)}`;
    if (typeof first !== "string" || !Array.isArray(values)) return JSON.stringify(filter);
    const word = `op_${operator}` as LateWord;
    return `${dimensionName(first)} ${t(word)} ${values.map((value) => valueName(first, String(value))).join(" / ")}`;
  };
  return (filters ?? []).map(one).join(", ");
}

type Add<K extends Kind> = (name: string, body: Bodies[K]) => Promise<void>;

interface SectionProps<K extends Kind> {
  scope: Scope;
  kind: K;
  title: LateWord;
  why: LateWord;
  tell: (one: Definitions[K]) => string;
  form: (add: Add<K>) => ComponentChildren;
}

function Section<K extends Kind>({ scope: { site }, kind, title, why, tell, form }: SectionProps<K>) {
  const may = mayDefine(site);
  const [changes, setChanges] = useState(0);
  const [said, setSaid] = useState("");
  const asked = useAnswer(`${kind} ${site.domain} ${changes}`, 0, (signal) => definitions(site.domain, kind, signal));
  const add: Add<K> = async (name, body) => {
    try {
      const made = await define(site.domain, kind, name, body);
      setSaid(made.effective_from === undefined ? t("define_saved", { name }) : t("define_counts_from", { name, time: clockTime(made.effective_from) }));
      setChanges((changes) => changes + 1);
    } catch (error) {
      setSaid(whyNot(error));
      throw error;
    }
  };
  const remove = async (name: string) => {
    try {
      await undefine(site.domain, kind, name);
      setSaid(t("define_removed", { name }));
      setChanges((changes) => changes + 1);
    } catch (error) {
      setSaid(whyNot(error));
    }
  };
  return (
    <section class="card list defined" aria-labelledby={`define-${kind}`}>
      <div class="head">
        <h2 id={`define-${kind}`}>{t(title)}</h2>
      </div>
      <p class="hint">{t(why)}</p>
      {asked.error !== undefined && asked.value === undefined && (
        <p class="notice" role="alert">
          {asked.error.message}
        </p>
      )}
      {asked.loading && <div class="rows waiting" aria-busy="true" />}
      {asked.value !== undefined && asked.value.length === 0 && <p class="empty">{t("define_none")}</p>}
      <ul class="definitions">
        {asked.value?.map((one) => (
          <li key={one.name}>
            <div>
              <b>{one.name}</b> <span class="what">{one.unreadable ?? tell(one)}</span>
              {one.effective_from !== undefined && <span class="hint">{t("counted_since", { when: `${one.effective_from.slice(0, 10)} ${clockTime(one.effective_from).slice(0, 5)}` })}</span>}
            </div>
            {may && <Sure what={t("remove")} label={t("remove_named", { name: one.name })} onSure={() => void remove(one.name)} />}
          </li>
        ))}
      </ul>
      {may && form(add)}
      <p role="status" class="said">
        {said}
      </p>
    </section>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  placeholder: string;
  max?: number;
}

function Field({ label, value, onValue, placeholder, max = NAME_CHARS_MAX }: FieldProps) {
  return (
    <label class="field">
      {label}
      <input type="text" value={value} placeholder={placeholder} maxLength={max} required spellcheck={false} onInput={(event) => onValue(event.currentTarget.value)} />
    </label>
  );
}

/** A form that empties itself where the server took what was in it, and keeps it where it did not. */
function Adding({ send, reset, children }: { send: () => Promise<void>; reset: () => void; children: ComponentChildren }) {
  const [sending, setSending] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setSending(true);
    send()
      .then(reset, () => undefined)
      .finally(() => setSending(false));
  };
  return (
    <form class="adding" onSubmit={submit}>
      {children}
      <button type="submit" class="plain" disabled={sending}>
        {t("add")}
      </button>
    </form>
  );
}

function GoalForm({ add }: { add: Add<"goals"> }) {
  const [name, setName] = useState("");
  const [what, setWhat] = useState("");
  const [scroll, setScroll] = useState("");
  const reset = () => (setName(""), setWhat(""), setScroll(""));
  const isPage = readAction(what.trim()).page !== undefined;
  const goal = () => ({ ...readAction(what.trim()), ...(isPage && scroll !== "" ? { scroll: Number(scroll) } : {}) });
  return (
    <Adding send={() => add(name.trim(), goal())} reset={reset}>
      <Field label={t("name")} value={name} onValue={setName} placeholder={t("goal_name_hint")} />
      <Field label={t("page_or_event")} value={what} onValue={setWhat} placeholder="/thanks/**" max={NOTE_CHARS_MAX} />
      {isPage && (
        <label class="field">
          {t("goal_scroll")}
          <input type="number" min={1} max={100} step={1} value={scroll} placeholder={t("goal_scroll_hint")} onInput={(event) => setScroll(event.currentTarget.value)} />
        </label>
      )}
    </Adding>
  );
}

function FunnelForm({ add }: { add: Add<"funnels"> }) {
  const [name, setName] = useState("");
  const [steps, setSteps] = useState(["", ""]);
  const reset = () => (setName(""), setSteps(["", ""]));
  const change = (at: number, step: string) => setSteps(steps.map((known, i) => (i === at ? step : known)));
  return (
    <Adding send={() => add(name.trim(), { steps: steps.map((step) => readAction(step.trim())) })} reset={reset}>
      <Field label={t("name")} value={name} onValue={setName} placeholder={t("funnel_name_hint")} />
      {steps.map((step, i) => (
        <Field key={i} label={t("step", { n: i + 1 })} value={step} onValue={(step) => change(i, step)} placeholder={i === 0 ? "/" : "Signup"} max={NOTE_CHARS_MAX} />
      ))}
      <span class="steps">
        <button type="button" class="quiet" disabled={steps.length >= STEPS_MAX} onClick={() => setSteps([...steps, ""])}>
          {t("step_more")}
        </button>
        <button type="button" class="quiet" disabled={steps.length <= STEPS_MIN} onClick={() => setSteps(steps.slice(0, -1))}>
          {t("step_less")}
        </button>
      </span>
    </Adding>
  );
}

function NoteForm({ add, today }: { add: Add<"annotations">; today: string }) {
  const [at, setAt] = useState(today);
  const [text, setText] = useState("");
  return (
    <Adding send={() => add(`${at} ${text.trim()}`.slice(0, NAME_CHARS_MAX).trim(), { at, text: text.trim() })} reset={() => setText("")}>
      <label class="field">
        {t("day")}
        <input type="date" value={at} required onInput={(event) => setAt(event.currentTarget.value)} />
      </label>
      <Field label={t("note")} value={text} onValue={setText} placeholder={t("note_hint")} max={NOTE_CHARS_MAX} />
    </Adding>
  );
}
