// The window in which a filter is made or changed: of what, how, and by which values.

import { useState } from "preact/hooks";
import { type Filter, propertyNames } from "./api";
import { ChooseValues, NOTHING } from "./choose-values";
import { Dialog } from "./dialog";
import { PROPERTY, dimensionsFor, operatorsFor, withFilter } from "./filter-by";
import { dimensionName, told } from "./filters";
import { type LateWord, t } from "./late";
import type { Scope } from "./scope";
import "./style/define.css";
import { useAnswer } from "./use-answer";
import { useSettled } from "./use-settled";

/** As the server bounds it. */
const PROPERTY_CHARS_MAX = 300;

export function EditFilter({ scope, filter, onClose }: { scope: Scope; filter: Filter | null; onClose: () => void }) {
  const { place, go } = scope;
  const groups = dimensionsFor(scope);
  const isOfProperty = filter?.dimension.startsWith(PROPERTY) === true;
  const [dimension, setDimension] = useState(isOfProperty ? PROPERTY : (filter?.dimension ?? groups[0]?.dimensions[0] ?? ""));
  const [property, setProperty] = useState(isOfProperty ? (filter?.dimension.slice(PROPERTY.length) ?? "") : "");
  const [operator, setOperator] = useState<Filter["operator"]>(filter?.operator ?? "is");
  const [values, setValues] = useState(filter?.values ?? []);
  const [typed, setTyped] = useState(NOTHING);
  /** Why it cannot be applied as it is. */
  const [wrong, setWrong] = useState("");
  const settled = useSettled(property);
  /** The dimension as the API names it. */
  const named = (property: string) => (dimension === PROPERTY ? PROPERTY + property.trim() : dimension);
  const of = named(settled);
  const isOffered = groups.some(({ dimensions }) => dimensions.includes(dimension));
  const choose = (next: string) => {
    setWrong("");
    setDimension(next);
    if (!operatorsFor(next, "is").includes(operator)) setOperator("is");
    setValues([]);
    setTyped(NOTHING);
  };
  const apply = (event: Event) => {
    event.preventDefault();
    // What was typed last need not be added first.
    const all = [...new Set([...values, ...(typed.value === undefined ? [] : [typed.value])])];
    if (typed.text !== "" && typed.value === undefined) return setWrong(t("filter_unknown", { name: typed.text }));
    if (all.length === 0) return setWrong(t("filter_no_value"));
    go({ filters: withFilter(place.filters, { operator, dimension: named(property), values: all }, filter) });
    onClose();
  };
  return (
    <Dialog title={filter === null ? t("key_filter") : t("filter_change", { filter: told(filter) })} className="edit-filter" onClose={onClose}>
      <form class="adding" onSubmit={apply}>
        <label class="field">
          {t("filter_by")}
          <select name="filter-dimension" value={dimension} autofocus={filter === null} onChange={(event) => choose(event.currentTarget.value)}>
            {!isOffered && <option value={dimension}>{dimensionName(dimension)}</option>}
            {groups.map(({ title, dimensions }) => (
              <optgroup key={title} label={t(title)}>
                {dimensions.map((one) => (
                  <option key={one} value={one}>
                    {one === PROPERTY ? t("property") : dimensionName(one)}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        {dimension === PROPERTY && <PropertyName scope={scope} name={property} onName={setProperty} />}
        <label class="field">
          {t("filter_op")}
          <select name="filter-operator" value={operator} onChange={(event) => setOperator(event.currentTarget.value as Filter["operator"])}>
            {operatorsFor(dimension, operator).map((one) => (
              <option key={one} value={one}>
                {t(`op_${one}` as LateWord)}
              </option>
            ))}
          </select>
        </label>
        {of !== PROPERTY && (
          <ChooseValues
            key={dimension}
            scope={scope}
            dimension={of}
            values={values}
            first={filter !== null}
            onTyped={(typed) => {
              setTyped(typed);
              setWrong("");
            }}
            onValues={(values) => {
              setValues(values);
              setWrong("");
            }}
          />
        )}
        {wrong !== "" && (
          <p class="wrong" role="alert">
            {wrong}
          </p>
        )}
        <button type="submit" class="main">
          {t("apply")}
        </button>
      </form>
    </Dialog>
  );
}

function PropertyName({ scope: { site, range, shared }, name, onName }: { scope: Scope; name: string; onName: (name: string) => void }) {
  // The names are of the whole site: a link that shows one segment does not tell them.
  const known = useAnswer(`properties ${site.domain} ${range.dates}`, 0, (signal) => (shared?.segment == null ? propertyNames(site.domain, range.dates, signal) : Promise.resolve([])));
  return (
    <label class="field">
      {t("property_name")}
      <input type="text" name="filter-property" list="filter-properties" value={name} maxLength={PROPERTY_CHARS_MAX} required spellcheck={false} onInput={(event) => onName(event.currentTarget.value)} />
      <datalist id="filter-properties">
        {known.value?.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </label>
  );
}
