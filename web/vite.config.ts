/** Builds the pages into `dist`, which the server serves under `/samples/` in development. */

import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const samples = resolve(import.meta.dirname, "samples");

export default defineConfig({
  root: samples,
  base: "/samples/",
  plugins: [react()],
  // The composite must use the page's React: two copies of it do not see each other's hooks.
  resolve: { dedupe: ["react", "react-dom"] },
  build: {
    outDir: resolve(import.meta.dirname, "dist"),
    emptyOutDir: true,
    // Nothing in data: addresses, so that the pages' content security policy stays short.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The composites are one piece of 2.2 MB (0.6 MB as sent): splitting it would load the parts all the same.
    chunkSizeWarningLimit: 3000,
    rolldownOptions: {
      input: ["start", "chat", "calling"].map((page) => resolve(samples, page, "index.html")),
      onLog(level, log, handler) {
        // Every file of Fluent UI starts with "use client", which means nothing in a browser.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handler(level, log);
      },
    },
  },
});
