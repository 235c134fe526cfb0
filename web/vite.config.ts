/// <reference types="vitest" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` passes the API on to a running `losslens serve`; LOSSLENS_URL names it (with its token once opened,
// the cookie belongs to the host, whatever the port).
const server = process.env.LOSSLENS_URL ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy: { "/api": server } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }, // it would be an inline script
    chunkSizeWarningLimit: 900,
    rollupOptions: { output: { manualChunks: { three: ["three"] } } },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
