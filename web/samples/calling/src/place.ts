/** Who is looking at what; kept in the address, so that reloading stays and links can be shared. */

/** What the page shows. Empty texts are left out of the address. */
export interface Place {
  /** The name of the user; empty before the sign-in. */
  user: string;
  /** The name of a person to call, or a raw id such as that of the echo test. */
  to: string;
  /** The id of a group call, a GUID. */
  group: string;
  /** The chat thread beside a group call. */
  thread: string;
  /** The id of a room. */
  room: string;
  /** The link of a meeting. */
  meeting: string;
  /** `1`: drawn for a phone, whatever the window's width. */
  mobile: string;
  /** `1`: with the library's choice of backgrounds, which the service refuses. */
  effects: string;
}

/** A leg of this id ends in the echo test: it answers everybody and says what it heard. */
export const ECHO_TEST = "8:echo123";

const KEYS = ["user", "to", "group", "thread", "room", "meeting", "mobile", "effects"] as const satisfies (keyof Place)[];

/** Reads the page's own address. */
export function readPlace(): Place {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(KEYS.map((key) => [key, query.get(key)?.trim() ?? ""])) as unknown as Place;
}

/** The address of a place; without a user it is the link to send to others. */
export function addressOf(place: Partial<Place>): string {
  const query = new URLSearchParams();
  for (const key of KEYS) if (place[key]) query.set(key, place[key]);
  return `${location.origin}${location.pathname}?${query}`;
}

/** The same user without a call. */
export const home = ({ user, mobile, effects }: Place): Place => ({
  ...{ user, mobile, effects },
  ...{ to: "", group: "", thread: "", room: "", meeting: "" },
});

/** Whether the place names a call. */
export const isCall = ({ to, group, room, meeting }: Place): boolean => Boolean(to || group || room || meeting);
