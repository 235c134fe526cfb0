import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { followAddress } from "./state";
import "./theme.css";

followAddress();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
