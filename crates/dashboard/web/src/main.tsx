// The page's start.

import { render } from "preact";
import { takeTokenFromFragment } from "./api";
import { App } from "./app";
import "./style/base.css";
import "./style/overview.css";
import "./style/lists.css";
import "./style/sign-in.css";
import "./style/office.css";
import "./style/ways.css";
import "./style/narrow.css";

const setup = takeTokenFromFragment();
const root = document.getElementById("app");
if (root !== null) render(<App setup={setup} />, root);
