// A view whose code comes when it is first shown, so that the first load stays small.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "./i18n";

export function later<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  let known: FunctionComponent<P> | undefined;
  return function Later(props: P) {
    const [failed, setFailed] = useState(false);
    const [, drawAnew] = useState(0);
    useEffect(() => {
      let shown = true;
      if (known === undefined) {
        load()
          .then((loaded) => {
            known = loaded;
            if (shown) drawAnew(1);
          })
          .catch(() => shown && setFailed(true));
      }
      return () => {
        shown = false;
      };
    }, []);
    if (known !== undefined) {
      const View = known;
      return <View {...props} />;
    }
    return failed ? (
      <p class="notice" role="alert">
        {t("unreachable")}
      </p>
    ) : (
      <div class="rows waiting" aria-busy="true" />
    );
  };
}
