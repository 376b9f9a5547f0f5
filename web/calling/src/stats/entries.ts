/** What a browser's statistics are made of. */

export type Entry = Record<string, unknown> & { id: string; type: string; timestamp: number };
export type Entries = ReadonlyMap<string, Entry>;

export const entriesOf = (report: ReadonlyMap<string, unknown>): Map<string, Entry> =>
  new Map([...report].map(([id, entry]) => [id, entry as Entry]));

/** Differences to the reading before. */
export class Since {
  private readonly seconds: number;

  constructor(
    private readonly now: Entry | undefined,
    private readonly before: Entry | undefined,
  ) {
    this.seconds = now && before ? (now.timestamp - before.timestamp) / 1000 : 0;
  }

  /** How much a counter grew. */
  growth(...names: string[]): number | undefined {
    if (this.seconds <= 0) return undefined;
    const sum = (entry: Entry | undefined) => names.reduce((total, name) => total + Number(entry?.[name] ?? 0), 0);
    return Math.max(0, sum(this.now) - sum(this.before));
  }

  perSecond(name: string, factor = 1): number | undefined {
    const growth = this.growth(name);
    return growth === undefined ? undefined : (growth * factor) / this.seconds;
  }

  ratio(part: string, whole: string, factor = 1): number | undefined {
    const [a, b] = [this.growth(part), this.growth(whole)];
    return a === undefined || !b ? undefined : (a / b) * factor;
  }
}

/** The pair of addresses that is in use. */
export function selectedPair(entries: Entries): Entry | undefined {
  const transport = [...entries.values()].find(({ type }) => type === "transport");
  const named = entries.get(String(transport?.["selectedCandidatePairId"]));
  // Firefox says it at the pair.
  return named ?? [...entries.values()].find(({ type, selected }) => type === "candidate-pair" && selected === true);
}

export const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
export const milliseconds = (seconds: unknown): number | undefined =>
  typeof seconds === "number" ? seconds * 1000 : undefined;
