/** Light or dark: the system's choice until the user makes one. */

import { useEffect, useState } from "react";

const system = matchMedia("(prefers-color-scheme: dark)");

/** Whether it is dark, and the switch. */
export function useTheme(): [boolean, () => void] {
  const [isSystemDark, setSystemDark] = useState(system.matches);
  const [chosen, setChosen] = useState<boolean>();
  useEffect(() => {
    const follow = () => setSystemDark(system.matches);
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, []);
  const isDark = chosen ?? isSystemDark;
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  }, [isDark]);
  return [isDark, () => setChosen(!isDark)];
}
