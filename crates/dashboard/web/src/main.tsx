// The page's start.

import { render } from "preact";
import { takeTokenFromFragment } from "./api";
import { App } from "./app";
import "./style.css";

takeTokenFromFragment();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
