/** Imported first: without it Fluent UI fetches its fonts from a Microsoft address as soon as it is loaded. */

window.FabricConfig = { fontBaseUrl: "", iconBaseUrl: "" };

export {};
