/** Connection strings: `endpoint=https://…/;accesskey=…`. */

/** The origin a connection string names, without a slash at the end. */
export function parseConnectionString(text: string): { endpoint: string } {
  const part = text.split(";").find((each) => each.toLowerCase().startsWith("endpoint="));
  if (!part) throw new Error("the connection string names no endpoint");
  return { endpoint: new URL(part.slice("endpoint=".length)).origin };
}
