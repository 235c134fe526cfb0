import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { followTheme } from "./model/palette";
import { followAddress } from "./state";
import "./theme.css";

followAddress();
followTheme();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
