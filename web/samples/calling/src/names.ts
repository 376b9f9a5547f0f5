/** Names that were used in this browser: suggestions for the next window, and people to call. */

import { useEffect, useState } from "react";

const SUGGESTIONS = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo"];

const KEY = "trunkline-sample-names";

/** How many names are remembered: as many as fit on a line or two. */
const NAMES_MAX = 8;

/** The names used here, newest first. */
export function usedNames(): string[] {
  try {
    const names: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string").slice(0, NAMES_MAX) : [];
  } catch {
    // The browser keeps nothing for this page, or somebody else wrote there.
    return [];
  }
}

/** The same, kept up to date while other windows are opened. */
export function useUsedNames(): string[] {
  const [names, setNames] = useState(usedNames);
  useEffect(() => {
    const follow = () => setNames(usedNames());
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, []);
  return names;
}

/** Puts a name first. */
export function rememberName(name: string): void {
  const names = [name, ...usedNames().filter((one) => one.toLowerCase() !== name.toLowerCase())];
  try {
    localStorage.setItem(KEY, JSON.stringify(names.slice(0, NAMES_MAX)));
  } catch {
    // A browser that keeps nothing has no suggestions.
  }
}

/** A name that was not used here yet, while there is one. */
export function suggestName(): string {
  const used = new Set(usedNames().map((name) => name.toLowerCase()));
  return SUGGESTIONS.find((name) => !used.has(name.toLowerCase())) ?? SUGGESTIONS[0] ?? "";
}
