// The page's start.

import { render } from "preact";
import { takeTokenFromFragment } from "./api";
import { App } from "./app";
import { learn } from "./i18n";
import { later } from "./later";
import { readPlace } from "./place";
import "./style/base.css";
import "./style/overview.css";
import "./style/lists.css";
import "./style/sign-in.css";
import "./style/narrow.css";
import { spokenAt } from "./use-look";

const SharedPage = later(() => import("./shared").then((loaded) => loaded.SharedPage));

const [, kind, id] = /^\/(share|embed)\/([^/]+)$/.exec(location.pathname) ?? [];
const root = document.getElementById("app");
// Out of the address at once, whatever has to come first.
const setup = id === undefined && takeTokenFromFragment() === "setup";
const start = () => {
  if (root !== null) render(id === undefined ? <App setup={setup} /> : <SharedPage id={id} embedded={kind === "embed"} />, root);
};
// A reader of another language does not see English first.
learn(spokenAt(readPlace(location.search))).then(start, start);
